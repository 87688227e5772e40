"""The EMA crossover as the first release computed it, before there were graphs: theirs must be the same signals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import talib

from engine.candles import Candles

# An exponential average forgets slowly: after twelve periods the seed weighs (1 - 2/(n+1))^(12 n) ≈ 4e-11 of the whole.
MEMORY_PERIODS = 12


@dataclass(frozen=True, slots=True)
class EmaCross:
    """Periods in candles; 2 ≤ fast < slow ≤ 500."""

    fast: int
    slow: int

    @property
    def history(self) -> int:
        """Return how many closed candles a decision needs, the deciding one included."""
        return self.slow * MEMORY_PERIODS + 1


@dataclass(frozen=True, slots=True)
class Signals:
    """Two yes/no arrays, one entry per candle: act on the next price after that candle closed."""

    enter_long: np.ndarray[tuple[int], np.dtype[np.bool_]]
    exit_long: np.ndarray[tuple[int], np.dtype[np.bool_]]


def ema_cross_signals(candles: Candles, spec: EmaCross) -> Signals:
    """Return where EMA(fast) of the closes crosses above EMA(slow) (enter) and below it (exit).

    Averages are seeded with the simple mean (TA-Lib, `EMA`); undefined entries cross nothing.
    """
    above = talib.EMA(candles.close, spec.fast) > talib.EMA(candles.close, spec.slow)
    enter = np.zeros(len(candles), dtype=np.bool_)
    leave = np.zeros(len(candles), dtype=np.bool_)
    first = spec.slow  # both averages are defined here and on the candle before
    enter[first:] = above[first:] & ~above[first - 1 : -1]
    leave[first:] = ~above[first:] & above[first - 1 : -1]
    return Signals(enter, leave)
