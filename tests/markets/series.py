"""Candles that a test knows by their minute."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.candles import Candles
from engine.timeframes import MINUTE_MS

NOON_MS = 1_772_452_800_000  # 2026-03-02 12:00 UTC


def candles_at(minutes: Sequence[int], start_ms: int = NOON_MS, price: float = 100.0) -> Candles:
    """Return candles that open so many minutes after the start; the one at minute m closes at price + m."""
    times = start_ms + np.array(minutes, dtype=np.int64) * MINUTE_MS
    closes = price + np.array(minutes, dtype=np.float64)
    return Candles(times, closes - 0.5, closes + 1.0, closes - 1.0, closes, np.full(len(times), 2.0))


def minutes_of(candles: Candles, start_ms: int = NOON_MS) -> list[int]:
    """Return how many minutes after the start each candle opened."""
    return [int(minute) for minute in (candles.opened_at - start_ms) // MINUTE_MS]
