"""How much of a result may be luck: Sharpe ratios judged against chance, and sweeps judged by cross-validation.

Sharpe ratios enter per period, not annualised; kurtosis is not in excess (3 is normal).
Sources: Bailey & López de Prado, The Sharpe Ratio Efficient Frontier (2012) and The Deflated Sharpe Ratio (2014);
Bailey, Borwein, López de Prado & Zhu, The Probability of Backtest Overfitting (2015).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from engine.candles import Floats
from engine.statistics.returns import divide, moments, sample_deviation

NORMAL = NormalDist()
# The risk of being wrong that a track record is asked to get below.
ALPHA = 0.05
# Fewer Sharpe ratios than this, two of nearly the same settings perhaps, would say that luck hardly scatters at all.
FEWEST_TRIALS = 10
# Blocks of cross-validation: 12 give 924 halvings, enough for two digits.
PBO_BLOCKS = 12
# Fewer rows than this in a block make its Sharpe ratio a toss of coins.
LEAST_BLOCK_ROWS = 3
# Halvings that are judged at once: bounds the memory of large sweeps.
_HALVINGS_AT_ONCE = 512


def probabilistic_sharpe(
    sharpe: float, observations: float, skew: float, kurtosis: float, benchmark: float = 0.0
) -> float:
    """Return the probability (0–1) that the true Sharpe ratio is above `benchmark`; NaN where nothing can be said."""
    spread = _spread(sharpe, skew, kurtosis)
    if not (observations > 1 and spread > 0 and math.isfinite(sharpe)):
        return math.nan
    return NORMAL.cdf((sharpe - benchmark) * math.sqrt((observations - 1) / spread))


def expected_maximum(trials: float) -> float:
    """Return the largest of `trials` draws from the standard normal distribution that is to be expected; 0 for one."""
    if trials <= 1:
        return 0.0
    euler = float(np.euler_gamma)
    return (1 - euler) * NORMAL.inv_cdf(1 - 1 / trials) + euler * NORMAL.inv_cdf(1 - 1 / (trials * math.e))


def chance_sharpe(trials: float, variance: float) -> float:
    """Return the Sharpe ratio that the best of `trials` without any skill is expected to show.

    `variance` is that of the trials' Sharpe ratios, in the unit of the result, squared.
    """
    return math.sqrt(variance) * expected_maximum(trials)


def deflated_sharpe(
    sharpe: float, observations: float, skew: float, kurtosis: float, trials: float, variance: float
) -> float:
    """Return the probability (0–1) that a Sharpe ratio is no mere best of `trials`; all per period."""
    return probabilistic_sharpe(sharpe, observations, skew, kurtosis, chance_sharpe(trials, variance))


def sharpe_variance(sharpe: float, observations: float, skew: float, kurtosis: float) -> float:
    """Return the sampling variance of a Sharpe ratio: how far trials without skill would scatter on as much data."""
    return divide(_spread(sharpe, skew, kurtosis), observations - 1)


def minimum_track_record(
    sharpe: float, skew: float, kurtosis: float, benchmark: float = 0.0, alpha: float = ALPHA
) -> float:
    """Return how many observations it takes until the Sharpe ratio is above `benchmark` but for a risk of `alpha`.

    Infinite where it is not above it.
    """
    if math.isnan(sharpe) or math.isnan(skew):
        return math.nan
    if sharpe <= benchmark:
        return math.inf
    return 1 + _spread(sharpe, skew, kurtosis) * (NORMAL.inv_cdf(1 - alpha) / (sharpe - benchmark)) ** 2


def minimum_backtest_years(trials: float, sharpe_annual: float = 1.0) -> float:
    """Return how many years it takes until the best of `trials` without skill is expected to stay below `sharpe_annual`."""
    return (expected_maximum(trials) / sharpe_annual) ** 2


@dataclass(frozen=True, slots=True)
class SharpeLuck:
    """What chance says about the Sharpe ratio of daily returns. Probabilities 0–1; `sharpe` values per day.

    `chance_sharpe` is what the best of `trials` would show without skill; `needed_days` how long a record it takes.
    """

    days: int
    trials: int
    sharpe: float
    chance_sharpe: float
    probabilistic: float
    deflated: float
    needed_days: float


def sharpe_luck(returns: Floats, trials: int = 1, trial_sharpes: Floats | None = None) -> SharpeLuck:
    """Judge daily returns that are the best of `trials` on the same data.

    `trial_sharpes` (per day) of those trials tell how far they scatter; where few are known, that is taken for no less
    than the sampling error of one.
    """
    deviation = sample_deviation(returns)
    sharpe = float(returns.mean()) / deviation if deviation > 0 else math.nan
    skew, kurtosis = moments(returns)
    variance = _scatter(len(returns), trial_sharpes)
    hurdle = chance_sharpe(trials, variance) if len(returns) > 1 else math.nan
    return SharpeLuck(
        days=len(returns),
        trials=trials,
        sharpe=sharpe,
        chance_sharpe=hurdle,
        probabilistic=probabilistic_sharpe(sharpe, len(returns), skew, kurtosis),
        deflated=probabilistic_sharpe(sharpe, len(returns), skew, kurtosis, hurdle),
        needed_days=minimum_track_record(sharpe, skew, kurtosis),
    )


def _scatter(days: int, trial_sharpes: Floats | None) -> float:
    """Return the variance of trials' Sharpe ratios per day."""
    sampling = sharpe_variance(0.0, days, 0.0, 3.0)
    if trial_sharpes is None or len(trial_sharpes) < 2:
        return sampling
    found = float(np.var(trial_sharpes, ddof=1))
    return found if len(trial_sharpes) >= FEWEST_TRIALS else max(found, sampling)


@dataclass(frozen=True, slots=True)
class Overfitting:
    """What cross-validation says about choosing the best of many trials.

    `probability` (0–1): how often the best in one half was among the worse half in the other. `logits`: one per
    halving, in order. `loss_probability`: how often it lost money there. `slope` and `intercept`: the line through
    (Sharpe in sample, out of sample); a slope of 0 or less says that a better past promised no better future.
    """

    probability: float
    logits: Floats
    loss_probability: float
    slope: float
    intercept: float


def backtest_overfitting(returns: Floats, blocks: int = PBO_BLOCKS) -> Overfitting:
    """Judge a matrix of trial returns (rows are periods, columns trials) by combinatorially symmetric cross-validation.

    Rows that do not fill the blocks are dropped from the start. Raises ValueError for fewer than two trials, an odd
    number of blocks, or too few rows.
    """
    rows = len(returns) // blocks
    if blocks < 2 or blocks % 2 or rows < LEAST_BLOCK_ROWS or returns.shape[1] < 2:
        raise ValueError(
            f"It takes two trials or more, and {LEAST_BLOCK_ROWS} periods in each of an even number of blocks."
        )
    cut = returns[len(returns) - rows * blocks :].reshape(blocks, rows, -1)
    halves = np.array(list(combinations(range(blocks), blocks // 2)))
    parts = [
        _best_elsewhere(cut, halves[start : start + _HALVINGS_AT_ONCE])
        for start in range(0, len(halves), _HALVINGS_AT_ONCE)
    ]
    inside, outside, ranks = (np.concatenate(column) for column in zip(*parts, strict=True))
    share = ranks / (returns.shape[1] + 1)
    logits = np.log(share / (1 - share))
    centred = inside - inside.mean()
    slope = divide(float(centred @ outside), float(centred @ centred))
    return Overfitting(
        probability=float(np.mean(share <= 0.5)),
        logits=logits,
        loss_probability=float(np.mean(outside < 0)),
        slope=slope,
        intercept=float(outside.mean() - slope * inside.mean()),
    )


def _best_elsewhere(cut: Floats, halves: NDArray[np.int64]) -> tuple[Floats, Floats, Floats]:
    """Return of each halving's in-sample best: its Sharpe ratio there, the one in the other half, its rank there (1 worst)."""
    chosen = np.zeros((len(halves), len(cut)))
    np.put_along_axis(chosen, halves, 1.0, axis=1)
    inside, outside = _sharpes(cut, chosen), _sharpes(cut, 1.0 - chosen)
    best = inside.argmax(axis=1)[:, None]
    theirs = np.take_along_axis(outside, best, axis=1)
    # Trials that made the same trades share the middle of their ranks.
    ranks = 0.5 + ((outside < theirs).sum(axis=1) + (outside <= theirs).sum(axis=1)) / 2
    return np.take_along_axis(inside, best, axis=1)[:, 0], theirs[:, 0], ranks


def _sharpes(cut: Floats, chosen: Floats) -> Floats:
    """Return halvings × trials: mean / sample deviation over the chosen blocks, 0 for a trial that never moved."""
    count = chosen[0].sum() * cut.shape[1]
    middle = cut.mean(axis=(0, 1))
    moved = cut - middle
    shift = chosen @ moved.sum(axis=1) / count
    variances = (chosen @ (moved * moved).sum(axis=1) - count * shift * shift) / (count - 1)
    # What is left of the variance of a flat trial is rounding.
    flat = variances <= 1e-14 * (middle * middle + 1e-30)
    sharpes: Floats = np.where(flat, 0.0, (middle + shift) / np.sqrt(np.where(flat, 1.0, variances)))
    return sharpes


def _spread(sharpe: float, skew: float, kurtosis: float) -> float:
    """Return the variance of a Sharpe ratio's estimate, times (observations - 1)."""
    return 1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe * sharpe
