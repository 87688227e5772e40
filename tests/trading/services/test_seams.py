"""Where parts meet: exits beside sales, pairs filled in part, halts beside acceptances, clocks beside queues, and what a venue forgets."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.models import User
from common.errors import DomainError
from common.ids import new_id
from tests.fixtures_desk import NOON
from tests.fixtures_trading import Pit, failed_checks
from tests.fixtures_waiting import again
from tests.fixtures_waiting_at_venue import AtVenue, state
from tests.trading.services.test_depth import Venue, venue  # noqa: F401  # a fixture of that file
from tests.trading.services.test_latency import Slow, slow  # noqa: F401  # likewise
from trading.follow_models import StopMode
from trading.kinds import OrderKind, TimeInForce
from trading.models import CauseKind, LeadStream, Leg, Order, OrderState, SafetyLevel, SafetySwitch, ScopeKind, Side
from trading.order_terms import OrderTerms
from trading.services.changing import modify_order
from trading.services.closing import close_position
from trading.services.execution import claim_orders, record_results
from trading.services.follows import stop_follow
from trading.services.orders import Cause, new_order, place_hand_order
from trading.services.resting import expire_orders
from trading.services.safety import set_safety
from trading.services.sweeping import run_due

BUY, SELL, K = Side.BUY, Side.SELL, OrderKind
D = Decimal


def close(at_venue: AtVenue) -> Order:
    pit = at_venue.pit
    return close_position(actor=pit.alice, portfolio=at_venue.book, instrument=pit.instrument)


def placed(at_venue: AtVenue, side: Side, quantity: int, price: int, **terms: object) -> Order:
    """Return a limit that nobody has sent yet."""
    limit = OrderTerms(kind=K.LIMIT, limit_price=D(price), **terms)  # type: ignore[arg-type]  # by name
    pit = at_venue.pit
    return place_hand_order(
        actor=pit.alice,
        portfolio=at_venue.book,
        instrument=pit.instrument,
        side=side,
        quantity=D(quantity),
        terms=limit,
    )


@pytest.mark.parametrize("number", range(4))
def test_an_exit_goes_before_a_sale_of_its_batch(at_venue: AtVenue, number: int) -> None:
    """Whatever the hash of the two orders says."""
    at_venue.pit.buy(2)
    sale, way_out = placed(at_venue, SELL, 2, 115), close(at_venue)
    at_venue.work()
    assert (state(way_out)[0], state(sale)[0]) == (OrderState.FILLED, OrderState.DENIED)


@pytest.mark.parametrize("number", range(4))
def test_an_exit_goes_before_what_takes_a_sales_place(at_venue: AtVenue, number: int) -> None:
    at_venue.pit.buy(2)
    sale = at_venue.limit(SELL, 2, 110)
    at_venue.on_cancel("cancel_lost")
    with at_venue.pit.working():
        modify_order(actor=at_venue.pit.alice, order=sale, limit_price=D(115))
    with at_venue.pit.working():
        way_out = close(at_venue)
    for _ in range(2):
        at_venue.work()
        at_venue.pass_time(5)
    at_venue.work()
    assert state(way_out)[0] == OrderState.FILLED


def test_an_exit_takes_the_promise_of_a_sale_that_was_set_off_and_not_sent(at_venue: AtVenue) -> None:
    at_venue.pit.buy(2)
    stop = at_venue.ask(SELL, 2, K.STOP_LIMIT, trigger_price="95", limit_price="94.9")
    at_venue.pit.price(95)
    at_venue.waiting.engine.on_prices({at_venue.pit.instrument.pk: D(95)})
    assert state(stop)[0] == OrderState.PENDING
    way_out = close(at_venue)
    claim_orders(Order.objects.filter(pk=way_out.pk))
    assert (state(way_out)[0], state(stop)) == (
        OrderState.SUBMITTING,
        (OrderState.CANCELED, "SUPERSEDED_BY_EXIT"),
    )


def test_a_later_exit_takes_nothing_from_one_that_is_on_its_way(slow: Slow) -> None:  # noqa: F811  # the fixture
    slow.delay(0)
    slow.waiting.ask(BUY, 2, K.MARKET)
    slow.delay(60_000)
    exits = []
    for number in (1, 2):
        with slow.pit.working():
            exits.append(close_position(actor=slow.pit.alice, portfolio=slow.pit.lead, instrument=slow.pit.instrument))
        slow.tick(50_000 * number, 100)
    assert state(exits[0])[0] == OrderState.FILLED


def test_two_closings_of_one_place_in_a_follow_are_sent_one_after_the_other(pit: Pit, bob: User) -> None:
    """Of a lead's next event and of a "close everything": they would break the rule of one order in flight."""
    follow = pit.follow(bob)
    pit.buy(10)
    seq = LeadStream.objects.get(portfolio=pit.lead).last_seq + 1
    copy = Order.objects.get(cause_id=pit.fan_out(SELL, 5), portfolio=follow.portfolio)
    assert copy.seq == seq
    other = new_order(
        portfolio=follow.portfolio,
        instrument=pit.instrument,
        side=SELL,
        leg=Leg.CLOSE,
        quantity=D(1),
        cause=Cause(CauseKind.CLOSE_ALL, new_id().hex),
        follow=follow,
        closed_fraction=D(1),
        seq=seq,
    )
    other.save(force_insert=True)
    assert [one.pk for one in claim_orders(Order.objects.filter(pk__in=[copy.pk, other.pk]))] == [copy.pk]


def test_a_pair_that_buys_keeps_its_holds_right_when_it_fills_in_part(at_venue: AtVenue) -> None:
    at_venue.on_order("fills_in_parts", 3, 1)
    at_venue.waiting.pair(BUY, 2, 90, 105)
    at_venue.waiting.price(90)
    at_venue.venue.prices[at_venue.pit.instrument.pk] = D(90)
    at_venue.venue.live_on()
    at_venue.hear()
    assert failed_checks() == {}
    at_venue.price(105)
    at_venue.work()
    assert failed_checks() == {}


def test_a_part_of_a_pair_leaves_the_stop_for_the_rest(venue: Venue) -> None:  # noqa: F811  # the fixture
    levels = [("99.5", "1"), ("99", "2")], [("100.5", "9")]
    venue.book(*levels)
    venue.waiting.ask(BUY, 5, K.MARKET)
    limit, stop = venue.waiting.pair(SELL, 5, 110, 95)
    venue.later()
    venue.book(*levels)
    with venue.pit.working():
        modify_order(actor=venue.pit.alice, order=limit, limit_price=D(99))
    limit, stop = again(limit), again(stop)
    assert (limit.state, limit.filled_quantity) == (OrderState.PARTIALLY_FILLED, D(3))
    assert (stop.state, stop.quantity) == (OrderState.OPEN, D(2))
    assert "promises_equal_holds" not in failed_checks()


def test_an_open_that_its_venue_accepts_after_a_halt_is_asked_back(at_venue: AtVenue, operator: User) -> None:
    order = placed(at_venue, BUY, 1, 90)
    claimed = claim_orders(Order.objects.filter(pk=order.pk))
    # Set by a halt that had looked for what waits before this order was there.
    SafetySwitch.objects.create(
        scope=ScopeKind.PLATFORM, scope_id="", level=SafetyLevel.HALTED, reason="x", set_by=operator, set_at=NOON
    )
    record_results(at_venue.venue.submit(claimed), {order.pk: claimed[0].claim})
    assert (state(order)[0], again(order).cancel_code) == (OrderState.OPEN, "TRADING_HALTED")


def test_a_halt_that_ends_a_late_copy_lets_the_closing_behind_it_go(slow: Slow, bob: User, operator: User) -> None:  # noqa: F811
    follow = slow.pit.follow(bob)
    slow.delay(0)
    slow.pit.buy(10)
    slow.delay(5_000, portfolio=follow.portfolio)
    slow.pit.buy(2)
    slow.pit.sell(6)
    with slow.pit.working():
        set_safety(actor=operator, scope=ScopeKind.PLATFORM, scope_id="", level=SafetyLevel.HALTED, reason="x")
    assert Order.objects.filter(follow=follow).latest("pk").state != OrderState.PENDING


def test_what_waits_to_be_sent_expires_too(at_venue: AtVenue) -> None:
    until = NOON + timedelta(minutes=1)
    order = placed(at_venue, BUY, 1, 90, time_in_force=TimeInForce.GTD, expires_at=until)
    assert expire_orders(namespace=at_venue.pit.desk.namespace, until=until) == 1
    assert state(order) == (OrderState.EXPIRED, "TIME_OVER")


def test_an_exit_of_a_follow_is_not_its_owners_to_change(venue: Venue, bob: User) -> None:  # noqa: F811  # the fixture
    follow = venue.pit.follow(bob, amount=5000, max_spread="0.05")
    venue.waiting.ask(BUY, 4, K.MARKET)
    venue.later()
    with venue.pit.working():
        run_due(namespace=venue.pit.desk.namespace, until=venue.pit.desk.at)
    venue.later()
    venue.book([("99.5", "0.1")], [("100.5", "1")])
    with venue.pit.working():
        stop_follow(actor=bob, follow=follow, mode=StopMode.CLOSE_NOW)
    order = Order.objects.filter(follow=follow).latest("pk")
    before = order.quantity
    with pytest.raises(DomainError) as refusal:
        modify_order(actor=bob, order=order, quantity=D("0.2"))
    assert (refusal.value.code, again(order).quantity) == ("PORTFOLIO_IS_FOLLOWING", before)


def test_a_sale_that_its_venue_has_forgotten_ends_and_lets_an_exit_go(at_venue: AtVenue) -> None:
    at_venue.pit.buy(2)
    sale = at_venue.limit(SELL, 2, 110)
    del at_venue.venue.orders[sale.client_order_id]
    with at_venue.pit.working():
        way_out = close(at_venue)
    at_venue.later(31)
    assert (state(sale)[0], state(way_out)[0]) == (OrderState.OPEN, OrderState.PENDING)
    for _ in range(6):
        at_venue.later(31)
    assert state(sale) == (OrderState.CANCELED, "SUPERSEDED_BY_EXIT")
    assert state(way_out)[0] == OrderState.FILLED
    assert failed_checks() == {}
