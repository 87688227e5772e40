"""Makes a process ready: the kernels compiled, or loaded from numba's cache, before the first job needs them."""

from __future__ import annotations

import numpy as np

from engine.candles import Candles
from engine.simulation.simulate import simulate
from engine.simulation.types import Series, Settings


def warm() -> None:
    """Run the kernels once on two candles. There is one signature of each, so nothing is left to compile after it."""
    price = np.ones(2, np.float64)
    candles = Candles(np.array([0, 60_000], np.int64), price, price, price, price, price)
    none = np.zeros(2, np.bool_)
    simulate([Series("warm", candles, none, none, none, none)], Settings(timeframe="1m"))
