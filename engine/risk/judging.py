"""One order against all its rules: what a venue, the platform and its own limits let through of it. Exits pass all but facts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from engine.decimals import ZERO, floor_to_step
from engine.execution import affordable_quantity
from engine.risk.caps import tightest
from engine.risk.facts import InstrumentRules, OrderFacts
from engine.risk.refusals import refusal_of


@dataclass(frozen=True, slots=True)
class Verdict:
    """The quantity to send (0 = denied) and the code of what clipped or denied it ("" where nothing did)."""

    quantity: Decimal
    code: str = ""
    # The figure that met its limit, and the limit, where the rule has them: money, a share or a count, as its code says.
    value: Decimal | None = None
    limit: Decimal | None = None


def judge(order: OrderFacts, rules: InstrumentRules) -> Verdict:
    """Return what of an order may be sent."""
    if order.market_price is None or order.unit_price is None:
        return Verdict(ZERO, "PRICE_UNKNOWN")
    if not order.reduces and (refusal := _refusal_of_open(order, rules)):
        return Verdict(ZERO, refusal)
    limited = Verdict(order.quantity) if order.reduces else _within_limits(order, rules)
    if limited.code and not limited.quantity:
        return limited
    verdict = _within_balance(replace(order, quantity=limited.quantity) if limited.code else order, rules)
    if verdict.quantity and not verdict.code:
        # What the balance cut further, it is the balance that cut it.
        verdict = limited
    if not verdict.quantity or (order.reduces and verdict.quantity == order.held_quantity):
        # What closes a position whole always passes: dust must not block a stop (rule 12).
        return verdict
    return _above_minimum(verdict, order.unit_price, rules)


def _refusal_of_open(order: OrderFacts, rules: InstrumentRules) -> str:
    if order.safety_state != "ACTIVE":
        return f"TRADING_{order.safety_state}"
    if not order.portfolio_is_open:
        return "PORTFOLIO_NOT_OPEN"
    if order.account_refusal:
        return order.account_refusal
    if not rules.is_active:
        return "INSTRUMENT_NOT_TRADABLE"
    if not order.instrument_is_allowed:
        return "INSTRUMENT_NOT_ALLOWED"
    if order.price_is_stale:
        return "EQUITY_STALE"
    return ""


def _within_limits(order: OrderFacts, rules: InstrumentRules) -> Verdict:
    """Return what the portfolio's own limits leave of an open."""
    facts, asked = order.risk, order.quantity
    if facts is None or asked <= ZERO:
        return Verdict(asked)
    if (refusal := refusal_of(order, facts)) is not None:
        return Verdict(ZERO, refusal.code, refusal.value, refusal.limit)
    cap = tightest(order, facts, rules)
    if cap is None or asked <= cap.quantity:
        return Verdict(asked)
    most = max(floor_to_step(cap.quantity, rules.lot_step), ZERO)
    enough = _above_minimum(Verdict(most), order.market_price or ZERO, rules).quantity
    if order.may_clip and enough:
        return Verdict(most, cap.clipped, asked, most)
    return Verdict(ZERO, cap.denied, asked, most)


def _within_balance(order: OrderFacts, rules: InstrumentRules) -> Verdict:
    return _covered_exit(order) if order.reduces else _covered_open(order, rules)


def _covered_open(order: OrderFacts, rules: InstrumentRules) -> Verdict:
    assert order.unit_price is not None
    if order.quantity <= ZERO:
        return Verdict(ZERO, "QUANTITY_BELOW_MINIMUM")
    affordable = affordable_quantity(free=order.free_quote, market_price=order.unit_price, costs=rules.costs)
    most = floor_to_step(affordable, rules.lot_step)
    if order.room is not None and order.room < min(order.quantity, most):
        return _within_tier(order, floor_to_step(order.room, rules.lot_step))
    if order.quantity <= most:
        return Verdict(order.quantity)
    if not order.may_clip or not most:
        return Verdict(ZERO, "INSUFFICIENT_BALANCE")
    return Verdict(most, "CLIPPED_BALANCE")


def _within_tier(order: OrderFacts, most: Decimal) -> Verdict:
    """Return what the venue's tiers leave of an open at its leverage."""
    if order.may_clip and most:
        return Verdict(most, "CLIPPED_TIER")
    return Verdict(ZERO, "LEVERAGE_TIER_LIMIT")


def _covered_exit(order: OrderFacts) -> Verdict:
    if order.held_quantity <= ZERO:
        return Verdict(ZERO, "NOTHING_TO_CLOSE")
    if order.quantity <= ZERO:
        # A part of what is held that fills no lot.
        return Verdict(ZERO, "QUANTITY_BELOW_MINIMUM")
    if order.quantity <= order.held_quantity:
        return Verdict(order.quantity)
    if not order.may_clip:
        return Verdict(ZERO, "QUANTITY_ABOVE_POSITION")
    return Verdict(order.held_quantity, "CLIPPED_POSITION")


def _above_minimum(verdict: Verdict, price: Decimal, rules: InstrumentRules) -> Verdict:
    if verdict.quantity < max(rules.min_quantity, rules.lot_step):
        return Verdict(ZERO, "QUANTITY_BELOW_MINIMUM")
    if verdict.quantity * price < rules.min_notional:
        return Verdict(ZERO, "NOTIONAL_BELOW_MINIMUM")
    return verdict
