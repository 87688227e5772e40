"""Orders on their way to our own broker: which price they meet, once, whatever dies meanwhile, by market time alone."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from common.clock import set_market_time
from common.errors import DomainError
from portfolios.models import Portfolio
from tests.fixtures_trading import UNGUARDED, everything_stored, failed_checks, plain
from tests.fixtures_waiting import Died, Waiting, again, dying_at, events, fills, told
from trading.due import has_unfinished_work
from trading.kinds import OrderKind, TimeInForce
from trading.models import CauseKind, Fill, Follow, FollowPosition, Order, OrderState, SafetyLevel, ScopeKind, Side
from trading.rules import latency_of
from trading.services.changing import cancel_order, modify_order
from trading.services.closing import close_position
from trading.services.resting import Crossing, accept_orders, meet_prices
from trading.services.safety import set_safety
from trading.services.sweeping import run_due

BUY, SELL = Side.BUY, Side.SELL
K = OrderKind
D = Decimal


class Slow:
    """Alice's book, whose orders take 300 ms, and a market whose clock this test moves."""

    def __init__(self, waiting: Waiting) -> None:
        self.waiting = waiting
        self.pit = waiting.pit
        self.began = self.pit.desk.at
        self.delay(300)

    def delay(self, latency_ms: int, jitter_ms: int = 0, portfolio: Portfolio | None = None) -> None:
        book = portfolio or self.pit.lead
        Portfolio.objects.filter(pk=book.pk).update(latency_ms=latency_ms, latency_jitter_ms=jitter_ms)
        book.refresh_from_db()

    def at(self, milliseconds: int) -> datetime:
        return self.began + timedelta(milliseconds=milliseconds)

    def tick(self, milliseconds: int, price: int | str) -> None:
        """Let the market make a price at so many milliseconds after the beginning, and the engine hear it."""
        moment = self.at(milliseconds)
        set_market_time(self.pit.desk.namespace, moment)
        self.pit.desk.at = moment
        self.pit.price(price)
        with self.pit.working():
            self.waiting.engine.refresh()
            self.waiting.engine.on_prices({self.pit.instrument.pk: D(price)}, moment)
        self.waiting.engine.refresh()


@pytest.fixture
def slow(waiting: Waiting) -> Slow:
    return Slow(waiting)


def test_an_order_meets_the_first_price_at_or_after_its_arrival(slow: Slow) -> None:
    order = slow.waiting.ask(BUY, 2, K.MARKET)
    assert (order.state, order.arrives_at, order.rests_since) == (OrderState.OPEN, slow.at(300), slow.at(300))
    assert plain(order.market_price or D(0)) == "100"
    assert slow.waiting.promised() != {}
    slow.tick(299, 90)
    assert (told(order)[0], fills(order)) == (OrderState.OPEN, [])
    slow.tick(300, "101.5")
    slow.tick(301, 80)
    assert told(order) == (OrderState.FILLED, "", "2", "101.5")
    stored = again(order)
    assert (stored.arrives_at, stored.rests_since) == (None, slow.at(300))
    assert Fill.objects.get(order=order).happened_at == slow.at(300)
    assert events(order) == [(OrderState.OPEN, ""), (OrderState.FILLED, "")]
    assert (slow.waiting.promised(), failed_checks()) == ({}, {})


def test_the_wall_moves_nothing(slow: Slow) -> None:
    order = slow.waiting.ask(BUY, 1, K.MARKET)
    slow.waiting.engine.look()
    assert run_due(namespace=slow.pit.desk.namespace, until=slow.at(10_000)) == 0
    slow.waiting.engine.look()
    # Other markets go on; of this one no price was made since, so there is none to meet.
    set_market_time(slow.pit.desk.namespace, slow.at(10_000))
    slow.waiting.engine.look()
    assert (told(order)[0], fills(order)) == (OrderState.OPEN, [])
    assert not has_unfinished_work(slow.pit.desk.namespace)


def test_what_is_on_its_way_survives_the_engine(slow: Slow) -> None:
    order = slow.waiting.ask(BUY, 1, K.MARKET)
    slow.waiting.restart()
    assert len(slow.waiting.engine.resting) == 1
    slow.tick(299, 90)
    slow.waiting.restart()
    # While none ran the market went on: market time waits for whoever it is that meets it.
    set_market_time(slow.pit.desk.namespace, slow.at(400))
    slow.pit.desk.at = slow.at(400)
    slow.pit.price(97)
    assert has_unfinished_work(slow.pit.desk.namespace)
    with slow.pit.working():
        slow.waiting.engine.look()
    assert fills(order) == [("1", "97", "0")]
    assert not has_unfinished_work(slow.pit.desk.namespace)


def test_a_price_concerns_the_engine_only_once_somebody_arrives(slow: Slow) -> None:
    slow.waiting.ask(BUY, 1, K.MARKET)
    engine, price = slow.waiting.engine, {slow.pit.instrument.pk: D(100)}
    assert engine.resting.watched() == [slow.pit.instrument.pk]
    assert [engine.would_fire(price, slow.at(ms)) for ms in (299, 300)] == [False, True]
    assert not engine.would_fire({}, slow.at(300))
    # Told once; it comes back with its row's next change.
    assert [len(engine.resting.arrivals(price, slow.at(300))) for _ in range(2)] == [1, 0]


@pytest.mark.parametrize(
    ("price", "terms", "outcome"),
    [
        ("101", {}, (OrderState.OPEN, "", "0", "0")),
        ("99", {}, (OrderState.FILLED, "", "1", "99")),
        ("99", {"post_only": True}, (OrderState.REJECTED, "POST_ONLY_WOULD_CROSS", "0", "0")),
        ("101", {"time_in_force": TimeInForce.IOC}, (OrderState.CANCELED, "NOT_FILLED_AT_ONCE", "0", "0")),
        ("99", {"time_in_force": TimeInForce.FOK}, (OrderState.FILLED, "", "1", "99")),
    ],
)
def test_a_limit_is_judged_where_it_arrives(
    slow: Slow, price: str, terms: dict[str, Any], outcome: tuple[str, str, str, str]
) -> None:
    order = slow.waiting.ask(BUY, 1, K.LIMIT, limit_price="100", **terms)
    assert order.state == OrderState.OPEN
    slow.tick(300, price)
    assert told(order) == outcome
    assert again(order).arrives_at is None or again(order).state != OrderState.OPEN
    assert failed_checks() == {}


def test_a_limit_that_has_arrived_rests_as_any_other(slow: Slow) -> None:
    order = slow.waiting.ask(BUY, 1, K.LIMIT, limit_price="100")
    slow.tick(300, 101)
    slow.tick(310, 99)
    assert told(order) == (OrderState.FILLED, "", "1", "100")


def test_a_stop_that_trails_begins_at_the_price_it_arrives_at(slow: Slow) -> None:
    slow.delay(0)
    slow.pit.buy(1)
    slow.delay(300)
    order = slow.waiting.ask(SELL, 1, K.TRAILING_STOP, trail_amount="5")
    slow.tick(100, 200)
    slow.tick(300, 110)
    assert plain(again(order).peak_price or D(0)) == "110"
    slow.tick(301, "105.01")
    assert told(order)[0] == OrderState.OPEN
    slow.tick(302, 105)
    assert told(order)[0] == OrderState.FILLED


def test_the_jitter_follows_from_the_order(slow: Slow) -> None:
    slow.delay(200, 100)
    orders = [slow.waiting.ask(BUY, 1, K.MARKET, key=f"key-{number}") for number in range(8)]
    delays = [(again(one).arrives_at or slow.began) - slow.began for one in orders]
    assert delays == [latency_of(again(one)) for one in orders]
    assert delays == [timedelta(milliseconds=200 + int(one.client_order_id, 16) % 101) for one in orders]
    assert len(set(delays)) > 4
    assert all(timedelta(milliseconds=200) <= one <= timedelta(milliseconds=300) for one in delays)


def test_a_price_that_ran_away_is_clipped_to_what_can_be_paid(slow: Slow) -> None:
    order = slow.waiting.ask(BUY, 90, K.MARKET)
    slow.tick(300, 150)
    stored = again(order)
    assert (stored.state, stored.code) == (OrderState.FILLED, "CLIPPED_BALANCE")
    assert D(0) <= D(slow.pit.cash(slow.pit.lead)) < D(1)
    assert failed_checks() == {}


# --- what else may happen on the way --------------------------------------------------------------------------------
def test_it_can_be_canceled_on_its_way_and_not_changed(slow: Slow) -> None:
    order = slow.waiting.ask(BUY, 1, K.LIMIT, limit_price="100")
    with pytest.raises(DomainError) as refusal:
        modify_order(actor=slow.pit.alice, order=order, limit_price=D(99))
    assert (refusal.value.code, refusal.value.status) == ("ORDER_ON_ITS_WAY", 409)
    cancel_order(actor=slow.pit.alice, order=order)
    slow.tick(300, 90)
    assert (told(order)[:2], slow.waiting.promised()) == ((OrderState.CANCELED, "CANCELED_BY_OWNER"), {})
    assert not has_unfinished_work(slow.pit.desk.namespace)


def test_a_halt_takes_opens_back_on_their_way(slow: Slow, operator: User) -> None:
    order = slow.waiting.ask(BUY, 1, K.MARKET)
    set_safety(actor=operator, scope=ScopeKind.PLATFORM, scope_id="", level=SafetyLevel.HALTED, reason="Drill")
    slow.tick(300, 100)
    assert (told(order)[:2], slow.waiting.promised()) == ((OrderState.CANCELED, "TRADING_HALTED"), {})


def test_an_exit_goes_before_a_sale_on_its_way(slow: Slow) -> None:
    slow.delay(0)
    slow.pit.buy(2)
    slow.delay(300)
    first = slow.waiting.ask(SELL, 2, K.MARKET)
    with slow.pit.working():
        exit_ = close_position(actor=slow.pit.alice, portfolio=slow.pit.lead, instrument=slow.pit.instrument)
    assert told(first)[:2] == (OrderState.CANCELED, "SUPERSEDED_BY_EXIT")
    slow.tick(300, 100)
    assert (told(exit_)[0], slow.pit.held(slow.pit.lead), failed_checks()) == (OrderState.FILLED, "0", {})


def test_a_latency_set_meanwhile_is_the_next_orders(slow: Slow) -> None:
    first = slow.waiting.ask(BUY, 1, K.MARKET)
    slow.delay(0)
    second = slow.waiting.ask(BUY, 1, K.MARKET)
    assert (told(first)[0], told(second)[0]) == (OrderState.OPEN, OrderState.FILLED)
    assert again(first).arrives_at == slow.at(300)


# --- copies ---------------------------------------------------------------------------------------------------------
def test_copies_without_latency_fill_at_once_and_never_see_the_book(slow: Slow, bob: User) -> None:
    slow.delay(0)
    follow = slow.pit.follow(bob)
    slow.pit.buy(10)
    copied = Order.objects.get(portfolio=follow.portfolio)
    assert (copied.state, copied.change, copied.rests_since) == (OrderState.FILLED, None, None)


def test_a_followers_latency_is_its_own_and_its_orders_keep_their_turn(slow: Slow, bob: User) -> None:
    slow.delay(0)
    follow = slow.pit.follow(bob, price_cap="0.03")
    slow.delay(300, portfolio=follow.portfolio)
    slow.pit.buy(10)
    slow.pit.buy(10)
    orders = Order.objects.filter(portfolio=follow.portfolio, cause_kind=CauseKind.LEAD_EVENT).order_by("seq")
    assert [one.state for one in orders] == [OrderState.OPEN, OrderState.PENDING]
    slow.tick(300, 102)
    assert [(one.state, plain(one.average_price)) for one in orders.all()] == [
        (OrderState.FILLED, "102"),
        (OrderState.OPEN, "0"),
    ]
    slow.tick(600, 103)
    assert [(one.state, plain(one.average_price)) for one in orders.all()] == [
        (OrderState.FILLED, "102"),
        (OrderState.FILLED, "103"),
    ]
    assert failed_checks() == {}


def target(follow: Follow) -> str:
    return plain(FollowPosition.objects.get(follow=follow).target)


def test_what_a_copy_does_not_get_at_its_arrival_is_off_its_target(slow: Slow, bob: User) -> None:
    slow.delay(0)
    follow = slow.pit.follow(bob, **UNGUARDED)
    slow.delay(300, portfolio=follow.portfolio)
    slow.pit.buy(90)
    assert target(follow) == "9"
    slow.tick(300, 200)
    [copied] = Order.objects.filter(portfolio=follow.portfolio)
    assert (copied.state, copied.code, plain(copied.quantity)) == (OrderState.CANCELED, "MISSED_PRICE_CAP", "9")
    assert (target(follow), failed_checks()) == ("0", {})


def test_a_copy_that_a_halt_takes_back_is_off_its_target_once(slow: Slow, bob: User, operator: User) -> None:
    slow.delay(0)
    follow = slow.pit.follow(bob)
    slow.delay(300, portfolio=follow.portfolio)
    slow.pit.buy(90)
    set_safety(actor=operator, scope=ScopeKind.PLATFORM, scope_id="", level=SafetyLevel.HALTED, reason="Drill")
    [copied] = Order.objects.filter(portfolio=follow.portfolio)
    assert (copied.state, copied.code, target(follow)) == (OrderState.CANCELED, "TRADING_HALTED", "0")


# --- once -----------------------------------------------------------------------------------------------------------
def test_an_arrival_seen_twice_fills_once(slow: Slow) -> None:
    order = slow.waiting.ask(BUY, 1, K.MARKET)
    assert order.change is not None
    crossing = Crossing(order.pk, order.change, D(95))
    assert (meet_prices([crossing]), meet_prices([crossing])) == (1, 0)
    slow.waiting.restart()
    slow.tick(300, 90)
    assert fills(order) == [("1", "95", "0")]


def test_a_worker_killed_at_any_statement_of_a_departure_or_an_arrival_leaves_all_or_nothing(
    slow: Slow, bob: User
) -> None:
    slow.pit.follow(bob)
    order = slow.waiting.ask(BUY, 1, K.MARKET)
    Order.objects.filter(pk=order.pk).update(
        state=OrderState.SUBMITTING, rests_since=None, arrives_at=None, change=None
    )

    def until_done(act: object) -> int:
        assert callable(act)
        before, deaths = everything_stored(), 0
        while True:
            with dying_at(deaths):
                try:
                    act()
                    return deaths
                except Died:
                    pass
            assert everything_stored() == before
            deaths += 1

    assert until_done(lambda: accept_orders([order.pk], takers=[order.pk])) > 4
    on_its_way = again(order)
    assert (on_its_way.state, on_its_way.arrives_at) == (OrderState.OPEN, slow.at(300))
    assert on_its_way.change is not None
    crossing = Crossing(order.pk, on_its_way.change, D(95))
    assert until_done(lambda: meet_prices([crossing])) > 10
    assert (fills(order), meet_prices([crossing])) == ([("1", "95", "0")], 0)
