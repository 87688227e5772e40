"""Figures of four returns, worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.statistics import returns

SERIES = np.array([0.1, -0.05, 0.02, -0.01])


def test_returns_are_relative_changes_and_nothing_comes_from_nothing() -> None:
    assert returns.simple_returns(np.array([100.0, 110.0, 0.0, 5.0, -1.0])).tolist() == [
        pytest.approx(0.1),
        -1.0,
        0.0,
        pytest.approx(-1.2),
    ]
    assert len(returns.simple_returns(np.array([]))) == 0


def test_growth_of_a_year_is_compounded() -> None:
    assert returns.total_return(SERIES) == pytest.approx(1.1 * 0.95 * 1.02 * 0.99 - 1, rel=1e-14)
    assert returns.cagr(0.21, 2.0) == pytest.approx(0.1, rel=1e-14)
    assert returns.cagr(-1.0, 2.0) == -1.0
    assert returns.cagr(1e300, 0.001) == math.inf
    assert math.isnan(returns.cagr(0.1, 0.0))


def test_sharpe_takes_the_sample_deviation_of_365_days() -> None:
    # mean 0.015; squares of the distances: 0.0072.25, 0.0042.25, 0.0000.25, 0.0006.25; their sum 0.0121 over three
    deviation = math.sqrt(0.0121 / 3)
    assert returns.sharpe(SERIES) == pytest.approx(0.015 / deviation * math.sqrt(365), rel=1e-12)
    assert returns.volatility(SERIES) == pytest.approx(deviation * math.sqrt(365), rel=1e-12)


def test_sortino_counts_only_losses_but_over_all_days() -> None:
    downside = math.sqrt((0.05**2 + 0.01**2) / 4 * 365)
    assert returns.downside_deviation(SERIES) == pytest.approx(downside, rel=1e-12)
    assert returns.sortino(SERIES) == pytest.approx(0.015 * 365 / downside, rel=1e-12)


def test_equal_returns_have_no_deviation_whatever_rounding_says() -> None:
    same = np.full(9, 0.01)
    assert returns.sample_deviation(same) == 0.0
    assert returns.sharpe(same) == math.inf
    assert math.isnan(returns.sharpe(np.zeros(9)))
    assert all(math.isnan(moment) for moment in returns.moments(same))


def test_omega_is_gains_over_losses() -> None:
    assert returns.gains_over_losses(SERIES) == pytest.approx(0.12 / 0.06, rel=1e-12)
    assert returns.gains_over_losses(np.array([0.1])) == math.inf


def test_value_at_risk_lies_between_two_returns_and_the_shortfall_beyond_it() -> None:
    # The 5th percentile of four lies 0.15 of the way from the first to the second.
    assert returns.value_at_risk(SERIES) == pytest.approx(-0.05 + 0.15 * 0.04, rel=1e-12)
    assert returns.conditional_value_at_risk(SERIES) == -0.05


def test_beta_alpha_and_correlation_of_twice_the_market() -> None:
    market = np.array([0.01, -0.02, 0.03])
    assert returns.beta(2 * market + 0.001, market) == pytest.approx(2.0, rel=1e-12)
    assert returns.alpha(2 * market + 0.001, market) == pytest.approx(0.365, rel=1e-9)
    assert returns.correlation(-market, market) == pytest.approx(-1.0, rel=1e-12)
    assert math.isnan(returns.beta(market, np.zeros(3)))


@pytest.mark.parametrize(
    ("flags", "longest"),
    [([], 0), ([False], 0), ([True, True], 2), ([True, False, True, True, False], 2), ([False, True], 1)],
)
def test_the_longest_run_of_true(flags: list[bool], longest: int) -> None:
    assert returns.longest_run(np.array(flags, dtype=np.bool_)) == longest


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_returns_say_nothing(count: int) -> None:
    few = np.full(count, 0.01)
    for figure in (returns.sharpe, returns.sortino, returns.volatility):
        assert math.isnan(figure(few))
    assert math.isnan(returns.beta(few, few)) and math.isnan(returns.correlation(few, few))
