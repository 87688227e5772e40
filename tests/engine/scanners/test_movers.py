"""Momentum and volume spikes: worked by hand, and beside plain Python on random series."""

from __future__ import annotations

import itertools
import math
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.scanners.movers import Filters, scan_momentum, scan_volume_spikes

EVEN = [10.0] * 6


def _rows(*rows: list[float]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.array(rows)


@settings(max_examples=60)
@given(st.lists(st.lists(st.integers(50, 150), min_size=8, max_size=8), min_size=1, max_size=5), st.integers(1, 4))
def test_momentum_is_that_of_plain_python(drawn: list[list[int]], window: int) -> None:
    expected = {}
    for place, prices in enumerate(drawn):
        logs = [math.log(later / earlier) for earlier, later in itertools.pairwise(prices)]
        usual = statistics.stdev(logs[:-window]) * math.sqrt(window)
        change = prices[-1] / prices[-1 - window] - 1
        if abs(change) >= 0.05 and usual > 1e-12:
            expected[place] = change, abs(sum(logs[-window:])) / usual
    closes = np.array(drawn, np.float64)
    found = scan_momentum(closes, np.ones_like(closes), window=window, min_change=0.05)
    ours = dict(zip(found.instrument.tolist(), zip(found.change, found.score, strict=True), strict=True))
    for place, values in expected.items():
        assert ours[place] == pytest.approx(values, rel=1e-6)
    assert all(
        len(set(np.round(np.diff(np.log(closes[place]))[:-window], 12))) == 1 for place in ours.keys() - expected
    )
    assert found.score.tolist() == sorted(found.score.tolist(), reverse=True)


def test_a_move_is_measured_against_the_instrument_s_own_habit() -> None:
    calm = [100.0, 101.0, 100.0, 101.0, 100.0, 105.0]
    wild = [100.0, 120.0, 100.0, 120.0, 100.0, 105.0]
    fall = [100.0, 101.0, 100.0, 101.0, 100.0, 90.0]
    found = scan_momentum(_rows(wild, calm, fall), _rows(EVEN, EVEN, EVEN), window=1, min_change=0.05)
    assert found.instrument.tolist() == [2, 1, 0]
    assert found.change.tolist() == pytest.approx([-0.1, 0.05, 0.05])
    only = scan_momentum(_rows(wild, calm), _rows(EVEN, EVEN), window=1, min_change=0.05, min_score=1.0)
    assert only.instrument.tolist() == [1]
    assert len(scan_momentum(_rows(calm), _rows(EVEN), window=1, min_change=0.0501)) == 0


def test_a_spike_is_a_multiple_of_the_usual_turnover_and_an_earlier_spike_does_not_hide_it() -> None:
    price = [100.0] * 5 + [110.0]
    turnovers = _rows([10, 10, 90, 10, 10, 50], [10, 10, 10, 10, 10, 29], [0, 0, 0, 0, 0, 50])
    found = scan_volume_spikes(_rows(price, price, price), turnovers, min_multiple=3.0)
    assert found.instrument.tolist() == [0]
    assert (found.score.tolist(), found.change.tolist()) == ([5.0], pytest.approx([0.1]))
    two = scan_volume_spikes(_rows(price), _rows([10, 10, 10, 10, 30, 50]), newest=2, min_multiple=4.0)
    assert two.score.tolist() == [4.0]


@pytest.mark.parametrize(
    ("filters", "kept"),
    [
        (Filters(), [0, 1]),
        (Filters(min_turnover=100.0), [1]),
        (Filters(max_turnover=100.0), [0]),
        (Filters(min_price=50.0), [1]),
        (Filters(max_market_cap=5e6), [0]),
        (Filters(max_market_cap=5e7), [0, 1]),
    ],
)
def test_filters_choose_the_small_ones(filters: Filters, kept: list[int]) -> None:
    closes = _rows([1.0] * 6, [100.0] * 6, [math.nan] + [5.0] * 5)
    turnovers = _rows([1, 1, 1, 1, 1, 9], [10, 10, 10, 10, 10, 90], [1, 1, 1, 1, 1, 9])
    caps = np.array([1e6, 1e7, math.nan])
    found = scan_volume_spikes(closes, turnovers, filters=filters, market_caps=caps)
    assert sorted(found.instrument.tolist()) == kept


def test_without_capitalisations_a_bound_on_them_passes_nothing() -> None:
    closes, turnovers = _rows([1.0] * 6), _rows([1, 1, 1, 1, 1, 9])
    assert len(scan_volume_spikes(closes, turnovers, filters=Filters(max_market_cap=1e9))) == 0


def test_too_few_candles_are_refused() -> None:
    with pytest.raises(ValueError, match="three candles before"):
        scan_momentum(_rows(EVEN), _rows(EVEN), window=4, min_change=0.0)
    with pytest.raises(ValueError, match="one before it"):
        scan_volume_spikes(_rows(EVEN), _rows(EVEN), newest=6)
