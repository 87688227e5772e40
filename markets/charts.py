"""Candles as a chart draws them: closed ones, then the one that is forming, times in seconds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, TypedDict

import numpy as np

from common.clock import market_now
from engine.candle_builder import Candle
from engine.candles import Candles
from engine.timeframes import TIMEFRAMES, aggregate, candle_start, milliseconds, moment, timeframe_ms
from markets.chart_indicators import drawn_indicators, warm_up
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
    """Return the timeframes that a chart of this instrument offers, finest first.

    A venue that is reached over the network gives minutes, of which the others are made: all are offered, even before
    the first candle is there.
    """
    if instrument.exchange.dialect:
        return list(CHART_TIMEFRAMES)
    known = timeframes_of(instrument)
    return [timeframe for timeframe in CHART_TIMEFRAMES if timeframe in known]


def chart_rows(
    instrument: Instrument, timeframe: str, *, end: datetime | None = None, count: int = CHART_CANDLES
) -> list[ChartRow]:
    """Return the newest candles that closed by `end`, oldest first; without an end also the one that is forming."""
    rows = [chart_row(candle) for candle in candle_rows(closed_candles(instrument, timeframe, end=end, count=count))]
    if end is None and (forming := forming_candle(instrument, timeframe)):
        rows.append(chart_row(forming))
    return rows


def chart_answer(instrument: Instrument, timeframe: str, indicators: Sequence[str]) -> dict[str, Any]:
    """Return all that a market's chart draws: candles, the forming one last, volumes and indicators of closed ones.

    {"candles": [ChartRow …], "volumes": [[seconds, base units] …], "indicators": [Drawn …]}
    """
    count = CHART_CANDLES + warm_up(indicators, timeframe)
    closed = closed_candles(instrument, timeframe, count=count)
    shown = closed.part(max(0, len(closed) - CHART_CANDLES), len(closed))
    rows = [chart_row(candle) for candle in candle_rows(shown)]
    if forming := forming_candle(instrument, timeframe):
        rows.append(chart_row(forming))
    volumes = zip((shown.opened_at // 1000).tolist(), shown.volume.tolist(), strict=True)
    return {
        "candles": rows,
        "volumes": [list(one) for one in volumes],
        "indicators": drawn_indicators(closed, indicators, len(shown)),
    }


def closed_candles(
    instrument: Instrument, timeframe: str, *, end: datetime | None = None, count: int = CHART_CANDLES
) -> Candles:
    """Return the newest closed candles; of a venue over the network, what is not stored is made of finer ones."""
    stored = candle_arrays(instrument, timeframe, end=end, count=count)
    if not instrument.exchange.dialect:
        return stored
    length = timeframe_ms(timeframe)
    finer = [one for one in timeframes_of(instrument) if TIMEFRAMES[one] < length and length % TIMEFRAMES[one] == 0]
    if not finer:
        return stored
    start = moment(int(stored.opened_at[-1]) + length) if len(stored) else None
    # Up to the last whole one: what is after it is still forming.
    until = moment(candle_start(milliseconds(end or market_now(instrument.market.namespace)), timeframe))
    fine = candle_arrays(instrument, finer[-1], start=start, end=until, count=count * length // TIMEFRAMES[finer[-1]])
    # The first is whole only if it begins with its first minute.
    first = int(fine.opened_at.searchsorted(-(-int(fine.opened_at[0]) // length) * length)) if len(fine) else 0
    made = aggregate(fine.part(first, len(fine)), timeframe)
    parts = [np.concatenate([getattr(stored, name), getattr(made, name)])[-count:] for name in Candles.__slots__]
    return Candles(*parts)


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
