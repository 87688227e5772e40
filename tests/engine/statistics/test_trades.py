"""Figures of four trades, worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.statistics.trades import best_and_worst, trade_figures, traded_value
from tests.engine.statistics.samples import HOUR_MS, START_MS, trades_of

TRADES = trades_of(
    {"profit": 30.0, "profit_ratio": 0.3, "fees": 2.0, "funding": 1.0, "closed_at": START_MS + 5 * HOUR_MS},
    {"profit": -10.0, "profit_ratio": -0.1, "fees": 2.0, "is_short": True},
    {"profit": -5.0, "profit_ratio": -0.05, "fees": 1.0},
    {"profit": 5.0, "profit_ratio": 0.05, "fees": 5.0, "open_price": 50.0},
)


def test_figures_of_four_trades() -> None:
    figures = trade_figures(TRADES)
    expected = {
        "trades_count": 4,
        "short_trades_count": 1,
        "win_rate_ratio": 0.5,
        "profit_factor": 35 / 15,
        "expectancy_ratio": 0.05,
        "expectancy_amount": 5.0,
        "average_win_ratio": 0.175,
        "average_loss_ratio": -0.075,
        "payoff_factor": 0.175 / 0.075,
        "best_trade_ratio": 0.3,
        "worst_trade_ratio": -0.1,
        "best_trade_share_ratio": 1.5,
        "fees_amount": 10.0,
        # 20 was left of the 30 that the trades made before fees.
        "fees_of_gross_ratio": 10 / 30,
        "funding_amount": 1.0,
        "average_holding_seconds": (5 + 1 + 1 + 1) * 900,
        "median_holding_seconds": 3600,
        "longest_holding_seconds": 5 * 3600,
        "average_winner_holding_seconds": 3 * 3600,
        "average_loser_holding_seconds": 3600,
        # Closed in the order -10, -5, 5, 30.
        "winning_streak_trades": 2,
        "losing_streak_trades": 2,
    }
    assert figures.keys() == expected.keys()
    assert figures == pytest.approx(expected, rel=1e-12)


def test_without_trades_counts_are_zero_and_nothing_else_is_said() -> None:
    figures = trade_figures(trades_of())
    zero = {key for key, value in figures.items() if value == 0}
    assert zero == {
        "trades_count",
        "short_trades_count",
        "winning_streak_trades",
        "losing_streak_trades",
        "fees_amount",
        "funding_amount",
    }
    assert all(math.isnan(value) for key, value in figures.items() if key not in zero)


def test_both_sides_of_a_trade_are_turnover() -> None:
    assert traded_value(TRADES) == 3 * 200 + 150


def test_the_best_and_the_worst_stand_first_and_a_loss_is_no_best_trade() -> None:
    best, worst = best_and_worst(TRADES)
    assert (best.tolist(), worst.tolist()) == ([0, 3], [1, 2])
    many = trades_of(*({"profit": float(profit)} for profit in np.arange(-50, 50)))
    best, worst = best_and_worst(many, 2)
    assert (best.tolist(), worst.tolist()) == ([99, 98], [0, 1])
