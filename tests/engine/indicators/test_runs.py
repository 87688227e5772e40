"""How gaps are met: each stretch by itself."""

from __future__ import annotations

import numpy as np
import pytest

from engine.indicators import averages, oscillators, rolling, volatility
from engine.indicators.runs import by_runs, is_whole, many_by_runs, stretches

NAN = np.nan


def test_stretches_are_found_wherever_they_lie() -> None:
    assert stretches(np.array([True, False, True, True, False, True])) == [(0, 1), (2, 4), (5, 6)]
    assert stretches(np.array([False, False])) == []
    assert stretches(np.array([], np.bool_)) == []


def test_each_stretch_is_computed_by_itself_and_short_ones_are_not() -> None:
    seen: list[list[float]] = []

    def compute(part: np.ndarray) -> np.ndarray:
        seen.append(part.tolist())
        return part * 10

    found = by_runs(compute, 2, np.array([NAN, 1.0, 2.0, NAN, 3.0, NAN, 4.0, 5.0]))
    np.testing.assert_array_equal(found, [NAN, 10, 20, NAN, NAN, NAN, 40, 50])
    assert seen == [[1, 2], [4, 5]]


def test_a_gap_in_one_of_several_series_is_a_gap() -> None:
    left, right = np.array([1.0, NAN, 3.0, 4.0]), np.array([1.0, 2.0, 3.0, 4.0])
    low, high = many_by_runs(lambda a, b: (a - b, a + b), 1, 2, left, right)
    np.testing.assert_array_equal(low, [0, NAN, 0, 0])
    np.testing.assert_array_equal(high, [2, NAN, 6, 8])


def test_too_few_values_and_none_at_all_are_undefined() -> None:
    for count in (0, 1, 4):
        assert np.isnan(averages.sma(np.ones(count), 5)).tolist() == [True] * count
    assert is_whole(np.array([])) and not is_whole(np.array([1.0, NAN]))


@pytest.mark.parametrize(
    "compute",
    [
        lambda x: averages.ema(x, 4),
        lambda x: averages.ema(x, 4, "first"),
        lambda x: averages.wma(x, 4),
        lambda x: averages.dema(x, 4),
        lambda x: averages.tema(x, 4),
        lambda x: averages.kama(x, 4),
        lambda x: oscillators.rsi(x, 4),
        lambda x: oscillators.macd(x, 3, 6, 3)[1],
        lambda x: oscillators.stochastic_rsi(x, 4, 3, 3)[1],
        lambda x: oscillators.roc(x, 4),
        lambda x: volatility.bollinger(x, 4, 2.0)[0],
        lambda x: rolling.quantile(x, 4, 0.3),
        lambda x: rolling.percentile_rank(x, 4),
    ],
)
def test_after_a_gap_an_indicator_starts_anew(compute: object) -> None:
    assert callable(compute)
    before, after = np.random.default_rng(3).random((2, 1500)) + 1
    found = compute(np.concatenate((before, [NAN], after)))
    np.testing.assert_array_equal(found, np.concatenate((compute(before), [NAN], compute(after))))
