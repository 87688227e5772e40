"""Where a node is computed: one instrument's candles at one timeframe, and the ways to the other ones of a market."""

from __future__ import annotations

import weakref
from functools import cached_property

import numpy as np

from engine.candles import Candles, Floats, Times
from engine.indicators.runs import known_whole
from engine.strategy.types import Market, StrategyError
from engine.timeframes import TIMEFRAMES, aggregate, timeframe_ms

# No price and no volume is larger, and squares of what is larger would overflow.
LARGEST = 1e100
DAY = "1d"


def defined(values: Floats) -> Floats:
    """Return the values with what is no usable number (infinite, absurdly large) undefined; a view where all are usable."""
    if not len(values) or (values.max() <= LARGEST and values.min() >= -LARGEST):
        return known_whole(values)
    return np.where(np.abs(values) <= LARGEST, values, np.nan)


class Usable:
    """Candles in which what is no usable number is undefined. A column is looked through when it is first asked for."""

    def __init__(self, candles: Candles) -> None:
        self.raw = candles
        self.opened_at = candles.opened_at

    def __len__(self) -> int:
        return len(self.opened_at)

    @cached_property
    def open(self) -> Floats:
        return _usable(self.raw.open)

    @cached_property
    def high(self) -> Floats:
        return _usable(self.raw.high)

    @cached_property
    def low(self) -> Floats:
        return _usable(self.raw.low)

    @cached_property
    def close(self) -> Floats:
        return _usable(self.raw.close)

    @cached_property
    def volume(self) -> Floats:
        return _usable(self.raw.volume)

    def whole(self) -> Candles:
        """Return all of it."""
        return Candles(self.opened_at, self.open, self.high, self.low, self.close, self.volume)


def _usable(column: Floats) -> Floats:
    return defined(np.ascontiguousarray(column, np.float64))


class Contexts:
    """All contexts of one market, made once each: who asks for the same twice gets what has been computed there."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self._made: dict[tuple[str | int | None, str], Context] = {}

    @property
    def traded(self) -> Context:
        """Return the traded instrument at the market's own timeframe."""
        return self.get(None, self.market.timeframe)

    def get(self, instrument: str | int | None, timeframe: str) -> Context:
        """Return an instrument (None the traded one, a symbol of another, or a place in the universe) at a timeframe."""
        market = self.market
        if instrument == market.place and market.universe and market.universe[market.place] is market.candles:
            instrument = None  # what is computed for the traded one serves its rank as well
        if (instrument, timeframe) not in self._made:
            self._made[instrument, timeframe] = Context(self, instrument, timeframe)
        return self._made[instrument, timeframe]


class Context:
    """One instrument at one timeframe: its candles, and the ways to the others."""

    def __init__(self, family: Contexts, instrument: str | int | None, timeframe: str) -> None:
        # A weak way back: in a circle, a year's arrays would wait for the garbage collector instead of being freed.
        self._family = weakref.proxy(family)
        self.market = family.market
        self.instrument = instrument
        self.timeframe = timeframe

    @property
    def key(self) -> tuple[str | int | None, str]:
        """Return what tells this context from the market's others."""
        return self.instrument, self.timeframe

    @property
    def candle_ms(self) -> int:
        """Return a candle's length in milliseconds."""
        return timeframe_ms(self.timeframe)

    def coarser(self, timeframe: str) -> Context:
        """Return the same instrument at a timeframe that is a multiple of this one; raise StrategyError for another."""
        if TIMEFRAMES.get(timeframe, 0) % self.candle_ms or timeframe not in TIMEFRAMES:
            message = f"{timeframe} is not a multiple of {self.timeframe}, on whose candles this is computed."
            raise StrategyError("TIMEFRAME_NOT_COARSER", message)
        return self._sibling(self.instrument, timeframe)

    def at(self, symbol: str) -> Context:
        """Return another instrument at this timeframe; raise StrategyError for one that the market does not have."""
        if symbol not in self.market.others:
            raise StrategyError("UNKNOWN_SYMBOL", f"There are no candles of {symbol} here.")
        return self._sibling(symbol, self.timeframe)

    def members(self) -> list[Context]:
        """Return the strategy's instruments at this timeframe, in order."""
        return [self._sibling(place, self.timeframe) for place in range(len(self.market.universe))]

    def _sibling(self, instrument: str | int | None, timeframe: str) -> Context:
        found: Context = self._family.get(instrument, timeframe)
        return found

    @cached_property
    def candles(self) -> Usable:
        """Return this context's candles: only whole and closed ones, where they are made of finer ones.

        A candle that the beginning of the data cuts is left out, since what it would have been is not known; one inside
        that a gap cuts is made of what was traded.
        """
        finest = self._sibling(self.instrument, self.market.timeframe)
        if finest is not self:
            return Usable(_closed(finest.candles.whole(), finest.candle_ms, self.timeframe))
        if self.instrument is None:
            return Usable(self.market.candles)
        if isinstance(self.instrument, str):
            return Usable(self.market.others[self.instrument])
        return Usable(self.market.universe[self.instrument])

    @cached_property
    def closed_at(self) -> Times:
        """Return when each candle closed, in milliseconds since 1970 UTC."""
        return self.candles.opened_at + self.candle_ms

    @cached_property
    def typical(self) -> Floats:
        """Return (high + low + close) / 3."""
        candles = self.candles
        return (candles.high + candles.low + candles.close) / 3

    @property
    def days(self) -> Context:
        """Return this instrument's whole UTC days."""
        return self.coarser(DAY)


def _closed(finer: Candles, finer_ms: int, timeframe: str) -> Candles:
    if not len(finer):
        return finer
    length, begin, end = timeframe_ms(timeframe), int(finer.opened_at[0]), int(finer.opened_at[-1]) + finer_ms
    first = int(np.searchsorted(finer.opened_at, -(-begin // length) * length))
    last = int(np.searchsorted(finer.opened_at, end // length * length))
    return aggregate(finer.part(first, max(first, last)), timeframe)
