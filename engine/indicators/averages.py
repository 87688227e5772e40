"""Moving averages of one series. Periods count values; sources are TA-Lib's definitions unless a docstring says more."""

from __future__ import annotations

import numpy as np
import talib
from numba import njit

from engine.candles import Floats
from engine.indicators.runs import by_runs


def sma(series: Floats, period: int) -> Floats:
    """Return the simple mean of the last `period` values."""
    if period == 1:
        return series.copy()
    return by_runs(lambda part: talib.SMA(part, period), period, series)


def ema(series: Floats, period: int, seed: str = "mean") -> Floats:
    """Return the exponential average with weight 2/(period+1).

    seed "mean": begins at value `period` with the simple mean of the values so far (TA-Lib); "first": begins at the
    first value with that value itself, as pandas' ewm(adjust=False) does.
    """
    if period == 1:
        return series.copy()
    if seed == "first":
        found: Floats = _ema_from_first(series, 2.0 / (period + 1.0))
        return found
    return by_runs(lambda part: talib.EMA(part, period), period, series)


# Candles after which the quick loop is looked at: small enough to stay in the first cache.
_STRETCH = 1024


@njit(cache=True, nogil=True)
def _ema_from_first(series, weight):  # type: ignore[no-untyped-def]  # numba infers the types
    # y[0] = x[0], y[i] = w x[i] + (1 - w) y[i-1]. NaN spreads, so that one look at the end of a stretch tells whether
    # it held a gap; asking at every candle would double the time of the whole.
    out = np.empty_like(series)
    keep = 1.0 - weight
    average = np.nan
    for start in range(0, series.size, _STRETCH):
        before = average
        stop = min(start + _STRETCH, series.size)
        for i in range(start, stop):
            average = weight * series[i] + keep * average
            out[i] = average
        if average != average:
            average = before
            for i in range(start, stop):
                following = weight * series[i] + keep * average
                # At the beginning and after a gap the value itself is the seed.
                average = following if average == average else series[i]
                out[i] = average
    return out


def wma(series: Floats, period: int) -> Floats:
    """Return the linearly weighted mean: the newest value weighs `period`, the oldest 1."""
    if period == 1:
        return series.copy()
    return by_runs(lambda part: talib.WMA(part, period), period, series)


def dema(series: Floats, period: int) -> Floats:
    """Return 2 EMA − EMA(EMA) (Mulloy 1994)."""
    return by_runs(lambda part: talib.DEMA(part, period), 2 * period - 1, series)


def tema(series: Floats, period: int) -> Floats:
    """Return 3 EMA − 3 EMA(EMA) + EMA(EMA(EMA)) (Mulloy 1994)."""
    return by_runs(lambda part: talib.TEMA(part, period), 3 * period - 2, series)


def kama(series: Floats, period: int) -> Floats:
    """Return Kaufman's adaptive average; its weight moves between those of EMA(30) and EMA(2), squared."""
    return by_runs(lambda part: talib.KAMA(part, period), period + 1, series)
