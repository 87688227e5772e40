"""Values above which an order is refused, or waits: as they stand on its portfolio's row, which whoever judges has locked."""

from __future__ import annotations

from decimal import Decimal

from engine.decimals import ZERO, money
from trading.models import CauseKind, Leg, Order

# These pass a second person before they are stored.
_BY_HAND = (CauseKind.HAND, CauseKind.BRACKET)


def worth(order: Order, market_price: Decimal | None) -> Decimal:
    """Return what an order is worth in quote units: at its own price where it names a worse one than the market's."""
    named = [one for one in (order.limit_price, order.trigger_price, market_price) if one is not None]
    return money(order.requested_quantity * max(named)) if named else ZERO


def refusal_of(order: Order, market_price: Decimal | None) -> str:
    """Return the code of the limit on values that an open breaks; "" for exits, which pass always, and where none does.

    What no hand placed (a plan, a run, a copy, a signal) cannot wait for anybody: above the limit it is denied.
    """
    portfolio = order.portfolio
    if order.leg != Leg.OPEN or (portfolio.max_order_value is None and portfolio.approval_above is None):
        return ""
    value = worth(order, market_price)
    if portfolio.max_order_value is not None and value > portfolio.max_order_value:
        return "SUB_ACCOUNT_ORDER_LIMIT"
    if order.cause_kind not in _BY_HAND and portfolio.approval_above is not None and value > portfolio.approval_above:
        return "APPROVAL_NEEDED"
    return ""
