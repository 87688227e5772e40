"""Bars, warm cells and the fan's outlines: exact figures from small arrays."""

from __future__ import annotations

import numpy as np

from strategies.presenting.pictures import fan, heat, heat_scale, histogram


def test_bars_have_round_edges_and_none_across_nothing() -> None:
    bars = histogram(np.array([-0.02, -0.011, 0.0, 0.004, 0.019]), most=4)
    assert [(bar.low, bar.high, bar.count, bar.sign) for bar in bars] == [
        ("−2%", "−1%", 2, "neg"),
        ("−1%", "0%", 0, "neg"),
        ("0%", "+1%", 2, "pos"),
        ("+1%", "+2%", 1, "pos"),
    ]
    assert [bar.level for bar in bars] == ["1.000", "0.000", "1.000", "0.500"]


def test_far_off_trades_are_counted_in_the_outermost_bars() -> None:
    ratios = np.concatenate([np.full(200, 0.01), np.full(200, -0.01), [5.0]])
    bars = histogram(ratios)
    assert sum(bar.count for bar in bars) == 401
    assert bars[-1].count >= 201


def test_equal_trades_make_one_bar_and_no_trades_none() -> None:
    assert [bar.count for bar in histogram(np.full(3, 0.02))] == [3]
    assert histogram(np.array([])) == []


def test_cells_are_as_strong_as_their_figure() -> None:
    assert [heat(value, 0.1) for value in (None, float("nan"), 0.0, 0.001, 0.05, 0.1, 9.0, -0.05)] == [
        0,
        0,
        0,
        1,
        3,
        5,
        5,
        -3,
    ]
    assert heat(1.0, 0.0) == 0


def test_one_outlier_does_not_pale_the_rest() -> None:
    assert heat_scale([0.01] * 19 + [5.0, None]) == 0.01
    assert heat_scale([]) == 0.0


def test_the_fan_spans_its_height_from_the_worst_to_the_best() -> None:
    bands = {"5": [1.0, 0.5], "25": [1.0, 0.9], "50": [1.0, 1.1], "75": [1.0, 1.3], "95": [1.0, 1.5]}
    found = fan(bands)
    assert found is not None
    assert (found.top, found.bottom) == (1.5, 0.5)
    assert found.wide == "0.0,200.0 1000.0,0.0 1000.0,400.0 0.0,200.0"
    assert found.middle == "0.0,200.0 1000.0,160.0"
    assert found.start == "200.0"


def test_a_fan_of_one_moment_is_none() -> None:
    assert fan({name: [1.0] for name in ("5", "25", "50", "75", "95")}) is None
