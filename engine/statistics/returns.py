"""Figures of a series of returns. Conventions are the project's own: simple returns, sample deviation, linear percentiles.

Every function takes float64 arrays of simple returns per period (0.01 is one per cent) without NaN, and gives NaN
where there is too little to say. `periods` is how many of them make a year.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from engine.candles import Floats

# Markets that never close: a year has as many daily returns as days.
DAYS_PER_YEAR = 365
# The share of worst returns that value at risk and its conditional form look at.
TAIL_SHARE = 0.05


def simple_returns(values: Floats) -> Floats:
    """Return the n - 1 relative changes of n values; what starts from nothing or less changes by 0."""
    before = values[:-1]
    changes = np.zeros(max(len(values) - 1, 0))
    np.divide(values[1:] - before, before, out=changes, where=before > 0)
    return changes


def total_return(returns: Floats) -> float:
    """Return what one unit has gained after all returns, compounded."""
    return float(np.prod(1.0 + returns)) - 1.0 if len(returns) else math.nan


def cagr(total: float, years: float) -> float:
    """Return the yearly rate that compounds to `total`; -1 where all is lost."""
    if years <= 0 or math.isnan(total):
        return math.nan
    if total <= -1:
        return -1.0
    growth = math.log1p(total) / years
    return math.expm1(growth) if growth < 700 else math.inf


def sample_deviation(returns: Floats) -> float:
    """Return the deviation with n - 1; exactly 0 for equal values, whatever rounding makes of their mean."""
    if len(returns) < 2:
        return math.nan
    if returns.max() == returns.min():
        return 0.0
    return float(returns.std(ddof=1))


def volatility(returns: Floats, periods: float = DAYS_PER_YEAR) -> float:
    """Return the sample deviation of a year."""
    return sample_deviation(returns) * math.sqrt(periods)


def sharpe(returns: Floats, periods: float = DAYS_PER_YEAR) -> float:
    """Return mean / sample deviation of a year, against a riskless rate of 0; infinite for gains that never differ."""
    if len(returns) < 2:
        return math.nan
    return divide(float(returns.mean()), sample_deviation(returns)) * math.sqrt(periods)


def downside_deviation(returns: Floats, periods: float = DAYS_PER_YEAR) -> float:
    """Return the root mean square of the losses of a year, over all returns, gains as 0."""
    if not len(returns):
        return math.nan
    losses = np.minimum(returns, 0.0)
    return math.sqrt(float(losses @ losses) / len(returns) * periods)


def sortino(returns: Floats, periods: float = DAYS_PER_YEAR) -> float:
    """Return the mean of a year over its downside deviation; infinite without a loss."""
    if len(returns) < 2:
        return math.nan
    return divide(float(returns.mean()) * periods, downside_deviation(returns, periods))


def gains_over_losses(returns: Floats) -> float:
    """Return the sum of gains over the sum of losses: Omega at 0, and the profit factor of periods or trades."""
    gains = float(np.maximum(returns, 0.0).sum())
    return divide(gains, gains - float(returns.sum())) if len(returns) else math.nan


def value_at_risk(returns: Floats, share: float = TAIL_SHARE) -> float:
    """Return the return that `share` of all fall below (historical, linear between two): usually negative."""
    return float(np.quantile(returns, share)) if len(returns) else math.nan


def conditional_value_at_risk(returns: Floats, share: float = TAIL_SHARE) -> float:
    """Return the mean of the returns at or below the value at risk."""
    if not len(returns):
        return math.nan
    return float(returns[returns <= value_at_risk(returns, share)].mean())


def tail_ratio(returns: Floats) -> float:
    """Return how large the 95th percentile is against the 5th, both without sign."""
    if not len(returns):
        return math.nan
    low, high = np.quantile(returns, (TAIL_SHARE, 1 - TAIL_SHARE))
    return divide(abs(float(high)), abs(float(low)))


def moments(returns: Floats) -> tuple[float, float]:
    """Return skewness and kurtosis by population moments; a normal distribution has 0 and 3."""
    if not len(returns) or returns.max() == returns.min():
        return math.nan, math.nan
    centred = returns - returns.mean()
    squares = centred * centred
    variance = float(squares.mean())
    return float((squares * centred).mean()) / variance**1.5, float((squares * squares).mean()) / variance**2


def beta(returns: Floats, benchmark: Floats) -> float:
    """Return how far the returns move with the benchmark's: covariance / variance."""
    if len(returns) < 2 or benchmark.max() == benchmark.min():
        return math.nan
    moved = benchmark - benchmark.mean()
    return float(moved @ returns) / float(moved @ moved)


def alpha(returns: Floats, benchmark: Floats, periods: float = DAYS_PER_YEAR) -> float:
    """Return the mean return of a year that beta times the benchmark does not explain (not compounded)."""
    return (float(returns.mean()) - beta(returns, benchmark) * float(benchmark.mean())) * periods


def correlation(returns: Floats, benchmark: Floats) -> float:
    """Return Pearson's correlation; NaN where one of the two never moves."""
    if len(returns) < 2 or returns.max() == returns.min() or benchmark.max() == benchmark.min():
        return math.nan
    ours, theirs = returns - returns.mean(), benchmark - benchmark.mean()
    return float(ours @ theirs) / math.sqrt(float(ours @ ours) * float(theirs @ theirs))


def longest_run(flags: NDArray[np.bool_]) -> int:
    """Return the length of the longest unbroken run of true."""
    if not flags.any():
        return 0
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).view(np.int8)))
    return int((edges[1::2] - edges[::2]).max())


def divide(above: float, below: float) -> float:
    """Divide as floating point does: by 0 into an infinity, 0 by 0 into NaN."""
    if below == 0:
        return math.copysign(math.inf, above) if above else math.nan
    return above / below
