"""What jobs do inside their child process (common/child.py): pure computing, without Django, in and out by pickle."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.backtest import (
    BacktestError,
    BacktestSpec,
    Data,
    LuckRequest,
    MarketData,
    TradedInstrument,
    run_backtest,
    spec_from_json,
    workbench,
)
from engine.backtest_spec import json_hash
from engine.candles import Candles, Floats
from engine.simulation.types import Simulated
from engine.statistics.assessment import Luck, assess_luck
from engine.statistics.luck import backtest_overfitting
from engine.statistics.returns import DAYS_PER_YEAR
from engine.statistics.summary import Summary, summarise
from engine.statistics.verdict import Verdict, verdict
from engine.strategy.evaluate import evaluator, history
from engine.strategy.graph import graph_hash, resolve, unnamed
from engine.strategy.inspection import look_ahead, warm_up_fault
from engine.strategy.templates import TEMPLATES, template_graph
from engine.sweep import Point, run_sweep

Progress = Callable[[float], None]
_HOUR_MS = 3_600_000
_WARM_CANDLES = 1500


@dataclass(frozen=True, slots=True)
class Trials:
    """How often an author has tried this data, this time included, and the yearly Sharpe ratios of those trials."""

    count: int = 1
    sharpes: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """A backtest's result as it is stored: JSON for the page, tables for the rest. `equity` holds daily columns."""

    summary: dict[str, Any]
    trades: NDArray[np.void]
    refusals: NDArray[np.void]
    equity: dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class ChunkAnswer:
    """What a chunk's points came to: engine/sweep.py's rows, daily returns (days × points), which strategy each was."""

    rows: NDArray[np.void]
    returns: NDArray[np.float32]
    hashes: list[str]


def warm_up() -> None:
    """Compile, or load, every kernel: each template is computed once on made candles."""
    steps = np.random.default_rng(1).normal(0.0, 1.0, _WARM_CANDLES)
    close = 1000.0 + steps.cumsum()
    opened_at = np.arange(_WARM_CANDLES, dtype=np.int64) * _HOUR_MS
    candles = Candles(opened_at, close - steps, close + 2.0, close - 2.0, close, np.abs(steps))
    data = {"A": MarketData(candles), "B": MarketData(candles)}
    instruments = (TradedInstrument("A"), TradedInstrument("B"))
    for name in TEMPLATES:
        graph = template_graph(name, {})
        spec = BacktestSpec(graph, instruments, "1h", 0, _WARM_CANDLES * _HOUR_MS)
        with suppress(BacktestError):  # one that warms up for longer has computed its signals by then
            run_backtest(spec, data, LuckRequest(seed=1))


def backtest(progress: Progress, stored_spec: Mapping[str, Any], data: Data, trials: Trials) -> Answer:
    """Compute a backtest."""
    spec = spec_from_json(stored_spec)
    luck = LuckRequest(_seed(stored_spec), trials.count, _daily(trials))
    found = run_backtest(spec, data, luck)
    facts = {"traded_from_ms": found.traded_from_ms, "first_bars": dict(found.first_bars)}
    return _answer(found.simulated, found.summary, found.luck, found.verdict, facts)


def inspect_strategy(progress: Progress, stored_spec: Mapping[str, Any], data: Data, trials: Trials) -> dict[str, Any]:
    """Compute what a publish gate asks of a strategy: a fault of its signals, or else what its backtest came to."""
    spec = spec_from_json(stored_spec)
    graph = resolve(spec.graph, spec.values)
    signals, needed = evaluator(graph, spec.timeframe), history(graph, timeframe=spec.timeframe)
    for instrument, market in zip(spec.instruments, workbench(spec, data).markets, strict=True):
        fault = look_ahead(signals, market) or warm_up_fault(signals, market, needed)
        if fault is not None:
            return {"fault": {"symbol": instrument.symbol, **plain(fault)}}
    found = backtest(progress, stored_spec, data, trials).summary
    return {"fault": None, **{name: found[name] for name in ("metrics", "verdict")}}


def judge_again(
    simulated: Simulated,
    benchmark: Floats | None,
    stored_spec: Mapping[str, Any],
    trials: Trials,
    facts: dict[str, Any],
) -> Answer:
    """Judge what was simulated before by another author's number of trials; the same random paths are drawn."""
    summary = summarise(simulated, benchmark)
    generator = np.random.default_rng(_seed(stored_spec))
    luck = assess_luck(summary, simulated.trades, generator, trials=trials.count, trial_sharpes=_daily(trials))
    return _answer(simulated, summary, luck, verdict(summary, luck), facts)


def sweep_chunk(progress: Progress, stored_spec: Mapping[str, Any], points: Sequence[Point], data: Data) -> ChunkAnswer:
    """Compute some points of a sweep."""
    spec = spec_from_json(stored_spec)
    found = run_sweep(spec, points, data, progress)
    hashes = [trial_hash(spec, point) for point in points]
    return ChunkAnswer(found.rows, np.ascontiguousarray(found.returns), hashes)


def overfitting(progress: Progress, returns: Sequence[NDArray[np.float32]]) -> dict[str, Any]:
    """Judge a sweep whose chunks' returns these are; nothing where there is too little to judge."""
    try:
        found = backtest_overfitting(np.hstack(returns).astype(np.float64))
    except ValueError:
        return {}
    judged: dict[str, Any] = plain(found)
    return {"probability_of_overfitting": judged.pop("probability"), **judged}


def trial_hash(spec: BacktestSpec, values: Point | None = None) -> str:
    """Name the strategy that was really tried: the graph with its parameters put in, whatever its parts are called."""
    return graph_hash(unnamed(resolve(spec.graph, {**spec.values, **(values or {})})))


def _seed(stored_spec: Mapping[str, Any]) -> int:
    return int(json_hash(stored_spec)[:12], 16)


def _daily(trials: Trials) -> Floats | None:
    return np.array(trials.sharpes) / math.sqrt(DAYS_PER_YEAR) if trials.sharpes else None


def _answer(simulated: Simulated, summary: Summary, luck: Luck | None, said: Verdict, facts: dict[str, Any]) -> Answer:
    equity: dict[str, NDArray[Any]] = {"at": summary.at, "equity": summary.equity}
    if summary.benchmark is not None:
        equity["benchmark"] = summary.benchmark
    shown = {
        "metrics": plain(summary.metrics),
        "monthly": plain(summary.monthly),
        "deepest": plain(summary.deepest),
        "best_trades": plain(summary.best_trades),
        "worst_trades": plain(summary.worst_trades),
        "luck": plain(luck),
        "verdict": plain(said),
        **facts,
    }
    return Answer(shown, simulated.trades, simulated.refusals, equity)


def plain(value: Any) -> Any:
    """Return a result as JSON values: dataclasses as objects, arrays as lists, what is not finite as null."""
    if is_dataclass(value):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, str):
        return str(value)
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
