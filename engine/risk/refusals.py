"""The rules that let an open pass whole or not at all: each a function of the facts, its code, its value and its limit.

A loss that has reached its limit refuses; a price, a count or an age that stands exactly at its limit passes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from operator import attrgetter

from engine.decimals import ZERO
from engine.risk.facts import OrderFacts, RiskFacts, Trade
from engine.risk.limits import companion


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an open may not be: the figure that was met and the limit that it met, where the rule has figures."""

    code: str
    value: Decimal | None = None
    limit: Decimal | None = None


Rule = Callable[[OrderFacts, RiskFacts], Refusal | None]


def lists(order: OrderFacts, facts: RiskFacts) -> Refusal | None:
    limits = facts.limits
    if facts.symbol in limits.denied:
        return Refusal("INSTRUMENT_ON_DENY_LIST")
    if limits.allowed and facts.symbol not in limits.allowed:
        return Refusal("INSTRUMENT_NOT_ON_ALLOW_LIST")
    return None


def daily_loss(order: OrderFacts, facts: RiskFacts) -> Refusal | None:
    return _lost("DAILY_LOSS_LIMIT", facts.limits.max_daily_loss, facts.day_loss, facts.day_base)


def weekly_loss(order: OrderFacts, facts: RiskFacts) -> Refusal | None:
    return _lost("WEEKLY_LOSS_LIMIT", facts.limits.max_weekly_loss, facts.week_loss, facts.week_base)


def drawdown(order: OrderFacts, facts: RiskFacts) -> Refusal | None:
    return _lost("DRAWDOWN_LIMIT", facts.limits.max_drawdown, facts.drawdown, facts.peak)


def trade_loss(order: OrderFacts, facts: RiskFacts) -> Refusal | None:
    """Nothing is added to a position that has lost too much already."""
    return _lost("TRADE_LOSS_LIMIT", facts.limits.max_trade_loss, facts.trade_loss, facts.equity)


def _lost(code: str, limit: Decimal | None, loss: Decimal, base: Decimal) -> Refusal | None:
    if limit is None or loss <= ZERO or loss < limit * base:
        return None
    return Refusal(code, loss, limit * base)


def liquidation(order: OrderFacts, facts: RiskFacts) -> Refusal | None:
    """An isolated position's distance follows from its leverage: less of it is no farther away."""
    least, ratio = facts.limits.min_liquidation_ratio, facts.liquidation_ratio
    return None if least is None or ratio is None or ratio >= least else Refusal("LIQUIDATION_TOO_NEAR", ratio, least)


def positions(order: OrderFacts, facts: RiskFacts) -> Refusal | None:
    most = facts.limits.max_positions
    if most is None or facts.instrument_exposure or facts.positions < most:
        return None
    return Refusal("TOO_MANY_POSITIONS", Decimal(facts.positions), most)


def losses_in_row(order: OrderFacts, facts: RiskFacts) -> Refusal | None:
    most = facts.limits.max_losses_in_row
    if most is None or not facts.trades:
        return None
    count = row_of_losses(facts)
    pause = timedelta(minutes=int(companion(facts.limits, "losses_pause_minutes")))
    if count < most or facts.now >= facts.trades[-1].at + pause:
        return None
    return Refusal("LOSSES_IN_A_ROW", Decimal(count), most)


def row_of_losses(facts: RiskFacts) -> int:
    """Return how many of the newest trades lost, without one between them that did not."""
    count = 0
    for trade in reversed(facts.trades):
        if trade.profit >= ZERO:
            break
        count += 1
    return count


def stop_guard(order: OrderFacts, facts: RiskFacts) -> Refusal | None:
    most = facts.limits.max_stops
    if most is None or (count := stops_of_late(facts)) < most:
        return None
    return Refusal("TOO_MANY_STOPS", Decimal(count), most)


def stops_of_late(facts: RiskFacts) -> int:
    """Return how many stops were hit within the window."""
    since = facts.now - timedelta(minutes=int(companion(facts.limits, "stops_window_minutes")))
    return sum(trade.by_stop for trade in _trades_since(facts, since))


def _trades_since(facts: RiskFacts, since: datetime) -> tuple[Trade, ...]:
    """Return the trades that ended after a moment."""
    return facts.trades[bisect_right(facts.trades, since, key=attrgetter("at")) :]


def loss_cooldown(order: OrderFacts, facts: RiskFacts) -> Refusal | None:
    minutes = facts.limits.loss_cooldown_minutes
    last = next((trade for trade in reversed(facts.trades) if trade.profit < ZERO), None)
    if minutes is None or last is None or facts.now >= last.at + timedelta(minutes=int(minutes)):
        return None
    return Refusal("COOLING_DOWN", Decimal(int((facts.now - last.at).total_seconds() // 60)), minutes)


def low_profit(order: OrderFacts, facts: RiskFacts) -> Refusal | None:
    least = facts.limits.min_instrument_profit
    if least is None:
        return None
    since = facts.now - timedelta(days=int(companion(facts.limits, "profit_window_days")))
    symbol = facts.symbol
    earned = [trade.profit for trade in _trades_since(facts, since) if trade.symbol == symbol]
    profit = sum(earned, ZERO)
    return (
        Refusal("LOW_PROFIT_INSTRUMENT", profit, least * facts.equity)
        if earned and profit < least * facts.equity
        else None
    )


def order_rate(order: OrderFacts, facts: RiskFacts) -> Refusal | None:
    limits = facts.limits
    for code, count, most in (
        ("TOO_MANY_ORDERS_A_MINUTE", facts.orders_in_minute, limits.max_orders_per_minute),
        ("TOO_MANY_ORDERS_A_DAY", facts.orders_today, limits.max_orders_per_day),
    ):
        if most is not None and count >= most:
            return Refusal(code, Decimal(count), most)
    return None


def price_age(order: OrderFacts, facts: RiskFacts) -> Refusal | None:
    most = facts.limits.max_price_age_seconds
    if most is None or facts.price_age_seconds <= most:
        return None
    return Refusal("PRICE_TOO_OLD", facts.price_age_seconds, most)


def price_collar(order: OrderFacts, facts: RiskFacts) -> Refusal | None:
    """The market must be near the price that the order was meant at, to either side."""
    most, meant = facts.limits.max_price_distance, facts.meant_price
    if most is None or not meant or order.market_price is None:
        return None
    distance = abs(order.market_price - meant) / meant
    return Refusal("PRICE_BEYOND_COLLAR", distance, most) if distance > most else None


# In this order; the first that refuses is the reason that is told.
REFUSALS: tuple[Rule, ...] = (
    lists,
    drawdown,
    weekly_loss,
    daily_loss,
    trade_loss,
    losses_in_row,
    stop_guard,
    loss_cooldown,
    low_profit,
    liquidation,
    positions,
    order_rate,
    price_age,
    price_collar,
)


def refusal_of(order: OrderFacts, facts: RiskFacts) -> Refusal | None:
    """Return the first rule's refusal of an open; None where all let it pass."""
    for rule in REFUSALS:
        if (refusal := rule(order, facts)) is not None:
            return refusal
    return None
