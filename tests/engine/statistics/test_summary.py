"""The summary holds the whole catalogue; its figures, months and benchmark are worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.candles import Candles
from engine.statistics.catalogue import CATALOGUE
from engine.statistics.summary import buy_and_hold, monthly_table, summarise
from tests.engine.statistics.samples import DAY_MS, START_MS, simulated_of

NAN = math.nan


def candles_of(opens: list[float], closes: list[float], opened_at: list[int]) -> Candles:
    first, last = np.array(opens, dtype=np.float64), np.array(closes, dtype=np.float64)
    return Candles(np.array(opened_at, dtype=np.int64), first, last, last, last, np.ones(len(opens)))


def test_every_metric_of_the_catalogue_is_there_and_no_other() -> None:
    assert summarise(simulated_of([100.0, 110.0])).metrics.keys() == CATALOGUE.keys()
    for key, metric in CATALOGUE.items():
        assert metric.key == key and metric.label and metric.convention and metric.explanation.endswith(".")


def test_units_stand_last_in_every_key_and_fit_their_kind() -> None:
    endings = {
        "money": ("_amount",),
        "duration": ("_days", "_seconds"),
        "count": ("_count", "_trades"),
        "ratio": ("_ratio",),
    }
    for metric in CATALOGUE.values():
        if metric.kind != "number":
            assert metric.key.endswith(endings[metric.kind]), metric.key


def test_figures_of_three_days() -> None:
    equity = [100.0, 120.0, 90.0, 108.0]
    trade = {"profit": 8.0, "profit_ratio": 0.08}
    summary = summarise(simulated_of(equity, trade), benchmark=np.array([100.0, 100.0, 50.0, 110.0]))
    found = summary.metrics
    assert found["total_return_ratio"] == pytest.approx(0.08, rel=1e-12)
    assert found["cagr_ratio"] == pytest.approx(1.08 ** (365 / 3) - 1, rel=1e-12)
    assert found["max_drawdown_ratio"] == 0.25
    assert found["longest_drawdown_days"] == 2
    assert found["under_water_ratio"] == pytest.approx(2 / 3)
    assert found["winning_days_ratio"] == pytest.approx(2 / 3)
    assert found["calmar_ratio"] == pytest.approx(found["cagr_ratio"] / 0.25, rel=1e-12)
    assert found["omega_ratio"] == pytest.approx((0.2 + 0.2) / 0.25, rel=1e-12)
    assert found["annual_turnover_ratio"] == pytest.approx(200 / 104.5 * 365 / 3, rel=1e-12)
    assert found["benchmark_return_ratio"] == pytest.approx(0.1, rel=1e-12)
    assert found["benchmark_max_drawdown_ratio"] == 0.5
    assert found["excess_return_ratio"] == pytest.approx(-0.02, rel=1e-9)
    assert found["exposure_ratio"] == 0.5
    assert (summary.best_trades, summary.worst_trades) == ((0,), ())
    assert [one.trough for one in summary.deepest] == [2]


def test_what_closing_cost_is_in_the_last_day() -> None:
    summary = summarise(simulated_of([100.0, 110.0], final=109.0))
    assert summary.metrics["final_equity_amount"] == 109.0
    assert summary.returns.tolist() == [pytest.approx(0.09)]


def test_a_day_without_trades_or_moves_has_no_ratios_and_fails_nowhere() -> None:
    for equity in ([100.0], [100.0, 100.0], [100.0, 100.0, 100.0]):
        found = summarise(simulated_of(equity)).metrics
        assert found["total_return_ratio"] == 0.0
        assert found["max_drawdown_ratio"] == 0.0
        assert math.isnan(found["sharpe_ratio"]) and math.isnan(found["win_rate_ratio"])


def test_all_that_is_lost_stays_lost() -> None:
    found = summarise(simulated_of([100.0, 50.0, 0.0, 0.0])).metrics
    assert found["total_return_ratio"] == -1.0
    assert found["cagr_ratio"] == -1.0
    assert found["max_drawdown_ratio"] == 1.0


def test_months_are_compounded_and_a_day_belongs_to_the_month_it_was_in() -> None:
    # 30 and 31 January 2024, then 1 February; and a year later.
    at = START_MS + DAY_MS * np.array([0, 1, 2, 3, 370], dtype=np.int64)
    table = monthly_table(at, np.array([0.1, 0.1, -0.5, 1.0]))
    assert table.years == (2024, 2025)
    assert table.months[0, :2].tolist() == [pytest.approx(0.21), -0.5]
    assert table.months[1, 1] == 1.0
    assert np.isnan(table.months).sum() == 24 - 3
    assert table.totals.tolist() == [pytest.approx(1.1 * 1.1 * 0.5 - 1), 1.0]
    assert monthly_table(at[:1], np.array([])).years == ()


def test_buy_and_hold_pays_its_fee_and_is_worth_the_last_close_before_each_time() -> None:
    candles = candles_of([100.0, 110.0], [120.0, 90.0], [START_MS, START_MS + DAY_MS])
    at = START_MS + DAY_MS * np.arange(3, dtype=np.int64)
    held = buy_and_hold([candles], at, cash=1000.0, fee=0.25)
    assert held.tolist() == [1000.0, 8 * 120.0, 8 * 90.0]


def test_buy_and_hold_splits_cash_and_steps_over_gaps() -> None:
    times = [START_MS, START_MS + DAY_MS]
    listed_late = candles_of([NAN, 10.0], [NAN, 20.0], times)
    gap = candles_of([100.0, 100.0], [200.0, NAN], times)
    never = candles_of([NAN, NAN], [NAN, NAN], times)
    at = START_MS + DAY_MS * np.arange(3, dtype=np.int64)
    assert buy_and_hold([listed_late, gap, never], at, cash=300.0, fee=0.0).tolist() == [300.0, 400.0, 500.0]
    assert buy_and_hold([], at, cash=300.0, fee=0.0).tolist() == [300.0] * 3
