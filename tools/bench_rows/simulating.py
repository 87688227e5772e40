"""What the simulation's kernels take, beside bare loops of the same run that do only what can not be left out.

Candles are seeded random walks: 525,600 one-minute candles of one instrument, and 20 instruments of 105,120 five-minute
candles. Signals are ready before the clock starts, so the rows measure the simulation and not the indicators.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.candles import Candles, Floats
from engine.simulation.simulate import simulate
from engine.simulation.types import Series, Settings, Simulated
from engine.strategy.types import Exits, Sizing, SizingKind, Trailing
from tools.bench_rows import Measurement, at_most, row

Bools = NDArray[np.bool_]
Function = TypeVar("Function", bound=Callable[..., Any])
ROOT = Path(__file__).resolve().parent.parent.parent
MINUTE = 60_000
FEE = 0.001
STOP, TARGET, TRAIL = 0.03, 0.04, 0.02
PAIRS = [(fast, slow) for fast in range(5, 25) for slow in range(30, 50)]


def _compiled(function: Function) -> Function:
    return cast(Function, njit(nogil=True, error_model="numpy")(function))


@_compiled
def _ema(closes: Any, period: int) -> Any:
    out = np.empty_like(closes)
    weight = 2.0 / (period + 1.0)
    average = closes[0]
    for i in range(closes.size):
        average += weight * (closes[i] - average)
        out[i] = average
    return out


@_compiled
def _crosses(fast: Any, slow: Any, enter: Any, leave: Any) -> None:
    enter[0] = leave[0] = False
    for i in range(1, fast.size):
        above, before = fast[i] > slow[i], fast[i - 1] > slow[i - 1]
        enter[i], leave[i] = above and not before, before and not above


@_compiled
def _bare_cross(opens: Any, closes: Any, fee: float) -> tuple[float, int]:
    """Two averages, all in and all out at the next open: the bare loop that the whole backtest is measured against."""
    fast = slow = closes[0]
    cash, quantity, trades = 1.0, 0.0, 0
    above = False
    for i in range(1, closes.size):
        fast += 2.0 / 13.0 * (closes[i] - fast)
        slow += 2.0 / 27.0 * (closes[i] - slow)
        now = fast > slow
        if now != above and i + 1 < closes.size:
            if now:
                quantity = cash / (opens[i + 1] * (1.0 + fee))
                cash = 0.0
                trades += 1
            elif quantity > 0.0:
                cash, quantity = quantity * opens[i + 1] * (1.0 - fee), 0.0
        above = now
    return cash + quantity * closes[-1], trades


@_compiled
def _bare_portfolio(opens: Any, highs: Any, lows: Any, enter: Any, leave: Any, places: int) -> tuple[float, int]:
    """Stop, take profit and trail for some open places out of all instruments, candle by candle, and nothing more."""
    instruments, size = opens.shape
    entry, stop, stake = np.zeros(instruments), np.zeros(instruments), np.zeros(instruments)
    cash, used, trades = 10_000.0, 0, 0
    for i in range(1, size):
        for k in range(instruments):
            if entry[k] == 0.0:
                if enter[k, i - 1] and used < places:
                    entry[k] = opens[k, i]
                    stop[k] = entry[k] * (1.0 - STOP)
                    stake[k] = cash / (places - used) * (1.0 - FEE)
                    cash -= stake[k] * (1.0 + FEE)
                    used += 1
                    trades += 1
                continue
            price = 0.0
            if leave[k, i - 1]:
                price = opens[k, i]
            elif lows[k, i] <= stop[k]:
                price = min(stop[k], opens[k, i])
            elif highs[k, i] >= entry[k] * (1.0 + TARGET):
                price = entry[k] * (1.0 + TARGET)
            else:
                stop[k] = max(stop[k], highs[k, i] * (1.0 - TRAIL))
            if price > 0.0:
                cash += stake[k] * price / entry[k] * (1.0 - FEE)
                entry[k] = 0.0
                used -= 1
    return cash, trades


def _walk(seed: int, size: int, minutes: int, volatility: float) -> Candles:
    random = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(random.normal(0.0, volatility, size)))
    opened = np.concatenate([close[:1], close[:-1]])
    reach = np.abs(random.normal(0.0, volatility, (2, size)))
    high, low = np.maximum(opened, close) * (1.0 + reach[0]), np.minimum(opened, close) * (1.0 - reach[1])
    at = np.arange(size, dtype=np.int64) * minutes * MINUTE
    return Candles(at, opened, high, low, close, random.uniform(1.0, 10.0, size))


def _signals(fast: Floats, slow: Floats) -> tuple[Bools, Bools]:
    enter, leave = np.empty(fast.size, np.bool_), np.empty(fast.size, np.bool_)
    _crosses(fast, slow, enter, leave)
    return enter, leave


def _long_only(name: str, candles: Candles, fast: Floats, slow: Floats) -> Series:
    enter, leave = _signals(fast, slow)
    never = np.zeros(len(candles), np.bool_)
    return Series(name, candles, enter, leave, never, never)


@cache
def _minute_year() -> Candles:
    return _walk(1, 525_600, 1, 0.0008)


def _averaged(name: str, candles: Candles, fast: int, slow: int) -> Series:
    return _long_only(name, candles, _ema(candles.close, fast), _ema(candles.close, slow))


ALL_IN = Settings("1m", maker_fee=FEE, taker_fee=FEE, sizing=Sizing(SizingKind.SHARE_OF_EQUITY, share=1.0))
SHARED = Settings(
    "5m",
    maker_fee=FEE,
    taker_fee=FEE,
    max_open_trades=5,
    exits=Exits(stop_loss=STOP, take_profit=TARGET, trailing=Trailing(distance=TRAIL)),
    sizing=Sizing(SizingKind.SHARE_OF_EQUITY, share=0.2),
)


def _times(work: Callable[[], object], repetitions: int) -> list[float]:
    """Return how many ms each repetition took, after one that does not count."""
    work()
    taken = []
    for _ in range(repetitions):
        begun = time.perf_counter()
        work()
        taken.append((time.perf_counter() - begun) * 1000.0)
    return taken


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


@row(
    "simulation",
    what="simulation alone, 525,600 one-minute candles, EMA crossover, all in",
    unit="ms",
    target=at_most(5, of="ratio"),
)
def simulation(environment: Mapping[str, str]) -> Measurement:
    """Signals → trades and daily equity, warm; beside a bare loop that computes both averages and trades on them."""
    candles = _minute_year()
    series = _averaged("A", candles, 12, 26)
    bare = _median(_times(lambda: _bare_cross(candles.open, candles.close, FEE), 15))
    trades = len(simulate([series], ALL_IN).trades)
    bare_trades = _bare_cross(candles.open, candles.close, FEE)[1]
    note = (
        f"{trades:,} trades, {bare_trades:,} in the bare loop (which has no warm-up and opens on the last candle too)"
    )
    return Measurement(_times(lambda: simulate([series], ALL_IN), 15), bare, note)


@row(
    "simulation_portfolio",
    what="simulation alone, 20 instruments, a year of 5-minute candles, stop, target, trail",
    unit="ms",
    target=at_most(5, of="ratio"),
)
def simulation_portfolio(environment: Mapping[str, str]) -> Measurement:
    """20 instruments, shared cash, 5 open trades, warm; beside a bare kernel of the same exits on stacked arrays."""
    walks = [_walk(100 + place, 105_120, 5, 0.002) for place in range(20)]
    series = [_averaged(f"S{place}", candles, 12, 26) for place, candles in enumerate(walks)]
    opens, highs, lows = (np.stack([getattr(one, name) for one in walks]) for name in ("open", "high", "low"))
    enter, leave = np.stack([one.enter_long for one in series]), np.stack([one.exit_long for one in series])
    bare = _median(_times(lambda: _bare_portfolio(opens, highs, lows, enter, leave, 5), 9))
    trades, bare_trades = len(simulate(series, SHARED).trades), _bare_portfolio(opens, highs, lows, enter, leave, 5)[1]
    note = f"{trades:,} trades, {bare_trades:,} in the bare kernel, whose order of prices inside a candle is simpler"
    return Measurement(_times(lambda: simulate(series, SHARED), 9), bare, note)


def max_drawdown(result: Simulated) -> float:
    """Return the largest fall of the daily equity from its highest value before, 0–1."""
    highest = np.maximum.accumulate(result.equity)
    return float((1.0 - result.equity / highest).max())


@row(
    "simulation_sweep",
    what="400 EMA pairs on a year of minute candles, with max drawdown, two threads",
    unit="s",
    target=at_most(1),
)
def simulation_sweep(environment: Mapping[str, str]) -> Measurement:
    """Averages once for each period, then signals, trades and drawdown for each pair; threads share the candles."""
    candles = _minute_year()

    def sweep() -> list[float]:
        averages = {period: _ema(candles.close, period) for pair in PAIRS for period in pair}

        def one(pair: tuple[int, int]) -> float:
            return max_drawdown(simulate([_long_only("A", candles, averages[pair[0]], averages[pair[1]])], ALL_IN))

        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(one, PAIRS))

    return Measurement([taken / 1000.0 for taken in _times(sweep, 3)])


@row(
    "simulation_warm",
    what="a fresh process until the simulation is warm, machine code cached",
    unit="s",
    target=at_most(5),
)
def simulation_warm(environment: Mapping[str, str]) -> Measurement:
    """Start Python, import, load the kernels from numba's cache and run them once; the first start of all compiles."""
    command = [sys.executable, "-c", "from engine.simulation.warm import warm; warm()"]

    def start() -> float:
        begun = time.perf_counter()
        subprocess.run(command, check=True, cwd=ROOT, env=cached)
        return time.perf_counter() - begun

    with tempfile.TemporaryDirectory() as folder:
        cached = {**environment, "NUMBA_CACHE_DIR": folder}
        compiling = start()
        return Measurement(
            [start() for _ in range(5)], note=f"with an empty cache, once per machine: {compiling:.1f} s"
        )
