"""Hold lines: while an order rests, what it promises stands in the ledger, tied to it; a change of one is a change of the other.

Orders that fill at once write none: their promise is on the balance row alone, for as long as they are at work.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from uuid import UUID

from common.clock import market_times
from engine.decimals import ZERO
from portfolios.services.books import Hold, book_holds
from trading.models import Order
from trading.rules import held_by, reserved_asset


def keep_holds(orders: Iterable[Order], before: Mapping[UUID, Decimal] | None = None) -> None:
    """Write down by how much the orders hold more or less than `before` (by id; what is missing there held nothing).

    The orders are read with portfolio and instrument, and stored in the same transaction under their portfolios' locks.
    """
    known = before or {}
    moved = [(order, change) for order in orders if (change := held_by(order) - known.get(order.pk, ZERO))]
    if not moved:
        return
    now = market_times(order.portfolio.namespace for order, _ in moved)
    book_holds(
        [
            Hold(order.pk, order.portfolio_id, reserved_asset(order), change, now[order.portfolio.namespace])
            for order, change in moved
        ]
    )
