"""The catalogue of metrics: what each is called, by which convention it is computed, and what it says in one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class MetricKind(StrEnum):
    """How a value is written: RATIO as per cent, NUMBER as it is, COUNT without decimals, DURATION in the key's unit
    (days or seconds), MONEY in the settlement currency.
    """

    RATIO = "ratio"
    NUMBER = "number"
    COUNT = "count"
    DURATION = "duration"
    MONEY = "money"


class MetricGroup(StrEnum):
    RETURN = "return"
    RISK = "risk"
    TRADES = "trades"
    COSTS = "costs"
    BENCHMARK = "benchmark"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. `convention` and `explanation` are for readers; `higher_is_better` is None where neither is better."""

    key: str
    label: str
    group: MetricGroup
    kind: MetricKind
    convention: str
    explanation: str
    higher_is_better: bool | None


_RETURN, _RISK, _TRADES = MetricGroup.RETURN, MetricGroup.RISK, MetricGroup.TRADES
_COSTS, _BENCHMARK = MetricGroup.COSTS, MetricGroup.BENCHMARK
_RATIO, _NUMBER, _COUNT = MetricKind.RATIO, MetricKind.NUMBER, MetricKind.COUNT
_DURATION, _MONEY = MetricKind.DURATION, MetricKind.MONEY
_DAILY = "daily equity at the end of each UTC day"
_YEAR = "365 days"

_ALL = (
    Metric("total_return_ratio", "Return", _RETURN, _RATIO, "after fees, slippage and funding",
           "What the starting money has gained or lost by the end, all costs paid.", True),
    Metric("profit_amount", "Profit", _RETURN, _MONEY, "after fees, slippage and funding",
           "The gain or loss in money, all costs paid.", True),
    Metric("final_equity_amount", "Final equity", _RETURN, _MONEY, "everything closed",
           "What the account is worth at the end.", True),
    Metric("cagr_ratio", "Yearly return (CAGR)", _RETURN, _RATIO, f"compound, {_YEAR}",
           "The steady yearly growth that would have led to the same end; of little meaning below a year.", True),
    Metric("sharpe_ratio", "Sharpe", _RETURN, _NUMBER, f"{_YEAR}, sample deviation, riskless rate 0, daily returns",
           "Return for each unit of ups and downs; above 1 is good if it lasts, and short records exaggerate it.", True),
    Metric("sortino_ratio", "Sortino", _RETURN, _NUMBER, f"{_YEAR}, downside deviation over all days, target 0",
           "Like Sharpe, but only falls count as risk.", True),
    Metric("calmar_ratio", "Calmar", _RETURN, _NUMBER, f"yearly return / maximum drawdown, {_YEAR}",
           "Yearly return for each unit of the deepest fall.", True),
    Metric("omega_ratio", "Omega", _RETURN, _NUMBER, "daily returns, threshold 0",
           "All daily gains over all daily losses; 1 is break-even.", True),
    Metric("best_day_ratio", "Best day", _RETURN, _RATIO, _DAILY, "The largest gain in one day.", True),
    Metric("worst_day_ratio", "Worst day", _RETURN, _RATIO, _DAILY, "The largest loss in one day.", True),
    Metric("winning_days_ratio", "Winning days", _RETURN, _RATIO, _DAILY, "The share of days that ended higher.", True),
    Metric("annual_volatility_ratio", "Volatility", _RISK, _RATIO, f"{_YEAR}, sample deviation, daily returns",
           "How much the account swings in a typical year.", False),
    Metric("max_drawdown_ratio", "Maximum drawdown", _RISK, _RATIO, _DAILY,
           "The deepest fall from a peak to a later low.", False),
    Metric("longest_drawdown_days", "Longest drawdown", _RISK, _DURATION, _DAILY,
           "The longest time in a row below an earlier peak.", False),
    Metric("under_water_ratio", "Time below a peak", _RISK, _RATIO, _DAILY,
           "The share of days on which the account stood below an earlier peak.", False),
    Metric("ulcer_index_ratio", "Ulcer index", _RISK, _RATIO, f"root mean square drawdown, {_DAILY}",
           "Depth and length of all falls in one figure.", False),
    Metric("value_at_risk_ratio", "Value at risk (95 %)", _RISK, _RATIO, "historical 5th percentile of daily returns",
           "On one day in twenty the loss was larger than this.", False),
    Metric("conditional_value_at_risk_ratio", "Expected shortfall (95 %)", _RISK, _RATIO,
           "mean of the daily returns at or below the value at risk", "The average loss on the worst days in twenty.", False),
    Metric("skewness", "Skewness", _RISK, _NUMBER, "population moments, daily returns",
           "Below 0, large losses are more common than large gains.", True),
    Metric("kurtosis", "Kurtosis", _RISK, _NUMBER, "population moments, 3 is normal, daily returns",
           "Above 3, extreme days are more common than a bell curve knows.", False),
    Metric("exposure_ratio", "Exposure", _RISK, _RATIO, "share of candles with an open trade",
           "How much of the time money was at risk in the market.", None),
    Metric("trades_count", "Trades", _TRADES, _COUNT, "entries that were closed",
           "How many trades there were; fewer than thirty prove little.", None),
    Metric("short_trades_count", "Short trades", _TRADES, _COUNT, "entries that were closed",
           "How many of them bet on falling prices.", None),
    Metric("win_rate_ratio", "Win rate", _TRADES, _RATIO, "profit after costs above 0",
           "The share of trades that earned money; says nothing without the size of wins and losses.", True),
    Metric("profit_factor", "Profit factor", _TRADES, _NUMBER, "sum of wins / sum of losses, after costs",
           "Money won for each unit lost; 1 is break-even.", True),
    Metric("expectancy_ratio", "Expectancy", _TRADES, _RATIO, "mean profit ratio of the stake",
           "What the average trade made on its stake.", True),
    Metric("expectancy_amount", "Expectancy in money", _TRADES, _MONEY, "mean profit after costs",
           "What the average trade made in money.", True),
    Metric("average_win_ratio", "Average win", _TRADES, _RATIO, "mean profit ratio of winners",
           "What a winning trade made on its stake.", True),
    Metric("average_loss_ratio", "Average loss", _TRADES, _RATIO, "mean profit ratio of losers",
           "What a losing trade lost on its stake.", True),
    Metric("payoff_factor", "Payoff", _TRADES, _NUMBER, "average win / average loss",
           "How many times the average loss an average win is.", True),
    Metric("best_trade_ratio", "Best trade", _TRADES, _RATIO, "profit ratio of the stake",
           "The largest gain on a stake.", True),
    Metric("worst_trade_ratio", "Worst trade", _TRADES, _RATIO, "profit ratio of the stake",
           "The largest loss on a stake.", True),
    Metric("best_trade_share_ratio", "Best trade's share", _TRADES, _RATIO, "largest profit / whole profit",
           "How much of the whole profit came from a single trade.", False),
    Metric("winning_streak_trades", "Winning streak", _TRADES, _COUNT, "in order of closing",
           "The most wins in a row.", True),
    Metric("losing_streak_trades", "Losing streak", _TRADES, _COUNT, "in order of closing",
           "The most losses in a row: what you must be able to sit through.", False),
    Metric("average_holding_seconds", "Average holding time", _TRADES, _DURATION, "opening to closing candle",
           "How long the average trade was open.", None),
    Metric("median_holding_seconds", "Median holding time", _TRADES, _DURATION, "opening to closing candle",
           "Half of the trades were open for less.", None),
    Metric("longest_holding_seconds", "Longest holding time", _TRADES, _DURATION, "opening to closing candle",
           "How long the longest trade was open.", None),
    Metric("average_winner_holding_seconds", "Winners held for", _TRADES, _DURATION, "opening to closing candle",
           "How long the average winner was open.", None),
    Metric("average_loser_holding_seconds", "Losers held for", _TRADES, _DURATION, "opening to closing candle",
           "How long the average loser was open; much longer than winners is a bad sign.", None),
    Metric("annual_turnover_ratio", "Turnover", _COSTS, _RATIO, f"value bought and sold / average equity, {_YEAR}",
           "How many times the account was traded over in a year; each time costs fees.", False),
    Metric("fees_amount", "Fees", _COSTS, _MONEY, "entries and exits", "What all trades paid in fees.", False),
    Metric("fees_of_gross_ratio", "Fees' share", _COSTS, _RATIO, "fees / profit before fees",
           "How much of the profit before fees went into fees.", False),
    Metric("funding_amount", "Funding", _COSTS, _MONEY, "paid is positive, received negative",
           "What perpetual positions paid in funding.", False),
    Metric("benchmark_return_ratio", "Buy and hold", _BENCHMARK, _RATIO, "bought at the first open, equal parts, fee paid",
           "What buying at the start and doing nothing would have returned.", None),
    Metric("benchmark_max_drawdown_ratio", "Buy and hold's drawdown", _BENCHMARK, _RATIO, _DAILY,
           "The deepest fall of buying and doing nothing.", None),
    Metric("benchmark_sharpe_ratio", "Buy and hold's Sharpe", _BENCHMARK, _NUMBER, f"{_YEAR}, sample deviation, daily returns",
           "Return for each unit of ups and downs when doing nothing.", None),
    Metric("excess_return_ratio", "Return above buy and hold", _BENCHMARK, _RATIO, "difference of the two returns",
           "How much more, or less, than doing nothing.", True),
    Metric("annual_alpha_ratio", "Alpha", _BENCHMARK, _RATIO, f"{_YEAR}, mean daily return not explained by beta, riskless rate 0",
           "The yearly return that moving with the market does not explain.", True),
    Metric("beta", "Beta", _BENCHMARK, _NUMBER, "covariance / variance, daily returns",
           "How far the account moves when the market moves by one.", None),
    Metric("correlation", "Correlation", _BENCHMARK, _NUMBER, "Pearson, daily returns",
           "How closely the account follows the market: 1 in step, 0 not at all.", None),
)  # fmt: skip

CATALOGUE: Mapping[str, Metric] = MappingProxyType({metric.key: metric for metric in _ALL})
