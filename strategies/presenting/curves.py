"""The curves of results: equity beside buy-and-hold with drawdowns, and several results rebased to one beginning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strategies.models import Backtest
from strategies.presenting.stored import Columns, equity_of

# A screen is not wider; daily equity of several years is thinned to this.
MOST_POINTS = 1500


def result_curves(backtest: Backtest) -> dict[str, Any]:
    """Return equity, buy-and-hold and both drawdowns as frontend/src/curves.js draws them."""
    columns = equity_of(backtest)
    curves = [("Strategy", columns["equity"])]
    if "benchmark" in columns and np.isfinite(columns["benchmark"]).all():
        curves.append(("Buy and hold", columns["benchmark"]))
    times = columns["at"]
    return {
        "unit": "money",
        "curves": [_curve(name, times, values, 2) for name, values in curves],
        "drawdowns": [_curve("Drawdown" if place == 0 else f"{name} drawdown", times, _below(values), 5)
                      for place, (name, values) in enumerate(curves)],
    }  # fmt: skip


def compared_curves(backtests: Sequence[Backtest]) -> dict[str, Any]:
    """Return the growth of each since its own beginning, as ratios."""
    found = [(one.name, equity_of(one)) for one in backtests]
    return {
        "unit": "percent",
        "curves": [
            _curve(name, columns["at"], columns["equity"] / columns["equity"][0] - 1, 5) for name, columns in found
        ],
        "drawdowns": [],
    }


def _below(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(values / np.maximum.accumulate(values) - 1)


def _curve(name: str, times: NDArray[np.int64], values: NDArray[np.float64], digits: int) -> dict[str, Any]:
    places = np.arange(len(times))
    if len(places) > MOST_POINTS:
        places = np.unique(np.linspace(0, len(times) - 1, MOST_POINTS).astype(int))
    seconds, rounded = times[places] // 1000, np.round(values[places], digits)
    return {"name": name, "points": [list(row) for row in zip(seconds.tolist(), rounded.tolist(), strict=True)]}


__all__ = ["Columns", "compared_curves", "result_curves"]
