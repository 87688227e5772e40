"""The rules that cut an open down instead of refusing it (clip, do not deny): each says how many units may be bought at most.

What a cap leaves may be negative: then the portfolio is beyond the limit already, and nothing more is opened.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

from engine.decimals import ONE, ZERO
from engine.execution import affordable_quantity
from engine.risk.facts import InstrumentRules, OrderFacts, RiskFacts


class Cap(NamedTuple):
    """A limit in units of the instrument; `clipped` is said of what it cuts, `denied` where nothing is left of it."""

    quantity: Decimal
    clipped: str
    denied: str


Rule = Callable[[OrderFacts, RiskFacts, InstrumentRules], Cap | None]


def order_notional(order: OrderFacts, facts: RiskFacts, rules: InstrumentRules) -> Cap | None:
    most = facts.limits.max_order_notional
    return None if most is None else _cap(order, most, "CLIPPED_ORDER_NOTIONAL", "ORDER_NOTIONAL_LIMIT")


def order_share(order: OrderFacts, facts: RiskFacts, rules: InstrumentRules) -> Cap | None:
    share = facts.limits.max_order_share
    return None if share is None else _cap(order, share * facts.equity, "CLIPPED_ORDER_SHARE", "ORDER_SHARE_LIMIT")


def position_notional(order: OrderFacts, facts: RiskFacts, rules: InstrumentRules) -> Cap | None:
    most = facts.limits.max_position_notional
    if most is None:
        return None
    return _cap(order, most - facts.instrument_exposure, "CLIPPED_POSITION_NOTIONAL", "POSITION_NOTIONAL_LIMIT")


def instrument_share(order: OrderFacts, facts: RiskFacts, rules: InstrumentRules) -> Cap | None:
    share = facts.limits.max_instrument_share
    if share is None:
        return None
    left = share * facts.equity - facts.instrument_exposure
    return _cap(order, left, "CLIPPED_INSTRUMENT_SHARE", "INSTRUMENT_SHARE_LIMIT")


def asset_share(order: OrderFacts, facts: RiskFacts, rules: InstrumentRules) -> Cap | None:
    share = facts.limits.max_asset_share
    if share is None:
        return None
    return _cap(order, share * facts.equity - facts.asset_exposure, "CLIPPED_ASSET_SHARE", "ASSET_SHARE_LIMIT")


def correlated_share(order: OrderFacts, facts: RiskFacts, rules: InstrumentRules) -> Cap | None:
    share = facts.limits.max_correlated_share
    if share is None:
        return None
    left = share * facts.equity - facts.correlated_exposure
    return _cap(order, left, "CLIPPED_CORRELATED_SHARE", "CORRELATED_SHARE_LIMIT")


def leverage(order: OrderFacts, facts: RiskFacts, rules: InstrumentRules) -> Cap | None:
    most = facts.limits.max_leverage
    if most is None:
        return None
    return _cap(order, most * facts.equity - facts.exposure, "CLIPPED_LEVERAGE", "LEVERAGE_LIMIT")


def liquidation(order: OrderFacts, facts: RiskFacts, rules: InstrumentRules) -> Cap | None:
    """All positions can fall by equity ÷ exposure before nothing is left: never more for a book that owes nothing."""
    least = facts.limits.min_liquidation_ratio
    if least is None:
        return None
    return _cap(order, facts.equity / least - facts.exposure, "CLIPPED_LIQUIDATION", "LIQUIDATION_TOO_NEAR")


def reserve(order: OrderFacts, facts: RiskFacts, rules: InstrumentRules) -> Cap | None:
    """What the order costs, fee included, must leave the reserve untouched."""
    share = facts.limits.reserve_share
    if share is None or order.market_price is None:
        return None
    spare = order.free_quote - share * facts.equity
    quantity = affordable_quantity(free=spare, market_price=order.market_price, costs=rules.costs)
    return Cap(quantity, "CLIPPED_RESERVE", "RESERVE_LIMIT")


def trade_risk(order: OrderFacts, facts: RiskFacts, rules: InstrumentRules) -> Cap | None:
    """Distance to the stop × quantity: without a stop nobody can say what is at risk."""
    share, stop = facts.limits.max_trade_risk, facts.stop_ratio
    if share is None or not stop:
        return None
    return _cap(order, share * facts.equity / stop, "CLIPPED_TRADE_RISK", "TRADE_RISK_LIMIT")


def near_daily_loss(order: OrderFacts, facts: RiskFacts, rules: InstrumentRules) -> Cap | None:
    """Half of what was asked for, once so much of the day's allowance is lost; half of an order's share for a hand.

    (A hand is not cut: half of whatever it asks for would refuse every order.)
    """
    limit, part = facts.limits.max_daily_loss, facts.limits.halve_at
    if limit is None or part is None or facts.day_loss <= ZERO or facts.day_loss < part * limit * facts.day_base:
        return None
    if order.may_clip:
        return Cap(order.quantity / 2, "CLIPPED_NEAR_DAILY_LOSS", "DAILY_LOSS_NEAR")
    share = facts.limits.max_order_share
    return (
        None if share is None else _cap(order, share * facts.equity / 2, "CLIPPED_NEAR_DAILY_LOSS", "DAILY_LOSS_NEAR")
    )


def slippage(order: OrderFacts, facts: RiskFacts, rules: InstrumentRules) -> Cap | None:
    """What the book holds at an average price that is near enough to its best."""
    most = facts.limits.max_slippage
    if most is None or not facts.levels:
        return None
    quantity = depth_within(facts.levels, most, is_buy=order.is_buy)
    return Cap(quantity, "CLIPPED_SLIPPAGE", "SLIPPAGE_LIMIT")


def depth_within(levels: tuple[tuple[Decimal, Decimal], ...], most: Decimal, *, is_buy: bool) -> Decimal:
    """Return how much can be taken from the levels (price, quantity; best first) at an average within `most` of the best price.

    >>> depth_within(((Decimal(100), Decimal(1)), (Decimal(103), Decimal(9))), Decimal("0.01"), is_buy=True)
    Decimal('1.5')
    """
    best = levels[0][0]
    bound = best * (ONE + most if is_buy else ONE - most)
    taken = value = ZERO
    for price, quantity in levels:
        over = price - bound if is_buy else bound - price
        # Below its bound by what was taken so far: that much more of this level lifts the average up to it.
        room = (bound * taken - value if is_buy else value - bound * taken) / over if over > ZERO else quantity
        if room < quantity:
            return taken + room
        taken, value = taken + quantity, value + quantity * price
    return taken


def _cap(order: OrderFacts, notional: Decimal, clipped: str, denied: str) -> Cap | None:
    return Cap(notional / order.market_price, clipped, denied) if order.market_price else None


CAPS: tuple[Rule, ...] = (
    order_notional,
    order_share,
    position_notional,
    instrument_share,
    asset_share,
    correlated_share,
    leverage,
    liquidation,
    reserve,
    trade_risk,
    near_daily_loss,
    slippage,
)


def tightest(order: OrderFacts, facts: RiskFacts, rules: InstrumentRules) -> Cap | None:
    """Return the cap that leaves least of an open; None where none is set."""
    least = None
    for rule in CAPS:
        cap = rule(order, facts, rules)
        if cap is not None and (least is None or cap.quantity < least.quantity):
            least = cap
    return least
