"""How assets move together: known walks have known correlations, and what says nothing is left out."""

from __future__ import annotations

import numpy as np

from engine.candles import Candles
from engine.risk.correlations import correlations_of
from tests.engine.risk.samples import D

STEPS = np.array([1.0, -2.0, 0.5, 3.0, -1.0] * 6)


def candles(returns: np.ndarray, first: int = 0) -> Candles:
    close = 100 * np.exp(np.cumsum(returns) / 100)
    times = np.arange(first, first + len(close), dtype=np.int64) * 3_600_000
    return Candles(times, close, close, close, close, close)


def test_the_same_walk_is_one_its_mirror_is_none_and_half_of_it_lies_between() -> None:
    other = np.roll(STEPS, 1)
    found = correlations_of(
        {"BTC": candles(STEPS), "ETH": candles(2 * STEPS), "MIR": candles(-STEPS), "MIX": candles(other)}
    )
    assert (found["BTC", "ETH"], found["BTC", "MIR"]) == (D("1.0000"), D(0))
    expected = max(np.corrcoef(STEPS[1:], other[1:])[0, 1], 0)
    assert found["BTC", "MIX"] == D(str(round(expected, 4)))
    assert sorted(found) == [
        ("BTC", "ETH"),
        ("BTC", "MIR"),
        ("BTC", "MIX"),
        ("ETH", "MIR"),
        ("ETH", "MIX"),
        ("MIR", "MIX"),
    ]


def test_pairs_with_too_little_in_common_or_that_do_not_move_are_left_out() -> None:
    assert correlations_of({"A": candles(STEPS[:20]), "B": candles(STEPS[:20])}) == {}
    assert correlations_of({"A": candles(STEPS[:21]), "B": candles(STEPS[:21])}) == {("A", "B"): D("1.0000")}
    assert correlations_of({"A": candles(STEPS), "B": candles(STEPS, first=15)}) == {}
    assert correlations_of({"A": candles(STEPS), "B": candles(np.zeros(30))}) == {}


def test_only_candles_of_the_same_moments_are_compared() -> None:
    late = candles(np.concatenate([STEPS[5:], np.ones(5)]), first=5)
    # What is earlier or later on one side only does not count.
    assert correlations_of({"A": candles(STEPS), "B": late})["A", "B"] == D("1.0000")
