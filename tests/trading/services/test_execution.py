"""From PENDING to booked: each step taken once, whoever repeats it, and never a step back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.models import User
from common import clock
from common.bus import bus
from common.failpoints import failpoints_into
from common.ids import deterministic_id
from markets.prices import board_name
from portfolios.models import Balance, LedgerLine, Portfolio
from portfolios.services.books import Holdings
from tests.fixtures_desk import Desk, Working
from tests.fixtures_trading import UNGUARDED, Pit, at_once, everything_stored, failed_checks, plain
from tests.fixtures_waiting import terms_with
from trading.brokers import OrderResult, Outcome
from trading.brokers.paper import PaperBroker
from trading.kinds import OrderKind
from trading.models import CauseKind, Fill, Leg, Order, OrderEvent, OrderState, Side
from trading.services import execution
from trading.services.copying import fan_out_batch
from trading.services.execution import claim_orders, execute_pending, record_results
from trading.services.fills import UNBOOKABLE
from trading.services.judging import judge_batch
from trading.services.orders import Cause, place_hand_order, submit_order
from trading.services.reconciliation import resolve_abandoned


def again(order: Order) -> Order:
    return Order.objects.get(pk=order.pk)


def promised(portfolio: Portfolio) -> dict[str, str]:
    rows = Balance.objects.filter(portfolio=portfolio)
    return {row.asset_id: plain(row.reserved) for row in rows if row.reserved}


def claimed(pit: Pit, side: Side = Side.BUY, quantity: str = "2") -> Order:
    """Return the lead's order as its worker holds it between claiming and sending."""
    pit.place(side, quantity)
    [order] = claim_orders(Order.objects.filter(portfolio=pit.lead))
    return order


def execute(order: Order) -> int:
    return execute_pending(cause_kind=order.cause_kind, cause_id=order.cause_id)


# --- claiming -------------------------------------------------------------------------------------------------------
def test_a_claim_judges_promises_and_marks_the_order(pit: Pit) -> None:
    pit.instrument.taker_fee_bps = Decimal(10)
    pit.instrument.save()
    order = claimed(pit)
    stored = again(order)
    assert (stored.state, plain(stored.quantity), stored.code) == (OrderState.SUBMITTING, "2", "")
    assert (plain(stored.market_price or Decimal(0)), plain(stored.reserved)) == ("100", "200.2")
    assert (len(stored.claim), stored.claim) == (32, order.claim)
    assert stored.claimed_at is not None
    assert abs(stored.claimed_at - clock.wall_now()) < timedelta(seconds=5)
    assert promised(pit.lead) == {"USDT": "200.2"}
    assert Fill.objects.count() == 0


def test_a_sale_promises_what_it_sells(pit: Pit) -> None:
    pit.buy(5)
    claimed(pit, Side.SELL, "3")
    assert promised(pit.lead) == {"BTC": "3"}


def test_a_claimed_order_is_not_claimed_again(pit: Pit) -> None:
    order = claimed(pit)
    before = again(order)
    assert claim_orders(Order.objects.filter(portfolio=pit.lead)) == []
    assert again(order).claim == before.claim
    assert promised(pit.lead) == {"USDT": "200"}


def test_an_order_that_changes_under_a_claim_ends_it_whole(pit: Pit, monkeypatch: pytest.MonkeyPatch) -> None:
    pit.place(Side.BUY, "2")

    def judge_too_late(orders: list[Order], holdings: Holdings) -> None:
        Order.objects.update(state=OrderState.CANCELED)  # whoever forgets the portfolio's lock
        judge_batch(orders, holdings)

    monkeypatch.setattr(execution, "judge_batch", judge_too_late)
    with pytest.raises(RuntimeError, match="nothing of this batch was claimed"):
        claim_orders(Order.objects.filter(portfolio=pit.lead))
    with pytest.raises(RuntimeError, match="nothing of this batch was booked"):
        execution.execute(Order.objects.filter(portfolio=pit.lead))
    assert (promised(pit.lead), Fill.objects.count()) == ({}, 0)


def test_orders_of_one_portfolio_see_what_those_before_them_promised(pit: Pit) -> None:
    first, second = pit.place(Side.BUY, 60), pit.place(Side.BUY, 60)
    Order.objects.filter(pk=second.pk).update(cause_kind=CauseKind.RUN)
    done = {order.pk: order for order in claim_orders(Order.objects.filter(portfolio=pit.lead))}
    quantities = sorted(plain(done[order.pk].quantity) for order in (first, second))
    assert quantities in (["40", "60"], ["0", "60"])
    assert sum(order.reserved for order in done.values()) == sum(map(Decimal, promised(pit.lead).values())) <= 10_000


def test_a_denied_order_ends_with_its_reason(pit: Pit) -> None:
    order = pit.place(Side.BUY, 2)
    Portfolio.objects.filter(pk=pit.lead.pk).update(state="FROZEN")
    assert execute(order) == 1
    stored = again(order)
    assert (stored.state, stored.code, plain(stored.quantity)) == (OrderState.DENIED, "PORTFOLIO_NOT_OPEN", "0")
    assert promised(pit.lead) == {}
    event = OrderEvent.objects.get()
    assert (event.order_id, event.state, event.code) == (order.pk, OrderState.DENIED, "PORTFOLIO_NOT_OPEN")
    assert (event.submitted_at, event.happened_at) == (None, pit.desk.at)
    assert execute(order) == 0


# --- sending and booking --------------------------------------------------------------------------------------------
def test_an_executed_order_is_filled_and_owes_nothing(pit: Pit) -> None:
    order = pit.place(Side.BUY, 2)
    assert execute(order) == 1
    stored = again(order)
    assert (stored.state, plain(stored.filled_quantity), plain(stored.average_price)) == (OrderState.FILLED, "2", "100")
    assert (plain(stored.reserved), promised(pit.lead)) == ("0", {})
    fill = Fill.objects.get()
    assert (fill.order_id, fill.venue_account, fill.venue_fill_id) == (order.pk, "paper", f"{order.client_order_id}:1")
    event = OrderEvent.objects.get()
    assert (event.state, event.submitted_at, event.happened_at) == (OrderState.FILLED, stored.claimed_at, pit.desk.at)


def test_a_worker_that_dies_before_its_fills_commit_leaves_the_order_as_it_was(pit: Pit) -> None:
    order = pit.place(Side.BUY, 2)
    before = everything_stored()

    def die(place: str) -> None:
        if place == "filled":
            raise InterruptedError

    with failpoints_into(die), pytest.raises(InterruptedError):
        execute(order)
    assert (again(order).state, Fill.objects.count(), promised(pit.lead)) == (OrderState.PENDING, 0, {})
    assert everything_stored() == before
    assert execute(order) == 1
    assert (again(order).state, Fill.objects.count()) == (OrderState.FILLED, 1)


def test_of_one_batch_some_fill_at_once_some_rest_and_some_are_denied(pit: Pit, bob: User) -> None:
    closed = pit.portfolio(bob, 1_000, "Closed")
    taken, refused = pit.place(Side.BUY, 2), pit.place(Side.BUY, 1, closed)
    resting = place_hand_order(
        actor=pit.alice,
        portfolio=pit.portfolio(pit.alice, 1_000, "Patient"),
        instrument=pit.instrument,
        side=Side.BUY,
        quantity=Decimal(3),
        terms=terms_with(OrderKind.LIMIT, limit_price="90"),
    )
    Portfolio.objects.filter(pk=closed.pk).update(state="FROZEN")
    batch = [taken, refused, resting]
    assert execution.execute(Order.objects.filter(pk__in=[one.pk for one in batch])) == 3
    states = [again(one).state for one in batch]
    assert states == [OrderState.FILLED, OrderState.DENIED, OrderState.OPEN]
    assert [promised(one.portfolio) for one in batch] == [{}, {}, {"USDT": "270.27"}]
    assert Fill.objects.get().order_id == taken.pk


def test_executing_again_is_a_no_op(pit: Pit) -> None:
    order = pit.place(Side.BUY, 2)
    execute(order)
    before = everything_stored(), Fill.objects.count(), OrderEvent.objects.count()
    assert execute(order) == 0
    assert (everything_stored(), Fill.objects.count(), OrderEvent.objects.count()) == before


def test_an_answer_that_comes_twice_is_booked_once(pit: Pit) -> None:
    order = claimed(pit)
    results = PaperBroker().submit([order])
    record_results(results)
    before = everything_stored()
    record_results(results)
    record_results(PaperBroker().query([order]))
    assert everything_stored() == before
    assert (Fill.objects.count(), LedgerLine.objects.filter(kind="FILL").count()) == (1, 4)


def test_no_answer_is_unknown_and_keeps_its_promise(pit: Pit) -> None:
    order = claimed(pit)
    record_results([OrderResult(order.pk, Outcome.UNKNOWN)])
    assert again(order).state == OrderState.UNKNOWN
    assert promised(pit.lead) == {"USDT": "200"}
    # It is never sent again by itself.
    assert execute(order) == 0


def test_a_rejection_ends_the_order_with_the_venues_reason_and_frees_its_promise(pit: Pit) -> None:
    order = claimed(pit)
    record_results([OrderResult(order.pk, Outcome.REJECTED, code="VENUE_SAYS_NO")])
    stored = again(order)
    assert (stored.state, stored.code, plain(stored.reserved)) == (OrderState.REJECTED, "VENUE_SAYS_NO", "0")
    assert promised(pit.lead) == {}
    event = OrderEvent.objects.get()
    assert (event.state, event.code, event.submitted_at) == (OrderState.REJECTED, "VENUE_SAYS_NO", order.claimed_at)
    assert failed_checks() == {}


def test_a_rejection_without_a_reason_still_says_so(pit: Pit) -> None:
    order = claimed(pit)
    record_results([OrderResult(order.pk, Outcome.REJECTED)])
    assert again(order).code == "REJECTED_BY_VENUE"


@pytest.mark.parametrize("outcome", [Outcome.UNKNOWN, Outcome.REJECTED, Outcome.NOT_FOUND])
def test_a_late_answer_does_not_take_a_filled_order_back(pit: Pit, outcome: Outcome) -> None:
    order = claimed(pit)
    record_results(PaperBroker().submit([order]))
    before = everything_stored()
    record_results([OrderResult(order.pk, outcome)])
    assert everything_stored() == before


@pytest.mark.parametrize("outcome", [Outcome.UNKNOWN, Outcome.NOT_FOUND, Outcome.REJECTED])
def test_a_late_answer_does_not_revive_a_rejected_order(pit: Pit, outcome: Outcome) -> None:
    order = claimed(pit)
    record_results([OrderResult(order.pk, Outcome.REJECTED, code="NO")])
    before = everything_stored()
    record_results([OrderResult(order.pk, outcome, code="LATER")])
    assert everything_stored() == before


def test_an_unknown_order_that_was_filled_after_all_is_booked(pit: Pit) -> None:
    order = claimed(pit)
    record_results([OrderResult(order.pk, Outcome.UNKNOWN)])
    record_results(PaperBroker().query([order]))
    assert (again(order).state, promised(pit.lead), pit.held(pit.lead)) == (OrderState.FILLED, {}, "2")


# --- workers that vanished ------------------------------------------------------------------------------------------
def test_an_order_whose_worker_vanished_is_asked_about_once_its_lease_is_over(pit: Pit) -> None:
    order = claimed(pit)
    assert resolve_abandoned(older_than_seconds=60) == 0
    assert resolve_abandoned() == 0
    assert again(order).state == OrderState.SUBMITTING
    assert resolve_abandoned(older_than_seconds=0) == 1
    assert (again(order).state, pit.held(pit.lead), promised(pit.lead)) == (OrderState.FILLED, "2", {})
    assert resolve_abandoned(older_than_seconds=0) == 0


def test_it_meets_the_price_it_was_judged_at_whatever_the_price_is_now(pit: Pit) -> None:
    order = claimed(pit)
    pit.price(250)
    resolve_abandoned(older_than_seconds=0)
    assert plain(again(order).average_price) == "100"


def test_the_worker_that_comes_back_books_nothing_twice(pit: Pit) -> None:
    order = claimed(pit)
    resolve_abandoned(older_than_seconds=0)
    before = everything_stored()
    record_results(PaperBroker().submit([order]))
    assert everything_stored() == before


# --- batches --------------------------------------------------------------------------------------------------------
@pytest.fixture
def small_batches() -> Iterator[None]:
    whole, execution.BATCH = execution.BATCH, 2
    yield
    execution.BATCH = whole


def test_a_cause_is_executed_batch_by_batch_until_nothing_is_left(pit: Pit, small_batches: None) -> None:
    follows = pit.crowd(5)
    cause = pit.fan_out(Side.BUY, 10)
    while execute_pending(cause_kind=CauseKind.LEAD_EVENT, cause_id=cause):
        pass
    assert [pit.held(follow) for follow in follows] == ["1"] * 5
    claims = Order.objects.exclude(follow=None).values_list("claim", flat=True)
    assert sorted(list(claims).count(claim) for claim in set(claims)) == [1, 2, 2]


def test_the_order_of_sending_is_drawn_anew_for_each_event(pit: Pit) -> None:
    pit.crowd(12)  # that two draws agree is not to be feared
    turns = []
    for _ in range(2):
        cause = pit.fan_out(Side.BUY, 1)
        execute_pending(cause_kind=CauseKind.LEAD_EVENT, cause_id=cause)
        sent = Fill.objects.filter(order__cause_kind=CauseKind.LEAD_EVENT, order__cause_id=cause).order_by("pk")
        portfolios = [fill.portfolio_id for fill in sent]
        assert portfolios == sorted(portfolios, key=lambda pk: deterministic_id(cause, pk))
        turns.append(portfolios)
    assert sorted(turns[0]) == sorted(turns[1])
    assert turns[0] != turns[1]


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_the_same_time_execute_each_order_once(desk: Desk, alice: User, working: Working) -> None:
    pit = Pit(desk, alice, working)
    pit.crowd(8)
    with pit.working():
        pit.place(Side.BUY, 10)
        execute(Order.objects.get())
        fan_out_batch(lead_id=pit.lead.pk)
        cause = str(pit.event().pk)
        counts = at_once(*[lambda: execute_pending(cause_kind=CauseKind.LEAD_EVENT, cause_id=cause)] * 3)
    assert sum(counts) == 8
    assert Fill.objects.exclude(order__follow=None).count() == 8
    assert failed_checks() == {}


# --- one that is stuck and the others -------------------------------------------------------------------------------
def copies(pit: Pit, *people: User) -> list[Order]:
    """Let people follow, the lead buy 10, and return the copies before anybody claims them, in the order of sending."""
    for one in people:
        pit.follow(one)
    return copied_again(pit)


def copied_again(pit: Pit) -> list[Order]:
    execute(pit.place(Side.BUY, 10))
    assert fan_out_batch(lead_id=pit.lead.pk)
    rows = Order.objects.filter(cause_kind=CauseKind.LEAD_EVENT, cause_id=str(pit.event().pk))
    return sorted(rows, key=lambda order: deterministic_id(order.cause_id, order.portfolio_id))


def test_those_that_must_wait_do_not_fill_the_batches_of_the_others(
    pit: Pit, bob: User, charlie: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "BATCH", 1)
    earlier = {order.portfolio_id: order for order in copies(pit, bob, charlie)}
    first, second = copied_again(pit)
    # The one that would be sent first has an order in flight that nobody answers.
    assert claim_orders(Order.objects.filter(pk=earlier[first.portfolio_id].pk))
    execute_pending(cause_kind=CauseKind.LEAD_EVENT, cause_id=earlier[second.portfolio_id].cause_id)
    assert execute(second) == 1
    assert (again(first).state, again(second).state) == (OrderState.PENDING, OrderState.FILLED)


def test_a_page_of_orders_that_must_wait_does_not_hide_the_next(
    pit: Pit, bob: User, charlie: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = {order.portfolio_id: order for order in copies(pit, bob, charlie)}
    first, second = sorted(copied_again(pit), key=lambda order: order.pk)
    assert claim_orders(Order.objects.filter(pk=earlier[first.portfolio_id].pk))
    execute_pending(cause_kind=CauseKind.LEAD_EVENT, cause_id=earlier[second.portfolio_id].cause_id)
    # (Only now: what is prepared keeps the page that it was put together with.)
    monkeypatch.setattr(execution, "_PAGE", 1)
    of_the_event = Order.objects.filter(cause_kind=CauseKind.LEAD_EVENT, cause_id=second.cause_id)
    assert [order.pk for order in claim_orders(of_the_event)] == [second.pk]
    assert claim_orders(of_the_event) == []
    assert (again(first).state, again(second).state) == (OrderState.PENDING, OrderState.SUBMITTING)


def test_an_abandoned_order_that_cannot_be_booked_holds_up_nobody_else(pit: Pit, bob: User, charlie: User) -> None:
    stuck, other = copies(pit, bob, charlie)
    assert len(claim_orders(Order.objects.filter(pk__in=[stuck.pk, other.pk]))) == 2
    Order.objects.filter(pk=stuck.pk).update(market_price=Decimal(2_000), limit_price=Decimal(3_000))
    assert resolve_abandoned(older_than_seconds=-1) == 2
    assert (again(stuck).state, again(other).state) == (OrderState.SUBMITTING, OrderState.FILLED)


def test_one_that_cannot_be_booked_leaves_the_rest_of_its_batch_to_be_asked_about(
    pit: Pit, bob: User, charlie: User
) -> None:
    stuck, other = copies(pit, bob, charlie)
    # One more is more than any number of ours can be.
    Balance.objects.create(portfolio=stuck.portfolio, asset=pit.instrument.market.base, amount=Decimal(10**20 - 1))
    with pytest.raises(UNBOOKABLE):
        execute(other)
    assert (again(stuck).state, again(other).state) == (OrderState.SUBMITTING, OrderState.SUBMITTING)
    assert resolve_abandoned(older_than_seconds=-1) == 2
    assert (again(stuck).state, again(other).state) == (OrderState.SUBMITTING, OrderState.FILLED)


def test_what_our_own_broker_answers_is_not_too_old_to_be_sent(pit: Pit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trading.brokers.SEND_WITHIN", timedelta(seconds=-1))
    terms = terms_with(OrderKind.LIMIT, limit_price="90")
    order = place_hand_order(
        actor=pit.alice,
        portfolio=pit.lead,
        instrument=pit.instrument,
        side=Side.BUY,
        quantity=Decimal(3),
        terms=terms,
    )
    execute(order)
    assert again(order).state == OrderState.OPEN


def test_a_fee_raised_meanwhile_takes_no_more_than_was_promised(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob, multiplier=3, **UNGUARDED)
    execute(pit.place(Side.BUY, 50))
    assert fan_out_batch(lead_id=pit.lead.pk)
    [order] = claim_orders(Order.objects.filter(follow=follow))
    assert (plain(order.reserved), order.code) == ("999.986988", "CLIPPED_BALANCE")
    pit.instrument.taker_fee_bps = Decimal(50)
    pit.instrument.save()
    resolve_abandoned(older_than_seconds=-1)
    assert (again(order).state, pit.cash(follow), pit.held(follow)) == (OrderState.FILLED, "0.013012", "9.96")
    assert failed_checks() == {}


def a_stops_order(pit: Pit) -> Order:
    """Return the order of a stop that has fired, which closes all that the lead holds."""
    return submit_order(
        portfolio=pit.lead,
        instrument=pit.instrument,
        side=Side.SELL,
        leg=Leg.CLOSE,
        quantity=Decimal(5),
        cause=Cause(CauseKind.TRIGGER, "a stop"),
        closed_fraction=Decimal(1),
    )


def test_a_stop_waits_for_a_sale_without_an_answer_and_closes_what_that_leaves(pit: Pit) -> None:
    pit.buy(5)
    sale = claimed(pit, Side.SELL, "5")
    exit_ = a_stops_order(pit)
    assert (execute(exit_), again(exit_).state) == (0, OrderState.PENDING)
    record_results([OrderResult(sale.pk, Outcome.UNKNOWN)])
    assert (execute(exit_), again(exit_).state) == (0, OrderState.PENDING)
    record_results([OrderResult(sale.pk, Outcome.REJECTED)])
    assert execute(exit_) == 1
    assert (again(exit_).state, pit.held(pit.lead)) == (OrderState.FILLED, "0")


def test_a_stop_that_waited_is_woken_by_the_sales_end(pit: Pit) -> None:
    pit.buy(5)
    sale = pit.place(Side.SELL, 2)
    exit_ = a_stops_order(pit)
    with pit.working():
        execute(sale)
    assert (again(sale).state, again(exit_).state, pit.held(pit.lead)) == (OrderState.FILLED, OrderState.FILLED, "0")


def test_an_exit_waits_for_a_price_and_an_open_does_not(pit: Pit) -> None:
    pit.buy(1)
    bought, sold = pit.place(Side.BUY, 1), pit.place(Side.SELL, 1)
    bus().board_drop(board_name(pit.desk.namespace))
    assert (execute(bought), execute(sold)) == (1, 0)
    assert (again(bought).code, again(sold).state) == ("PRICE_UNKNOWN", OrderState.PENDING)
    pit.price(90)
    assert execute(sold) == 1
    assert again(sold).state == OrderState.FILLED


def test_a_bus_that_is_away_costs_hints_and_nothing_else(pit: Pit, bob: User, monkeypatch: pytest.MonkeyPatch) -> None:
    follow = pit.follow(bob)
    heard: list[str] = []

    def away(channel: str, message: object) -> None:
        heard.append(channel)
        raise ConnectionError("the bus is away")

    with monkeypatch.context() as patched:
        patched.setattr(bus(), "publish", away)
        assert pit.buy(10).state == OrderState.FILLED
    assert heard
    assert pit.held(follow) == "1"
    assert failed_checks() == {}
