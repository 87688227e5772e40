"""The figures as quantstats gives them (0.0.86): parametric value at risk, bias-corrected moments, excess kurtosis."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from engine.candles import Floats
from engine.statistics import returns as own
from engine.statistics.drawdowns import curve, drawdown_ratios, max_drawdown
from engine.statistics.returns import divide, longest_run


def sample_moments(returns: Floats) -> tuple[float, float]:
    """Return skewness and excess kurtosis, both corrected for the bias of small samples (n ≥ 4)."""
    count = len(returns)
    skew, kurtosis = own.moments(returns)
    if count < 4:
        return math.nan, math.nan
    corrected = skew * math.sqrt(count * (count - 1)) / (count - 2)
    excess = ((count + 1) * (kurtosis - 3) + 6) * (count - 1) / ((count - 2) * (count - 3))
    return corrected, excess


def autocorrelation_penalty(returns: Floats) -> float:
    """Return by how much returns that follow each other overstate a Sharpe ratio (≥ 1)."""
    count = len(returns)
    if count < 3:
        return 1.0
    coefficient = abs(own.correlation(returns[:-1], returns[1:]))
    lags = np.arange(1, count)
    return math.sqrt(1 + 2 * float(((count - lags) / count * coefficient**lags).sum()))


def tail_risks(returns: Floats, share: float = own.TAIL_SHARE) -> tuple[float, float]:
    """Return value at risk and the mean beyond it, of a normal distribution with the same mean and deviation."""
    deviation = own.sample_deviation(returns)
    if not deviation > 0:
        return math.nan, math.nan
    mean, normal = float(returns.mean()), NormalDist()
    cut = normal.inv_cdf(share)
    return mean + deviation * cut, mean - deviation * normal.pdf(cut) / share


def figures(returns: Floats, periods: float = own.DAYS_PER_YEAR) -> dict[str, float]:
    """Return every figure of daily returns (no NaN) by quantstats' names."""
    total = own.total_return(returns)
    yearly = own.cagr(total, len(returns) / periods)
    below = drawdown_ratios(curve(returns))
    deepest = max_drawdown(below)
    gains, losses = returns[returns > 0], returns[returns < 0]
    win_rate = divide(float(len(gains)), float(np.count_nonzero(returns)))
    payoff = divide(float(gains.mean()), -float(losses.mean())) if len(gains) and len(losses) else math.nan
    factor, tail = own.gains_over_losses(returns), own.tail_ratio(returns)
    skew, kurtosis = sample_moments(returns)
    value_at_risk, beyond = tail_risks(returns)
    sharpe = own.sharpe(returns, periods)
    return {
        "sharpe": sharpe,
        "sortino": own.sortino(returns, periods),
        "volatility": own.volatility(returns, periods),
        "max_drawdown": -deepest,
        "calmar": divide(yearly, deepest),
        "cagr": yearly,
        "var_95_parametric": value_at_risk,
        "cvar_95": beyond,
        "win_rate": win_rate,
        "profit_factor": factor,
        "payoff_ratio": payoff,
        "omega": factor,
        # Over n - 1, as a sample deviation.
        "ulcer_index": math.sqrt(divide(float(below @ below), len(returns) - 1)),
        "tail_ratio": tail,
        "skew": skew,
        "kurtosis_excess": kurtosis,
        "gain_to_pain": factor - 1,
        "kelly": win_rate - divide(1 - win_rate, payoff),
        "recovery_factor": divide(abs(float(returns.sum())), deepest),
        "comp": total,
        "probabilistic_sharpe": _probabilistic_sharpe(sharpe / math.sqrt(periods), len(returns), skew, kurtosis + 3),
        "smart_sharpe": sharpe / autocorrelation_penalty(returns),
        "common_sense_ratio": factor * tail,
        "consecutive_wins": float(longest_run(returns > 0)),
        "consecutive_losses": float(longest_run(returns < 0)),
    }


def _probabilistic_sharpe(sharpe: float, count: int, skew: float, kurtosis: float) -> float:
    spread = (1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe**2) / (count - 1)
    return NormalDist().cdf(sharpe / math.sqrt(spread)) if spread > 0 else math.nan
