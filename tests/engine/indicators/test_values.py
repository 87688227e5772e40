"""Indicators of our own making against values worked out by hand or by the slow, obvious way."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import talib

from engine.indicators import averages, conditions, levels, oscillators, patterns, rolling, volatility, volume
from engine.indicators.alignment import align
from tests.engine.strategy.markets import MIDNIGHT, walk

NAN = np.nan
HOUR = 3_600_000
WALK = walk(500)


def slowly(series: np.ndarray, period: int, of_window: Callable[[np.ndarray], float]) -> np.ndarray:
    """Return of_window(window) for each full window."""
    found = np.full(len(series), NAN)
    for i in range(period - 1, len(series)):
        found[i] = of_window(series[i - period + 1 : i + 1])
    return found


def test_an_average_from_the_first_value_is_that_of_pandas() -> None:
    # By hand: weight 2/3; 3, 3 + 2/3 (6 − 3), …
    np.testing.assert_allclose(averages.ema(np.array([3.0, 6.0, 9.0, 0.0]), 2, "first"), [3, 5, 23 / 3, 23 / 9])


@pytest.mark.parametrize("count", [1, 1023, 1024, 1025, 3000])
def test_an_average_is_the_same_whatever_its_stretches(count: int) -> None:
    series = walk(count, 5).close
    expected = np.empty(count)
    average = expected[0] = series[0]
    for i in range(1, count):
        average = expected[i] = 2 / 13 * series[i] + (1 - 2 / 13) * average
    np.testing.assert_allclose(averages.ema(series, 12, "first"), expected, rtol=1e-14)


def test_periods_of_one_are_the_series_itself_and_not_shared() -> None:
    for compute in (averages.sma, averages.ema, averages.wma, rolling.highest, rolling.lowest, rolling.total):
        found = compute(WALK.close, 1)
        np.testing.assert_array_equal(found, WALK.close)
        assert found is not WALK.close


@pytest.mark.parametrize(("fast", "slow", "signal"), [(12, 26, 9), (26, 12, 9), (3, 40, 2), (5, 10, 1)])
def test_macd_is_that_of_talib(fast: int, slow: int, signal: int) -> None:
    for found, expected in zip(
        oscillators.macd(WALK.close, fast, slow, signal), talib.MACD(WALK.close, fast, slow, signal), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-13)


def test_bands_are_those_of_talib() -> None:
    for found, expected in zip(
        volatility.bollinger(WALK.close, 20, 2.5), talib.BBANDS(WALK.close, 20, 2.5, 2.5), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_a_change_from_nothing_is_undefined() -> None:
    np.testing.assert_array_equal(oscillators.roc(np.array([0.0, 1.0, 2.0]), 1), [NAN, NAN, 100.0])


@pytest.mark.parametrize(("period", "share"), [(1, 0.5), (2, 0.25), (7, 0.0), (7, 1.0), (20, 0.618)])
def test_a_quantile_is_that_of_numpy(period: int, share: float) -> None:
    ticks = np.round(WALK.close, 1)  # with ties
    expected = slowly(ticks, period, lambda window: float(np.quantile(window, share)))
    np.testing.assert_allclose(rolling.quantile(ticks, period, share), expected, rtol=1e-12)


def test_the_median_is_the_middle() -> None:
    np.testing.assert_array_equal(rolling.median(np.array([3.0, 1.0, 2.0, 8.0]), 3), [NAN, NAN, 2, 2])
    np.testing.assert_array_equal(rolling.median(np.array([3.0, 1.0, 2.0]), 2), [NAN, 2, 1.5])


def test_the_rank_within_a_window_counts_ties_and_itself() -> None:
    np.testing.assert_array_equal(
        rolling.percentile_rank(np.array([5.0, 1.0, 5.0, 3.0, 9.0]), 4), [NAN, NAN, NAN, 50, 100]
    )


@pytest.mark.parametrize("period", [2, 20])
def test_deviation_correlation_and_slope_are_those_of_numpy(period: int) -> None:
    close = WALK.close
    np.testing.assert_allclose(rolling.stdev(close, period), slowly(close, period, np.std), rtol=1e-8)
    np.testing.assert_allclose(
        rolling.slope(close, period),
        slowly(close, period, lambda w: np.polyfit(np.arange(period), w, 1)[0]),
        atol=1e-10,
    )
    expected = np.full(500, NAN)
    for i in range(period - 1, 500):
        window = slice(i - period + 1, i + 1)
        expected[i] = np.corrcoef(close[window], WALK.volume[window])[0, 1]
    np.testing.assert_allclose(rolling.correlation(close, WALK.volume, period), expected, atol=1e-9)


def test_what_stands_still_deviates_by_nothing() -> None:
    still = np.full(30, 60000.123)
    assert rolling.stdev(still, 20)[-1] == 0
    assert np.isnan(rolling.zscore(still, 20)).all()
    assert np.isnan(rolling.correlation(still, walk(30).close, 20)).all()


def test_a_score_counts_deviations() -> None:
    found = rolling.zscore(np.array([1.0, 2.0, 3.0]), 3)
    np.testing.assert_allclose(found[2], 1 / np.sqrt(2 / 3))


def test_lag_and_its_end() -> None:
    np.testing.assert_array_equal(rolling.lag(np.array([1.0, 2.0, 3.0]), 2), [NAN, NAN, 1])
    np.testing.assert_array_equal(rolling.lag(np.array([1.0, 2.0]), 2), [NAN, NAN])


def test_supertrend_by_hand() -> None:
    # Ranges are 2 throughout, so ATR(1) is 2 (the true range) and the bands lie 2 beside the middle.
    close = np.array([10.0, 10, 13, 14, 14, 9])
    high, low = close + 1, close - 1
    high[2], low[2] = 13, 11
    high[5], low[5] = 10, 8
    ranges = talib.ATR(high, low, close, 1)
    line, direction = volatility.supertrend(high, low, close, 1, 1.0)
    np.testing.assert_array_equal(direction, [NAN, -1, 1, 1, 1, -1])
    np.testing.assert_array_equal(ranges[1:], [2, 3, 2, 2, 6])
    # Upper 12; close 13 breaks min(12, 12 + 3) = 12 and the line is the lower band; it rises to 12, and 9 breaks it.
    np.testing.assert_array_equal(line, [NAN, 12, 9, 12, 12, 15])


def test_vwap_starts_anew_each_day_and_skips_what_is_undefined() -> None:
    opened_at = MIDNIGHT + HOUR * np.array([22, 23, 24, 25, 26, 48])
    typical, traded = np.array([1.0, 3, 10, NAN, 20, 5]), np.array([1.0, 1, 0, 5, 4, 0])
    np.testing.assert_array_equal(volume.vwap_day(opened_at, typical, traded), [1, 2, NAN, NAN, 20, NAN])


@pytest.mark.parametrize("period", [1, 3, 50, 499, 500])
def test_rolling_vwap_is_the_weighted_mean(period: int) -> None:
    typical, traded = WALK.close, WALK.volume
    above = slowly(typical * traded, period, np.sum)
    np.testing.assert_allclose(
        volume.vwap_rolling(typical, traded, period), above / slowly(traded, period, np.sum), rtol=1e-12
    )


def test_a_large_volume_leaves_nothing_behind() -> None:
    traded = np.array([1e15, 0.001, 0.001, 0.0, 0.0, 0.0])
    typical = np.array([5.0, 3, 3, 7, 7, 7])
    found = volume.vwap_rolling(typical, traded, 2)
    np.testing.assert_allclose(found[2:4], [3, 3], rtol=1e-15)
    assert np.isnan(found[4:]).all()


def test_swings_are_known_when_the_right_hand_candles_have_closed() -> None:
    high = np.array([1.0, 2, 5, 3, 2, 4, 3, 2, 9])
    np.testing.assert_array_equal(levels.resistance(high, 2, 2), [NAN, NAN, NAN, NAN, 5, 5, 5, 4, 4])
    low = -high
    np.testing.assert_array_equal(levels.support(low, 2, 1), [NAN, NAN, NAN, -5, -5, -5, -4, -4, -4])


def test_an_old_swing_is_forgotten() -> None:
    high = np.concatenate(([1.0, 2, 1], np.linspace(3, 4, 400)))
    found = levels.resistance(high, 1, 1)
    assert found[2:152].tolist() == [2.0] * 150
    assert np.isnan(found[152:]).all()


def test_fibonacci_counts_from_the_top() -> None:
    high, low = np.array([10.0, 20.0]), np.array([5.0, 8.0])
    np.testing.assert_allclose(levels.fibonacci(high, low, 0.618, 2)[1], 20 - 0.618 * 15)


def test_pivots_by_hand() -> None:
    day = np.array([12.0]), np.array([6.0]), np.array([9.0])
    found = levels.pivots(*day, np.array([5]), np.array([4, 5]))
    assert {name: one[1] for name, one in found.items()} == {
        "pivot": 9, "r1": 12, "r2": 15, "r3": 18, "s1": 6, "s2": 3, "s3": 0,
    }  # fmt: skip
    assert all(np.isnan(one[0]) for one in found.values())


def test_alignment_gives_the_newest_that_was_known() -> None:
    found = align(np.array([1.0, 2.0, 3.0]), np.array([10, 20, 30]), np.array([9, 10, 25, 31, 40]))
    np.testing.assert_array_equal(found, [NAN, 1, 2, 3, 3])
    assert np.isnan(align(np.array([]), np.array([], np.int64), np.array([1, 2]))).all()


def test_crossing_needs_both_sides_of_the_line() -> None:
    left = np.array([NAN, 2.0, 1, 1, 2, 2, 0, 2])
    right = np.array([1.0, 1, 1, 1, 1, 1, 1, 1])
    assert np.flatnonzero(conditions.crosses_above(left, right)).tolist() == [4, 7]
    assert np.flatnonzero(conditions.crosses_above(right, left)).tolist() == [6]


def test_rounding_alone_is_no_difference() -> None:
    tied, one = np.array([0.1 + 0.2, 60000.0, 60000.0]), np.array([0.3, 60000.0 * (1 + 1e-13), 60000.001])
    assert conditions.greater(tied, one).tolist() == [False, False, False]
    assert conditions.greater(one, tied).tolist() == [False, False, True]
    assert conditions.equal(tied, one).tolist() == [True, True, False]
    assert conditions.greater_equal(tied, one).tolist() == [True, True, False]
    undefined = np.array([NAN])
    assert not conditions.equal(undefined, undefined)[0] and not conditions.greater_equal(undefined, undefined)[0]


def test_rising_falling_held_and_since() -> None:
    series = np.array([1.0, 2, 3, 3, 2, 1])
    assert conditions.rising(series, 2).tolist() == [False, False, True, False, False, False]
    assert conditions.falling(series, 2).tolist() == [False, False, False, False, False, True]
    yes = np.array([False, True, True, False, True])
    assert conditions.held_for(yes, 2).tolist() == [False, False, True, False, False]
    np.testing.assert_array_equal(conditions.bars_since(yes, 5), [NAN, 0, 0, 1, 0])
    np.testing.assert_array_equal(conditions.bars_since(np.array([True, False, False]), 1), [0, 1, NAN])
    for empty in (conditions.held_for(yes[:0], 2), conditions.bars_since(yes[:0], 2), conditions.rising(series[:0], 1)):
        assert len(empty) == 0


def test_every_pattern_of_talib_has_a_name() -> None:
    assert set(patterns.PATTERNS.values()) == {name for name in dir(talib) if name.startswith("CDL")}
    assert list(patterns.PATTERNS) == sorted(patterns.PATTERNS)


def test_a_pattern_has_a_side() -> None:
    found = patterns.pattern("engulfing", WALK.open, WALK.high, WALK.low, WALK.close)
    expected = talib.CDLENGULFING(WALK.open, WALK.high, WALK.low, WALK.close)
    np.testing.assert_array_equal(found, expected)
    assert (found > 0).any() and (found < 0).any()
