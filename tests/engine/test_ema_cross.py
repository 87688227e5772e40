"""The crossover as candle tables, against its definition, and blind to the future."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.candles import Candles
from engine.ema_cross import EmaCross, ema_cross_signals


def candles(closes: Sequence[float]) -> Candles:
    """Return candles of which only the closes differ: nothing else may matter."""
    count = len(closes)
    flat = np.ones(count)
    return Candles(np.arange(count) * 300_000, flat, flat, flat, np.array(closes, dtype=np.float64), flat)


def table(closes: Sequence[float], spec: EmaCross) -> str:
    """Return one letter per candle: E(nter), X (exit) or a dot."""
    signals = ema_cross_signals(candles(closes), spec)
    rows = zip(signals.enter_long, signals.exit_long, strict=True)
    return "".join("E" if enter else "X" if leave else "." for enter, leave in rows)


def average(closes: Sequence[float], period: int) -> list[float | None]:
    """Return the exponential average as its definition reads: seeded with the simple mean, alpha = 2 / (period + 1)."""
    averages: list[float | None] = [None] * len(closes)
    if len(closes) < period:
        return averages
    held = sum(closes[:period]) / period
    averages[period - 1] = held
    for index in range(period, len(closes)):
        held += 2 / (period + 1) * (closes[index] - held)
        averages[index] = held
    return averages


@pytest.mark.parametrize(
    ("closes", "expected"),
    [
        # EMA(2) meets 10, 11.33, 13.11, 11.04, 7.68, 6.56, 10.19; EMA(3) meets 10, 11, 12.5, 11.25, 8.63, 7.31, 9.66.
        ([10, 10, 10, 12, 14, 10, 6, 6, 12], "...E.X..E"),
        # Above from the first moment both are known: that is no crossing.
        ([10, 11, 12, 13, 14], "....."),
        ([14, 13, 12, 11, 10, 14], ".....E"),
        # Equal is not above: a market that stands still crosses nothing, one that leaves the tie upwards does.
        ([10, 10, 10, 10, 10], "....."),
        ([10, 10, 10, 10, 11], "....E"),
        # One strong candle: in, and out with the next.
        ([10, 10, 10, 13, 10, 10, 10], "...EX.."),
        ([10, 12, 14], "..."),
        ([10, 12], ".."),
        ([10], "."),
        ([], ""),
    ],
)
def test_a_crossing_is_signalled_on_the_candle_that_makes_it(closes: list[float], expected: str) -> None:
    assert table(closes, EmaCross(fast=2, slow=3)) == expected


def test_a_decision_needs_twelve_slow_periods_and_the_deciding_candle() -> None:
    assert EmaCross(fast=12, slow=26).history == 313


prices = st.integers(min_value=50, max_value=200).map(float)
specs = st.tuples(st.integers(2, 9), st.integers(1, 9)).map(lambda pair: EmaCross(fast=pair[0], slow=sum(pair)))


@given(st.lists(prices, max_size=60), specs)
def test_signals_are_those_of_the_definition(closes: list[float], spec: EmaCross) -> None:
    fast, slow = average(closes, spec.fast), average(closes, spec.slow)
    gaps = [None if one is None or other is None else one - other for one, other in zip(fast, slow, strict=True)]
    assume(all(gap is None or abs(gap) > 1e-9 for gap in gaps))
    expected = "".join(
        "." if before is None or gap is None or (gap > 0) == (before > 0) else "E" if gap > 0 else "X"
        for before, gap in zip([None, *gaps], gaps, strict=False)
    )
    assert table(closes, spec) == expected


@given(st.lists(prices, max_size=60), specs, st.integers(0, 60))
def test_the_future_changes_no_past_signal(closes: list[float], spec: EmaCross, cut: int) -> None:
    assert table(closes[:cut], spec) == table(closes, spec)[:cut]


@settings(max_examples=50)
@given(st.integers(0, 2**32 - 1), specs)
def test_a_window_of_its_history_decides_as_all_of_it(seed: int, spec: EmaCross) -> None:
    closes = 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.01, spec.history + 300)))
    fast, slow = average(closes.tolist(), spec.fast), average(closes.tolist(), spec.slow)
    gaps = [abs(one - other) for one, other in zip(fast[-2:], slow[-2:], strict=True) if one and other]
    assume(min(gaps) > 1e-6)
    assert table(closes[-spec.history :].tolist(), spec)[-1] == table(closes.tolist(), spec)[-1]
