"""The same result redrawn a thousand times: days drawn again in blocks, trades in another order. Seeded, always.

Sources: Politis & Romano, The Stationary Bootstrap (1994).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.candles import Floats
from engine.statistics.trades import Trades

PATHS = 1_000
PERCENTILES = (5.0, 25.0, 50.0, 75.0, 95.0)
# A fan needs no more points than a screen can tell apart.
FAN_POINTS = 200
# Where there are more trades, neighbours stay together in so many pieces: drawdowns of a thousand pieces and of
# twenty thousand differ by less than the paths among themselves, and the time stays bounded.
MOST_PIECES = 1_000


@dataclass(frozen=True, slots=True)
class Paths:
    """Redrawn equity curves, as multiples of the start.

    `bands` has one row per percentile of PERCENTILES and one column per place in `steps` (how many days or trades
    have passed, 0 first). `total_return_ratios` and `max_drawdown_ratios` hold one value per path, in ascending order.
    """

    steps: NDArray[np.int64]
    bands: Floats
    total_return_ratios: Floats
    max_drawdown_ratios: Floats

    @property
    def loss_probability(self) -> float:
        """Return the share (0–1) of paths that lost money."""
        return float(np.mean(self.total_return_ratios < 0))


def block_length(count: int) -> float:
    """Return the mean length of blocks for `count` days: the cube root, the order that keeps the bootstrap consistent."""
    return max(1.0, float(count ** (1 / 3)))


def bootstrap_days(
    returns: Floats, generator: np.random.Generator, paths: int = PATHS, mean_block: float | None = None
) -> Paths:
    """Draw years like this one: daily returns again and again in blocks of random length, which keeps their streaks."""
    count = len(returns)
    if not count:
        return _measured(np.ones((paths, 1)), np.zeros(1, dtype=np.int64))
    restart = generator.random((paths, count), dtype=np.float32) < 1 / (mean_block or block_length(count))
    restart[:, 0] = True
    places = np.arange(count, dtype=np.int32)
    began = np.maximum.accumulate(np.where(restart, places, 0), axis=1)
    starts = generator.integers(0, count, (paths, count), dtype=np.int32)
    drawn = np.take_along_axis(starts, began, axis=1) + places - began
    drawn[drawn >= count] -= count
    return _walked(1.0 + returns[drawn])


def trade_growth(trades: Trades, initial_cash: float) -> Floats:
    """Return by what each trade multiplied the money booked before it, in order of closing; 0 where nothing was left."""
    profit = trades["profit"][np.argsort(trades["closed_at"], kind="stable")]
    booked = initial_cash + np.concatenate(([0.0], np.cumsum(profit)))
    growth = np.zeros(len(profit))
    np.divide(booked[1:], booked[:-1], out=growth, where=booked[:-1] > 0)
    return np.maximum(growth, 0.0)


def shuffle_trades(growth: Floats, generator: np.random.Generator, paths: int = PATHS) -> Paths:
    """Let the same trades (trade_growth) come in other orders: the end stays, the falls on the way do not."""
    if not len(growth):
        return _measured(np.ones((paths, 1)), np.zeros(1, dtype=np.int64))
    size = -(-len(growth) // MOST_PIECES)
    pieces = np.multiply.reduceat(growth, np.arange(0, len(growth), size))
    shuffled = generator.permuted(np.broadcast_to(pieces, (paths, len(pieces))), axis=1)
    found = _walked(shuffled)
    return Paths(
        np.minimum(found.steps * size, len(growth)), found.bands, found.total_return_ratios, found.max_drawdown_ratios
    )


def _walked(growth: Floats) -> Paths:
    """Multiply growth (paths × steps) into curves and measure them."""
    paths, count = growth.shape
    curves = np.empty((paths, count + 1))
    curves[:, 0] = 1.0
    np.cumprod(growth, axis=1, out=curves[:, 1:])
    return _measured(curves, np.unique(np.linspace(0, count, min(count + 1, FAN_POINTS)).round().astype(np.int64)))


def _measured(curves: Floats, steps: NDArray[np.int64]) -> Paths:
    peaks = np.maximum.accumulate(curves, axis=1)
    deepest = (1.0 - curves / peaks).max(axis=1)
    return Paths(
        steps=steps,
        bands=np.percentile(curves[:, steps], PERCENTILES, axis=0),
        total_return_ratios=np.sort(curves[:, -1] - 1.0),
        max_drawdown_ratios=np.sort(deepest),
    )
