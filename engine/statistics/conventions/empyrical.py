"""The figures as empyrical gives them: losses carry a minus sign, missing returns (NaN) are left out, too few give NaN.

Arrays hold simple returns per period, oldest first; `annualization` is the number of periods of a year (PERIODS).
Two series are of the same length, entry by entry; `align` makes them so from dates.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from engine.candles import Floats, Times
from engine.statistics import returns as own
from engine.statistics.returns import divide, sample_deviation

PERIODS = {"daily": 252, "weekly": 52, "monthly": 12, "quarterly": 4, "yearly": 1}
DAILY = PERIODS["daily"]
# A benchmark that varies less than this has no beta.
LEAST_VARIANCE = 1e-30

Rate = float | Floats


def align(dates: Times, values: Floats, other_dates: Times, other_values: Floats) -> tuple[Floats, Floats]:
    """Return both series over the dates that either has, NaN where one has none."""
    if np.array_equal(dates, other_dates):
        return values, other_values
    union = np.union1d(dates, other_dates)
    ours, theirs = np.full(len(union), np.nan), np.full(len(union), np.nan)
    ours[np.searchsorted(union, dates)] = values
    theirs[np.searchsorted(union, other_dates)] = other_values
    return ours, theirs


def simple_returns(prices: Floats) -> Floats:
    """Return the n - 1 relative changes of n prices."""
    changes: Floats = prices[1:] / prices[:-1] - 1
    return changes


def cumulative_returns(returns: Floats, starting_value: float = 0) -> Floats:
    """Return the compounded returns after each period, or the value of `starting_value` if that is not 0."""
    growth = np.cumprod(1 + np.nan_to_num(returns), dtype=np.float64)
    return growth * starting_value if starting_value else growth - 1


def cumulative_return_final(returns: Floats, starting_value: float = 0) -> float:
    """Return the last of cumulative_returns; NaN without returns."""
    return float(cumulative_returns(returns, starting_value)[-1]) if len(returns) else math.nan


def aggregate_returns(returns: Floats, dates: Times, convert_to: str) -> Floats:
    """Return the compounded return of each week (ISO), month, quarter or year in order; `dates` are days since 1970."""
    days = dates.astype("datetime64[D]")
    months = days.astype("datetime64[M]").astype(np.int64)
    # The ISO week starts on Monday, and 1970 began on a Thursday.
    keys = {"weekly": (dates + 3) // 7, "monthly": months, "quarterly": months // 3, "yearly": months // 12}
    if convert_to not in keys:
        raise ValueError(f"Returns are aggregated {', '.join(keys)}, not {convert_to!r}.")
    if not len(returns):
        return returns
    starts = np.flatnonzero(np.diff(keys[convert_to], prepend=keys[convert_to][0] - 1))
    return np.multiply.reduceat(1 + np.nan_to_num(returns), starts) - 1


def max_drawdown(returns: Floats) -> float:
    """Return the deepest fall below an earlier peak (the start counts as one): 0 or negative."""
    if not len(returns):
        return math.nan
    values = np.concatenate(([1.0], 1 + cumulative_returns(returns)))
    return float((values / np.maximum.accumulate(values) - 1).min())


def annual_return(returns: Floats, annualization: float = DAILY) -> float:
    """Return the compound growth of a year; every period counts, also one without a return."""
    if not len(returns):
        return math.nan
    final = cumulative_return_final(returns, 1)
    return float(final ** (annualization / len(returns)) - 1)


cagr = annual_return


def annual_volatility(returns: Floats, annualization: float = DAILY, alpha: float = 2.0) -> float:
    """Return the sample deviation of a year, scaled by the Lévy exponent `alpha` (2: the square root)."""
    return sample_deviation(_present(returns)) * float(annualization ** (1 / alpha))


def calmar_ratio(returns: Floats, annualization: float = DAILY) -> float:
    """Return the annual return over the deepest drawdown; NaN without a drawdown."""
    deepest = max_drawdown(returns)
    ratio = annual_return(returns, annualization) / -deepest if deepest < 0 else math.nan
    return math.nan if math.isinf(ratio) else ratio


def omega_ratio(
    returns: Floats, risk_free: Rate = 0.0, required_return: float = 0.0, annualization: float = DAILY
) -> float:
    """Return gains over losses against a riskless rate per period and a required return per year; NaN without a loss."""
    if len(returns) < 2 or (required_return <= -1 and annualization != 1):
        return math.nan
    threshold = required_return if annualization == 1 else (1 + required_return) ** (1 / annualization) - 1
    excess = _present(returns - risk_free - threshold)
    losses = -float(excess[excess < 0].sum())
    return float(excess[excess > 0].sum()) / losses if losses > 0 else math.nan


def sharpe_ratio(returns: Floats, risk_free: Rate = 0.0, annualization: float = DAILY) -> float:
    """Return the mean excess over its sample deviation, of a year."""
    return own.sharpe(_present(returns - risk_free), annualization) if len(returns) > 1 else math.nan


def excess_sharpe(returns: Floats, factor_returns: Rate) -> float:
    """Return the information ratio: mean active return over its sample deviation, not annualised."""
    active = _present(returns - factor_returns)
    return divide(float(active.mean()), sample_deviation(active)) if len(active) > 1 else math.nan


def downside_risk(returns: Floats, required_return: Rate = 0.0, annualization: float = DAILY) -> float:
    """Return the root mean square of the shortfalls of a year, over all returns."""
    return own.downside_deviation(_present(returns - required_return), annualization)


def sortino_ratio(returns: Floats, required_return: Rate = 0.0, annualization: float = DAILY) -> float:
    """Return the mean excess of a year over the downside risk."""
    if len(returns) < 2:
        return math.nan
    excess = _present(returns - required_return)
    mean = float(excess.mean()) if len(excess) else math.nan
    return divide(mean * annualization, own.downside_deviation(excess, annualization))


def beta(returns: Floats, factor_returns: Floats, risk_free: Rate = 0.0) -> float:
    """Return covariance / variance over the periods that both have."""
    ours, theirs = _pairs(returns - risk_free, factor_returns - risk_free)
    if len(ours) < 2:
        return math.nan
    moved = theirs - theirs.mean()
    variance = float(moved @ moved) / len(moved)
    return float(moved @ ours) / len(moved) / variance if variance >= LEAST_VARIANCE else math.nan


def alpha(returns: Floats, factor_returns: Floats, risk_free: Rate = 0.0, annualization: float = DAILY) -> float:
    """Return the mean return that beta does not explain, compounded over a year."""
    ours, theirs = _pairs(returns - risk_free, factor_returns - risk_free)
    if len(ours) < 2:
        return math.nan
    unexplained = float((ours - beta(ours, theirs) * theirs).mean())
    return float((1 + unexplained) ** annualization) - 1


def alpha_beta(
    returns: Floats, factor_returns: Floats, risk_free: Rate = 0.0, annualization: float = DAILY
) -> tuple[float, float]:
    """Return alpha and beta."""
    return alpha(returns, factor_returns, risk_free, annualization), beta(returns, factor_returns, risk_free)


def up_alpha_beta(returns: Floats, factor_returns: Floats, annualization: float = DAILY) -> tuple[float, float]:
    """Return alpha and beta over the periods in which the benchmark rose."""
    return alpha_beta(*_when(returns, factor_returns, +1), annualization=annualization)


def down_alpha_beta(returns: Floats, factor_returns: Floats, annualization: float = DAILY) -> tuple[float, float]:
    """Return alpha and beta over the periods in which the benchmark fell."""
    return alpha_beta(*_when(returns, factor_returns, -1), annualization=annualization)


def capture_ratio(returns: Floats, factor_returns: Floats, annualization: float = DAILY) -> float:
    """Return the annual return over the benchmark's; each counts its own periods, so the two need no same dates."""
    return divide(annual_return(returns, annualization), annual_return(factor_returns, annualization))


def up_capture(returns: Floats, factor_returns: Floats, annualization: float = DAILY) -> float:
    """Return the capture ratio of the periods in which the benchmark rose."""
    return capture_ratio(*_when(returns, factor_returns, +1), annualization)


def down_capture(returns: Floats, factor_returns: Floats, annualization: float = DAILY) -> float:
    """Return the capture ratio of the periods in which the benchmark fell."""
    return capture_ratio(*_when(returns, factor_returns, -1), annualization)


def up_down_capture(returns: Floats, factor_returns: Floats, annualization: float = DAILY) -> float:
    """Return up capture over down capture."""
    return divide(
        up_capture(returns, factor_returns, annualization), down_capture(returns, factor_returns, annualization)
    )


def batting_average(returns: Floats, factor_returns: Floats) -> tuple[float, float, float]:
    """Return the share of periods better than the benchmark: of all, of those in which it did not fall, of the others."""
    ours, theirs = _pairs(returns, factor_returns)
    better = ours > theirs
    parts = (better, better[theirs >= 0], better[theirs < 0])
    overall, up, down = (float(part.mean()) if len(part) else math.nan for part in parts)
    return overall, up, down


def stability_of_timeseries(returns: Floats) -> float:
    """Return R² of a straight line through the cumulated logarithmic returns."""
    present = _present(returns)
    if len(returns) < 2 or len(present) < 2:
        return math.nan
    heights = np.cumsum(np.log1p(present))
    return own.correlation(heights, np.arange(len(heights), dtype=np.float64)) ** 2


def tail_ratio(returns: Floats) -> float:
    """Return the 95th percentile over the 5th, without signs."""
    return own.tail_ratio(_present(returns))


def value_at_risk(returns: Floats, cutoff: float = 0.05) -> float:
    """Return the return that a share `cutoff` of all falls below; NaN where one is missing."""
    return own.value_at_risk(returns, cutoff)


def conditional_value_at_risk(returns: Floats, cutoff: float = 0.05) -> float:
    """Return the mean of the worst int((n - 1) × cutoff) + 1 returns."""
    present = _present(returns)
    if not len(present):
        return math.nan
    worst = int((len(present) - 1) * cutoff)
    return float(np.partition(present, worst)[: worst + 1].mean())


def beta_fragility_heuristic(returns: Floats, factor_returns: Floats) -> float:
    """Return how far the return at the benchmark's median lies below the line between its extremes (IMF WP/12/216)."""
    ours, theirs = _pairs(returns, factor_returns)
    if len(ours) < 3:
        return math.nan
    order = np.argsort(theirs)
    low, middle, high = order[0], order[len(order) // 2], order[-1]
    span = float(theirs[high] - theirs[low])
    weight = float(theirs[high] - theirs[middle]) / span if span else 0.5
    return weight * float(ours[low]) + (1 - weight) * float(ours[high]) - float(ours[middle])


def rolling(window: int, function: Callable[..., float], *series: Floats) -> Floats:
    """Return `function` of every `window` periods in a row: n - window + 1 values, none where the series is shorter."""
    ends = range(window, len(series[0]) + 1)
    return np.array([function(*(one[end - window : end] for one in series)) for end in ends])


def _present(values: Floats) -> Floats:
    return values[~np.isnan(values)]


def _pairs(ours: Floats, theirs: Floats) -> tuple[Floats, Floats]:
    both = ~(np.isnan(ours) | np.isnan(theirs))
    return ours[both], theirs[both]


def _when(returns: Floats, factor_returns: Floats, sign: int) -> tuple[Floats, Floats]:
    ours, theirs = _pairs(returns, factor_returns)
    chosen = theirs * sign > 0
    return ours[chosen], theirs[chosen]
