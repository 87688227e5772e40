"""What no candle may be: which rows of a series are out of order, off the grid, or impossible."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.candles import Candles

Mask = NDArray[np.bool_]


def order_faults(candles: Candles) -> dict[str, Mask]:
    """Return, by reason, which rows repeat the time of the row before, or are older."""
    times = candles.opened_at
    steps = np.diff(times, prepend=times[:1] - 1) if len(times) else times
    return {"its time is that of the row before": steps == 0, "it is older than the row before": steps < 0}


def row_faults(candles: Candles, length_ms: int) -> dict[str, Mask]:
    """Return, by reason, which rows are no candles of `length_ms` whatever stands beside them; those that say most first."""
    times, top, bottom = candles.opened_at, candles.high, candles.low
    values = np.stack([candles.open, candles.high, candles.low, candles.close, candles.volume])
    return {
        "it holds a number without end or no number": ~np.isfinite(values).all(axis=0),
        "its time is not positive": times <= 0,
        f"its time is not on the grid of {length_ms // 60_000} minutes": times % length_ms != 0,
        "its prices are not all positive": (values[:4] <= 0).any(axis=0),
        "its volume is negative": candles.volume < 0,
        "its high is below its open or close": top < np.maximum(candles.open, candles.close),
        "its low is above its open or close": bottom > np.minimum(candles.open, candles.close),
    }


def missing_candles(candles: Candles, length_ms: int) -> list[tuple[int, int]]:
    """Return each gap of a series in order: when its first missing candle would have opened, and how many are missing."""
    missing = np.diff(candles.opened_at) // length_ms - 1
    return [(int(candles.opened_at[place]) + length_ms, int(missing[place])) for place in np.flatnonzero(missing > 0)]
