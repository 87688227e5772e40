"""How fast and how one-sided a market moves: RSI, MACD, Stochastic, CCI, ADX, Aroon, rate of change."""

from __future__ import annotations

import talib
from talib._ta_lib import MA_Type

from engine.candles import Floats
from engine.indicators.runs import by_runs, many_by_runs


def rsi(series: Floats, period: int) -> Floats:
    """Return Wilder's relative strength index, 0–100."""
    return by_runs(lambda part: talib.RSI(part, period), period + 1, series)


def macd(series: Floats, fast: int, slow: int, signal: int) -> tuple[Floats, ...]:
    """Return line, signal and histogram; both averages begin at the same value, all three when the signal does.

    Which of the two averages is the fast one is told by their periods.
    """
    # As TA-Lib does by itself; the warm-up here rests on it too.
    fast, slow = min(fast, slow), max(fast, slow)
    return many_by_runs(lambda part: talib.MACD(part, fast, slow, signal), slow + signal - 1, 3, series)


def stochastic(high: Floats, low: Floats, close: Floats, fast_k: int, slow_k: int, slow_d: int) -> tuple[Floats, ...]:
    """Return slow %K and slow %D, 0–100, smoothed by simple means; both begin when %D does."""
    shortest = fast_k + slow_k + slow_d - 2
    return many_by_runs(
        lambda highs, lows, closes: talib.STOCH(highs, lows, closes, fast_k, slow_k, MA_Type.SMA, slow_d, MA_Type.SMA),
        shortest,
        2,
        high,
        low,
        close,
    )


def fast_stochastic(high: Floats, low: Floats, close: Floats, fast_k: int) -> Floats:
    """Return raw %K, 0–100: where the close lies in the range of the last `fast_k` candles (0 in a range of nothing)."""
    return by_runs(
        lambda highs, lows, closes: talib.STOCHF(highs, lows, closes, fast_k, 1, MA_Type.SMA)[0],
        fast_k,
        high,
        low,
        close,
    )


def stochastic_rsi(series: Floats, period: int, fast_k: int, fast_d: int) -> tuple[Floats, ...]:
    """Return %K and %D of the RSI within its own range, 0–100 (Chande and Kroll 1994)."""
    shortest = period + fast_k + fast_d - 1
    return many_by_runs(lambda part: talib.STOCHRSI(part, period, fast_k, fast_d, MA_Type.SMA), shortest, 2, series)


def cci(high: Floats, low: Floats, close: Floats, period: int) -> Floats:
    """Return the commodity channel index (Lambert 1980), constant 0.015."""
    return by_runs(lambda highs, lows, closes: talib.CCI(highs, lows, closes, period), period, high, low, close)


def adx(high: Floats, low: Floats, close: Floats, period: int) -> Floats:
    """Return Wilder's average directional index, 0–100; first value at candle 2 × period − 1, counted from 0."""
    return by_runs(lambda highs, lows, closes: talib.ADX(highs, lows, closes, period), 2 * period, high, low, close)


def plus_di(high: Floats, low: Floats, close: Floats, period: int) -> Floats:
    """Return Wilder's +DI, 0–100."""
    return by_runs(lambda highs, lows, closes: talib.PLUS_DI(highs, lows, closes, period), period + 1, high, low, close)


def minus_di(high: Floats, low: Floats, close: Floats, period: int) -> Floats:
    """Return Wilder's −DI, 0–100."""
    return by_runs(
        lambda highs, lows, closes: talib.MINUS_DI(highs, lows, closes, period), period + 1, high, low, close
    )


def aroon(high: Floats, low: Floats, period: int) -> tuple[Floats, ...]:
    """Return Aroon down and up, 0–100: how recent the lowest low and the highest high of period + 1 candles are."""
    return many_by_runs(lambda highs, lows: talib.AROON(highs, lows, period), period + 1, 2, high, low)


def roc(series: Floats, period: int) -> Floats:
    """Return the change since `period` values ago, in per cent; undefined where that value was 0."""
    before = series[:-period] if period < len(series) else series[:0]
    return by_runs(lambda part: talib.ROC(part, period), period + 1, series) if before.all() else _roc(series, period)


def _roc(series: Floats, period: int) -> Floats:
    # TA-Lib calls the change from nothing 0 per cent.
    changed = by_runs(lambda part: talib.ROC(part, period), period + 1, series)
    changed[period:][series[:-period] == 0] = float("nan")
    return changed


def momentum(series: Floats, period: int) -> Floats:
    """Return the difference from the value `period` values ago."""
    return by_runs(lambda part: talib.MOM(part, period), period + 1, series)
