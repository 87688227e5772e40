"""Many backtests of one spec over its parameters: indicators computed once, results lean, chunks that fit together."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.backtest import Cache, Data, Workbench, beginning, place_of, settings_of, trade, workbench
from engine.backtest_spec import BacktestError, BacktestSpec
from engine.candles import Floats
from engine.statistics.drawdowns import drawdown_ratios, max_drawdown
from engine.statistics.returns import divide, sharpe, simple_returns
from engine.statistics.summary import DAY_MS
from engine.strategy.evaluate import evaluate
from engine.strategy.graph import resolve
from engine.strategy.types import Parameter
from engine.sweep_kernel import are_sound, is_plain, marks_of, run_plain
from engine.timeframes import timeframe_ms

Point = Mapping[str, float]

MAX_POINTS = 100_000
# Indicators of many periods of a long history are large: beyond this they are forgotten and computed again.
CACHE_BYTES = 384 * 1024 * 1024
# Draws for each random point that is asked for, before the bounds are taken to hold no more points.
_DRAWS_PER_POINT = 50

ROW_DTYPE = np.dtype(
    [
        ("trades_count", np.int64),
        ("total_return_ratio", np.float64),
        ("sharpe_ratio", np.float64),  # 365 days, sample deviation; NaN where undefined
        ("max_drawdown_ratio", np.float64),
        ("profit_factor", np.float64),
        ("win_rate_ratio", np.float64),
    ]
)


@dataclass(frozen=True, slots=True)
class SweepResult:
    """One row (ROW_DTYPE) per point, in order. `returns` is days × points (float32) over the spec's whole range, 0
    before a point's warm-up is over: matrices of chunks stand side by side, for backtest_overfitting.
    """

    rows: NDArray[np.void]
    returns: NDArray[np.float32]


def run_sweep(
    spec: BacktestSpec, points: Sequence[Point], data: Data, on_progress: Callable[[float], None] | None = None
) -> SweepResult:
    """Compute a backtest for each point (parameters by name, put over the spec's own values).

    Each row says what run_backtest says of that point. `on_progress` is told the share done (0–1) after each.
    Raises BacktestError and StrategyError as run_backtest does, for the first point that cannot be.
    """
    bench = workbench(spec, data)
    may_be_plain = len(bench.markets) == 1 and _has_no_funding(spec, data) and are_sound(bench.markets[0].candles)
    rows = np.zeros(len(points), dtype=ROW_DTYPE)
    first_day, days = spec.start_ms // DAY_MS, -(-spec.end_ms // DAY_MS) - spec.start_ms // DAY_MS
    returns = np.zeros((len(points), days), dtype=np.float32)
    for place, point in enumerate(points):
        values = {**spec.values, **point}
        outcome = (_plain_outcome(spec, bench, values) if may_be_plain else None) or _outcome(spec, data, bench, values)
        daily = _measure(outcome, rows[place : place + 1])
        start = outcome.traded_from_ms // DAY_MS - first_day
        returns[place, start : start + len(daily)] = daily
        _forget_when_large(bench.caches)
        if on_progress is not None:
            on_progress((place + 1) / len(points))
    return SweepResult(rows, returns.T)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What is kept of one point: daily equity, the profit of each trade, and when trading began."""

    equity: Floats
    profits: Floats
    final_equity: float
    traded_from_ms: int


def _outcome(spec: BacktestSpec, data: Data, bench: Workbench, values: Point) -> _Outcome:
    traded = trade(spec, data, bench, values)
    done = traded.simulated
    profits = np.ascontiguousarray(done.trades["profit"])
    return _Outcome(done.equity.copy(), profits, done.final_equity, traded.traded_from_ms)


def _plain_outcome(spec: BacktestSpec, bench: Workbench, values: Point) -> _Outcome | None:
    """Return the same by the short way, None where the strategy asks for more than signals."""
    graph = resolve(spec.graph, values)
    settings = settings_of(spec, graph)
    if not is_plain(graph, settings, spec.instruments[0].rules):
        return None
    market = bench.markets[0]
    said = evaluate(graph, market, None, bench.caches[0])
    begin = beginning(spec, bench.markets, [said])
    first = place_of(market.candles, begin)
    candles = market.candles.part(first, len(market.candles))
    marks = marks_of(candles.opened_at, begin, timeframe_ms(spec.timeframe), DAY_MS)
    equity, profits, final = run_plain(said.enter_long[first:], said.exit_long[first:], candles, marks, settings)
    return _Outcome(equity, profits, final, begin)


def _has_no_funding(spec: BacktestSpec, data: Data) -> bool:
    return data[spec.instruments[0].symbol].funding_at is None


def _measure(outcome: _Outcome, row: NDArray[np.void]) -> Floats:
    """Fill one row; return the daily returns."""
    equity, profit = outcome.equity, outcome.profits
    equity[-1] = outcome.final_equity
    daily = simple_returns(equity)
    won = float(profit[profit > 0].sum())
    row["trades_count"] = len(profit)
    row["total_return_ratio"] = divide(float(equity[-1]), float(equity[0])) - 1
    row["sharpe_ratio"] = sharpe(daily)
    row["max_drawdown_ratio"] = max_drawdown(drawdown_ratios(equity))
    row["profit_factor"] = divide(won, won - float(profit.sum()))
    row["win_rate_ratio"] = divide(int(np.count_nonzero(profit > 0)), len(profit))
    return daily


def _forget_when_large(caches: Sequence[Cache]) -> None:
    """Empty the caches when they hold more than CACHE_BYTES together."""
    # An indicator of several series is kept whole, and those of it that were asked for once more by themselves.
    held = [
        kept
        for cache in caches
        for value in cache.values()
        for kept in (value if isinstance(value, tuple) else (value,))
    ]
    if sum({id(one): one.nbytes for one in held if isinstance(one, np.ndarray)}.values()) > CACHE_BYTES:
        for cache in caches:
            cache.clear()


def grid_points(parameters: Sequence[Parameter], grid: Mapping[str, Sequence[float]]) -> list[dict[str, float]]:
    """Return every combination of the grid's values, the last name turning fastest.

    Raises BacktestError for an unknown name, a value out of the parameter's bounds, or too many points.
    """
    known = {one.name: one for one in parameters}
    for name, values in grid.items():
        if name not in known:
            raise BacktestError("UNKNOWN_PARAMETER", f"There is no parameter {name[:40]!r}.")
        for value in values:
            _check(known[name], value)
    count = int(np.prod([len(values) for values in grid.values()], dtype=np.float64))
    if not grid or not count:
        raise BacktestError("NO_POINTS", "Choose at least one parameter and one value to try.")
    if count > MAX_POINTS:
        raise BacktestError("TOO_MANY_POINTS", f"These are {count:,} points; at most {MAX_POINTS:,} can be tried.")
    names = list(grid)
    return [dict(zip(names, map(float, chosen), strict=True)) for chosen in itertools.product(*grid.values())]


def _check(parameter: Parameter, value: float) -> None:
    if not parameter.minimum <= value <= parameter.maximum:
        bounds = f"{parameter.minimum:g} and {parameter.maximum:g}"
        raise BacktestError("OUT_OF_BOUNDS", f"{parameter.name} lies between {bounds}, not at {value:g}.")
    if parameter.integer and value != int(value):
        raise BacktestError("NOT_WHOLE", f"{parameter.name} is a whole number, not {value:g}.")


def random_points(
    parameters: Sequence[Parameter], names: Sequence[str], count: int, generator: np.random.Generator
) -> list[dict[str, float]]:
    """Return up to `count` different points, evenly drawn between the named parameters' bounds by a seeded generator.

    Fewer where the bounds hold fewer. Raises BacktestError for an unknown name or too many points.
    """
    known = {one.name: one for one in parameters}
    missing = [name for name in names if name not in known]
    if missing or not names:
        raise BacktestError(
            "UNKNOWN_PARAMETER",
            f"There is no parameter {missing[0][:40]!r}." if missing else "Choose a parameter to vary.",
        )
    if count > MAX_POINTS:
        raise BacktestError("TOO_MANY_POINTS", f"At most {MAX_POINTS:,} points can be tried.")
    found: dict[tuple[float, ...], None] = {}
    for _ in range(count * _DRAWS_PER_POINT):
        if len(found) == count:
            break
        found[tuple(_drawn(known[name], generator) for name in names)] = None
    return [dict(zip(names, point, strict=True)) for point in found]


def _drawn(parameter: Parameter, generator: np.random.Generator) -> float:
    if parameter.integer:
        return float(generator.integers(int(parameter.minimum), int(parameter.maximum), endpoint=True))
    return float(generator.uniform(parameter.minimum, parameter.maximum))
