"""Order books as arrays: the best k levels of each side, as scanners read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from engine.candles import Floats, Times

Level = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Books:
    """The best k levels of many books; the leading axes (venue, instrument) are the caller's.

    Prices (quote units) and sizes (base units) have shape (…, k), best level first, 0 where there is no such level;
    `at_ms` (…) is when a book was last known to be true, in milliseconds since 1970 UTC.
    """

    bid_prices: Floats
    bid_sizes: Floats
    ask_prices: Floats
    ask_sizes: Floats
    at_ms: Times

    @classmethod
    def empty(cls, *shape: int, depth: int) -> Self:
        """Return books without a level, to be filled by `put`."""
        bids, bid_sizes, asks, ask_sizes = (np.zeros((*shape, depth)) for _ in range(4))
        return cls(bids, bid_sizes, asks, ask_sizes, np.zeros(shape, np.int64))

    def put(self, place: tuple[int, ...], bids: Sequence[Level], asks: Sequence[Level], at_ms: int) -> None:
        """Write one book, best levels first; levels beyond the depth are left out."""
        for prices, sizes, levels in (
            (self.bid_prices[place], self.bid_sizes[place], bids),
            (self.ask_prices[place], self.ask_sizes[place], asks),
        ):
            depth = min(len(levels), len(prices))
            prices[depth:] = sizes[depth:] = 0.0
            for level in range(depth):
                prices[level], sizes[level] = levels[level]
        self.at_ms[place] = at_ms

    def fresh(self, now_ms: int, max_age_ms: int) -> Self:
        """Return the same books, those emptied that are older than `max_age_ms` or crossed (a bid at or above an ask).

        A book that stands still shows prices that nobody gives any more, and a crossed one is half of an update: both
        look like the best opportunity of all.
        """
        return self._only((now_ms - self.at_ms <= max_age_ms) & ~self._crossed())

    def _crossed(self) -> NDArray[np.bool_]:
        bid, ask = self.bid_prices[..., 0], self.ask_prices[..., 0]
        crossed: NDArray[np.bool_] = (bid >= ask) & (ask > 0.0)
        return crossed

    def _only(self, usable: NDArray[np.bool_]) -> Self:
        kept = usable[..., None]
        return replace(
            self,
            bid_sizes=np.where(kept, self.bid_sizes, 0.0),
            ask_sizes=np.where(kept, self.ask_sizes, 0.0),
        )
