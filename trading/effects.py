"""What an order would do to its portfolio's limits, judged before it is placed, by the rules that will judge it. Nothing is written."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from common.clock import market_now
from common.errors import DomainError
from engine.decimals import ZERO
from engine.risk.usage import Usage, usage_after
from markets.models import Instrument
from portfolios.models import Portfolio
from trading.models import CauseKind, Side
from trading.order_terms import OrderTerms, check_quantity, check_terms
from trading.rules import to_reserve
from trading.services.judging import facts_of, holdings_of
from trading.services.orders import Cause, asked_rows, refusal_of


@dataclass(frozen=True, slots=True)
class Effect:
    """Why it would be refused as things stand (code and words, "" where it would pass), and the limits as they would stand."""

    code: str
    words: str
    usages: tuple[Usage, ...]


def effect_of(
    portfolio: Portfolio, instrument: Instrument, side: Side, quantity: Decimal, terms: OrderTerms
) -> Effect | None:
    """Return what an order by hand of `quantity` (base units) would do; None where there is nothing to judge."""
    if quantity <= ZERO:
        return None
    try:
        check_quantity(quantity, instrument)
        check_terms(terms, instrument, side, market_now(portfolio.namespace))
    except DomainError as error:
        return Effect(error.code, error.message, ())
    try:
        orders = asked_rows(portfolio, instrument, side, quantity, Cause(CauseKind.HAND, ""), [terms])
    except DomainError as error:
        return Effect(error.code, error.message, ())
    usages: tuple[Usage, ...] = ()
    for order, facts in zip(orders, facts_of(orders, holdings_of(orders), ahead=True), strict=True):
        refusal = refusal_of(order, facts)
        order.market_price = facts.market_price
        cost = ZERO if order.market_price is None else to_reserve(order, order.requested_quantity)
        usages = tuple(usage_after(facts, cost))
        if refusal:
            return Effect(refusal.code, refusal.message, usages)
        order.quantity = order.requested_quantity
    return Effect("", "", usages)
