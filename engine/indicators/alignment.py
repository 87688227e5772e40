"""One clock's values on another clock's candles: the last one that was known when a candle closed."""

from __future__ import annotations

import numpy as np
from numba import njit

from engine.candles import Floats, Times


def align(values: Floats, known_at: Times, closed_at: Times) -> Floats:
    """Return, for each moment of `closed_at`, the newest of `values` whose `known_at` is not later; NaN before the first.

    Both are increasing times in milliseconds since 1970 UTC.
    """
    found: Floats = _align(values, known_at, closed_at)
    return found


@njit(cache=True, nogil=True)
def _align(values, known_at, closed_at):  # type: ignore[no-untyped-def]  # numba infers the types
    out = np.full(closed_at.size, np.nan)
    following = 0
    for i in range(closed_at.size):
        while following < known_at.size and known_at[following] <= closed_at[i]:
            following += 1
        if following:
            out[i] = values[following - 1]
    return out
