"""Paths redrawn from days and trades: repeatable, and with the extremes they must have."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.statistics.resampling import (
    MOST_PIECES,
    PERCENTILES,
    bootstrap_days,
    shuffle_trades,
    trade_growth,
)
from tests.engine.statistics.samples import HOUR_MS, START_MS, trades_of


def seeded(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_a_seed_repeats_every_path() -> None:
    returns = seeded().normal(0.0, 0.02, 90)
    once, again, other = (bootstrap_days(returns, seeded(seed), 50) for seed in (5, 5, 6))
    assert once.bands.tolist() == again.bands.tolist()
    assert once.total_return_ratios.tolist() != other.total_return_ratios.tolist()


def test_drawing_keeps_days_and_whole_blocks_keep_their_order() -> None:
    # Blocks that never end are the series itself, turned.
    returns = np.array([0.1, 0.2, -0.5])
    found = bootstrap_days(returns, seeded(), 40, mean_block=1e12)
    assert found.total_return_ratios == pytest.approx(np.full(40, 1.1 * 1.2 * 0.5 - 1), rel=1e-12)
    assert set(found.max_drawdown_ratios.round(12)) == {0.5}
    # Blocks of one day draw each day alone: the extremes are three of the worst and three of the best.
    alone = bootstrap_days(returns, seeded(), 2000, mean_block=1.0)
    assert alone.total_return_ratios[0] == pytest.approx(0.5**3 - 1)
    assert alone.total_return_ratios[-1] == pytest.approx(1.2**3 - 1)


def test_the_fan_is_ordered_starts_at_one_and_has_few_points() -> None:
    found = bootstrap_days(seeded().normal(0.0, 0.02, 900), seeded(), 200)
    assert found.bands.shape == (len(PERCENTILES), len(found.steps)) == (5, 200)
    assert (found.steps[0], found.steps[-1]) == (0, 900)
    assert found.bands[:, 0].tolist() == [1.0] * 5
    assert (np.diff(found.bands, axis=0) >= 0).all()
    assert found.bands[2, -1] == pytest.approx(1 + np.median(found.total_return_ratios), rel=1e-12)


def test_half_of_the_paths_of_a_fair_coin_lose() -> None:
    found = bootstrap_days(np.array([0.1, 1 / 1.1 - 1] * 50), seeded(), 2000, mean_block=1.0)
    assert found.loss_probability == pytest.approx(0.46, abs=0.03)


def test_growth_follows_the_order_of_closing() -> None:
    trades = trades_of(
        {"profit": 20.0, "closed_at": START_MS + 9 * HOUR_MS}, {"profit": -50.0}, {"profit": 50.0}, {"profit": 0.0}
    )
    assert trade_growth(trades, 100.0).tolist() == [0.5, 2.0, 1.0, 1.2]


def test_after_ruin_nothing_grows() -> None:
    trades = trades_of({"profit": -120.0}, {"profit": 50.0})
    assert trade_growth(trades, 100.0).tolist() == [0.0, 0.0]


def test_another_order_ends_where_the_first_one_did_but_falls_otherwise() -> None:
    found = shuffle_trades(np.array([0.5, 2.0, 2.0, 0.5]), seeded(), 500)
    assert found.total_return_ratios.tolist() == [0.0] * 500
    assert (found.max_drawdown_ratios[0], found.max_drawdown_ratios[-1]) == (0.5, 0.75)
    assert found.loss_probability == 0.0


def test_many_trades_are_shuffled_in_pieces_and_none_is_lost() -> None:
    growth = np.exp(seeded().normal(0.0, 0.001, 5 * MOST_PIECES + 1))
    found = shuffle_trades(growth, seeded(), 20)
    assert found.total_return_ratios == pytest.approx(np.full(20, growth.prod() - 1), rel=1e-9)
    assert found.steps[-1] == len(growth)


def test_nothing_to_draw_from_stays_where_it_is() -> None:
    for found in (bootstrap_days(np.array([]), seeded(), 3), shuffle_trades(np.array([]), seeded(), 3)):
        assert found.bands.tolist() == [[1.0]] * 5
        assert found.max_drawdown_ratios.tolist() == [0.0] * 3
    assert not math.isnan(found.loss_probability)
