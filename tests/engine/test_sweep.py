"""Sweeps: each point says what a backtest of it says, chunks fit together, and the lean kernel agrees in every digit."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from engine import sweep
from engine.backtest import BacktestError, MarketData, run_backtest, with_values, workbench
from engine.simulation.simulate import simulate
from engine.simulation.types import Series, Settings
from engine.statistics.luck import backtest_overfitting
from engine.strategy.types import Parameter, Sizing, SizingKind
from engine.sweep import ROW_DTYPE, grid_points, random_points, run_sweep
from engine.sweep_kernel import are_sound, marks_of, run_plain
from tests.engine.backtest_samples import CROSSOVER, DAY_MS, HOUR_MS, START_MS, candles_of, data_of, graph_of, spec_of

POINTS = grid_points(graph_of().parameters, {"fast": [3, 5], "slow": [15, 30, 60]})


@pytest.mark.parametrize("formula", [CROSSOVER, CROSSOVER + "stop_loss = 0.02\n", CROSSOVER + "max_open_trades = 2\n"])
def test_each_row_says_what_the_backtest_of_its_point_says(formula: str) -> None:
    spec, data = spec_of(formula), data_of()
    found = run_sweep(spec, POINTS, data)
    for row, point in zip(found.rows, POINTS, strict=True):
        metrics = run_backtest(with_values(spec, point), data).summary.metrics
        assert {name: float(row[name]) for name in ROW_DTYPE.names or ()} == {
            name: metrics[name] for name in ROW_DTYPE.names or ()
        }
    assert len(set(found.rows["total_return_ratio"])) == len(POINTS)


def test_chunks_stand_side_by_side() -> None:
    spec, data = spec_of(), data_of()
    whole = run_sweep(spec, POINTS, data)
    parts = [run_sweep(spec, POINTS[:2], data), run_sweep(spec, POINTS[2:], data)]
    assert np.concatenate([part.rows for part in parts]).tolist() == whole.rows.tolist()
    assert np.hstack([part.returns for part in parts]).tolist() == whole.returns.tolist()
    # 2,000 hours begin 84 days, and each has a return.
    assert whole.returns.shape == (84, len(POINTS))
    assert 0.0 <= backtest_overfitting(whole.returns.astype(np.float64), 8).probability <= 1.0


def test_daily_returns_of_the_matrix_compound_to_the_return() -> None:
    found = run_sweep(spec_of(), POINTS, data_of())
    growth = np.prod(1.0 + found.returns.astype(np.float64), axis=0) - 1.0
    assert growth == pytest.approx(found.rows["total_return_ratio"], abs=1e-5)


def test_a_point_stands_above_the_values_of_the_spec() -> None:
    data = data_of()
    over = run_sweep(spec_of(values={"slow": 30.0, "fast": 4.0}), [{"slow": 60.0}], data)
    alone = run_sweep(spec_of(), [{"slow": 60.0, "fast": 4.0}], data)
    assert over.rows.tolist() == alone.rows.tolist()


def test_progress_is_told_after_each_point() -> None:
    heard: list[float] = []
    run_sweep(spec_of(), POINTS, data_of(), heard.append)
    assert heard == [pytest.approx(place / 6) for place in range(1, 7)]


def test_what_is_kept_of_all_instruments_stays_within_one_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    # One output of three is asked for; all three are kept, of two instruments: 96 kB a point.
    bands = "width = parameter(20, 2, 50)\nenter_long = close < bollinger_lower(close, width)\n"
    symbols = ("BTC", "ETH")
    monkeypatch.setattr(sweep, "CACHE_BYTES", 250_000)
    spec, data = spec_of(bands, symbols=symbols), data_of(symbols=symbols)
    bench = workbench(spec, data)
    monkeypatch.setattr(sweep, "workbench", lambda spec, data: bench)
    kept: list[int] = []

    def count(share: float) -> None:
        kept.append(sum(type(key) is tuple and callable(key[0]) for cache in bench.caches for key in cache))

    run_sweep(spec, [{"width": float(width)} for width in range(10, 16)], data, count)
    # Two entries a point, until the limit empties both caches.
    assert kept == [2, 4, 0, 2, 4, 0]


def test_several_instruments_are_swept_like_one() -> None:
    symbols = ("BTC", "ETH")
    spec, data = spec_of(CROSSOVER + "max_open_trades = 2\n", symbols=symbols), data_of(symbols=symbols)
    row = run_sweep(spec, POINTS[:1], data).rows[0]
    assert (
        row["total_return_ratio"]
        == run_backtest(with_values(spec, POINTS[0]), data).summary.metrics["total_return_ratio"]
    )


def test_a_point_without_trades_has_no_ratios() -> None:
    never = "deep = parameter(5, 2, 50)\nenter_long = sma(close, deep) < 0\nexit_long = close < 0\n"
    row = run_sweep(spec_of(never), [{"deep": 3.0}], data_of()).rows[0]
    assert (row["trades_count"], row["total_return_ratio"], row["max_drawdown_ratio"]) == (0, 0.0, 0.0)
    assert math.isnan(row["sharpe_ratio"]) and math.isnan(row["win_rate_ratio"])


@pytest.mark.parametrize("seed", range(40))
def test_the_lean_kernel_agrees_with_the_simulation_in_every_digit(seed: int) -> None:
    generator = np.random.default_rng(seed)
    count = int(generator.integers(1, 200))
    candles = candles_of(count, seed, START_MS + int(generator.integers(0, 24)) * HOUR_MS)
    enter, leave = (generator.random(count) < generator.choice([0.02, 0.3, 0.9]) for _ in range(2))
    none = np.zeros(count, dtype=np.bool_)
    sizing = Sizing(SizingKind.SHARE_OF_EQUITY, share=float(generator.choice([0.3, 1.0])))
    settings = Settings("1h", initial_cash=1000.0, taker_fee=float(generator.choice([0.0, 0.003])), sizing=sizing)
    expected = simulate([Series("X", candles, enter, leave, none, none)], settings)
    marks = marks_of(candles.opened_at, int(candles.opened_at[0]), HOUR_MS, DAY_MS)
    equity, profits, final = run_plain(enter, leave, candles, marks, settings)
    assert profits.tolist() == expected.trades["profit"].tolist()
    assert equity.tolist() == expected.equity.tolist()
    assert final == expected.final_equity


def test_candles_with_gaps_or_odd_opens_are_left_to_the_simulation() -> None:
    candles = candles_of(50)
    assert are_sound(candles)
    for name, value in (("close", math.nan), ("open", 1e9), ("low", 0.0)):
        broken = getattr(candles, name).copy()
        broken[7] = value
        assert not are_sound(dataclasses.replace(candles, **{name: broken}))
    holed = candles.close.copy()
    holed[30:35] = math.nan
    data = {"BTC": MarketData(dataclasses.replace(candles, close=holed))}
    spec = spec_of(hours=50)
    row = run_sweep(spec, [{"slow": 8.0}], data).rows[0]
    assert (
        row["total_return_ratio"]
        == run_backtest(with_values(spec, {"slow": 8.0}), data).summary.metrics["total_return_ratio"]
    )


WHOLE = Parameter("n", 5, 2, 9)
REAL = Parameter("x", 0.5, 0.0, 1.0, integer=False)


def test_a_grid_is_every_combination_and_its_last_name_turns_fastest() -> None:
    points = grid_points([WHOLE, REAL], {"n": [2, 3], "x": [0.0, 0.5]})
    assert points == [{"n": 2, "x": 0.0}, {"n": 2, "x": 0.5}, {"n": 3, "x": 0.0}, {"n": 3, "x": 0.5}]


@pytest.mark.parametrize(
    ("grid", "code"),
    [
        ({}, "NO_POINTS"),
        ({"n": []}, "NO_POINTS"),
        ({"m": [1]}, "UNKNOWN_PARAMETER"),
        ({"n": [1]}, "OUT_OF_BOUNDS"),
        ({"x": [math.nan]}, "OUT_OF_BOUNDS"),
        ({"n": [2.5]}, "NOT_WHOLE"),
        ({"x": [0.5] * 50_001, "n": [2, 3]}, "TOO_MANY_POINTS"),
    ],
)
def test_a_grid_that_cannot_be_is_refused(grid: dict[str, list[float]], code: str) -> None:
    with pytest.raises(BacktestError) as refused:
        grid_points([WHOLE, REAL], grid)
    assert refused.value.code == code


def test_random_points_are_seeded_different_and_within_bounds() -> None:
    once, again = (random_points([WHOLE, REAL], ["n", "x"], 30, np.random.default_rng(3)) for _ in range(2))
    assert once == again
    assert len({tuple(point.items()) for point in once}) == 30
    assert {point["n"] for point in once} == set(range(2, 10))
    assert all(0.0 <= point["x"] <= 1.0 for point in once)


def test_random_points_are_as_many_as_there_are() -> None:
    assert len(random_points([WHOLE], ["n"], 100, np.random.default_rng(3))) == 8
    with pytest.raises(BacktestError, match="no parameter 'm'"):
        random_points([WHOLE], ["m"], 3, np.random.default_rng(3))
