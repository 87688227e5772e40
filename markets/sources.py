"""Where prices come from: stored candles walked again, or a simulated market. Both are `PriceSource`s of feed.py."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import dropwhile, groupby, takewhile
from operator import itemgetter
from uuid import UUID

from common.fields import canonical
from engine.candles import Candles
from engine.timeframes import milliseconds, moment, timeframe_ms
from markets.models import Instrument
from markets.steps import ClosedCandle, Step


@dataclass(frozen=True, slots=True)
class ReplaySeries:
    """The candles of one instrument and timeframe that a replay walks."""

    instrument: Instrument
    timeframe: str
    candles: Candles


# One price of one series: (milliseconds, series index, price, the candle that this price closes or None).
_Tick = tuple[int, int, Decimal, ClosedCandle | None]


class ReplaySource:
    """Walks stored candles: open at t, high at t + ¼, low at t + ½, close at t + 1 timeframe − 1 ms.

    Several instruments are merged by time; prices of one moment come in one step. The first price of a candle
    carries its predecessor as closed; the last candle never closes, for no price shows that it ended.
    """

    persists_candles = False

    def __init__(
        self, series: Sequence[ReplaySeries], limit: int | None = None, *, after: datetime | None = None
    ) -> None:
        """`limit` is the number of candles walked of each series; the walk goes on `after` a moment it had reached."""
        namespaces = {one.instrument.market.namespace for one in series}
        if len(namespaces) != 1 or len({one.instrument.id for one in series}) != len(series):
            raise ValueError("A replay walks one series of each instrument, all of one namespace.")
        self.namespace = namespaces.pop()
        self._after = after
        self._series = [
            ReplaySeries(one.instrument, one.timeframe, _still_to_walk(one.candles, limit, after)) for one in series
        ]

    def steps(self) -> Iterator[Step]:
        """Yield the steps that are still to come."""
        after = self._after
        return self._walk() if after is None else dropwhile(lambda step: step.at <= after, self._walk())

    def standing(self) -> Step | None:
        """Return the newest prices where this replay goes on, or None where it begins."""
        after = self._after
        past = [] if after is None else list(takewhile(lambda step: step.at <= after, self._walk()))
        prices = {key: price for step in past for key, price in step.prices.items()}
        return Step(past[-1].at, prices, ()) if past else None

    def _walk(self) -> Iterator[Step]:
        """Yield the steps from the candles on in which the market stands."""
        walks = [_ticks(index, one) for index, one in enumerate(self._series)]
        ids = [one.instrument.id for one in self._series]
        for at_ms, group in groupby(heapq.merge(*walks), key=itemgetter(0)):
            prices: dict[UUID, Decimal] = {}
            closed: list[ClosedCandle] = []
            for _, index, price, candle in group:
                prices[ids[index]] = price
                if candle is not None:
                    closed.append(candle)
            yield Step(moment(at_ms), prices, tuple(closed))


def _still_to_walk(candles: Candles, limit: int | None, after: datetime | None) -> Candles:
    """Return the first `limit` candles, from the one on that holds the moment `after`."""
    walked = candles.part(0, limit or len(candles))
    first = 0 if after is None else int(walked.opened_at.searchsorted(milliseconds(after), side="right")) - 1
    return walked.part(max(0, first), len(walked))


def _ticks(index: int, series: ReplaySeries) -> Iterator[_Tick]:
    """Yield one series' prices in order of time; (time, index) is unique, so a merge never compares further."""
    tick, length = plain_tick(series.instrument), timeframe_ms(series.timeframe)
    quarter, half, last = length // 4, length // 2, length - 1
    columns = (getattr(series.candles, name).tolist() for name in Candles.__slots__)
    previous: ClosedCandle | None = None
    for opened_at, open_, high, low, close, volume in zip(*columns, strict=True):
        yield opened_at, index, on_tick(open_, tick), previous
        yield opened_at + quarter, index, on_tick(high, tick), None
        yield opened_at + half, index, on_tick(low, tick), None
        yield opened_at + last, index, on_tick(close, tick), None
        previous = ClosedCandle(
            series.instrument.id, series.timeframe, moment(opened_at), open_, high, low, close, volume
        )


def plain_tick(instrument: Instrument) -> Decimal:
    """Return the tick size with the decimals it needs (PostgreSQL pads it to 18): prices get as many."""
    return Decimal(canonical(instrument.tick_size))


def on_tick(price: float, tick: Decimal) -> Decimal:
    """Return a float's shortest decimal form, rounded to the instrument's tick and with as many decimals."""
    return ((Decimal(repr(price)) / tick).to_integral_value(ROUND_HALF_EVEN) * tick).quantize(tick)
