"""The project's own figures of a daily series under plain textbook names, signs as in the literature (losses negative)."""

from __future__ import annotations

import numpy as np

from engine.candles import Floats
from engine.statistics import returns as own
from engine.statistics.drawdowns import curve, drawdown_ratios, longest_drawdown, max_drawdown, ulcer_index
from engine.statistics.returns import DAYS_PER_YEAR, divide


def figures(returns: Floats, benchmark: Floats | None = None) -> dict[str, float]:
    """Return every figure of daily returns (no NaN) by name; with a benchmark's returns, also how it moves with them."""
    total = own.total_return(returns)
    yearly = own.cagr(total, len(returns) / DAYS_PER_YEAR)
    below = drawdown_ratios(curve(returns))
    skew, kurtosis = own.moments(returns)
    found = {
        "total_return": total,
        "cagr_by_bar_count_365": yearly,
        "volatility_annual_365": own.volatility(returns),
        "sharpe_365_rf0": own.sharpe(returns),
        "sortino_365_target0": own.sortino(returns),
        "max_drawdown": -max_drawdown(below),
        "calmar_365": divide(yearly, max_drawdown(below)),
        "longest_drawdown_bars": float(longest_drawdown(below)),
        "var95_historical_linear": own.value_at_risk(returns),
        "cvar95_mean_of_returns_le_var": own.conditional_value_at_risk(returns),
        "skew_population": skew,
        "kurtosis_population_nonexcess": kurtosis,
        "win_rate_bars": float(np.mean(returns > 0)),
        "best": float(returns.max()),
        "worst": float(returns.min()),
        "profit_factor_bars": own.gains_over_losses(returns),
        "ulcer_index": ulcer_index(below[1:]),
        "tail_ratio_95_5": own.tail_ratio(returns),
        "downside_deviation_annual_365": own.downside_deviation(returns),
    }
    if benchmark is not None:
        found["correlation_with_benchmark"] = own.correlation(returns, benchmark)
        found["beta_cov_over_var"] = own.beta(returns, benchmark)
    return found
