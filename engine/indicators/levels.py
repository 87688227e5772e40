"""Prices that traders watch: Ichimoku's lines, pivot points, Fibonacci retracements, support and resistance."""

from __future__ import annotations

import numpy as np

from engine.candles import Floats, Times
from engine.indicators.alignment import align
from engine.indicators.rolling import highest, lowest
from engine.indicators.runs import undefined

# A swing older than this many of its own windows is forgotten, so that a level never hangs on where the data begin.
SWING_MEMORY_WINDOWS = 50


def middle_of_range(high: Floats, low: Floats, period: int) -> Floats:
    """Return the middle of the highest high and lowest low of `period` candles: each of Ichimoku's lines is one."""
    return (highest(high, period) + lowest(low, period)) / 2


def pivots(high: Floats, low: Floats, close: Floats, days_closed_at: Times, closed_at: Times) -> dict[str, Floats]:
    """Return the classic floor-trader levels of the last closed day, by name (pivot, r1–r3, s1–s3).

    The prices are those of days, which closed at `days_closed_at` (milliseconds since 1970 UTC, as `closed_at`).
    """
    pivot = (high + low + close) / 3
    spread = high - low
    levels = {
        "pivot": pivot,
        "r1": 2 * pivot - low,
        "r2": pivot + spread,
        "r3": high + 2 * (pivot - low),
        "s1": 2 * pivot - high,
        "s2": pivot - spread,
        "s3": low - 2 * (high - pivot),
    }
    return {name: align(level, days_closed_at, closed_at) for name, level in levels.items()}


def fibonacci(high: Floats, low: Floats, ratio: float, period: int) -> Floats:
    """Return the price that lies `ratio` of the range of `period` candles below its highest high."""
    top, bottom = highest(high, period), lowest(low, period)
    return top - ratio * (top - bottom)


def resistance(high: Floats, left: int, right: int) -> Floats:
    """Return the newest swing high: a high that no candle of `left` before and `right` after it exceeds.

    It is known only when the `right` candles after it have closed, and counts from then on.
    """
    window = left + right + 1
    return _latest_swing(high, highest(high, window), window, right)


def support(low: Floats, left: int, right: int) -> Floats:
    """Return the newest swing low: a low that no candle of `left` before and `right` after it undercuts."""
    window = left + right + 1
    return _latest_swing(low, lowest(low, window), window, right)


def _latest_swing(prices: Floats, extreme: Floats, window: int, right: int) -> Floats:
    count = len(prices)
    if count < window:
        return undefined(count)
    candidate = undefined(count)
    candidate[right:] = prices[: count - right]
    places = np.arange(count)
    confirmed_at = np.maximum.accumulate(np.where(candidate == extreme, places, -1))
    known = (confirmed_at >= 0) & (places - confirmed_at < SWING_MEMORY_WINDOWS * window)
    return np.where(known, candidate[confirmed_at], np.nan)
