"""Drawdowns: how far below its last peak a curve stood, how deep, how long, how often."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from engine.candles import Floats
from engine.statistics.returns import longest_run

# Rounding leaves a curve that has recovered a hair below its peak; less than this is no drawdown.
DUST_RATIO = 1e-12


@dataclass(frozen=True, slots=True)
class Drawdown:
    """One time under water. `start` is the place of the peak in the curve, `trough` of the deepest point, `end` of the
    first point back at the peak (the last point where it never came back); `depth_ratio` 0–1.
    """

    start: int
    trough: int
    end: int
    depth_ratio: float
    is_recovered: bool


def curve(returns: Floats) -> Floats:
    """Return the n + 1 values of one unit after n returns, 1 first."""
    values = np.empty(len(returns) + 1)
    values[0] = 1.0
    np.cumprod(1.0 + returns, out=values[1:])
    return values


def drawdown_ratios(values: Floats) -> Floats:
    """Return for each value how far it stands below the highest so far: 0 at a peak, 1 when all is lost."""
    peaks = np.maximum.accumulate(values)
    below: Floats = 1.0 - values / peaks
    below[below < DUST_RATIO] = 0.0
    return below


def max_drawdown(below: Floats) -> float:
    """Return the deepest of drawdown_ratios (0–1); NaN for no values."""
    return float(below.max()) if len(below) else math.nan


def longest_drawdown(below: Floats) -> int:
    """Return how many values in a row stood under water at the longest."""
    return longest_run(below > 0)


def ulcer_index(below: Floats) -> float:
    """Return the root mean square of drawdown_ratios: depth and duration in one figure (Martin, 1987)."""
    return math.sqrt(float(below @ below) / len(below)) if len(below) else math.nan


def drawdowns(below: Floats) -> list[Drawdown]:
    """Return every time under water in drawdown_ratios, in order."""
    under = np.concatenate(([False], below > 0, [False]))
    edges = np.flatnonzero(under[1:] != under[:-1])
    found = []
    for first, after in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        trough = first + int(below[first:after].argmax())
        recovered = after < len(below)
        end = after if recovered else after - 1
        found.append(Drawdown(first - 1, trough, end, float(below[trough]), recovered))
    return found
