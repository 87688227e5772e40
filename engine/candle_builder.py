"""Candles made from prices as they come: the finest timeframe from ticks, coarser ones from its closed candles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from engine.timeframes import candle_start, timeframe_ms


@dataclass(slots=True)
class Candle:
    """One candle, still forming or closed: `opened_at` in milliseconds since 1970 UTC, volume in base units."""

    opened_at: int
    open: float
    high: float
    low: float
    close: float
    volume: float

    def extend(self, later: Candle) -> None:
        """Take in what a later candle of a finer timeframe, or a later price, adds."""
        self.high = max(self.high, later.high)
        self.low = min(self.low, later.low)
        self.close = later.close
        self.volume += later.volume


class CandleBuilder:
    """Builds one instrument's candles. A candle closes when the first price after its end arrives, never by a clock."""

    def __init__(self, timeframes: Sequence[str]) -> None:
        """Timeframes come finest first; each is a multiple of the first."""
        self._base, *self._coarser = timeframes
        if any(timeframe_ms(coarser) % timeframe_ms(self._base) for coarser in self._coarser):
            raise ValueError(f"Candles of {', '.join(self._coarser)} are not all made of whole {self._base} candles.")
        self._tick: Candle | None = None
        # What closed candles of the base timeframe have made of each coarser one so far.
        self._parts: dict[str, Candle] = {}

    def resume(self, history: Iterable[Candle]) -> None:
        """Take in closed base candles, oldest first, that no price of this process made; start of the day suffices."""
        for candle in history:
            self._fold(candle)

    def add(self, at_ms: int, price: float, volume: float) -> list[tuple[str, Candle]]:
        """Take a price in and return the (timeframe, candle) pairs that it closes, finest first."""
        tick = Candle(candle_start(at_ms, self._base), price, price, price, price, volume)
        last = self._tick
        if last is not None and tick.opened_at == last.opened_at:
            last.extend(tick)
            return []
        self._tick = tick
        if last is None:
            return []
        self._fold(last)
        return [(self._base, last), *self.ended(at_ms)]

    def put(self, candle: Candle) -> list[tuple[str, Candle]]:
        """Take in the forming candle as its source has it, in place of what prices made; return what it closes, as `add`.

        One that is older than the forming one comes too late and changes nothing.
        """
        last = self._tick
        if last is not None and candle.opened_at < last.opened_at:
            return []
        self._tick = replace(candle)
        if last is None or candle.opened_at == last.opened_at:
            return []
        self._fold(last)
        return [(self._base, last), *self.ended(candle.opened_at)]

    def ended(self, at_ms: int) -> list[tuple[str, Candle]]:
        """Return the coarser candles that are over at a moment, finest first, and forget them."""
        return [
            (name, self._parts.pop(name))
            for name in self._coarser
            if name in self._parts and self._parts[name].opened_at != candle_start(at_ms, name)
        ]

    def forming(self) -> dict[str, Candle]:
        """Return each timeframe's unfinished candle, copied; none before the first price."""
        if self._tick is None:
            return {}
        found = {self._base: replace(self._tick)}
        for timeframe in self._coarser:
            start = candle_start(self._tick.opened_at, timeframe)
            candle = replace(self._tick, opened_at=start)
            part = self._parts.get(timeframe)
            if part is not None and part.opened_at == start:
                candle = replace(part)
                candle.extend(self._tick)
            found[timeframe] = candle
        return found

    def _fold(self, closed: Candle) -> None:
        for timeframe in self._coarser:
            start = candle_start(closed.opened_at, timeframe)
            part = self._parts.get(timeframe)
            if part is None or part.opened_at != start:
                self._parts[timeframe] = replace(closed, opened_at=start)
            else:
                part.extend(closed)
