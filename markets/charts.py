"""Candles as a chart draws them: closed ones, then the one that is forming, times in seconds."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TypedDict

from engine.candle_builder import Candle
from engine.candles import Candles
from engine.timeframes import aggregate, candle_start, milliseconds, moment
from markets.models import Instrument
from markets.prices import Price, latest_prices
from markets.selectors import candle_arrays, timeframes_of

CHART_CANDLES = 500
# The ones with a tab of their own, where the instrument has candles of them.
CHART_TIMEFRAMES = ("1m", "5m", "15m", "1h", "4h", "1d")


class ChartRow(TypedDict):
    """One candle: its start in seconds since 1970 UTC, prices in quote units."""

    time: int
    open: float
    high: float
    low: float
    close: float


def chart_timeframes(instrument: Instrument) -> list[str]:
    """Return the timeframes that a chart of this instrument offers, finest first."""
    known = timeframes_of(instrument)
    return [timeframe for timeframe in CHART_TIMEFRAMES if timeframe in known]


def chart_rows(
    instrument: Instrument, timeframe: str, *, end: datetime | None = None, count: int = CHART_CANDLES
) -> list[ChartRow]:
    """Return the newest candles that closed by `end`, oldest first; without an end also the one that is forming."""
    rows = [chart_row(candle) for candle in candle_rows(candle_arrays(instrument, timeframe, end=end, count=count))]
    if end is None and (forming := forming_candle(instrument, timeframe)):
        rows.append(chart_row(forming))
    return rows


def forming_candle(instrument: Instrument, timeframe: str) -> Candle | None:
    """Return the unfinished candle as far as closed finer ones and the newest price tell."""
    price = latest_prices([instrument]).get(instrument.id)
    return None if price is None else _forming(instrument, timeframe, price)


def _forming(instrument: Instrument, timeframe: str, price: Price) -> Candle:
    start, last = candle_start(milliseconds(price.at), timeframe), float(price.price)
    tick = Candle(start, last, last, last, last, 0.0)
    finest = timeframes_of(instrument)[:1] or [timeframe]
    closed = aggregate(candle_arrays(instrument, finest[0], start=moment(start), end=price.at), timeframe)
    if not len(closed):
        return tick
    [candle] = candle_rows(closed)
    candle.extend(tick)
    return candle


def candle_rows(candles: Candles) -> Iterable[Candle]:
    """Return candles one by one."""
    columns = (getattr(candles, name).tolist() for name in Candles.__slots__)
    return [Candle(*row) for row in zip(*columns, strict=True)]


def chart_row(candle: Candle) -> ChartRow:
    """Return a candle as a chart takes it."""
    return {
        "time": candle.opened_at // 1000,
        "open": candle.open,
        "high": candle.high,
        "low": candle.low,
        "close": candle.close,
    }
