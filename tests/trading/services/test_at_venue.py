"""Orders of every kind where a venue fills them: what rests there, what waits here for it, and how both end, once."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.models import User
from common.errors import DomainError
from tests.fixtures_books import Unchanged
from tests.fixtures_desk import NOON
from tests.fixtures_trading import failed_checks, plain
from tests.fixtures_waiting import again, events, fills
from tests.fixtures_waiting_at_venue import AtVenue, state
from trading.brokers import Outcome
from trading.brokers.places import goes_to_venue
from trading.kinds import GroupRole, OrderKind, TimeInForce
from trading.models import CauseKind, Order, OrderState, Side
from trading.services.canceling import claim_cancels
from trading.services.changing import cancel_all, cancel_order, modify_order
from trading.services.closing import close_position
from trading.services.resting import expire_orders
from trading.services.safety import halt_platform

BUY, SELL = Side.BUY, Side.SELL
K, S = OrderKind, OrderState
D = Decimal


@pytest.fixture
def resting(at_venue: AtVenue) -> Order:
    """Alice's purchase of two at 90, at the venue."""
    return at_venue.limit(BUY, 2, 90)


def cancel(at_venue: AtVenue, order: Order) -> Order:
    with at_venue.pit.working():
        return cancel_order(actor=at_venue.pit.alice, order=order)


def change(at_venue: AtVenue, order: Order, **wanted: str) -> Order:
    with at_venue.pit.working():
        return modify_order(actor=at_venue.pit.alice, order=order, **{k: D(v) for k, v in wanted.items()})


def nothing_is_left(at_venue: AtVenue) -> None:
    assert (at_venue.waiting.promised(), at_venue.alive(), failed_checks()) == ({}, 0, {})


# --- what rests at the venue --------------------------------------------------------------------------------------------
def test_a_limit_rests_at_the_venue_with_its_promise(at_venue: AtVenue, resting: Order) -> None:
    assert (resting.state, resting.is_at_venue, resting.change) == (S.OPEN, True, None)
    assert (at_venue.there(resting), at_venue.waiting.promised()) == (Outcome.OPEN, {"USDT": "180"})
    assert len(at_venue.waiting.engine.resting) == 0
    # Our own engine must not fill it a second time.
    at_venue.waiting.price(80)
    assert (state(resting), failed_checks()) == ((S.OPEN, ""), {})


def test_a_limit_that_the_venue_fills_is_booked_at_its_price(at_venue: AtVenue, resting: Order) -> None:
    at_venue.price(89)
    assert (state(resting), fills(resting)) == ((S.FILLED, ""), [("2", "90", "0")])
    nothing_is_left(at_venue)


def test_the_promise_shrinks_with_each_part(at_venue: AtVenue) -> None:
    at_venue.on_order("fills_in_parts", 3, 1)
    order = at_venue.limit(BUY, 2, 90)
    at_venue.price(90)
    assert (state(order)[0], at_venue.waiting.promised()) == (S.PARTIALLY_FILLED, {"USDT": "126"})
    cancel(at_venue, order)
    at_venue.work()
    assert (state(order), plain(again(order).filled_quantity)) == ((S.CANCELED, "CANCELED_BY_OWNER"), "0.6")
    nothing_is_left(at_venue)


def test_a_sale_that_crosses_takes_the_markets_price(at_venue: AtVenue) -> None:
    at_venue.pit.buy(2)
    order = at_venue.limit(SELL, 2, 95)
    assert (state(order)[0], fills(order)) == (S.FILLED, [("2", "100", "0")])
    nothing_is_left(at_venue)


@pytest.mark.parametrize(
    ("terms", "price", "end"),
    [
        ({"time_in_force": TimeInForce.IOC}, 90, (S.EXPIRED, "EXPIRED_AT_VENUE")),
        ({"time_in_force": TimeInForce.FOK}, 90, (S.EXPIRED, "EXPIRED_AT_VENUE")),
        ({"post_only": True}, 105, (S.REJECTED, "REJECTED_BY_VENUE")),
    ],
)
def test_what_the_venue_ends_at_once(
    at_venue: AtVenue, terms: dict[str, str], price: int, end: tuple[str, str]
) -> None:
    assert state(at_venue.limit(BUY, 1, price, **terms)) == end
    nothing_is_left(at_venue)


def test_a_time_that_is_over_is_seen_to_by_us(at_venue: AtVenue) -> None:
    until = NOON + timedelta(minutes=1)
    order = at_venue.limit(BUY, 1, 90, time_in_force=TimeInForce.GTD, expires_at=until)
    namespace = at_venue.pit.desk.namespace
    assert expire_orders(namespace=namespace, until=until - timedelta(seconds=1)) == 0
    assert (expire_orders(namespace=namespace, until=until), expire_orders(namespace=namespace, until=until)) == (1, 0)
    assert (state(order)[0], at_venue.work(), state(order)) == (S.OPEN, 1, (S.EXPIRED, "TIME_OVER"))
    nothing_is_left(at_venue)


# --- cancels ------------------------------------------------------------------------------------------------------------
def test_a_cancel_is_a_wish_in_the_row_until_the_venue_has_said_so(
    at_venue: AtVenue, resting: Order, unchanged: Unchanged
) -> None:
    asked = cancel(at_venue, resting)
    assert (asked.state, asked.cancel_code, at_venue.waiting.promised()) == (
        S.OPEN,
        "CANCELED_BY_OWNER",
        {"USDT": "180"},
    )
    with unchanged():
        cancel(at_venue, resting)
    assert (at_venue.work(), state(resting)) == (1, (S.CANCELED, "CANCELED_BY_OWNER"))
    assert events(resting) == [
        (S.OPEN, ""),
        (S.OPEN, "CANCEL_ASKED"),
        (S.CANCELED, "CANCELED_BY_OWNER"),
    ]
    assert at_venue.work() == 0
    nothing_is_left(at_venue)


@pytest.mark.parametrize("fault", ["cancel_lost", "cancel_unanswered", "cancel_late"])
def test_a_cancel_without_an_answer_is_asked_for_again(at_venue: AtVenue, resting: Order, fault: str) -> None:
    at_venue.on_cancel(fault, 30)
    cancel(at_venue, resting)
    assert (at_venue.work(), state(resting)[0]) == (1, S.OPEN)
    # Whoever else looks meanwhile takes nothing: it was claimed.
    assert (at_venue.work(), claim_cancels(Order.objects.all())) == (0, [])
    at_venue.pass_time(5)
    assert (at_venue.work(), state(resting)) == (1, (S.CANCELED, "CANCELED_BY_OWNER"))
    nothing_is_left(at_venue)


def test_a_cancel_that_lost_the_race_ends_filled(at_venue: AtVenue, resting: Order) -> None:
    at_venue.on_cancel("cancel_races", 10)
    cancel(at_venue, resting)
    at_venue.work()
    assert (state(resting), fills(resting)) == ((S.FILLED, ""), [("2", "90", "0")])
    nothing_is_left(at_venue)


def test_what_filled_before_the_cancel_counts(at_venue: AtVenue, resting: Order) -> None:
    at_venue.on_cancel("cancel_races", 5)
    cancel(at_venue, resting)
    at_venue.work()
    assert (state(resting), fills(resting)) == ((S.CANCELED, "CANCELED_BY_OWNER"), [("1", "90", "0")])
    nothing_is_left(at_venue)


def test_what_never_arrived_and_is_not_wanted_is_not_sent_again(at_venue: AtVenue) -> None:
    at_venue.on_order("never_arrives")
    order = at_venue.limit(BUY, 2, 90)
    assert state(order)[0] == S.UNKNOWN
    cancel(at_venue, order)
    for _ in range(6):
        at_venue.later(5)
    assert (state(order), at_venue.there(order)) == ((S.CANCELED, "CANCELED_BY_OWNER"), None)
    nothing_is_left(at_venue)


def test_what_arrives_after_its_cancel_is_canceled_then(at_venue: AtVenue) -> None:
    at_venue.on_order("arrives_late", 40)
    order = at_venue.limit(BUY, 2, 90)
    cancel(at_venue, order)
    at_venue.work()
    for _ in range(3):
        at_venue.later(5)
    assert (state(order), at_venue.there(order)) == ((S.CANCELED, "CANCELED_BY_OWNER"), Outcome.CANCELED)
    nothing_is_left(at_venue)


def test_all_that_waits_is_canceled_wherever_it_waits(at_venue: AtVenue, resting: Order, charlie: User) -> None:
    kept = at_venue.ask(BUY, 1, K.STOP, trigger_price="120")
    assert cancel_all(actor=charlie) == []
    assert len(cancel_all(actor=at_venue.pit.alice, portfolio=at_venue.book)) == 2
    assert (state(kept), state(resting)[0]) == ((S.CANCELED, "CANCELED_BY_OWNER"), S.OPEN)
    at_venue.work()
    assert state(resting) == (S.CANCELED, "CANCELED_BY_OWNER")
    nothing_is_left(at_venue)


def test_a_halt_asks_opens_back_and_leaves_sales(at_venue: AtVenue, resting: Order, operator: User) -> None:
    at_venue.pit.buy(1)
    sale = at_venue.limit(SELL, 1, 110)
    halt_platform(actor=operator, reason="drill")
    at_venue.work()
    assert state(resting) == (S.CANCELED, "TRADING_HALTED")
    assert (state(sale), at_venue.there(sale)) == ((S.OPEN, ""), Outcome.OPEN)


def test_a_halt_reaches_what_is_on_its_way(at_venue: AtVenue, operator: User) -> None:
    at_venue.on_order("hidden", 20)
    order = at_venue.limit(BUY, 2, 90)
    halt_platform(actor=operator, reason="drill")
    at_venue.work()
    at_venue.later(5)
    assert (state(order), at_venue.alive()) == ((S.CANCELED, "TRADING_HALTED"), 0)


def test_an_exit_waits_for_the_cancel_of_the_sale_that_holds_what_it_needs(at_venue: AtVenue) -> None:
    at_venue.pit.buy(2)
    sale = at_venue.limit(SELL, 2, 110)
    at_venue.on_cancel("cancel_lost")
    with at_venue.pit.working():
        exit_ = close_position(actor=at_venue.pit.alice, portfolio=at_venue.book, instrument=at_venue.pit.instrument)
    assert (state(exit_)[0], again(sale).cancel_code) == (S.PENDING, "SUPERSEDED_BY_EXIT")
    at_venue.work()
    assert (state(exit_)[0], at_venue.there(exit_)) == (S.PENDING, None)
    at_venue.pass_time(5)
    at_venue.work()
    assert (state(sale), state(exit_)) == ((S.CANCELED, "SUPERSEDED_BY_EXIT"), (S.FILLED, ""))
    assert at_venue.pit.held(at_venue.book) == "0"
    nothing_is_left(at_venue)


# --- changes ------------------------------------------------------------------------------------------------------------
def test_a_changed_order_is_another_one_and_never_are_both_alive(at_venue: AtVenue, resting: Order) -> None:
    at_venue.on_cancel("cancel_lost")
    changed = change(at_venue, resting, limit_price="85", quantity="3")
    assert (changed.pk != resting.pk, changed.replaces_id) == (True, resting.pk)
    at_venue.work()
    # The cancel got lost: the old one lives, and so the new one waits.
    assert (state(resting)[0], state(changed)[0], at_venue.alive()) == (S.OPEN, S.PENDING, 1)
    at_venue.pass_time(5)
    at_venue.work()
    assert (state(resting), state(changed)) == ((S.CANCELED, "REPLACED"), (S.OPEN, ""))
    assert (at_venue.alive(), at_venue.waiting.promised()) == (1, {"USDT": "255"})
    at_venue.price(85)
    assert fills(changed) == [("3", "85", "0")]
    nothing_is_left(at_venue)


def test_what_fills_while_an_order_is_changed_is_not_bought_again(at_venue: AtVenue, resting: Order) -> None:
    changed = change(at_venue, resting, limit_price="85")
    at_venue.on_cancel("cancel_races", 5)
    at_venue.work()
    assert (plain(again(resting).filled_quantity), plain(again(changed).quantity)) == ("1", "1")
    at_venue.price(85)
    assert at_venue.pit.held(at_venue.book) == "2"
    nothing_is_left(at_venue)


def test_what_filled_whole_before_its_change_is_not_replaced(at_venue: AtVenue, resting: Order) -> None:
    changed = change(at_venue, resting, limit_price="85")
    at_venue.on_cancel("cancel_races", 10)
    at_venue.work()
    assert (state(resting), state(changed)) == ((S.FILLED, ""), (S.CANCELED, "OTHER_FILLED_ALL"))
    nothing_is_left(at_venue)


def test_the_same_change_again_is_the_same_order(at_venue: AtVenue, resting: Order, unchanged: Unchanged) -> None:
    changed = change(at_venue, resting, limit_price="85")
    with unchanged():
        assert change(at_venue, resting, limit_price="85").pk == changed.pk
        with pytest.raises(DomainError) as refusal:
            change(at_venue, resting, limit_price="84")
    assert refusal.value.code == "ORDER_IS_BEING_CANCELED"


def test_a_canceled_order_is_not_changed_and_a_changed_one_is_canceled_in_both_forms(
    at_venue: AtVenue, resting: Order, unchanged: Unchanged
) -> None:
    changed = change(at_venue, resting, limit_price="85")
    cancel(at_venue, resting)
    at_venue.work()
    assert (state(resting)[0], state(changed)) == (S.CANCELED, (S.CANCELED, "CANCELED_BY_OWNER"))
    second = at_venue.limit(BUY, 1, 90)
    cancel(at_venue, second)
    with unchanged(), pytest.raises(DomainError) as refusal:
        change(at_venue, second, limit_price="85")
    assert refusal.value.code == "ORDER_IS_BEING_CANCELED"


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"quantity": "0"}, "QUANTITY_INVALID"),
        ({"limit_price": "90.001"}, "LIMIT_PRICE_OFF_TICK"),
        ({"quantity": "1000"}, "INSUFFICIENT_BALANCE"),
        ({"trigger_price": "90"}, "TRIGGER_PRICE_NOT_ALLOWED"),
    ],
)
def test_a_change_that_cannot_be_leaves_the_order_alone(
    at_venue: AtVenue, resting: Order, unchanged: Unchanged, wanted: dict[str, str], code: str
) -> None:
    with unchanged(), pytest.raises(DomainError) as refusal:
        change(at_venue, resting, **wanted)
    assert (refusal.value.code, again(resting).cancel_code) == (code, "")


# --- what waits here, and is set off ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("kind", "side", "terms", "prices", "at"),
    [
        (K.STOP, SELL, {"trigger_price": "95"}, (95,), "95"),
        (K.STOP, BUY, {"trigger_price": "105"}, (105,), "105"),
        (K.TAKE_PROFIT, SELL, {"trigger_price": "110"}, (110,), "110"),
        (K.TAKE_PROFIT, BUY, {"trigger_price": "90"}, (90,), "90"),
        (K.TRAILING_STOP, SELL, {"trail_bps": "1000"}, (120, 108), "108"),
        (K.STOP_LIMIT, SELL, {"trigger_price": "95", "limit_price": "94"}, (95,), "95"),
        (K.TAKE_PROFIT_LIMIT, SELL, {"trigger_price": "110", "limit_price": "109"}, (110,), "110"),
    ],
)
def test_a_trigger_waits_here_and_is_sent_once_when_its_price_comes(
    at_venue: AtVenue, kind: OrderKind, side: Side, terms: dict[str, str], prices: tuple[int, ...], at: str
) -> None:
    at_venue.pit.buy(2)
    order = at_venue.ask(side, 2, kind, **terms)
    assert (order.state, order.is_at_venue, at_venue.there(order)) == (S.OPEN, False, None)
    for price in prices:
        at_venue.waiting.restart()
        at_venue.price(price)
        at_venue.waiting.engine.look()
        at_venue.price(price)
    assert (state(order)[0], fills(order)) == (S.FILLED, [("2", at, "0")])
    assert again(order).triggered_at is not None
    nothing_is_left(at_venue)


def test_a_stop_limit_that_does_not_fill_rests_at_the_venue(at_venue: AtVenue) -> None:
    order = at_venue.ask(BUY, 1, K.STOP_LIMIT, trigger_price="105", limit_price="104")
    at_venue.price(105)
    assert (state(order)[0], at_venue.there(order), at_venue.waiting.promised()) == (
        S.OPEN,
        Outcome.OPEN,
        {"USDT": "104"},
    )
    # It rests there, so our own engine has nothing to do with it any more.
    assert len(at_venue.waiting.engine.resting) == 0
    at_venue.price(104)
    assert fills(order) == [("1", "104", "0")]
    nothing_is_left(at_venue)


def test_what_was_set_off_keeps_its_promise_until_it_is_sent(at_venue: AtVenue) -> None:
    at_venue.pit.buy(2)
    order = at_venue.ask(SELL, 2, K.STOP, trigger_price="95")
    at_venue.pit.price(95)
    at_venue.waiting.engine.on_prices({at_venue.pit.instrument.pk: D(95)})
    assert (state(order), at_venue.waiting.promised()) == ((S.PENDING, ""), {"BTC": "2"})
    assert events(order)[-1] == (S.PENDING, "TRIGGERED")
    at_venue.venue.prices[at_venue.pit.instrument.pk] = D(95)
    at_venue.work()
    assert state(order)[0] == S.FILLED
    nothing_is_left(at_venue)


def test_a_stop_that_only_reduces_takes_what_is_left(at_venue: AtVenue) -> None:
    at_venue.pit.buy(3)
    order = at_venue.ask(SELL, 3, K.STOP, trigger_price="95", reduce_only=True)
    assert at_venue.waiting.promised() == {}
    at_venue.pit.sell(2)
    at_venue.price(95)
    assert (state(order), fills(order)) == ((S.FILLED, "CLIPPED_POSITION"), [("1", "95", "0")])
    nothing_is_left(at_venue)


def test_a_halted_stop_that_opens_is_denied_when_it_is_set_off(at_venue: AtVenue, operator: User) -> None:
    order = at_venue.ask(BUY, 1, K.STOP, trigger_price="105")
    halt_platform(actor=operator, reason="drill")
    at_venue.price(105)
    assert (state(order), at_venue.there(order)) == ((S.CANCELED, "TRADING_HALTED"), None)
    nothing_is_left(at_venue)


# --- together -----------------------------------------------------------------------------------------------------------
def test_of_a_pair_the_first_to_fill_cancels_the_other(at_venue: AtVenue) -> None:
    at_venue.pit.buy(2)
    limit, stop = at_venue.waiting.pair(SELL, 2, 110, 95)
    assert (at_venue.there(limit), at_venue.there(stop), at_venue.waiting.promised()) == (None, None, {})
    at_venue.price(110)
    assert (state(limit), state(stop)) == ((S.FILLED, ""), (S.CANCELED, "OTHER_OF_PAIR_FILLED"))
    nothing_is_left(at_venue)


def test_a_pair_is_never_at_the_venue_with_both_legs(at_venue: AtVenue) -> None:
    at_venue.pit.buy(2)
    limit, stop = at_venue.waiting.pair(SELL, 2, 110, 95)
    at_venue.waiting.price(110)
    # The venue's market did not get there: the limit rests, and binds the coins.
    assert (state(limit)[0], at_venue.there(limit), at_venue.waiting.promised()) == (
        S.OPEN,
        Outcome.OPEN,
        {"BTC": "2"},
    )
    at_venue.price(95)
    assert (state(stop)[0], again(limit).cancel_code) == (S.PENDING, "OTHER_OF_PAIR_SET_OFF")
    at_venue.work()
    assert (state(limit), state(stop)) == ((S.CANCELED, "OTHER_OF_PAIR_SET_OFF"), (S.FILLED, ""))
    assert fills(stop) == [("2", "95", "0")]
    nothing_is_left(at_venue)


def test_what_one_of_a_pair_fills_in_part_the_other_does_not_sell_again(at_venue: AtVenue) -> None:
    at_venue.pit.buy(4)
    at_venue.on_order("fills_in_parts", 3, 1)
    limit, stop = at_venue.waiting.pair(SELL, 2, 110, 95)
    at_venue.waiting.price(110)
    at_venue.venue.prices[at_venue.pit.instrument.pk] = D(110)
    at_venue.venue.live_on()
    at_venue.hear()
    assert (plain(again(limit).filled_quantity), plain(again(stop).quantity)) == ("0.6", "1.4")
    at_venue.price(95)
    at_venue.work()
    assert (state(limit)[0], fills(stop)) == (S.CANCELED, [("1.4", "95", "0")])
    assert at_venue.pit.held(at_venue.book) == "2"
    nothing_is_left(at_venue)


def test_a_bracket_guards_what_its_entry_bought_at_the_venue(at_venue: AtVenue) -> None:
    entry = at_venue.limit(BUY, 2, 90, stop_price="80", target_price="120")
    assert at_venue.there(entry) is Outcome.OPEN
    at_venue.price(90)
    guards = {one.group_role: one for one in Order.objects.filter(cause_kind=CauseKind.BRACKET)}
    assert {role: (one.state, one.is_at_venue) for role, one in guards.items()} == {
        GroupRole.STOP: (S.OPEN, False),
        GroupRole.TARGET: (S.OPEN, False),
    }
    at_venue.waiting.engine.refresh()
    at_venue.price(80)
    assert (state(guards[GroupRole.STOP])[0], state(guards[GroupRole.TARGET])) == (
        S.FILLED,
        (S.CANCELED, "OTHER_OF_PAIR_FILLED"),
    )
    nothing_is_left(at_venue)


def test_a_changed_entry_has_guards_of_its_own(at_venue: AtVenue) -> None:
    entry = at_venue.limit(BUY, 2, 90, stop_price="80", target_price="120")
    at_venue.on_cancel("cancel_races", 5)
    changed = change(at_venue, entry, limit_price="85")
    at_venue.work()
    at_venue.price(85)
    assert (state(entry)[0], state(changed)[0]) == (S.CANCELED, S.FILLED)
    guards = Order.objects.filter(cause_kind=CauseKind.BRACKET).order_by("pk")
    assert [(one.group_role, plain(one.quantity)) for one in guards] == [
        *((GroupRole.STOP, "1"), (GroupRole.TARGET, "1")),
        *((GroupRole.STOP, "1"), (GroupRole.TARGET, "1")),
    ]
    assert len({one.group_id for one in guards}) == 2


@pytest.mark.parametrize(
    ("facts", "goes"),
    [
        ({"kind": K.MARKET}, True),
        ({"kind": K.LIMIT}, True),
        ({"kind": K.LIMIT, "group_role": GroupRole.ENTRY}, True),
        ({"kind": K.LIMIT, "group_role": GroupRole.OCO}, False),
        ({"kind": K.LIMIT, "group_role": GroupRole.TARGET}, False),
        ({"kind": K.STOP}, False),
        ({"kind": K.STOP_LIMIT, "triggered_at": NOON}, True),
        ({"kind": K.TRAILING_STOP}, False),
    ],
)
def test_what_goes_to_a_venue_when_it_is_claimed(at_venue: AtVenue, facts: dict[str, str], goes: bool) -> None:
    assert goes_to_venue(Order(portfolio=at_venue.book, **facts)) is goes
