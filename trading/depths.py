"""What lies against our own broker's takers: the venues' order books of this moment, as the matching kernel counts them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from common.clock import market_times
from engine.decimals import floor_to_step
from engine.matching.types import Depth
from markets.boards import latest_books
from markets.gateway.protocol import Level
from markets.models import SourceKind
from trading.brokers.places import has_venue
from trading.models import CauseKind, Order
from trading.rules import GRID

# A book that is older says nothing of what could be had now.
VALID_FOR = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class KnownDepth:
    """A book's levels, and when the venue had them."""

    at: datetime
    depth: Depth


def depths_for(orders: Sequence[Order]) -> dict[UUID, KnownDepth]:
    """Return, by order, the fresh book that it would meet as a taker, where there is one; one board read per exchange.

    Copies of a lead's event have none: they all meet the one price of their event. Nor have orders that their venue fills.
    """
    asking = [
        order
        for order in orders
        if order.cause_kind != CauseKind.LEAD_EVENT
        and order.instrument.exchange.source_kind == SourceKind.REAL
        and not has_venue(order)
    ]
    if not asking:
        return {}
    books = latest_books({order.instrument_id: order.instrument for order in asking}.values())
    now = market_times(order.portfolio.namespace for order in asking) if books else {}
    known: dict[UUID, KnownDepth] = {}
    for order in asking:
        book = books.get(order.instrument_id)
        if book is not None and now[order.portfolio.namespace] - book.at <= VALID_FOR:
            step = order.instrument.lot_step
            depth = GRID.depth(_whole_lots(book.bids, step), _whole_lots(book.asks, step))
            known[order.pk] = KnownDepth(book.at, depth)
    return known


def _whole_lots(levels: Iterable[Level], lot_step: Decimal) -> list[tuple[Decimal, Decimal]]:
    lots = ((level.price, floor_to_step(level.quantity, lot_step)) for level in levels)
    return [(price, quantity) for price, quantity in lots if quantity]
