"""The rules an order must pass before it is sent: pure, each with a code. Reductions pass all but those that speak of facts."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from engine.decimals import ZERO, floor_to_step
from engine.execution import Costs, affordable_quantity


@dataclass(frozen=True, slots=True)
class InstrumentRules:
    """A venue's rules for one instrument: steps and minimums (quantity in base units, notional in quote units)."""

    lot_step: Decimal
    min_quantity: Decimal
    min_notional: Decimal
    is_active: bool
    costs: Costs


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """What the rules need to know of one order at the moment of judging; all gathered beforehand, for a batch at once."""

    is_buy: bool
    reduces: bool
    quantity: Decimal
    market_price: Decimal | None
    price_is_stale: bool
    free_quote: Decimal
    held_quantity: Decimal
    may_clip: bool
    portfolio_is_open: bool
    instrument_is_allowed: bool
    # The strictest state of all scopes the order falls under: ACTIVE, REDUCING or HALTED.
    safety_state: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The quantity to send (0 = denied) and the code of what clipped or denied it ("" where nothing did)."""

    quantity: Decimal
    code: str = ""


def judge(order: OrderFacts, rules: InstrumentRules) -> Verdict:
    """Return what of an order may be sent."""
    if order.market_price is None:
        return Verdict(ZERO, "PRICE_UNKNOWN")
    if not order.reduces and (refusal := _refusal_of_open(order, rules)):
        return Verdict(ZERO, refusal)
    verdict = _within_balance(order, rules)
    if not verdict.quantity or (order.reduces and verdict.quantity == order.held_quantity):
        # What closes a position whole always passes: dust must not block a stop (rule 12).
        return verdict
    return _above_minimum(verdict, order.market_price, rules)


def _refusal_of_open(order: OrderFacts, rules: InstrumentRules) -> str:
    if order.safety_state != "ACTIVE":
        return f"TRADING_{order.safety_state}"
    if not order.portfolio_is_open:
        return "PORTFOLIO_NOT_OPEN"
    if not rules.is_active:
        return "INSTRUMENT_NOT_TRADABLE"
    if not order.instrument_is_allowed:
        return "INSTRUMENT_NOT_ALLOWED"
    if order.price_is_stale:
        return "EQUITY_STALE"
    return ""


def _within_balance(order: OrderFacts, rules: InstrumentRules) -> Verdict:
    return _covered_purchase(order, rules) if order.is_buy else _covered_sale(order)


def _covered_purchase(order: OrderFacts, rules: InstrumentRules) -> Verdict:
    assert order.market_price is not None
    if order.quantity <= ZERO:
        return Verdict(ZERO, "QUANTITY_BELOW_MINIMUM")
    affordable = affordable_quantity(free=order.free_quote, market_price=order.market_price, costs=rules.costs)
    most = floor_to_step(affordable, rules.lot_step)
    if order.quantity <= most:
        return Verdict(order.quantity)
    if not order.may_clip or not most:
        return Verdict(ZERO, "INSUFFICIENT_BALANCE")
    return Verdict(most, "CLIPPED_BALANCE")


def _covered_sale(order: OrderFacts) -> Verdict:
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


def _above_minimum(verdict: Verdict, market_price: Decimal, rules: InstrumentRules) -> Verdict:
    if verdict.quantity < max(rules.min_quantity, rules.lot_step):
        return Verdict(ZERO, "QUANTITY_BELOW_MINIMUM")
    if verdict.quantity * market_price < rules.min_notional:
        return Verdict(ZERO, "NOTIONAL_BELOW_MINIMUM")
    return verdict
