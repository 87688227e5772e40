"""Backtests: how far above a bare loop, how many in a sweep, how much memory, and how the peers do on the same job."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from statistics import median

import numpy as np
from numba import njit

from engine.backtest import BacktestSpec, Costs, Data, MarketData, TradedInstrument, run_backtest
from engine.candles import Candles
from engine.strategy.formula.parse import parse_formula
from engine.sweep import grid_points, run_sweep
from engine.timeframes import timeframe_ms
from tools.bench_rows import Measurement, at_least, at_most, row

ROOT = Path(__file__).resolve().parent.parent.parent
PEERS, FREQTRADE = ROOT / ".venv-peers", ROOT / ".venv-freqtrade"
SCRIPTS = ROOT / "tools" / "bench_peers"
MINUTES = 525_600
# 2024-01-01 00:00 UTC.
START_MS = 1_704_067_200_000
TURNS = 15
FEE = 0.001
LONGEST_TURN_SECONDS = 600

CROSSOVER = """
fast = parameter(12, 2, 100)
slow = parameter(26, 3, 200)
quick = ema(close, fast, "first")
calm = ema(close, slow, "first")
enter_long = crosses_above(quick, calm)
exit_long = crosses_below(quick, calm)
size = share_of_equity(1)
"""
MANY = """
enter_long = crosses_above(ema(close, 12), ema(close, 26))
exit_long = crosses_below(ema(close, 12), ema(close, 26))
stop_loss = 0.03
take_profit = 0.06
trailing_stop = trailing(0.02, offset=0.03, only_after_offset=True)
size = share_of_equity(0.2)
max_open_trades = 5
"""
GRID = {"fast": range(5, 25), "slow": range(30, 50)}


def walk(count: int, seed: int, timeframe: str) -> Candles:
    """Return candles of a seeded random walk from 100; one minute moves by 0.05 %."""
    generator = np.random.default_rng(seed)
    spread = 0.0005 * (timeframe_ms(timeframe) / 60_000) ** 0.5
    close = 100.0 * np.exp(np.cumsum(generator.normal(0.0, spread, count)))
    opens = np.concatenate(([100.0], close[:-1]))
    high = np.maximum(opens, close) * (1 + np.abs(generator.normal(0.0, spread / 2, count)))
    low = np.minimum(opens, close) * (1 - np.abs(generator.normal(0.0, spread / 2, count)))
    opened_at = START_MS + timeframe_ms(timeframe) * np.arange(count, dtype=np.int64)
    return Candles(opened_at, opens, high, low, close, generator.uniform(1.0, 10.0, count))


@cache
def year() -> Candles:
    """Return the job's 525,600 one-minute candles."""
    return walk(MINUTES, 7, "1m")


def crossover_spec() -> BacktestSpec:
    """Return the job: EMA 12/26 crossover, long only, all in, 0.1 % a side, next open."""
    return spec_of(CROSSOVER, ("X",), "1m", MINUTES)


def spec_of(formula: str, symbols: Sequence[str], timeframe: str, count: int) -> BacktestSpec:
    return BacktestSpec(
        graph=parse_formula(formula),
        instruments=tuple(TradedInstrument(symbol) for symbol in symbols),
        timeframe=timeframe,
        start_ms=START_MS,
        end_ms=START_MS + count * timeframe_ms(timeframe),
        costs=Costs(maker_fee=FEE, taker_fee=FEE),
    )


@njit(error_model="numpy")
def bare_loop(opens, close, fast, slow, fee):  # type: ignore[no-untyped-def]  # numba infers the types
    """Trade the crossover with nothing around it: two averages, one position, no records. Return trades and cash."""
    weight_fast, weight_slow = 2.0 / (fast + 1), 2.0 / (slow + 1)
    quick = calm = close[0]
    above, cash, quantity, trades, wish = False, 10_000.0, 0.0, 0, 0
    for index in range(1, close.size):
        if wish == 1 and quantity == 0.0 and index < close.size - 1:
            quantity = cash / (1.0 + fee) / opens[index]
            cash = 0.0
        elif quantity > 0.0 and (wish == -1 or index == close.size - 1):
            cash = quantity * opens[index] * (1.0 - fee)
            quantity = 0.0
            trades += 1
        quick += weight_fast * (close[index] - quick)
        calm += weight_slow * (close[index] - calm)
        now = quick > calm
        wish = 1 if now and not above else (-1 if above and not now else 0)
        above = now
    return trades, cash


def seconds_of(job: Callable[[], object]) -> float:
    began = time.perf_counter()
    job()
    return time.perf_counter() - began


@row(
    "backtest",
    what="a backtest of 525,600 candles with all metrics, against a bare numba loop",
    unit="ms",
    target=at_most(5.0, of="ratio"),
)
def backtest(environment: Mapping[str, str]) -> Measurement:
    """Spec → signals → trades → every metric, warm; the bare loop takes turns with it in this process."""
    spec, data, candles = crossover_spec(), {"X": MarketData(year())}, year()
    made = int(run_backtest(spec, data).summary.metrics["trades_count"])
    bare_trades, _ = bare_loop(candles.open, candles.close, 12, 26, FEE)
    if made != bare_trades:
        raise RuntimeError(f"the bare loop made {bare_trades} trades, the backtest {made}")
    ours, bare = [], []
    for _ in range(TURNS):
        ours.append(1000 * seconds_of(lambda: run_backtest(spec, data)))
        bare.append(1000 * seconds_of(lambda: bare_loop(candles.open, candles.close, 12, 26, FEE)))
    return Measurement(ours, peer=median(bare), note=f"{made} trades each")


@row(
    "sweep",
    what="400 parameter pairs on 525,600 candles in two processes, against 400 bare loops in one",
    unit="s",
    target=at_most(0.8, of="ratio"),
)
def sweep(environment: Mapping[str, str]) -> Measurement:
    """Two warm processes, half the pairs each, from the spec to rows with return, Sharpe, drawdown and trades.

    Where vectorbt takes 50 s a bare loop takes 3.1 ms: a fiftieth of the one is 0.8 of 400 of the other. The peers'
    own row measures vectorbt itself.
    """
    candles = year()
    bare_loop(candles.open, candles.close, 12, 26, FEE)
    times, bare, trades = [], [], 0
    with _sweepers() as swept:
        swept()
        for _ in range(5):
            taken, trades = swept()
            times.append(taken)
            bare += [400 * seconds_of(lambda: bare_loop(candles.open, candles.close, 12, 26, FEE)) for _ in range(9)]
    return Measurement(times, peer=median(bare), note=f"{trades:,} trades in all")


@contextmanager
def _sweepers() -> Iterator[Callable[[], tuple[float, int]]]:
    """Give a function that sweeps all pairs in two processes and returns its seconds and the trades of all pairs."""
    points = grid_points(crossover_spec().graph.parameters, GRID)
    halves = [[point for point in points if (point["slow"] < 40) == half] for half in (True, False)]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn"), initializer=year) as pool:

        def swept() -> tuple[float, int]:
            began = time.perf_counter()
            trades = sum(pool.map(_swept, halves))
            return time.perf_counter() - began, trades

        yield swept


def _swept(points: Sequence[Mapping[str, float]]) -> int:
    """Sweep a chunk in a worker; return the trades of all its points."""
    return int(run_sweep(crossover_spec(), points, {"X": MarketData(year())}).rows["trades_count"].sum())


@row(
    "backtest_many",
    what="20 instruments × a year of 5-minute candles from the store, stops, shared cash",
    unit="s",
    target=at_most(0.4),
)
def backtest_many(environment: Mapping[str, str]) -> Measurement:
    """Read from the files without the store's memory, then the whole backtest, warm."""
    from markets.candle_store import CandleStore

    symbols, count = [f"C{place:02}" for place in range(20)], 105_120
    spec = spec_of(MANY, symbols, "5m", count)
    with tempfile.TemporaryDirectory() as folder:
        for seed, symbol in enumerate(symbols):
            CandleStore(Path(folder)).upsert("bench", symbol, "5m", walk(count, seed, "5m"))

        def job() -> int:
            store = CandleStore(Path(folder))
            data: Data = {symbol: MarketData(store.read("bench", symbol, "5m")) for symbol in symbols}
            return len(run_backtest(spec, data).simulated.trades)

        trades = job()
        times = [seconds_of(job) for _ in range(7)]
    return Measurement(times, note=f"{trades:,} trades, five at once at most")


_MEMORY = """
from engine.backtest import MarketData, run_backtest
from engine.candles import Candles
from tools.bench_rows.backtesting import crossover_spec, walk, np
import sys
spec = crossover_spec()
run_backtest(spec, {"X": MarketData(walk(2000, 1, "1m"))})
def kib(name):
    return int(next(line for line in open("/proc/self/status") if line.startswith(name)).split()[1])
idle = kib("VmRSS")
open("/proc/self/clear_refs", "w").write("5")  # the peak counts from here
held = np.load(sys.argv[1])
run_backtest(spec, {"X": MarketData(Candles(*(held[name] for name in Candles.__slots__)))})
print((kib("VmHWM") - idle) / 1024)
"""


@row(
    "backtest_memory",
    what="memory of a backtest of 525,600 candles above the idle worker",
    unit="MiB",
    target=at_most(300.0),
)
def backtest_memory(environment: Mapping[str, str]) -> Measurement:
    """The largest resident size of a warm process during the job, less its size before; candles included. Linux only."""
    with _candle_file() as file:
        command = [sys.executable, "-c", _MEMORY, str(file)]
        done = [
            subprocess.run(command, cwd=ROOT, env=dict(environment), capture_output=True, text=True, check=True)
            for _ in range(3)
        ]
    return Measurement([float(one.stdout) for one in done])


@contextmanager
def _candle_file() -> Iterator[Path]:
    """Give the job's candles as a file that peers read."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "candles.npz"
        np.savez(file, **{name: getattr(year(), name) for name in Candles.__slots__})
        yield file


class Peer:
    """Another backtester's script in its own environment, which does the job whenever it is its turn."""

    def __init__(self, script: str, file: Path, home: Path) -> None:
        python = home / "bin" / "python"
        if not python.exists():
            raise RuntimeError("the peers are not installed: make bench-peers")
        command = [str(python), str(SCRIPTS / script), str(file)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.trades = self._answer()["trades"]

    def seconds(self) -> float:
        """Have the job done once more."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        answer = self._answer()
        self.trades = answer["trades"]
        return float(answer["seconds"])

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _answer(self) -> dict[str, float]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            _, said = self._process.communicate(timeout=LONGEST_TURN_SECONDS)
            raise RuntimeError(f"the peer failed: {said.strip()[-300:]}")
        found: dict[str, float] = json.loads(line)
        return found


def _beside(script: str, ours: Callable[[], object], trades: int, turns: int, home: Path = PEERS) -> Measurement:
    """Let a peer and us take turns on the same candles, and refuse to compare unless both made the same trades."""
    with _candle_file() as file:
        peer = Peer(script, file, home)
        try:
            theirs, own = [], []
            for _ in range(turns):
                # A peer that takes long gets few turns; ours are short enough for more.
                own += [seconds_of(ours) for _ in range(max(1, 5 // turns))]
                theirs.append(peer.seconds())
        finally:
            peer.close()
    if peer.trades != trades:
        raise RuntimeError(f"the peer made {peer.trades} trades, we {trades}: this is not the same job")
    ours_ms, theirs_ms = 1000 * median(own), 1000 * median(theirs)
    return Measurement(
        [theirs_ms / ours_ms], note=f"{theirs_ms:,.0f} ms against {ours_ms:,.1f} ms; {trades:,} trades each"
    )


def _backtest_beside(script: str, turns: int, home: Path = PEERS) -> Measurement:
    spec, data = crossover_spec(), {"X": MarketData(year())}
    trades = int(run_backtest(spec, data).summary.metrics["trades_count"])
    return _beside(script, lambda: run_backtest(spec, data), trades, turns, home)


@row(
    "peer_vectorbt",
    what="the same backtest against vectorbt with its metrics",
    unit="times faster",
    target=at_least(5.0),
    only_by_name=True,
)
def peer_vectorbt(environment: Mapping[str, str]) -> Measurement:
    """Both warm, each in its own process, turn by turn."""
    return _backtest_beside("vectorbt_job.py", TURNS)


@row(
    "peer_backtesting",
    what="the same backtest against backtesting.py",
    unit="times faster",
    target=at_least(200.0),
    only_by_name=True,
)
def peer_backtesting(environment: Mapping[str, str]) -> Measurement:
    """Both warm, each in its own process, turn by turn."""
    return _backtest_beside("backtesting_job.py", 3)


@row(
    "peer_freqtrade",
    what="the same backtest against freqtrade",
    unit="times faster",
    target=at_least(2000.0),
    only_by_name=True,
)
def peer_freqtrade(environment: Mapping[str, str]) -> Measurement:
    """Ours warm; freqtrade warmed on 5,000 candles, then once."""
    return _backtest_beside("freqtrade_job.py", 1, FREQTRADE)


@row(
    "peer_vectorbt_sweep",
    what="the same sweep against vectorbt",
    unit="times faster",
    target=at_least(50.0),
    only_by_name=True,
)
def peer_vectorbt_sweep(environment: Mapping[str, str]) -> Measurement:
    """Ours in two warm processes; vectorbt as it comes, one process, once."""
    with _sweepers() as swept:
        _, trades = swept()
        return _beside("vectorbt_sweep_job.py", swept, trades, turns=1)
