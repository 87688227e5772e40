"""How much of each limit is used at the moment, or would be after one more order: a bar and a number."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from engine.decimals import ONE, ZERO, money
from engine.risk.facts import OrderFacts, RiskFacts
from engine.risk.limits import SPECS, Limits, Spec
from engine.risk.refusals import row_of_losses, stops_of_late


@dataclass(frozen=True, slots=True)
class Usage:
    """A limit that is set, what of it is used in its own unit (None: only a single order can tell), and both as a part (0-1)."""

    spec: Spec
    limit: Decimal
    used: Decimal | None = None
    part: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Concentration:
    """The largest exposures of a portfolio, and how it could lose: what is asked over all instruments, not of one order."""

    instrument: Decimal = ZERO
    asset: Decimal = ZERO
    correlated: Decimal = ZERO
    worst_loss: Decimal = ZERO
    free: Decimal = ZERO


def usage_of(facts: RiskFacts, most: Concentration) -> list[Usage]:
    """Return every limit that is set, in the order of its page."""
    used = _used(facts, most)
    return [
        _usage(facts.limits, spec, used.get(spec.name))
        for spec in SPECS
        if getattr(facts.limits, spec.name) is not None
    ]


def _used(facts: RiskFacts, most: Concentration) -> dict[str, Decimal | None]:
    equity = facts.equity
    return {
        "max_position_notional": most.instrument,
        "max_instrument_share": _ratio(most.instrument, equity),
        "max_asset_share": _ratio(most.asset, equity),
        "max_correlated_share": _ratio(most.correlated, equity),
        "max_positions": Decimal(facts.positions),
        "max_leverage": _ratio(facts.exposure, equity),
        "min_liquidation_ratio": min(_ratio(equity, facts.exposure) or ONE, ONE) if equity > ZERO else ZERO,
        "reserve_share": _ratio(most.free, equity),
        "max_trade_loss": _ratio(most.worst_loss, equity),
        "max_daily_loss": _ratio(max(facts.day_loss, ZERO), facts.day_base),
        "max_weekly_loss": _ratio(max(facts.week_loss, ZERO), facts.week_base),
        "max_drawdown": _ratio(max(facts.drawdown, ZERO), facts.peak),
        "max_losses_in_row": Decimal(row_of_losses(facts)),
        "max_stops": Decimal(stops_of_late(facts)),
        "max_orders_per_minute": Decimal(facts.orders_in_minute),
        "max_orders_per_day": Decimal(facts.orders_today),
    }


def usage_after(order: OrderFacts, cost: Decimal) -> list[Usage]:
    """Return the limits that an open would use, as they would stand once it is filled whole, in the order of their page.

    `cost` is what it takes of the balance (quote units, fee included). Nothing for an exit, and without limits or a price.
    """
    facts = order.risk
    if facts is None or order.reduces or order.market_price is None:
        return []
    used = _used_after(order, facts, order.market_price, cost)
    usages = [
        _usage(facts.limits, spec, used[spec.name])
        for spec in SPECS
        if spec.name in used and getattr(facts.limits, spec.name) is not None
    ]
    return [one for one in usages if one.used is not None]


def _used_after(order: OrderFacts, facts: RiskFacts, price: Decimal, cost: Decimal) -> dict[str, Decimal | None]:
    """Return what the rules (caps.py, refusals.py) would find used after an open, by limit."""
    equity, value = facts.equity, order.quantity * price
    exposure = facts.exposure + value
    opens_position = bool(value) and not facts.instrument_exposure
    return {
        "max_order_notional": value,
        "max_order_share": _ratio(value, equity),
        "max_position_notional": facts.instrument_exposure + value,
        "max_instrument_share": _ratio(facts.instrument_exposure + value, equity),
        "max_asset_share": _ratio(facts.asset_exposure + value, equity),
        "max_correlated_share": _ratio(facts.correlated_exposure + value, equity),
        "max_positions": Decimal(facts.positions + opens_position),
        "max_leverage": _ratio(exposure, equity),
        "min_liquidation_ratio": min(_ratio(equity, exposure) or ONE, ONE) if equity > ZERO else ZERO,
        "reserve_share": _ratio(order.free_quote - cost, equity),
        "max_trade_risk": _ratio(value * facts.stop_ratio, equity) if facts.stop_ratio else None,
        "max_orders_per_minute": Decimal(facts.orders_in_minute + 1),
        "max_orders_per_day": Decimal(facts.orders_today + 1),
    }


def _ratio(value: Decimal, base: Decimal) -> Decimal | None:
    return value / base if base > ZERO else None


# Of these more is better: they are used up where what is left stands at the limit.
_LEAST = {"min_liquidation_ratio", "reserve_share"}


def _usage(limits: Limits, spec: Spec, used: Decimal | None) -> Usage:
    limit: Decimal = getattr(limits, spec.name)
    if used is None or limit <= ZERO:
        return Usage(spec, limit)
    part = (limit / used if used > ZERO else ONE) if spec.name in _LEAST else used / limit
    return Usage(spec, limit, money(used), money(max(min(part, ONE), ZERO)))
