"""The summary of a backtest: every metric of the catalogue, the monthly table, drawdowns, best and worst trades."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from engine.candles import Candles, Floats, Times
from engine.simulation.types import Simulated
from engine.statistics import returns as own
from engine.statistics.drawdowns import (
    Drawdown,
    drawdown_ratios,
    drawdowns,
    longest_drawdown,
    max_drawdown,
    ulcer_index,
)
from engine.statistics.returns import DAYS_PER_YEAR, divide
from engine.statistics.trades import best_and_worst, trade_figures, traded_value

DAY_MS = 86_400_000
# So many drawdowns, the deepest first, are listed.
LISTED_DRAWDOWNS = 5


@dataclass(frozen=True, slots=True)
class MonthlyTable:
    """Compounded returns by calendar: `months` has a row per year and twelve columns (NaN where there are no days)."""

    years: tuple[int, ...]
    months: Floats
    totals: Floats


@dataclass(frozen=True, slots=True)
class Summary:
    """What a backtest came to. `metrics` by the catalogue's keys, NaN where a figure is undefined, never missing.

    `returns` are daily; `equity` and `below` (drawdown, 0–1) have one entry more, at `at` (ms since 1970 UTC);
    `benchmark` is buy-and-hold's equity at the same times, or None. Trades are named by their places.
    """

    metrics: Mapping[str, float]
    at: Times
    equity: Floats
    returns: Floats
    below: Floats
    benchmark: Floats | None
    monthly: MonthlyTable
    deepest: tuple[Drawdown, ...]
    best_trades: tuple[int, ...]
    worst_trades: tuple[int, ...]


def summarise(simulated: Simulated, benchmark: Floats | None = None) -> Summary:
    """Compute every metric from daily equity and from trades; `benchmark` is an equity at the same times."""
    equity = np.array(simulated.equity, dtype=np.float64)
    # What closing the last trades cost belongs to the last day.
    equity[-1] = simulated.final_equity
    returns = own.simple_returns(equity)
    below = drawdown_ratios(equity)
    trades = simulated.trades
    years = len(returns) / DAYS_PER_YEAR
    metrics = {
        **_equity_figures(equity, returns, below, years),
        "exposure_ratio": simulated.exposure,
        **trade_figures(trades),
        "annual_turnover_ratio": divide(divide(traded_value(trades), float(equity.mean())), years),
        **_benchmark_figures(equity, returns, benchmark),
    }
    best, worst = best_and_worst(trades)
    deepest = sorted(drawdowns(below), key=lambda one: -one.depth_ratio)[:LISTED_DRAWDOWNS]
    return Summary(
        metrics=MappingProxyType(metrics),
        at=simulated.equity_at,
        equity=equity,
        returns=returns,
        below=below,
        benchmark=benchmark,
        monthly=monthly_table(simulated.equity_at, returns),
        deepest=tuple(deepest),
        best_trades=tuple(best.tolist()),
        worst_trades=tuple(worst.tolist()),
    )


def _equity_figures(equity: Floats, returns: Floats, below: Floats, years: float) -> dict[str, float]:
    total = divide(float(equity[-1]), float(equity[0])) - 1
    yearly, deepest = own.cagr(total, years), max_drawdown(below)
    skew, kurtosis = own.moments(returns)
    some = len(returns) > 0
    return {
        "total_return_ratio": total,
        "profit_amount": float(equity[-1] - equity[0]),
        "final_equity_amount": float(equity[-1]),
        "cagr_ratio": yearly,
        "sharpe_ratio": own.sharpe(returns),
        "sortino_ratio": own.sortino(returns),
        "calmar_ratio": divide(yearly, deepest),
        "omega_ratio": own.gains_over_losses(returns),
        "best_day_ratio": float(returns.max()) if some else math.nan,
        "worst_day_ratio": float(returns.min()) if some else math.nan,
        "winning_days_ratio": divide(int(np.count_nonzero(returns > 0)), len(returns)),
        "annual_volatility_ratio": own.volatility(returns),
        "max_drawdown_ratio": deepest,
        "longest_drawdown_days": float(longest_drawdown(below)),
        "under_water_ratio": divide(int(np.count_nonzero(below > 0)), len(returns)),
        "ulcer_index_ratio": ulcer_index(below[1:]),
        # As sizes of losses: a value at risk below 0 is none.
        "value_at_risk_ratio": max(-own.value_at_risk(returns), 0.0) if some else math.nan,
        "conditional_value_at_risk_ratio": max(-own.conditional_value_at_risk(returns), 0.0) if some else math.nan,
        "skewness": skew,
        "kurtosis": kurtosis,
    }


def _benchmark_figures(equity: Floats, returns: Floats, benchmark: Floats | None) -> dict[str, float]:
    names = (
        "benchmark_return_ratio",
        "benchmark_max_drawdown_ratio",
        "benchmark_sharpe_ratio",
        "excess_return_ratio",
        "annual_alpha_ratio",
        "beta",
        "correlation",
    )
    if benchmark is None or len(returns) < 1:
        return dict.fromkeys(names, math.nan)
    theirs = own.simple_returns(benchmark)
    gained = divide(float(benchmark[-1]), float(benchmark[0])) - 1
    values = (
        gained,
        max_drawdown(drawdown_ratios(benchmark)),
        own.sharpe(theirs),
        divide(float(equity[-1]), float(equity[0])) - 1 - gained,
        own.alpha(returns, theirs),
        own.beta(returns, theirs),
        own.correlation(returns, theirs),
    )
    return dict(zip(names, values, strict=True))


def monthly_table(at: Times, returns: Floats) -> MonthlyTable:
    """Compound daily returns by month and year; `at` are the n + 1 times of the equity, each a day's end (exclusive)."""
    if not len(returns):
        return MonthlyTable((), np.empty((0, 12)), np.empty(0))
    # A day's end is the next day's start: a millisecond earlier is still in the month.
    months = (at[1:] - 1).astype("datetime64[ms]").astype("datetime64[M]").astype(np.int64)
    starts = np.flatnonzero(np.diff(months, prepend=months[0] - 1))
    growth = np.multiply.reduceat(1.0 + returns, starts)
    first_year, last_year = int(months[0]) // 12, int(months[-1]) // 12
    table = np.full((last_year - first_year + 1, 12), np.nan)
    table[months[starts] // 12 - first_year, months[starts] % 12] = growth
    totals = np.nanprod(table, axis=1) - 1.0
    return MonthlyTable(tuple(range(1970 + first_year, 1971 + last_year)), table - 1.0, totals)


def buy_and_hold(candles: list[Candles], at: Times, cash: float, fee: float, first_candle: int = 0) -> Floats:
    """Return the equity at `at` of buying each instrument for an equal part of `cash` and doing nothing.

    Each is bought at the open of the first candle that has one from `first_candle` on, `fee` (ratio) paid; valued at
    the last close before each time. What never has a price stays cash.
    """
    part = cash / len(candles) if candles else 0.0
    equity = np.zeros(len(at)) if candles else np.full(len(at), cash)
    for one in candles:
        equity += _held(one, at, part, fee, first_candle)
    return equity


def _held(candles: Candles, at: Times, cash: float, fee: float, first_candle: int) -> Floats:
    bought = _first_priced(candles.open, first_candle)
    if bought is None:
        return np.full(len(at), cash)
    quantity = cash / (float(candles.open[bought]) * (1 + fee))
    # How many candles opened before each time: the last of them is worth its close.
    known = np.searchsorted(candles.opened_at[bought:], at, side="left")
    places = np.maximum(known, 1) - 1
    closes = candles.close[bought:][places]
    if not (closes > 0).all():
        closes = _filled(candles.close[bought:], float(candles.open[bought]))[places]
    value: Floats = np.where(known > 0, quantity * closes, cash)
    return value


def _first_priced(prices: Floats, start: int) -> int | None:
    # Nearly always the very first, which is worth not looking at all the others.
    if start < len(prices) and prices[start] > 0:
        return start
    priced = np.flatnonzero(prices[start:] > 0)
    return start + int(priced[0]) if len(priced) else None


def _filled(prices: Floats, before: float) -> Floats:
    """Return prices with gaps (NaN) filled by the last one before."""
    known = prices > 0
    places = np.maximum.accumulate(np.where(known, np.arange(len(prices)), -1))
    filled: Floats = np.where(places >= 0, prices[places], before)
    return filled
