"""Figures of closed trades: how often, how much, how long, and how far the result hangs on a few of them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from engine.candles import Floats
from engine.statistics.returns import divide, longest_run

Trades = NDArray[np.void]

MS_PER_SECOND = 1000


def trade_figures(trades: Trades) -> dict[str, float]:
    """Return every figure of trades (TRADE_DTYPE) by its key; without trades the counts are 0 and the rest NaN."""
    count = len(trades)
    profit, ratio = _column(trades, "profit"), _column(trades, "profit_ratio")
    is_win, is_loss = profit > 0, profit < 0
    in_order = _order_of_closing(trades)
    wins, losses = int(np.count_nonzero(is_win)), int(np.count_nonzero(is_loss))
    won, lost = float(profit @ is_win), -float(profit @ is_loss)
    fees = float(_column(trades, "fees").sum())
    average_win = divide(float(ratio @ is_win), wins)
    average_loss = divide(float(ratio @ is_loss), losses)
    gross = won - lost + fees
    return {
        "trades_count": float(count),
        "short_trades_count": float(np.count_nonzero(trades["is_short"])),
        "win_rate_ratio": divide(wins, count),
        "profit_factor": divide(won, lost),
        "expectancy_ratio": float(ratio.mean()) if count else math.nan,
        "expectancy_amount": divide(won - lost, count),
        "average_win_ratio": average_win,
        "average_loss_ratio": average_loss,
        "payoff_factor": divide(average_win, -average_loss),
        "best_trade_ratio": float(ratio.max()) if count else math.nan,
        "worst_trade_ratio": float(ratio.min()) if count else math.nan,
        # One trade's part of the whole gain: says nothing where there is none.
        "best_trade_share_ratio": float(profit.max()) / (won - lost) if won > lost else math.nan,
        "winning_streak_trades": float(longest_run(is_win[in_order])),
        "losing_streak_trades": float(longest_run(is_loss[in_order])),
        "fees_amount": fees,
        "fees_of_gross_ratio": fees / gross if gross > 0 else math.nan,
        "funding_amount": float(_column(trades, "funding").sum()),
        **_holding_figures(trades, is_win),
    }


def traded_value(trades: Trades) -> float:
    """Return the quote value of everything bought and sold, entries and exits together."""
    return float(_column(trades, "quantity") @ (trades["open_price"] + trades["close_price"]))


def best_and_worst(trades: Trades, count: int = 5) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the places of the `count` trades that made the most and of those that lost the most, the extremest first."""
    profit = _column(trades, "profit")
    best, worst = _largest(profit, count), _largest(-profit, count)
    return best[profit[best] > 0], worst[profit[worst] < 0]


def _largest(values: Floats, count: int) -> NDArray[np.int64]:
    """Return the places of the `count` largest values, the largest first, without sorting all of them."""
    enough = len(values) > count
    places = np.argpartition(values, -count)[-count:] if enough else np.arange(len(values))
    return places[np.argsort(-values[places], kind="stable")].astype(np.int64)


def _holding_figures(trades: Trades, is_win: NDArray[np.bool_]) -> dict[str, float]:
    held = (trades["closed_at"] - trades["opened_at"]) / MS_PER_SECOND
    if not len(held):
        names = ("average", "median", "longest", "average_winner", "average_loser")
        return {f"{name}_holding_seconds": math.nan for name in names}
    wins = int(np.count_nonzero(is_win))
    in_winners = float(held @ is_win)
    return {
        "average_holding_seconds": float(held.mean()),
        "median_holding_seconds": float(np.median(held)),
        "longest_holding_seconds": float(held.max()),
        "average_winner_holding_seconds": divide(in_winners, wins),
        "average_loser_holding_seconds": divide(float(held.sum()) - in_winners, len(held) - wins),
    }


def _order_of_closing(trades: Trades) -> NDArray[np.int64] | slice:
    closed = trades["closed_at"]
    # One instrument's trades are in this order already, and sorting would cost more than all the rest.
    if (closed[1:] >= closed[:-1]).all():
        return slice(None)
    return np.argsort(closed, kind="stable").astype(np.int64)


def _column(trades: Trades, name: str) -> Floats:
    """Return one field as an array without gaps, on which sums are quick."""
    column: Floats = np.ascontiguousarray(trades[name], dtype=np.float64)
    return column
