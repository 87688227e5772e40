"""Orders on our own book: what prices do to them, what they promise meanwhile, and that nothing happens twice or half."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.models import User
from portfolios.models import Portfolio
from tests.fixtures_trading import everything_stored, failed_checks, plain
from tests.fixtures_waiting import Died, Waiting, again, dying_at, events, fills, told
from trading.due import has_unfinished_work
from trading.kinds import GroupRole, OrderKind, TimeInForce
from trading.models import CauseKind, Fill, Leg, Order, OrderState, SafetyLevel, ScopeKind, Side
from trading.services.execution import claim_orders
from trading.services.orders import Cause, submit_order
from trading.services.reconciliation import resolve_abandoned
from trading.services.resting import Crossing, accept_orders, meet_prices
from trading.services.safety import set_safety
from trading.services.sweeping import run_due

BUY, SELL = Side.BUY, Side.SELL
K = OrderKind
D = Decimal


@pytest.fixture(autouse=True)
def _costs(waiting: Waiting) -> None:
    """A maker pays 10 bps, a taker 20, and takers slip by 1 %."""
    instrument = waiting.pit.instrument
    instrument.maker_fee_bps, instrument.taker_fee_bps = D(10), D(20)
    instrument.save()
    Portfolio.objects.filter(pk=waiting.pit.lead.pk).update(slippage_bps=D(100))
    waiting.pit.lead.refresh_from_db()


# --- limits ---------------------------------------------------------------------------------------------------------
def test_a_limit_rests_with_its_funds_promised_and_fills_at_its_price_as_a_maker(waiting: Waiting) -> None:
    order = waiting.ask(BUY, 2, K.LIMIT, limit_price="95")
    assert told(order) == (OrderState.OPEN, "", "0", "0")
    # At its limit, with the dearer of the two fees.
    assert waiting.promised() == {"USDT": "190.38"}
    assert not has_unfinished_work(waiting.pit.desk.namespace)
    assert failed_checks() == {}
    waiting.price("95.01")
    assert told(order)[0] == OrderState.OPEN
    waiting.price("90")
    assert told(order) == (OrderState.FILLED, "", "2", "95")
    assert fills(order) == [("2", "95", "0.19")]
    assert (waiting.promised(), waiting.pit.cash(waiting.pit.lead)) == ({}, "9809.81")
    assert events(order) == [(OrderState.OPEN, ""), (OrderState.FILLED, "")]
    assert failed_checks() == {}


def test_a_limit_that_crosses_on_arrival_takes_the_markets_price(waiting: Waiting) -> None:
    order = waiting.ask(BUY, 1, K.LIMIT, limit_price="110")
    assert fills(order) == [("1", "101", "0.202")]
    assert again(order).change is None
    assert events(order) == [(OrderState.FILLED, "")]
    # Slippage never takes it beyond its limit.
    assert fills(waiting.ask(BUY, 1, K.LIMIT, limit_price="100.50")) == [("1", "100.5", "0.201")]
    assert fills(waiting.ask(SELL, 1, K.LIMIT, limit_price="99.50")) == [("1", "99.5", "0.199")]
    assert waiting.promised() == {}


def test_a_sale_at_a_limit_promises_what_it_sells(waiting: Waiting) -> None:
    waiting.pit.buy(3)
    order = waiting.ask(SELL, 2, K.LIMIT, limit_price="105")
    assert waiting.promised() == {"BTC": "2"}
    waiting.price(106)
    assert (told(order), waiting.promised()) == ((OrderState.FILLED, "", "2", "105"), {})


def test_post_only_is_refused_where_it_would_cross(waiting: Waiting) -> None:
    order = waiting.ask(BUY, 1, K.LIMIT, limit_price="100", post_only=True)
    assert told(order) == (OrderState.REJECTED, "POST_ONLY_WOULD_CROSS", "0", "0")
    assert waiting.promised() == {}
    assert told(waiting.ask(BUY, 1, K.LIMIT, limit_price="99.99", post_only=True))[0] == OrderState.OPEN


@pytest.mark.parametrize("force", [TimeInForce.IOC, TimeInForce.FOK])
def test_what_may_not_wait_fills_at_once_or_is_canceled(waiting: Waiting, force: TimeInForce) -> None:
    missed = waiting.ask(BUY, 1, K.LIMIT, limit_price="99", time_in_force=force)
    assert told(missed) == (OrderState.CANCELED, "NOT_FILLED_AT_ONCE", "0", "0")
    met = waiting.ask(BUY, 1, K.LIMIT, limit_price="101", time_in_force=force)
    assert told(met) == (OrderState.FILLED, "", "1", "101")
    assert waiting.promised() == {}


def test_an_order_until_a_time_expires_by_the_markets_clock(waiting: Waiting) -> None:
    desk = waiting.pit.desk
    until = desk.at + timedelta(hours=1)
    order = waiting.ask(BUY, 1, K.LIMIT, limit_price="90", time_in_force=TimeInForce.GTD, expires_at=until)
    assert run_due(namespace=desk.namespace, until=until - timedelta(seconds=1)) == 0
    assert told(order)[0] == OrderState.OPEN
    assert run_due(namespace=desk.namespace, until=until) == 1
    assert told(order) == (OrderState.EXPIRED, "TIME_OVER", "0", "0")
    assert (waiting.promised(), run_due(namespace=desk.namespace, until=until)) == ({}, 0)
    waiting.price(80)
    assert fills(order) == []


# --- triggers -------------------------------------------------------------------------------------------------------
def test_a_stop_meets_the_price_that_crossed_it(waiting: Waiting) -> None:
    waiting.pit.buy(2)
    order = waiting.ask(SELL, 2, K.STOP, trigger_price="95")
    waiting.price("95.01", 92)
    # The market's price less slippage, as a taker.
    assert fills(order) == [("2", "91.08", "0.36432")]
    assert events(order) == [(OrderState.OPEN, ""), (OrderState.FILLED, "")]


def test_a_stop_that_buys_is_clipped_where_the_price_has_run_away(waiting: Waiting) -> None:
    order = waiting.ask(BUY, 90, K.STOP, trigger_price="105")
    assert waiting.promised() == {"USDT": "9563.589"}
    waiting.price(150)
    stored = again(order)
    assert (stored.state, stored.code, plain(stored.filled_quantity)) == ("FILLED", "CLIPPED_BALANCE", "65.874")
    assert D(waiting.pit.cash(waiting.pit.lead)) >= 0
    assert failed_checks() == {}


def test_a_stop_limit_rests_at_its_limit_once_it_is_set_off(waiting: Waiting) -> None:
    order = waiting.ask(BUY, 1, K.STOP_LIMIT, trigger_price="105", limit_price="106")
    waiting.price(110)
    assert told(order)[0] == OrderState.OPEN
    assert again(order).triggered_at == waiting.pit.desk.at
    assert events(order) == [(OrderState.OPEN, ""), (OrderState.OPEN, "TRIGGERED")]
    waiting.restart()
    waiting.price("106.01", 106)
    assert fills(order) == [("1", "106", "0.106")]


def test_a_take_profit_sells_into_the_rise(waiting: Waiting) -> None:
    waiting.pit.buy(1)
    order = waiting.ask(SELL, 1, K.TAKE_PROFIT, trigger_price="110")
    waiting.price("109.99", 110)
    assert fills(order) == [("1", "108.9", "0.2178")]


def test_a_trailing_stop_goes_on_after_a_restart_where_it_stood(waiting: Waiting) -> None:
    waiting.pit.buy(1)
    order = waiting.ask(SELL, 1, K.TRAILING_STOP, trail_amount="5")
    waiting.price(110, 120, 117)
    waiting.engine.look()
    assert plain(again(order).peak_price or D(0)) == "120"
    waiting.restart()
    waiting.price("115.01")
    assert told(order)[0] == OrderState.OPEN
    waiting.price(115)
    assert fills(order) == [("1", "113.85", "0.2277")]


def test_a_trailing_stop_is_active_from_its_activation_on(waiting: Waiting) -> None:
    waiting.pit.buy(1)
    order = waiting.ask(SELL, 1, K.TRAILING_STOP, trail_bps="1000", activation_price="110")
    waiting.price(90, 109)
    assert (told(order)[0], again(order).peak_price) == (OrderState.OPEN, None)
    waiting.price(110, 120, "108.01")
    assert told(order)[0] == OrderState.OPEN
    waiting.price(108)
    assert told(order)[0] == OrderState.FILLED
    assert plain(again(order).peak_price or D(0)) == "120"


# --- orders that only reduce, pairs, brackets -----------------------------------------------------------------------
def test_an_order_that_only_reduces_takes_what_is_there(waiting: Waiting) -> None:
    waiting.pit.buy(3)
    order = waiting.ask(SELL, 3, K.LIMIT, limit_price="110", reduce_only=True)
    assert waiting.promised() == {}
    waiting.pit.sell(1)
    waiting.price(110)
    assert told(order) == (OrderState.FILLED, "CLIPPED_POSITION", "2", "110")
    assert failed_checks() == {}


def test_an_order_that_only_reduces_ends_with_its_position(waiting: Waiting) -> None:
    waiting.pit.buy(1)
    order = waiting.ask(SELL, 1, K.STOP, trigger_price="90", reduce_only=True)
    waiting.pit.sell(1)
    assert told(order) == (OrderState.CANCELED, "NOTHING_TO_CLOSE", "0", "0")
    waiting.pit.buy(1)
    waiting.price(80)
    assert fills(order) == []


def test_an_order_that_only_reduces_may_cross_on_arrival(waiting: Waiting) -> None:
    waiting.pit.buy(1)
    order = waiting.ask(SELL, 1, K.LIMIT, limit_price="90", reduce_only=True)
    assert fills(order) == [("1", "99", "0.198")]


@pytest.mark.parametrize(("price", "winner", "loser"), [(111, 0, 1), (89, 1, 0)])
def test_of_a_pair_the_first_to_fill_cancels_the_other(waiting: Waiting, price: int, winner: int, loser: int) -> None:
    waiting.pit.buy(1)
    pair = waiting.pair(SELL, 1, 110, 90)
    assert [told(one)[0] for one in pair] == [OrderState.OPEN, OrderState.OPEN]
    waiting.price(price, 50, 150)
    assert told(pair[winner])[0] == OrderState.FILLED
    assert told(pair[loser]) == (OrderState.CANCELED, "OTHER_OF_PAIR_FILLED", "0", "0")
    assert (waiting.pit.held(waiting.pit.lead), failed_checks()) == ("0", {})


def test_a_pair_that_buys_promises_both_and_releases_both(waiting: Waiting) -> None:
    waiting.pair(BUY, 1, 90, 110)
    assert waiting.promised() == {"USDT": plain(D("90.18") + D("111.3222"))}
    waiting.price(110)
    assert (waiting.promised(), waiting.pit.held(waiting.pit.lead)) == ({}, "1")


def test_a_brackets_guards_come_with_its_fill_and_cancel_each_other(waiting: Waiting) -> None:
    entry = waiting.ask(BUY, 2, K.LIMIT, limit_price="95", stop_price="90", target_price="110")
    assert Order.objects.filter(cause_kind=CauseKind.BRACKET).count() == 0
    waiting.price(95)
    guards = list(Order.objects.filter(group_id=entry.group_id).exclude(pk=entry.pk).order_by("attempt"))
    assert [(one.group_role, one.kind, plain(one.quantity), one.state) for one in guards] == [
        (GroupRole.STOP, K.STOP, "2", OrderState.OPEN),
        (GroupRole.TARGET, K.LIMIT, "2", OrderState.OPEN),
    ]
    waiting.price(112)
    assert told(guards[1]) == (OrderState.FILLED, "", "2", "110")
    assert told(guards[0])[:2] == (OrderState.CANCELED, "OTHER_OF_PAIR_FILLED")
    assert failed_checks() == {}


def test_a_strategys_exit_goes_before_a_sale_that_waits(waiting: Waiting) -> None:
    waiting.pit.buy(2)
    order = waiting.ask(SELL, 2, K.LIMIT, limit_price="150")
    with waiting.pit.working():
        leaving = submit_order(
            portfolio=waiting.pit.lead,
            instrument=waiting.pit.instrument,
            side=SELL,
            leg=Leg.CLOSE,
            quantity=D(2),
            cause=Cause(CauseKind.RUN, "exit"),
            closed_fraction=D(1),
        )
    assert told(order)[:2] == (OrderState.CANCELED, "SUPERSEDED_BY_EXIT")
    assert told(leaving)[0] == OrderState.FILLED
    assert (waiting.pit.held(waiting.pit.lead), waiting.promised(), failed_checks()) == ("0", {}, {})


# --- copying, halts -------------------------------------------------------------------------------------------------
def test_a_leads_fill_of_any_kind_is_copied_at_once_near_its_price(waiting: Waiting, bob: User) -> None:
    follow = waiting.pit.follow(bob)
    waiting.ask(BUY, 10, K.LIMIT, limit_price="95")
    assert waiting.pit.orders(follow) == []
    waiting.price(95)
    assert [row[:3] for row in waiting.pit.orders(follow)] == [(BUY, Leg.OPEN, OrderState.FILLED)]
    copied = Order.objects.get(portfolio=follow.portfolio)
    assert (copied.kind, copied.time_in_force, plain(copied.limit_price or D(0)), copied.change) == (
        K.LIMIT,
        "IOC",
        "95.28",
        None,
    )
    assert failed_checks() == {}


def test_a_halt_cancels_resting_opens_and_lets_exits_wait(waiting: Waiting, operator: User) -> None:
    waiting.pit.buy(1)
    opening = waiting.ask(BUY, 1, K.LIMIT, limit_price="90")
    leaving = waiting.ask(SELL, 1, K.STOP, trigger_price="80")
    set_safety(actor=operator, scope=ScopeKind.PLATFORM, scope_id="", level=SafetyLevel.HALTED, reason="Drill")
    assert told(opening)[:2] == (OrderState.CANCELED, "TRADING_HALTED")
    assert waiting.promised() == {"BTC": "1"}
    waiting.price(75)
    assert told(leaving)[0] == OrderState.FILLED


def test_an_open_on_its_way_through_a_halt_does_not_come_to_rest(waiting: Waiting, operator: User) -> None:
    with waiting.pit.working():
        order = waiting.ask(BUY, 1, K.LIMIT, limit_price="90")
    Order.objects.filter(pk=order.pk).update(state=OrderState.SUBMITTING, rests_since=None, change=None)
    set_safety(actor=operator, scope=ScopeKind.PLATFORM, scope_id="", level=SafetyLevel.HALTED, reason="Drill")
    accept_orders([order.pk])
    assert told(order)[:2] == (OrderState.CANCELED, "TRADING_HALTED")
    assert waiting.promised() == {}


# --- once, whole, in any order --------------------------------------------------------------------------------------
def test_a_crossing_seen_twice_fills_once(waiting: Waiting) -> None:
    order = waiting.ask(BUY, 1, K.LIMIT, limit_price="95")
    assert order.change is not None
    crossing = Crossing(order.pk, order.change, D(95))
    assert (meet_prices([crossing]), meet_prices([crossing])) == (1, 0)
    assert Fill.objects.filter(order=order).count() == 1
    waiting.restart()
    waiting.price(90)
    assert Fill.objects.filter(order=order).count() == 1


def test_an_acceptance_that_comes_after_the_fill_changes_nothing(waiting: Waiting) -> None:
    order = waiting.ask(BUY, 1, K.LIMIT, limit_price="110")
    before = everything_stored()
    accept_orders([order.pk])
    assert (everything_stored(), told(order)[0]) == (before, OrderState.FILLED)


def test_a_worker_that_dies_between_claim_and_answer_leaves_an_order_that_comes_to_rest(waiting: Waiting) -> None:
    order = waiting.ask(BUY, 1, K.LIMIT, limit_price="95")
    Order.objects.filter(pk=order.pk).update(state=OrderState.PENDING, reserved=0, rests_since=None, change=None)
    waiting.pit.lead.balances.update(reserved=0)
    claim_orders(Order.objects.filter(pk=order.pk))
    assert resolve_abandoned(older_than_seconds=0) == 1
    assert (told(order)[0], waiting.promised()) == (OrderState.OPEN, {"USDT": "95.19"})
    assert resolve_abandoned(older_than_seconds=0) == 0


def test_a_price_older_than_the_order_does_not_move_it(waiting: Waiting) -> None:
    order = waiting.ask(BUY, 1, K.LIMIT, limit_price="95")
    early = waiting.pit.desk.at - timedelta(seconds=1)
    assert waiting.engine.on_prices({waiting.pit.instrument.pk: D(90)}, early) == 0
    assert waiting.engine.on_prices({waiting.pit.instrument.pk: D(90)}, waiting.pit.desk.at) == 1
    assert told(order)[0] == OrderState.FILLED


def test_an_engine_killed_at_any_statement_of_a_fill_leaves_all_or_nothing(waiting: Waiting, bob: User) -> None:
    waiting.pit.follow(bob)
    waiting.pit.buy(1)
    pair = waiting.pair(SELL, 1, 110, 90)
    assert pair[0].change is not None
    crossing = Crossing(pair[0].pk, pair[0].change, D(111))
    before, deaths = everything_stored(), 0
    while True:
        with dying_at(deaths) as ran:
            try:
                meet_prices([crossing])
                break
            except Died:
                assert len(ran) == deaths
        assert everything_stored() == before
        deaths += 1
    assert deaths > 10
    assert [told(one)[0] for one in pair] == [OrderState.FILLED, OrderState.CANCELED]
    assert meet_prices([crossing]) == 0


def test_a_worker_killed_at_any_statement_of_an_acceptance_leaves_all_or_nothing(waiting: Waiting) -> None:
    waiting.pit.buy(1)
    order = waiting.pit.place(SELL, 1)
    Order.objects.filter(pk=order.pk).update(kind=K.LIMIT, limit_price=D(105))
    claim_orders(Order.objects.filter(pk=order.pk))
    before, deaths = everything_stored(), 0
    while True:
        with dying_at(deaths):
            try:
                accept_orders([order.pk])
                break
            except Died:
                pass
        assert everything_stored() == before
        deaths += 1
    assert (deaths > 4, told(order)[0], waiting.promised()) == (True, OrderState.OPEN, {"BTC": "1"})
