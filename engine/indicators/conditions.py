"""Yes or no per candle. What is undefined compares as no.

Two values within a relative 1e-12 of each other count as the same. Averages of the same prices differ by rounding alone
(how much depends on where the data begin), and a tie that rounding decides would make a live run and a backtest disagree.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.candles import Floats

Bools = NDArray[np.bool_]

ALIKE = 1e-12


@njit(cache=True, nogil=True)
def _is_above(left, right):  # type: ignore[no-untyped-def]  # numba infers the types
    return left - right > ALIKE * max(abs(left), abs(right))


@njit(cache=True, nogil=True)
def _greater(left, right, or_alike):  # type: ignore[no-untyped-def]  # numba infers the types
    out = np.empty(left.size, np.bool_)
    if or_alike:
        for i in range(left.size):
            out[i] = left[i] - right[i] >= -ALIKE * max(abs(left[i]), abs(right[i]))
    else:
        for i in range(left.size):
            out[i] = _is_above(left[i], right[i])
    return out


@njit(cache=True, nogil=True)
def _crosses_above(left, right):  # type: ignore[no-untyped-def]  # numba infers the types
    out = np.zeros(left.size, np.bool_)
    for i in range(1, left.size):
        # Written out without branches, so that it runs on several candles at once; a gap before is no crossing.
        defined = (left[i - 1] == left[i - 1]) & (right[i - 1] == right[i - 1])
        out[i] = _is_above(left[i], right[i]) & defined & (not _is_above(left[i - 1], right[i - 1]))
    return out


def greater(left: Floats, right: Floats) -> Bools:
    """Return left > right."""
    found: Bools = _greater(left, right, False)
    return found


def greater_equal(left: Floats, right: Floats) -> Bools:
    """Return left ≥ right."""
    found: Bools = _greater(left, right, True)
    return found


def equal(left: Floats, right: Floats) -> Bools:
    """Return left = right."""
    return greater_equal(left, right) & greater_equal(right, left)


def crosses_above(left: Floats, right: Floats) -> Bools:
    """Return where left is above right and was not on the candle before, on which both were defined."""
    found: Bools = _crosses_above(left, right)
    return found


def rising(series: Floats, period: int) -> Bools:
    """Return where each of the last `period` steps went up."""
    up = np.zeros(len(series), np.bool_)
    up[1:] = greater(series[1:], series[:-1])
    return held_for(up, period)


def falling(series: Floats, period: int) -> Bools:
    """Return where each of the last `period` steps went down."""
    return rising(-series, period)


def held_for(condition: Bools, period: int) -> Bools:
    """Return where the condition has been true on each of the last `period` candles."""
    places = np.arange(len(condition))
    last_no = np.maximum.accumulate(np.where(condition, -1, places)) if len(condition) else places
    return places - last_no >= period


def bars_since(condition: Bools, limit: int) -> Floats:
    """Return how many candles ago the condition was last true (0: now); undefined beyond `limit`, or while it never was."""
    places = np.arange(len(condition))
    last_yes = np.maximum.accumulate(np.where(condition, places, -1)) if len(condition) else places
    ago = (places - last_yes).astype(np.float64)
    ago[(last_yes < 0) | (ago > limit)] = np.nan
    return ago
