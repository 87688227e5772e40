"""How wide a market swings: ATR, and the bands that are drawn from ranges and deviations."""

from __future__ import annotations

import numpy as np
import talib
from numba import njit

from engine.candles import Floats
from engine.indicators.averages import ema
from engine.indicators.rolling import highest, lowest
from engine.indicators.runs import by_runs, many_by_runs


def atr(high: Floats, low: Floats, close: Floats, period: int) -> Floats:
    """Return Wilder's average true range; first value: the mean of the true ranges of candles 1..period."""
    return by_runs(lambda highs, lows, closes: talib.ATR(highs, lows, closes, period), period + 1, high, low, close)


def natr(high: Floats, low: Floats, close: Floats, period: int) -> Floats:
    """Return the average true range in per cent of the close."""
    return by_runs(lambda highs, lows, closes: talib.NATR(highs, lows, closes, period), period + 1, high, low, close)


def bollinger(series: Floats, period: int, deviations: float) -> tuple[Floats, ...]:
    """Return upper, middle and lower: the simple mean ± `deviations` × the population deviation."""
    return many_by_runs(lambda part: talib.BBANDS(part, period, deviations, deviations), period, 3, series)


def keltner(
    high: Floats, low: Floats, close: Floats, period: int, atr_period: int, multiple: float
) -> tuple[Floats, ...]:
    """Return upper, middle and lower: EMA of the close ± `multiple` × ATR (Raschke's form); all begin when both parts do."""
    middle, width = ema(close, period), multiple * atr(high, low, close, atr_period)
    middle[np.isnan(width)] = np.nan
    return middle + width, middle, middle - width


def donchian(high: Floats, low: Floats, period: int) -> tuple[Floats, ...]:
    """Return highest high, middle and lowest low of the last `period` candles, this one included."""
    upper, lower = highest(high, period), lowest(low, period)
    return upper, (upper + lower) / 2, lower


def supertrend(high: Floats, low: Floats, close: Floats, period: int, multiple: float) -> tuple[Floats, ...]:
    """Return the line and the direction (1 up, −1 down): a stop at `multiple` × ATR from the candle's middle that only
    tightens until a close breaks it (Seban).
    """
    line, direction = _supertrend(high, low, close, atr(high, low, close, period), float(multiple))
    return line, direction


@njit(cache=True, nogil=True)
def _supertrend(high, low, close, ranges, multiple):  # type: ignore[no-untyped-def]  # numba infers the types
    count = close.size
    line, direction = np.full(count, np.nan), np.full(count, np.nan)
    upper = lower = np.nan
    side = -1.0
    for i in range(count):
        width = multiple * ranges[i]
        if width != width:
            upper = lower = np.nan
            side = -1.0
            continue
        middle = (high[i] + low[i]) / 2
        fresh_upper, fresh_lower = middle + width, middle - width
        # A band gives way only after a close beyond it; comparisons with a NaN band (at the start) are false.
        if not (fresh_upper > upper and close[i - 1] <= upper):
            upper = fresh_upper
        if not (fresh_lower < lower and close[i - 1] >= lower):
            lower = fresh_lower
        turning = close[i] > upper if side < 0 else close[i] < lower
        side = -side if turning else side
        line[i] = lower if side > 0 else upper
        direction[i] = side
    return line, direction
