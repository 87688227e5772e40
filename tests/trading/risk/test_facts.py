"""Limits meet real orders: what is counted, in how many statements, and that portfolios without limits pay nothing for it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from common.bus import bus
from common.errors import DomainError
from markets.boards import put_books
from markets.gateway.protocol import Level, OrderBook
from markets.models import Instrument
from portfolios.models import Portfolio
from tests.fixtures_trading import Pit, failed_checks
from trading.models import CauseKind, Leg, Order, OrderState, Side
from trading.risk.models import RiskDecision
from trading.risk.services.profiles import set_limits
from trading.services.execution import claim_orders, execute_pending
from trading.services.judging import facts_of, holdings_of
from trading.services.orders import Cause, place_hand_order, submit_order


def limit(portfolio: Portfolio, **limits: object) -> None:
    set_limits(actor=portfolio.owner, portfolio=portfolio, limits=limits)


def refused(pit: Pit, quantity: int | str) -> str:
    with pytest.raises(DomainError) as refusal:
        pit.place(Side.BUY, quantity)
    return refusal.value.code


def run_buys(pit: Pit, quantity: int | str, key: str, instrument: Instrument | None = None, **facts: Any) -> Order:
    """Let a strategy buy, which is cut where a hand is refused."""
    with pit.working():
        order = submit_order(
            portfolio=pit.lead,
            instrument=instrument or pit.instrument,
            side=Side.BUY,
            leg=Leg.OPEN,
            quantity=Decimal(quantity),
            cause=Cause(CauseKind.RUN, key),
            **facts,
        )
    order.refresh_from_db()
    return order


def told(order: Order) -> tuple[str, str, str]:
    return order.state, format(order.quantity.normalize(), "f"), order.code


# --- what is counted ------------------------------------------------------------------------------------------------
def test_a_hand_is_refused_and_a_strategy_is_cut(pit: Pit) -> None:
    limit(pit.lead, max_order_share="0.1")
    assert refused(pit, "10.001") == "ORDER_SHARE_LIMIT"
    assert pit.buy(10).code == ""
    assert told(run_buys(pit, 20, "one")) == (OrderState.FILLED, "10", "CLIPPED_ORDER_SHARE")
    assert failed_checks() == {}


def test_what_is_held_counts_at_todays_price_and_exits_pass(pit: Pit) -> None:
    limit(pit.lead, max_instrument_share="0.2")
    pit.buy(20)
    pit.price(200)
    # 4,000 of 12,000 are a third.
    assert refused(pit, 1) == "INSTRUMENT_SHARE_LIMIT"
    assert pit.sell(5).state == OrderState.FILLED
    pit.price(50)
    assert pit.buy(10).state == OrderState.FILLED


def test_a_follower_is_cut_to_its_own_limits_and_its_aim_with_it(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    limit(follow.portfolio, max_order_share="0.05")
    pit.buy(10)
    assert pit.orders(follow) == [(Side.BUY, Leg.OPEN, OrderState.FILLED, "0.5", "CLIPPED_ORDER_SHARE")]
    assert format(follow.positions.get().target.normalize(), "f") == "0.5"
    pit.sell(10)
    assert pit.held(follow) == "0"


def test_a_copy_is_denied_where_the_market_left_the_leads_price(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    limit(follow.portfolio, max_price_distance="0.01")
    order = pit.place(Side.BUY, 10)
    execute_pending(cause_kind=order.cause_kind, cause_id=order.cause_id)
    pit.price("101.01")
    with pit.working():
        from trading.tasks import fan_out

        fan_out(str(pit.lead.pk))
    assert pit.orders(follow) == [(Side.BUY, Leg.OPEN, OrderState.DENIED, "0", "PRICE_BEYOND_COLLAR")]


def wish(pit: Pit, key: str) -> Order:
    """Let a strategy ask for twenty, and leave it undone."""
    return submit_order(
        portfolio=pit.lead,
        instrument=pit.instrument,
        side=Side.BUY,
        leg=Leg.OPEN,
        quantity=Decimal(20),
        cause=Cause(CauseKind.RUN, key),
    )


def test_opens_of_one_batch_leave_less_for_those_after_them(pit: Pit) -> None:
    limit(pit.lead, max_instrument_share="0.5")
    for key in ("one", "two", "three", "four"):
        wish(pit, key)
    claimed = claim_orders(Order.objects.filter(portfolio=pit.lead))
    assert [told(order) for order in claimed] == [
        (OrderState.SUBMITTING, "20", ""),
        (OrderState.SUBMITTING, "20", ""),
        (OrderState.SUBMITTING, "10", "CLIPPED_INSTRUMENT_SHARE"),
        (OrderState.DENIED, "0", "INSTRUMENT_SHARE_LIMIT"),
    ]


def test_opens_in_flight_leave_less_for_the_next(pit: Pit) -> None:
    limit(pit.lead, max_instrument_share="0.3")
    [first] = claim_orders(Order.objects.filter(pk=wish(pit, "one").pk))
    assert told(first) == (OrderState.SUBMITTING, "20", "")
    # Nothing is filled yet.
    [second] = claim_orders(Order.objects.filter(pk=wish(pit, "two").pk))
    assert told(second) == (OrderState.SUBMITTING, "10", "CLIPPED_INSTRUMENT_SHARE")


def test_the_same_asset_counts_over_its_instruments_and_what_moves_with_it_in_part(pit: Pit) -> None:
    ether = pit.desk.instrument("ETH", min_notional=Decimal(5), taker_fee_bps=Decimal(0))
    pit.price(100, ether)
    pit.buy(20)
    limit(pit.lead, max_correlated_share="0.25")
    bus().board_put(f"correlations:{pit.desk.namespace}", {"BTC:ETH": "0.5000"})
    # Half of two thousand count: 1,500 of 2,500 are left.
    assert told(run_buys(pit, 20, "one", ether)) == (OrderState.FILLED, "15", "CLIPPED_CORRELATED_SHARE")
    # Of its own asset everything counts: 2,000 and half of 1,500.
    assert told(run_buys(pit, 20, "two")) == (OrderState.DENIED, "0", "CORRELATED_SHARE_LIMIT")


def test_a_stop_makes_the_risk_of_a_trade_known(pit: Pit) -> None:
    limit(pit.lead, max_trade_risk="0.01")
    # A hundred may be lost, at five a unit.
    order = run_buys(pit, 50, "one", stop_loss_ratio=Decimal("0.05"))
    assert told(order) == (OrderState.FILLED, "20", "CLIPPED_TRADE_RISK")


def test_orders_are_counted_by_market_time(pit: Pit) -> None:
    limit(pit.lead, max_orders_per_minute="2", max_orders_per_day="3")
    pit.buy(1)
    pit.buy(1)
    assert refused(pit, 1) == "TOO_MANY_ORDERS_A_MINUTE"
    pit.desk.step({pit.instrument: 100}, pit.desk.at + timedelta(minutes=1))
    pit.buy(1)
    pit.desk.step({pit.instrument: 100}, pit.desk.at + timedelta(minutes=1))
    assert refused(pit, 1) == "TOO_MANY_ORDERS_A_DAY"
    pit.desk.step({pit.instrument: 100}, pit.desk.at + timedelta(hours=12))
    assert pit.buy(1).state == OrderState.FILLED


def test_the_order_book_limits_what_is_bought(pit: Pit) -> None:
    limit(pit.lead, max_slippage="0.01")
    asks = (Level(Decimal(100), Decimal(3)), Level(Decimal(105), Decimal(50)))
    book = OrderBook(pit.instrument.symbol, pit.desk.at, (), asks, None)
    put_books(pit.desk.exchange.code, {pit.instrument.pk: book})
    assert told(run_buys(pit, 20, "one")) == (OrderState.FILLED, "3.75", "CLIPPED_SLIPPAGE")


# --- what it costs --------------------------------------------------------------------------------------------------
def statements(pit: Pit, orders: list[Order]) -> int:
    holdings = holdings_of(orders)
    with CaptureQueriesContext(connection) as found:
        list(facts_of(orders, holdings))
    return len(found)


def waiting(pit: Pit, count: int) -> list[Order]:
    """Return the orders of so many followers that one event of the lead's made, as they are judged."""
    cause = pit.fan_out(Side.BUY, 10)
    rows = Order.objects.filter(cause_kind=CauseKind.LEAD_EVENT, cause_id=cause)
    related = ("portfolio", "instrument__market", "instrument__exchange")
    orders = list(rows.select_related(*related).order_by("pk"))
    assert len(orders) == count
    return orders


def test_a_batch_without_limits_costs_one_statement_for_them_and_exits_cost_none(pit: Pit) -> None:
    pit.crowd(20)
    orders = waiting(pit, 20)
    # Events, switches, and whether there are limits.
    assert statements(pit, orders) == 3
    for order in orders:
        order.leg = Leg.CLOSE
    assert statements(pit, orders) == 2


def test_a_batch_with_limits_costs_a_constant_number_whatever_its_size(pit: Pit) -> None:
    follows = pit.crowd(30)
    for follow in follows[:10]:
        limit(
            follow.portfolio,
            max_order_share="0.05",
            max_orders_per_day="5",
            max_slippage="0.01",
            max_correlated_share="1",
        )
    orders = waiting(pit, 30)
    few = [order for order in orders if order.portfolio_id in {one.portfolio_id for one in follows[:2]}]
    assert statements(pit, few) == statements(pit, orders) == 7


# --- the log --------------------------------------------------------------------------------------------------------
def test_what_is_denied_or_cut_is_written_down_with_its_figures(pit: Pit) -> None:
    limit(pit.lead, max_order_share="0.1")
    assert refused(pit, 30) == "ORDER_SHARE_LIMIT"
    order = run_buys(pit, 20, "one")
    pit.buy(1)
    by_hand, cut = RiskDecision.objects.order_by("pk")
    for row, code, asked, allowed, of in (
        (by_hand, "ORDER_SHARE_LIMIT", 30, 0, None),
        (cut, "CLIPPED_ORDER_SHARE", 20, 10, order.pk),
    ):
        assert (row.portfolio_id, row.instrument_id, row.order_id) == (pit.lead.pk, pit.instrument.pk, of)
        assert (row.code, row.asked, row.allowed, row.value, row.limit) == (code, asked, allowed, asked, 10)
        assert row.happened_at == pit.desk.at


def test_without_limits_nothing_is_written_down(pit: Pit) -> None:
    with pytest.raises(DomainError):
        place_hand_order(
            actor=pit.alice, portfolio=pit.lead, instrument=pit.instrument, side=Side.BUY, quantity=Decimal(500)
        )
    run_buys(pit, 500, "one")
    assert RiskDecision.objects.count() == 0
