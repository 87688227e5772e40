"""Known answers about return series: empyrical's own tests, and real series by four conventions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from engine.candles import Floats, Times
from engine.statistics import returns as own
from engine.statistics.conventions import definition, empyrical, ffn, quantstats
from engine.statistics.conventions.empyrical import PERIODS, align, rolling
from tests.conformance.conftest import Case, assert_all_are_of, candles_of, cases, topic

DAY_MS = 86_400_000
RELATIVE = 1e-9
# Metrics of one series, and of two that are aligned by their dates, whose functions bear the case's name.
SINGLE = {"omega_ratio", "sharpe_ratio", "sortino_ratio", "downside_risk", "excess_sharpe", "annual_return", "cagr",
          "annual_volatility", "calmar_ratio", "max_drawdown", "stability_of_timeseries", "tail_ratio", "value_at_risk",
          "conditional_value_at_risk", "cumulative_returns", "cumulative_return_final"}  # fmt: skip
PAIRED = {"alpha", "beta", "alpha_beta", "up_alpha_beta", "down_alpha_beta", "capture_ratio", "up_capture",
          "down_capture", "up_down_capture", "batting_average", "beta_fragility_heuristic"}  # fmt: skip
ANNUALISED = {"annual_return", "cagr", "annual_volatility", "calmar_ratio", "sharpe_ratio", "sortino_ratio",
              "downside_risk", "omega_ratio", "alpha", "alpha_beta", "up_alpha_beta", "down_alpha_beta", "capture_ratio",
              "up_capture", "down_capture", "up_down_capture"}  # fmt: skip
# Inputs that are other functions' words for the same thing.
RENAMED = {"factor_returns": "benchmark", "decimal_places": None}


def floats(values: Sequence[float | None]) -> Floats:
    return np.array([math.nan if value is None else value for value in values], dtype=np.float64)


def series(name: str) -> tuple[Times, list[Floats]]:
    """Return a shared table's dates (days since 1970) and its columns; a plain series has one."""
    table = topic("metrics")["series"][name]
    dates = np.array(table["dates"], dtype="datetime64[D]").astype(np.int64)
    columns = table["columns"].values() if "columns" in table else [table["values"]]
    return dates, [floats(column) for column in columns]


def given(value: Any) -> tuple[Times, list[Floats]] | Any:
    """Return a shared table's series, or a list's, dated by its places; a number or word as it is."""
    if isinstance(value, list):
        return np.arange(len(value), dtype=np.int64), [floats(value)]
    return series(value["series"]) if isinstance(value, dict) else value


def computed(case: Case) -> Any:
    """Ask the engine for a hand-made case, column by column where there are several."""
    inputs = {RENAMED.get(key, key): given(value) for key, value in case["inputs"].items()}
    inputs.pop(None, None)
    dates, columns = inputs.pop("prices", None) or inputs.pop("returns")
    if len(columns) > 1:
        return [one_column(case["metric"], dates, column, dict(inputs)) for column in columns]
    return one_column(case["metric"], dates, columns[0], inputs)


def one_column(metric: str, dates: Times, values: Floats, inputs: dict[str, Any]) -> Any:
    if "period" in inputs:
        period = inputs.pop("period")
        inputs |= {"annualization": PERIODS[period]} if metric in ANNUALISED else {}
    if metric == "simple_returns":
        return empyrical.simple_returns(values)
    if metric == "aggregate_returns":
        return empyrical.aggregate_returns(values, dates, inputs["convert_to"])
    if metric.startswith("rolling_"):
        return rolled(metric.removeprefix("rolling_"), dates, values, inputs)
    function: Callable[..., Any] = getattr(empyrical, metric)
    if metric in PAIRED:
        their_dates, their_columns = inputs.pop("benchmark")
        if metric == "capture_ratio":
            return function(values, their_columns[0], **inputs)
        return function(*align(dates, values, their_dates, their_columns[0]), **inputs)
    assert metric in SINGLE
    return _single(function, dates, values, inputs)


def _single(function: Callable[..., Any], dates: Times, values: Floats, inputs: dict[str, Any]) -> Any:
    """Call with what is a rate or, aligned by dates, a series."""
    inputs |= {"factor_returns": inputs.pop("benchmark")} if "benchmark" in inputs else {}
    for key, value in inputs.items():
        if isinstance(value, tuple):
            values, inputs[key] = align(dates, values, value[0], value[1][0])
    return function(values, **inputs)


def rolled(metric: str, dates: Times, values: Floats, inputs: dict[str, Any]) -> Any:
    function = getattr(empyrical, {"sharpe": "sharpe_ratio"}.get(metric, metric))
    if "benchmark" not in inputs:
        return rolling(inputs["window"], function, values)
    their_dates, their_columns = inputs["benchmark"]
    return rolling(inputs["window"], function, *align(dates, values, their_dates, their_columns[0]))


def expected_of(case: Case) -> Floats:
    expected = case["expected"]["values"] if isinstance(case["expected"], dict) else case["expected"]
    return np.array(expected, dtype=np.float64).ravel()


def test_every_case_is_of_a_group_that_is_run() -> None:
    assert_all_are_of("metrics", "group", {"hand_made", "real_series"})


@pytest.mark.parametrize("case", cases("metrics", group="hand_made"))
def test_a_figure_by_hand(case: Case) -> None:
    # Some cases ask for fewer decimals than they print.
    decimals = min(case["decimals"], case["inputs"].get("decimal_places", 99))
    np.testing.assert_almost_equal(np.asarray(computed(case), dtype=np.float64).ravel(), expected_of(case), decimals)


def closes(file: str, case_input: Case) -> tuple[Times, Floats]:
    candles = candles_of(file)
    first, after = (int(np.datetime64(case_input[end], "ms").astype(np.int64)) for end in ("from_", "to_exclusive"))
    inside = (candles.opened_at >= first) & (candles.opened_at < after)
    return candles.opened_at[inside] // DAY_MS, candles.close[inside]


def empyrical_figures(returns: Floats, benchmark: Floats | None) -> dict[str, float]:
    annual = ("annual_return", "annual_volatility", "sharpe_ratio", "sortino_ratio", "calmar_ratio", "downside_risk")
    found: dict[str, float] = {name: getattr(empyrical, name)(returns, annualization=365) for name in annual}
    for name in ("max_drawdown", "omega_ratio", "tail_ratio", "stability_of_timeseries"):
        found[name] = getattr(empyrical, name)(returns)
    for name in ("value_at_risk", "conditional_value_at_risk"):
        found[f"{name}_5"] = getattr(empyrical, name)(returns)
    if benchmark is not None:
        found["alpha_vs_benchmark"] = empyrical.alpha(returns, benchmark, annualization=365)
        found["beta_vs_benchmark"] = empyrical.beta(returns, benchmark)
    return found


@pytest.mark.parametrize("case", cases("metrics", group="real_series"))
def test_a_real_series_by_four_conventions(case: Case) -> None:
    days, prices = closes(case["input"]["file"], case["input"])
    returns = own.simple_returns(prices)
    other = case["input"]["benchmark"]
    benchmark = own.simple_returns(closes(other, case["input"])[1]) if other else None
    found = {
        "definition": definition.figures(returns, benchmark),
        "empyrical_annualization_365": empyrical_figures(returns, benchmark),
        "quantstats_periods_365": quantstats.figures(returns),
        "ffn_default_252": ffn.figures(prices, days),
    }
    for convention, expected in case["expected"].items():
        for name, value in expected.items():
            answer = pytest.approx(math.nan if value is None else float(value), rel=RELATIVE, abs=1e-12, nan_ok=True)
            assert found[convention][name] == answer, f"{convention} {name}"
