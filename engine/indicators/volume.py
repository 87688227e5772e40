"""What volume says: on-balance volume, money flow, volume-weighted average prices."""

from __future__ import annotations

import numpy as np
import talib
from numba import njit

from engine.candles import Floats, Times
from engine.indicators.runs import by_runs

DAY_MS = 86_400_000


def obv(close: Floats, volume: Floats) -> Floats:
    """Return on-balance volume, which starts at the first candle's volume. Its level depends on where the data begin."""
    return by_runs(talib.OBV, 1, close, volume)


def mfi(high: Floats, low: Floats, close: Floats, volume: Floats, period: int) -> Floats:
    """Return the money flow index, 0–100."""
    return by_runs(
        lambda highs, lows, closes, volumes: talib.MFI(highs, lows, closes, volumes, period),
        period + 1,
        high,
        low,
        close,
        volume,
    )


def vwap_day(opened_at: Times, typical: Floats, volume: Floats) -> Floats:
    """Return the volume-weighted mean of the typical price since 00:00 UTC (or the first candle, where that is later).

    An undefined candle adds nothing and is undefined; so is everything before a day's first volume.
    """
    found: Floats = _vwap_day(opened_at, typical, volume)
    return found


def vwap_rolling(typical: Floats, volume: Floats, period: int) -> Floats:
    """Return the volume-weighted mean of the typical price over `period` candles; undefined where nothing was traded."""
    return by_runs(lambda prices, volumes: _vwap_rolling(prices, volumes, period), period, typical, volume)


@njit(cache=True, nogil=True)
def _vwap_day(opened_at, typical, volume):  # type: ignore[no-untyped-def]  # numba infers the types
    out = np.full(typical.size, np.nan)
    day = np.int64(-1)
    value = amount = 0.0
    for i in range(typical.size):
        today = opened_at[i] // DAY_MS
        if today != day:
            day, value, amount = today, 0.0, 0.0
        turnover = typical[i] * volume[i]
        if turnover == turnover:
            value += turnover
            amount += volume[i]
            if amount > 0:
                out[i] = value / amount
    return out


@njit(cache=True, nogil=True)
def _vwap_rolling(typical, volume, period):  # type: ignore[no-untyped-def]  # numba infers the types
    # A window is the end of one block and the beginning of the next. Sums are only ever added to, never taken from:
    # a running difference would keep the rounding of a large volume long after it has left the window.
    count = typical.size
    out = np.full(count, np.nan)
    values, amounts = np.zeros(period + 1), np.zeros(period + 1)
    for start in range(0, count, period):
        value = amount = 0.0
        stop = min(start + period, count)
        for i in range(start, stop):
            value += typical[i] * volume[i]
            amount += volume[i]
            if i >= period - 1:
                whole = amount + amounts[i - start + 1]
                if whole > 0:
                    out[i] = (value + values[i - start + 1]) / whole
        for k in range(stop - start - 1, 0, -1):
            values[k] = values[k + 1] + typical[start + k] * volume[start + k]
            amounts[k] = amounts[k + 1] + volume[start + k]
    return out
