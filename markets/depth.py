"""An order book as a ladder: each level with what lies up to it, and the spread between the best two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import accumulate

from markets.boards import BOOK_LEVELS
from markets.gateway.protocol import Level, OrderBook


@dataclass(frozen=True, slots=True)
class Rung:
    """A level; `total` is the quantity from the best price to this one, `share` its part of the larger side's (0–1)."""

    price: Decimal
    quantity: Decimal
    total: Decimal
    share: str


@dataclass(frozen=True, slots=True)
class Ladder:
    """Both sides, best first; without a book both are empty."""

    bids: tuple[Rung, ...] = ()
    asks: tuple[Rung, ...] = ()
    at: datetime | None = None

    @property
    def spread(self) -> Decimal | None:
        """Return best ask − best bid in quote units; None where a side is empty."""
        return self.asks[0].price - self.bids[0].price if self.bids and self.asks else None

    @property
    def spread_bps(self) -> Decimal | None:
        """Return the spread in hundredths of a per cent of the middle between both."""
        if self.spread is None:
            return None
        middle = (self.asks[0].price + self.bids[0].price) / 2
        return self.spread / middle * 10_000 if middle else None

    @property
    def rows(self) -> tuple[Sequence[Rung | None], Sequence[Rung | None]]:
        """Return bids and asks, filled up with None: a page has a row for every level that may come."""
        return _filled(self.bids), _filled(self.asks)


def ladder(book: OrderBook | None) -> Ladder:
    """Return a book's ladder, the best `BOOK_LEVELS` levels of each side."""
    if book is None:
        return Ladder()
    sides = [list(side[:BOOK_LEVELS]) for side in (book.bids, book.asks)]
    largest = max((sum((one.quantity for one in side), Decimal(0)) for side in sides), default=Decimal(0))
    bids, asks = (_rungs(side, largest) for side in sides)
    return Ladder(bids, asks, book.at)


def _rungs(side: Sequence[Level], largest: Decimal) -> tuple[Rung, ...]:
    totals = accumulate(one.quantity for one in side)
    return tuple(
        Rung(one.price, one.quantity, total, f"{total / largest if largest else 0:.4f}")
        for one, total in zip(side, totals, strict=True)
    )


def _filled(side: Sequence[Rung]) -> Sequence[Rung | None]:
    return [*side, *[None] * (BOOK_LEVELS - len(side))]
