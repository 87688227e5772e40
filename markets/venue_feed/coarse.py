"""Longer candles made of closed minutes, each told when it is over and only where all of it was seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from engine.candle_builder import Candle, CandleBuilder
from engine.timeframes import MINUTE_MS
from markets.venue_feed.tuning import TIMEFRAMES_MADE


class CoarseCandles:
    """One instrument's candles of every timeframe, from its minutes as they close."""

    def __init__(self, history: Sequence[Candle] = (), until_ms: int | None = None) -> None:
        """`history` are closed minutes since the day began, oldest first; what ended by `until_ms` is not told again."""
        self._builder = CandleBuilder(TIMEFRAMES_MADE)
        self._since_ms = history[0].opened_at if history else None
        for minute in history:
            self._builder.ended(minute.opened_at)
            self._builder.resume([minute])
        if until_ms is not None:
            self._builder.ended(until_ms)

    def add(self, minutes: Iterable[Candle], until_ms: int) -> list[tuple[str, Candle]]:
        """Return (timeframe, candle) of these minutes and of what they end, in order; all before `until_ms` is known."""
        return list(self._added(minutes, until_ms))

    def _added(self, minutes: Iterable[Candle], until_ms: int) -> Iterator[tuple[str, Candle]]:
        for minute in minutes:
            if self._since_ms is None:
                self._since_ms = minute.opened_at
            yield from self._ended(minute.opened_at)
            yield "1m", minute
            self._builder.resume([minute])
            yield from self._ended(minute.opened_at + MINUTE_MS)
        yield from self._ended(until_ms)

    def _ended(self, at_ms: int) -> list[tuple[str, Candle]]:
        """Return what is over, without candles whose beginning nobody saw."""
        since_ms = self._since_ms
        return [pair for pair in self._builder.ended(at_ms) if since_ms is not None and pair[1].opened_at >= since_ms]
