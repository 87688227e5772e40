"""Asking what became of orders: when, how often, and what the venue's word does to rows, promises and aims."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from common import clock
from portfolios.models import Balance, Portfolio, PortfolioKind
from tests.fixtures_desk import NOON
from tests.fixtures_trading import UNGUARDED, Pit, failed_checks, plain
from trading.brokers import BrokerFill, OrderResult, Outcome
from trading.brokers.choosing import use_broker
from trading.kinds import OrderKind
from trading.models import CauseKind, FollowPosition, LeadStream, Leg, Order, OrderState, Side, Trigger, TriggerState
from trading.services.copying import fan_out_batch
from trading.services.execution import claim_orders, execute_pending, record_results
from trading.services.orders import Cause, submit_order
from trading.services.reconciliation import reconcile_orders, resolve_abandoned
from trading.services.withdrawing import withdraw_opens

D = Decimal


class Scripted:
    """A venue that says of every order what it was told to, and remembers when it was asked and what it was sent."""

    valid_for = timedelta(seconds=5)

    def __init__(self) -> None:
        self.now = NOON
        self.word: tuple[Outcome, dict[str, Any]] = (Outcome.UNKNOWN, {})
        self.asked: list[float] = []
        self.sent: list[str] = []

    def says(self, outcome: Outcome, **facts: Any) -> None:
        self.word = outcome, facts

    def submit(self, orders: Sequence[Order]) -> list[OrderResult]:
        self.sent += [order.client_order_id for order in orders]
        return self._answers(orders)

    def query(self, orders: Sequence[Order]) -> list[OrderResult]:
        self.asked.append((self.now - NOON).total_seconds())
        return self._answers(orders)

    def _answers(self, orders: Sequence[Order]) -> list[OrderResult]:
        outcome, facts = self.word
        return [OrderResult(order.pk, outcome, **facts) for order in orders]

    def pass_time(self, seconds: float) -> None:
        """Let the site ask every second, as its beat does."""
        for _ in range(int(seconds)):
            self.now += timedelta(seconds=1)
            resolve_abandoned()


@pytest.fixture
def venue() -> Iterator[Scripted]:
    made = Scripted()
    before = clock.use_wall_clock(lambda: made.now)
    use_broker(made)
    yield made
    use_broker(None)
    clock.use_wall_clock(before)


def again(order: Order) -> Order:
    return Order.objects.get(pk=order.pk)


def promised(portfolio: Portfolio) -> dict[str, str]:
    rows = Balance.objects.filter(portfolio=portfolio)
    return {row.asset_id: plain(row.reserved) for row in rows if row.reserved}


def sent(pit: Pit, quantity: str = "2", **facts: Any) -> Order:
    """Return an order of a book that nobody follows, sent at noon, without an answer."""
    LeadStream.objects.all().delete()
    order = submit_order(
        portfolio=pit.lead,
        instrument=pit.instrument,
        side=Side.BUY,
        leg=Leg.OPEN,
        quantity=D(quantity),
        cause=Cause(CauseKind.RUN, "run:1"),
        **facts,
    )
    execute_pending(cause_kind=order.cause_kind, cause_id=order.cause_id)
    return again(order)


def piece(order: Order, number: int, quantity: str) -> BrokerFill:
    return BrokerFill(order.pk, "venue", f"{order.client_order_id}:{number}", D(quantity), D(100), D(0), NOON)


# --- when ---------------------------------------------------------------------------------------------------------------
def test_rule_19_without_an_answer_it_is_asked_after_2_s_then_5_times_every_5_then_each_minute(
    pit: Pit, venue: Scripted
) -> None:
    order = sent(pit)
    venue.pass_time(150)
    assert venue.asked == [2, 7, 12, 17, 22, 27, 87, 147]
    assert (again(order).state, promised(pit.lead)) == (OrderState.UNKNOWN, {"USDT": "200"})
    assert venue.sent == [order.client_order_id]


def test_an_order_whose_worker_is_silent_is_asked_about_when_its_lease_is_over(pit: Pit, venue: Scripted) -> None:
    pit.place(Side.BUY, 2)
    claim_orders(Order.objects.all())
    venue.pass_time(45)
    assert venue.asked == [30, 35, 40, 45]


@pytest.mark.parametrize(("change", "asked"), [(None, [60, 120]), (7, [])])
def test_what_rests_at_a_venue_is_asked_about_each_minute_and_what_rests_on_our_book_is_not(
    pit: Pit, venue: Scripted, change: int | None, asked: list[float]
) -> None:
    venue.says(Outcome.OPEN)
    order = sent(pit)
    assert (order.state, order.ask_at) == (OrderState.OPEN, None)
    since = None if change is None else NOON
    Order.objects.update(kind=OrderKind.LIMIT, limit_price=90, change=change, rests_since=since)
    venue.pass_time(130)
    assert venue.asked == asked


# --- sending again ------------------------------------------------------------------------------------------------------
def test_rule_19_nothing_is_sent_again_before_two_not_founds_5_s_apart_when_no_request_can_arrive(
    pit: Pit, venue: Scripted
) -> None:
    order = sent(pit)
    venue.says(Outcome.NOT_FOUND)
    # Until noon and 10 s (5 in which it may be sent, 5 in which it may be accepted) no answer counts.
    venue.pass_time(11)
    assert (venue.asked, again(order).missing_since) == ([2, 7], None)
    venue.pass_time(1)
    assert (again(order).state, again(order).missing_since) == (OrderState.UNKNOWN, NOON + timedelta(seconds=12))
    venue.pass_time(5)
    stored = again(order)
    assert (stored.state, stored.claim, plain(stored.reserved)) == (OrderState.PENDING, "", "0")
    assert (stored.client_order_id, promised(pit.lead)) == (order.client_order_id, {})
    venue.says(Outcome.FILLED, fills=(piece(order, 1, "2"),))
    assert execute_pending(cause_kind=order.cause_kind, cause_id=order.cause_id) == 1
    assert (venue.sent, again(order).state) == ([order.client_order_id] * 2, OrderState.FILLED)
    assert failed_checks() == {}


def test_what_was_said_of_the_first_sending_does_not_count_for_the_second(pit: Pit, venue: Scripted) -> None:
    order = sent(pit)
    venue.says(Outcome.NOT_FOUND)
    venue.pass_time(17)
    venue.says(Outcome.UNKNOWN)
    execute_pending(cause_kind=order.cause_kind, cause_id=order.cause_id)
    assert (again(order).times_asked, again(order).missing_since) == (0, None)
    venue.says(Outcome.NOT_FOUND)
    venue.pass_time(12)
    assert again(order).state == OrderState.UNKNOWN
    venue.pass_time(5)
    assert again(order).state == OrderState.PENDING


def test_an_answer_of_which_we_learn_late_marks_nothing_that_was_sent_since(
    pit: Pit, venue: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = sent(pit)
    venue.now += timedelta(seconds=20)
    venue.says(Outcome.NOT_FOUND)
    right = venue.query

    def slowly(orders: Sequence[Order]) -> list[OrderResult]:
        answers = right(orders)
        Order.objects.filter(pk=order.pk).update(claim="another")
        return answers

    monkeypatch.setattr(venue, "query", slowly)
    assert resolve_abandoned() == 1
    assert (again(order).missing_since, again(order).times_asked) == (None, 0)


def test_a_clipped_copy_that_is_sent_again_aims_at_what_it_can_have(pit: Pit, bob: User, venue: Scripted) -> None:
    use_broker(None)
    follow = pit.follow(bob, multiplier=3, **UNGUARDED)
    order = pit.place(Side.BUY, 50)
    execute_pending(cause_kind=order.cause_kind, cause_id=order.cause_id)
    assert fan_out_batch(lead_id=pit.lead.pk)
    use_broker(venue)
    copy = Order.objects.get(follow=follow)

    def aim() -> str:
        return plain(FollowPosition.objects.get(follow=follow).target)

    execute_pending(cause_kind=copy.cause_kind, cause_id=copy.cause_id)
    assert (again(copy).code, plain(again(copy).quantity), aim()) == ("CLIPPED_BALANCE", "9.96", "9.96")
    venue.says(Outcome.NOT_FOUND)
    venue.pass_time(17)
    assert (again(copy).state, aim()) == (OrderState.PENDING, "10")
    venue.says(Outcome.FILLED, fills=(piece(copy, 1, "9.96"),))
    execute_pending(cause_kind=copy.cause_kind, cause_id=copy.cause_id)
    assert (again(copy).state, aim(), pit.held(follow)) == (OrderState.FILLED, "9.96", "9.96")


@pytest.mark.parametrize("when", ["waiting", "unanswered"])
def test_a_clipped_copy_that_never_arrived_and_is_wanted_no_more_leaves_no_aim(
    pit: Pit, bob: User, venue: Scripted, when: str
) -> None:
    use_broker(None)
    follow = pit.follow(bob, multiplier=3, **UNGUARDED)
    order = pit.place(Side.BUY, 50)
    execute_pending(cause_kind=order.cause_kind, cause_id=order.cause_id)
    assert fan_out_batch(lead_id=pit.lead.pk)
    use_broker(venue)
    copy = Order.objects.get(follow=follow)
    execute_pending(cause_kind=copy.cause_kind, cause_id=copy.cause_id)
    venue.says(Outcome.NOT_FOUND)
    if when == "waiting":
        venue.pass_time(17)
        withdraw_opens(Order.objects.filter(pk=copy.pk), code="FOLLOW_STOPPING")
    else:
        # The wish to cancel is there before the venue has said twice that it does not know the order.
        Order.objects.filter(pk=copy.pk).update(cancel_code="FOLLOW_STOPPING", cancel_at=clock.wall_now())
        venue.pass_time(17)
    assert (again(copy).state, again(copy).code) == (OrderState.CANCELED, "FOLLOW_STOPPING")
    assert FollowPosition.objects.get(follow=follow).target == 0
    assert promised(follow.portfolio) == {}


def test_a_claim_that_has_grown_old_is_not_sent(pit: Pit, venue: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    from trading.services import execution

    order = pit.place(Side.BUY, 2)

    def stand_still(name: str) -> None:
        if name == "claimed":
            venue.now += timedelta(seconds=5.001)

    monkeypatch.setattr(execution, "failpoint", stand_still)
    assert execute_pending(cause_kind=order.cause_kind, cause_id=order.cause_id) == 1
    assert (venue.sent, again(order).state) == ([], OrderState.SUBMITTING)


# --- ends ---------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (Outcome.REJECTED, "REJECTED_BY_VENUE"),
        (Outcome.CANCELED, "CANCELED_BY_VENUE"),
        (Outcome.EXPIRED, "EXPIRED_AT_VENUE"),
    ],
)
def test_an_order_that_ends_with_a_part_filled_keeps_the_part_and_frees_the_rest(
    pit: Pit, venue: Scripted, outcome: Outcome, code: str
) -> None:
    order = sent(pit, stop_loss_ratio=D("0.05"))
    venue.says(outcome, fills=(piece(order, 1, "0.5"),), filled_quantity=D("0.5"))
    venue.pass_time(2)
    stored = again(order)
    assert (stored.state, stored.code, plain(stored.filled_quantity)) == (outcome.name, code, "0.5")
    assert (promised(pit.lead), pit.held(pit.lead), pit.cash(pit.lead)) == ({}, "0.5", "9950")
    # What was bought is guarded, as if more had been.
    stop = Trigger.objects.get()
    assert (stop.entry_id, stop.state, plain(stop.price)) == (order.pk, TriggerState.ARMED, "95")
    assert failed_checks() == {}


def test_a_part_that_was_sold_before_its_order_ended_is_not_guarded(pit: Pit, venue: Scripted) -> None:
    order = sent(pit, stop_loss_ratio=D("0.05"))
    record_results([OrderResult(order.pk, Outcome.OPEN, (piece(order, 1, "0.5"),))])
    use_broker(None)
    pit.sell("0.5")
    record_results([OrderResult(order.pk, Outcome.CANCELED)])
    assert (again(order).state, pit.held(pit.lead), Trigger.objects.count()) == (OrderState.CANCELED, "0", 0)


def test_an_end_waits_for_its_last_fills(pit: Pit, venue: Scripted) -> None:
    order = sent(pit)
    venue.says(Outcome.EXPIRED, fills=(piece(order, 1, "0.5"),), filled_quantity=D("0.7"))
    venue.pass_time(2)
    assert (again(order).state, promised(pit.lead)) == (OrderState.PARTIALLY_FILLED, {"USDT": "150"})
    venue.says(Outcome.EXPIRED, filled_quantity=D("0.7"), fills=(piece(order, 1, "0.5"), piece(order, 2, "0.2")))
    Portfolio.objects.filter(pk=pit.lead.pk).update(kind=PortfolioKind.LIVE)
    venue.pass_time(60)
    assert (again(order).state, promised(pit.lead), pit.held(pit.lead)) == (OrderState.EXPIRED, {}, "0.7")
    assert failed_checks() == {}


def test_a_fill_that_is_told_after_the_end_is_booked_and_revives_nothing(pit: Pit, venue: Scripted) -> None:
    order = sent(pit)
    record_results([OrderResult(order.pk, Outcome.CANCELED)])
    record_results([OrderResult(order.pk, Outcome.UNKNOWN, (piece(order, 1, "0.5"),))])
    stored = again(order)
    assert (stored.state, plain(stored.filled_quantity), pit.held(pit.lead)) == (OrderState.CANCELED, "0.5", "0.5")
    assert failed_checks() == {}


@pytest.mark.parametrize("outcome", [Outcome.REJECTED, Outcome.EXPIRED, Outcome.OPEN, Outcome.UNKNOWN])
def test_an_answer_to_an_earlier_claim_changes_nothing(pit: Pit, venue: Scripted, outcome: Outcome) -> None:
    pit.place(Side.BUY, 2)
    [order] = claim_orders(Order.objects.all())
    record_results([OrderResult(order.pk, outcome)], {order.pk: "an earlier one"})
    stored = again(order)
    assert (stored.state, stored.claim, promised(pit.lead)) == (OrderState.SUBMITTING, order.claim, {"USDT": "200"})
    record_results([OrderResult(order.pk, outcome)], {order.pk: order.claim})
    assert again(order).state == outcome.name


def test_an_order_that_cannot_be_booked_is_told_and_asked_about_again_later(
    pit: Pit, venue: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    order = sent(pit)
    venue.says(Outcome.FILLED, fills=(piece(order, 1, "2"),))
    Order.objects.filter(pk=order.pk).update(reserved=D(900))
    with caplog.at_level(logging.ERROR, "trading.services.reconciliation"):
        venue.pass_time(2)
    assert [record.getMessage() for record in caplog.records] == [f"Order {order.pk} cannot be booked."]
    assert (again(order).state, again(order).ask_at) == (OrderState.UNKNOWN, NOON + timedelta(seconds=7))


def test_all_orders_of_an_account_are_asked_about_at_once_whatever_their_turn(
    pit: Pit, venue: Scripted, django_assert_max_num_queries: Any
) -> None:
    for _ in range(8):
        order = pit.place(Side.BUY, 1)
        execute_pending(cause_kind=order.cause_kind, cause_id=order.cause_id)
    venue.says(Outcome.REJECTED, code="GONE")
    with django_assert_max_num_queries(40):
        assert reconcile_orders(Order.objects.filter(portfolio=pit.lead)) == 8
    assert set(Order.objects.values_list("state", "code")) == {(OrderState.REJECTED, "GONE")}
    assert (venue.asked, promised(pit.lead)) == ([0], {})
