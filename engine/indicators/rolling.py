"""Statistics of the last `period` values of a series. A window that holds an undefined value is undefined."""

from __future__ import annotations

import numpy as np
import talib
from numba import njit

from engine.candles import Floats
from engine.indicators.averages import sma
from engine.indicators.runs import by_runs, undefined


def highest(series: Floats, period: int) -> Floats:
    """Return the largest of the last `period` values."""
    return series.copy() if period == 1 else by_runs(lambda part: talib.MAX(part, period), period, series)


def lowest(series: Floats, period: int) -> Floats:
    """Return the smallest of the last `period` values."""
    return series.copy() if period == 1 else by_runs(lambda part: talib.MIN(part, period), period, series)


def lag(series: Floats, period: int) -> Floats:
    """Return the value of `period` candles ago."""
    shifted = undefined(len(series))
    if period < len(series):
        shifted[period:] = series[: len(series) - period]
    return shifted


def total(series: Floats, period: int) -> Floats:
    """Return the sum of the last `period` values."""
    return series.copy() if period == 1 else by_runs(lambda part: talib.SUM(part, period), period, series)


def stdev(series: Floats, period: int) -> Floats:
    """Return the population deviation of the last `period` values."""
    return by_runs(lambda part: talib.STDDEV(part, period), period, series)


def variance(series: Floats, period: int) -> Floats:
    """Return the population variance of the last `period` values."""
    return by_runs(lambda part: talib.VAR(part, period), period, series)


def zscore(series: Floats, period: int) -> Floats:
    """Return how many population deviations the value lies above the mean; undefined where nothing deviates."""
    deviation = stdev(series, period)
    deviation[deviation == 0] = np.nan
    return (series - sma(series, period)) / deviation


def correlation(left: Floats, right: Floats, period: int) -> Floats:
    """Return Pearson's correlation of the last `period` pairs, −1 to 1; undefined where one of them stands still."""
    found = by_runs(lambda lefts, rights: talib.CORREL(lefts, rights, period), period, left, right)
    still = (highest(left, period) == lowest(left, period)) | (highest(right, period) == lowest(right, period))
    found[still] = np.nan
    return np.clip(found, -1.0, 1.0, out=found)


def slope(series: Floats, period: int) -> Floats:
    """Return the slope of the least-squares line through the last `period` values, in units a candle."""
    return by_runs(lambda part: talib.LINEARREG_SLOPE(part, period), period, series)


def quantile(series: Floats, period: int, share: float) -> Floats:
    """Return the value below which `share` (0–1) of the last `period` values lie, with linear interpolation."""
    return by_runs(lambda part: _quantile(part, period, float(share)), period, series)


def median(series: Floats, period: int) -> Floats:
    """Return the middle of the last `period` values (the mean of the two middle ones)."""
    return quantile(series, period, 0.5)


def percentile_rank(series: Floats, period: int) -> Floats:
    """Return which share (0–100) of the last `period` values, itself included, is not above the value."""
    return by_runs(lambda part: _percentile_rank(part, period), period, series)


@njit(cache=True, nogil=True)
def _quantile(series, period, share):  # type: ignore[no-untyped-def]  # numba infers the types
    out = np.full(series.size, np.nan)
    # The window's values in order: one leaves and one enters per candle, so that most stay where they are.
    window = np.sort(series[:period])
    place = share * (period - 1)
    below = int(place)
    above = min(below + 1, period - 1)
    part = place - below
    for i in range(period - 1, series.size):
        if i >= period:
            leaving = np.searchsorted(window, series[i - period])
            entering = series[i]
            while leaving + 1 < period and window[leaving + 1] < entering:
                window[leaving] = window[leaving + 1]
                leaving += 1
            while leaving > 0 and window[leaving - 1] > entering:
                window[leaving] = window[leaving - 1]
                leaving -= 1
            window[leaving] = entering
        out[i] = window[below] + part * (window[above] - window[below])
    return out


@njit(cache=True, nogil=True)
def _percentile_rank(series, period):  # type: ignore[no-untyped-def]  # numba infers the types
    out = np.full(series.size, np.nan)
    for i in range(period - 1, series.size):
        at_most = 0
        for j in range(i - period + 1, i + 1):
            at_most += series[j] <= series[i]
        out[i] = 100.0 * at_most / period
    return out
