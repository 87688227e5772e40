"""Depth, length and list of drawdowns on a curve of seven values."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.statistics.drawdowns import (
    Drawdown,
    curve,
    drawdown_ratios,
    drawdowns,
    longest_drawdown,
    max_drawdown,
    ulcer_index,
)

VALUES = np.array([100.0, 80.0, 90.0, 100.0, 120.0, 60.0, 90.0])


def test_a_drawdown_is_measured_from_the_peak_before() -> None:
    assert drawdown_ratios(VALUES) == pytest.approx(np.array([0, 0.2, 0.1, 0, 0, 0.5, 0.25]), rel=1e-12)


def test_every_time_under_water_is_listed() -> None:
    first, second = drawdowns(drawdown_ratios(VALUES))
    assert (first.start, first.trough, first.end, first.is_recovered) == (0, 1, 3, True)
    assert first.depth_ratio == pytest.approx(0.2, rel=1e-12)
    assert second == Drawdown(4, 5, 6, 0.5, is_recovered=False)


def test_depth_length_and_ulcer() -> None:
    below = drawdown_ratios(VALUES)
    assert max_drawdown(below) == 0.5
    assert longest_drawdown(below) == 2
    assert ulcer_index(below) == pytest.approx(math.sqrt((0.04 + 0.01 + 0.25 + 0.0625) / 7), rel=1e-12)


def test_the_start_of_the_curve_is_a_peak() -> None:
    assert max_drawdown(drawdown_ratios(curve(np.array([-0.1, 0.05])))) == pytest.approx(0.1, rel=1e-12)


def test_rounding_is_no_drawdown() -> None:
    assert drawdowns(drawdown_ratios(np.array([1.0, 1.0 - 1e-16, 1.0]))) == []
    assert math.isnan(max_drawdown(np.array([])))
