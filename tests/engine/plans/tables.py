"""Candles by hand for plans: rows of open, high, low, close in quote units, a minute each."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from engine.candles import Candles
from engine.matching.resting import Grid
from engine.plans.backtest import PlanResult

MINUTE_MS = 60_000
GRID = Grid(Decimal("0.01"), Decimal("0.1"))


def candles(*rows: Sequence[float]) -> Candles:
    """Return candles that begin at 0."""
    opened_at = np.arange(len(rows), dtype=np.int64) * MINUTE_MS
    first, high, low, last = (np.array(column, np.float64) for column in zip(*rows, strict=True))
    return Candles(opened_at, first, high, low, last, np.ones(len(rows)))


def filled(result: PlanResult) -> list[str]:
    """Return a result's fills as lines: minute, key, quantity@price."""
    fills = [one.fill for one in result.fills]
    return [f"{one.at_ms // MINUTE_MS} {one.key} {one.quantity}@{one.price}" for one in fills]
