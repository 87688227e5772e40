"""The figures as ffn gives them (1.4.1): 252 days a year in ratios, calendar years of 365.25 days in growth."""

from __future__ import annotations

import math

import numpy as np

from engine.candles import Floats, Times
from engine.statistics import returns as own
from engine.statistics.conventions.quantstats import sample_moments
from engine.statistics.drawdowns import drawdown_ratios, drawdowns, max_drawdown
from engine.statistics.returns import divide

DAYS_PER_YEAR = 252
CALENDAR_DAYS_PER_YEAR = 365.25
MONTHS_PER_YEAR = 12


def figures(prices: Floats, days: Times) -> dict[str, float]:
    """Return every figure of daily prices (at least two) by ffn's names; `days` are days since 1970, oldest first."""
    returns = own.simple_returns(prices)
    years = float(days[-1] - days[0]) / CALENDAR_DAYS_PER_YEAR
    total = float(prices[-1] / prices[0]) - 1
    yearly = own.cagr(total, years)
    below = drawdown_ratios(prices)
    skew, kurtosis = sample_moments(returns)
    depth, length = _average_drawdown(below, days)
    by_month = _last_of(prices, days, "M")
    by_year = own.simple_returns(_last_of(prices, days, "Y"))
    twelve_months = by_month[MONTHS_PER_YEAR:] > by_month[:-MONTHS_PER_YEAR]
    return {
        "total_return": total,
        "cagr": yearly,
        "max_drawdown": -max_drawdown(below),
        "calmar": divide(yearly, max_drawdown(below)),
        "daily_sharpe": own.sharpe(returns, DAYS_PER_YEAR),
        "daily_sortino": own.sortino(returns, DAYS_PER_YEAR),
        "daily_mean": float(returns.mean()) * DAYS_PER_YEAR,
        "daily_vol": own.volatility(returns, DAYS_PER_YEAR),
        "daily_skew": skew,
        "daily_kurt": kurtosis,
        "best_day": float(returns.max()),
        "worst_day": float(returns.min()),
        "monthly_sharpe": own.sharpe(own.simple_returns(by_month), MONTHS_PER_YEAR),
        "yearly_mean": float(by_year.mean()) if len(by_year) else math.nan,
        "avg_drawdown": depth,
        "win_year_perc": float((by_year > 0).mean()) if len(by_year) else math.nan,
        "twelve_month_win_perc": float(twelve_months.mean()) if len(twelve_months) else math.nan,
        "avg_drawdown_days": length,
    }


def _last_of(prices: Floats, days: Times, unit: str) -> Floats:
    """Return the last price of each month or year; the last one may be unfinished."""
    keys = days.astype("datetime64[D]").astype(f"datetime64[{unit}]").astype(np.int64)
    return prices[np.flatnonzero(np.diff(keys, append=keys[-1] + 1))]


def _average_drawdown(below: Floats, days: Times) -> tuple[float, float]:
    """Return the mean depth (negative) and length in days, from the first day under water to the first one back."""
    found = drawdowns(below)
    if not found:
        return math.nan, math.nan
    depths = [-one.depth_ratio for one in found]
    lengths = [int(days[one.end] - days[one.start + 1]) for one in found]
    return sum(depths) / len(found), sum(lengths) / len(found)
