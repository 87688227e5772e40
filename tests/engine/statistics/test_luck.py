"""The formulas are held by tests/conformance/test_overfitting.py; here stands how they are used."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.statistics.luck import (
    backtest_overfitting,
    chance_sharpe,
    expected_maximum,
    minimum_track_record,
    probabilistic_sharpe,
    sharpe_luck,
)
from engine.statistics.returns import moments


def test_one_try_has_nothing_to_be_deflated_by() -> None:
    assert expected_maximum(1) == 0.0
    returns = np.array([0.01, -0.005, 0.02, 0.0, 0.004])
    judged = sharpe_luck(returns)
    assert judged.chance_sharpe == 0.0
    assert judged.deflated == judged.probabilistic
    skew, kurtosis = moments(returns)
    assert judged.probabilistic == probabilistic_sharpe(judged.sharpe, 5, skew, kurtosis)


def test_each_further_try_makes_luck_more_likely() -> None:
    returns = np.random.default_rng(3).normal(0.002, 0.02, 365)
    deflated = [sharpe_luck(returns, trials).deflated for trials in (1, 2, 10, 100, 1000)]
    assert deflated == sorted(deflated, reverse=True) and len(set(deflated)) == 5


def test_tries_that_scatter_widely_are_a_higher_hurdle() -> None:
    returns = np.random.default_rng(3).normal(0.002, 0.02, 365)
    scattered = sharpe_luck(returns, 4, np.array([0.1, -0.1, 0.2, -0.2]))
    assert scattered.chance_sharpe == pytest.approx(chance_sharpe(4, 0.1 / 3), rel=1e-12)
    # Without them, tries scatter as estimates of nothing do: by 1 / (n - 1).
    assert sharpe_luck(returns, 4).chance_sharpe == pytest.approx(chance_sharpe(4, 1 / 364), rel=1e-12)


def test_a_few_tries_alike_do_not_lower_the_hurdle_and_many_do() -> None:
    returns = np.random.default_rng(3).normal(0.002, 0.02, 365)
    unknown = sharpe_luck(returns, 50)
    alike = np.array([0.1, 0.1001] * 5)
    assert sharpe_luck(returns, 50, alike[:2]).deflated == unknown.deflated < unknown.probabilistic
    assert sharpe_luck(returns, 50, alike[:9]).deflated == unknown.deflated
    assert sharpe_luck(returns, 50, alike).chance_sharpe < 0.001 < unknown.chance_sharpe


def test_no_record_is_long_enough_for_what_earns_nothing() -> None:
    assert minimum_track_record(0.0, 0.0, 3.0) == math.inf
    assert minimum_track_record(-0.1, 0.0, 3.0) == math.inf


@pytest.mark.parametrize("returns", [[], [0.01], [0.01, 0.01, 0.01], [0.0, 0.0]])
def test_where_nothing_can_be_said_nothing_is(returns: list[float]) -> None:
    judged = sharpe_luck(np.array(returns), 10)
    assert math.isnan(judged.probabilistic) and math.isnan(judged.deflated)


def test_a_trial_better_in_every_block_is_not_overfit_and_noise_is() -> None:
    rows = np.random.default_rng(1).normal(0.0, 0.01, (120, 20))
    skilled = rows.copy()
    skilled[:, 7] += 0.02
    assert backtest_overfitting(skilled, 8).probability == 0.0
    # What wins one half of a series whose halves cancel loses the other.
    noise = rows - rows.mean(axis=0)
    assert backtest_overfitting(noise, 8).probability > 0.9


def test_trials_alike_share_the_middle_rank() -> None:
    column = np.random.default_rng(1).normal(0.0, 0.01, 40)
    found = backtest_overfitting(np.column_stack([column] * 3), 4)
    assert found.logits.tolist() == [0.0] * 6
    assert found.probability == 1.0


def test_a_trial_that_never_traded_earns_exactly_nothing() -> None:
    rows = np.random.default_rng(1).normal(-0.05, 0.01, (40, 3))
    rows[:, 1] = 0.0
    found = backtest_overfitting(rows, 4)
    assert found.loss_probability == 0.0
    assert found.probability == 0.0


def test_a_trial_that_never_traded_does_not_win_over_one_that_earned() -> None:
    rows = np.random.default_rng(1).normal(0.02, 0.01, (40, 3))
    rows[:, 1] = 0.0
    found = backtest_overfitting(rows, 4)
    # Were the flat one chosen, all in-sample ratios would be alike, and no line could be laid through them.
    assert math.isfinite(found.slope)


def test_rows_that_fill_no_block_are_dropped_from_the_start() -> None:
    rows = np.random.default_rng(1).normal(0.0, 0.01, (43, 3))
    assert backtest_overfitting(rows, 4).logits.tolist() == backtest_overfitting(rows[3:], 4).logits.tolist()


@pytest.mark.parametrize(("shape", "blocks"), [((40, 1), 4), ((40, 3), 5), ((11, 3), 4), ((40, 3), 0 + 1)])
def test_too_little_to_cross_validate_is_refused(shape: tuple[int, int], blocks: int) -> None:
    with pytest.raises(ValueError, match="two trials or more"):
        backtest_overfitting(np.zeros(shape), blocks)
