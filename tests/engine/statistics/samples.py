"""Small results with figures that can be checked by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.simulation.types import REFUSAL_DTYPE, TRADE_DTYPE, Simulated

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
# 2024-01-30 00:00 UTC.
START_MS = 1_706_572_800_000


def trades_of(*rows: dict[str, Any]) -> NDArray[np.void]:
    """Return trades with the given fields; the rest is plain: a quantity of 1 at 100, an hour each, one after the other."""
    trades = np.zeros(len(rows), dtype=TRADE_DTYPE)
    for place, row in enumerate(rows):
        opened = START_MS + place * HOUR_MS
        plain = {"opened_at": opened, "closed_at": opened + HOUR_MS, "open_price": 100.0, "close_price": 100.0}
        for name, value in {**plain, "quantity": 1.0, "stake": 100.0, **row}.items():
            trades[place][name] = value
    return trades


def simulated_of(equity: list[float], *rows: dict[str, Any], final: float | None = None) -> Simulated:
    """Return a simulation of whole days from START_MS on that ended with this daily equity."""
    return Simulated(
        trades=trades_of(*rows),
        refusals=np.zeros(0, dtype=REFUSAL_DTYPE),
        equity_at=START_MS + DAY_MS * np.arange(len(equity), dtype=np.int64),
        equity=np.array(equity, dtype=np.float64),
        final_equity=equity[-1] if final is None else final,
        exposure=0.5,
    )
