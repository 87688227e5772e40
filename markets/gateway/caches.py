"""What the library has kept of streams, read so that nothing is passed over.

For several symbols of one subscription the library wakes its reader with one of them. What came of the others in the
same moment it keeps, and says so with their next message at the earliest: a symbol that always comes second is never
heard. So whatever wakes the reader, all that has changed is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Any

# A stream may correct a candle that has ended; later corrections come over REST.
_NEWEST_CANDLES = 3


class Kept:
    """One reader's view of a streaming client's caches: each method yields what changed since it was called last."""

    def __init__(self, library: Any, symbols: Sequence[str]) -> None:
        self._library, self._symbols = library, tuple(symbols)
        self._seen: dict[str, Any] = {}

    def tickers(self) -> Iterator[Any]:
        """Yield tickers that were replaced."""
        return self._replaced(self._library.tickers, lambda ticker: ticker)

    def books(self) -> Iterator[Any]:
        """Yield books that have another number or time."""
        return self._replaced(self._library.orderbooks, lambda book: (book.get("nonce"), book.get("timestamp")))

    def trades(self) -> Iterator[list[Any]]:
        """Yield each symbol's new trades in the order in which they came."""
        for symbol in self._symbols:
            cache, seen = self._library.trades.get(symbol), self._seen.get(symbol)
            if not cache or cache[-1] is seen:
                continue
            self._seen[symbol] = cache[-1]
            yield _since(cache, seen)

    def candles(self, timeframe: str) -> Iterator[tuple[str, list[Any]]]:
        """Yield (symbol, rows) of candles that are new or differ, oldest first; all that are kept the first time."""
        for symbol in self._symbols:
            cache = self._library.ohlcvs.get(symbol, {}).get(timeframe)
            if not cache:
                continue
            seen = self._seen.get(symbol)
            newest = {row[0]: tuple(row) for row in cache[-_NEWEST_CANDLES:]}
            if newest == seen:
                continue
            self._seen[symbol] = newest
            yield symbol, [list(row) for row in (cache if seen is None else _differing(cache, seen))]

    def _replaced(self, cache: Any, mark_of: Any) -> Iterator[Any]:
        for symbol in self._symbols:
            one = cache.get(symbol)
            if one is None:
                continue
            mark, seen = mark_of(one), self._seen.get(symbol)
            if mark is not seen and (mark is one or mark != seen):
                self._seen[symbol] = mark
                yield one


def _since(cache: Any, seen: Any) -> list[Any]:
    """Return what stands behind `seen`, or everything where that is no longer kept."""
    return list(takewhile(lambda one: one is not seen, reversed(cache)))[::-1]


def _differing(cache: Any, seen: dict[int, tuple[Any, ...]]) -> Iterator[Any]:
    oldest = min(seen)
    return (row for row in cache[:] if row[0] >= oldest and seen.get(row[0]) != tuple(row))
