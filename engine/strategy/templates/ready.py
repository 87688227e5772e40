"""The ready strategies as formulas, and what their forms say beside each parameter."""

from __future__ import annotations

from engine.strategy.templates.forms import Help, Template, template

_SHARE = 'share = parameter(0.2, 0.01, 1.0, "Share of equity")\n'
_SIZE = "size = share_of_equity(share)\n"


def _crossover(average: str, name: str, label: str, summary: str) -> Template:
    formula = f"""
fast = parameter(12, 2, 500, "Fast period")
slow = parameter(26, 2, 500, "Slow period")
{_SHARE}
fast_line = {average}(close, fast)
slow_line = {average}(close, slow)
enter_long = crosses_above(fast_line, slow_line)
exit_long = crosses_below(fast_line, slow_line)
{_SIZE}"""
    helps = {
        "fast": Help("Candles of the quick average; below the slow one.", "candles"),
        "slow": Help("Candles of the slow average.", "candles"),
    }
    return template(name, label, summary, formula, helps, optional=("stop_loss",), below=(("fast", "slow"),))


_EMA = _crossover(
    "ema",
    "ema_cross",
    "EMA crossover",
    "Buys when the fast exponential average of the price crosses above the slow one; sells when it crosses below.",
)
_SMA = _crossover(
    "sma",
    "sma_cross",
    "SMA crossover",
    "Buys when the fast simple average of the price crosses above the slow one; sells when it crosses below.",
)

_RSI = template(
    "rsi_reversion",
    "RSI reversion",
    "Buys when the price has fallen too fast and begins to recover; sells when it has recovered.",
    f"""
period = parameter(14, 2, 200, "RSI period")
oversold = parameter(30, 1, 99, "Oversold level")
recovered = parameter(55, 1, 99, "Recovery level")
{_SHARE}
strength = rsi(close, period)
enter_long = crosses_above(strength, oversold)
exit_long = crosses_above(strength, recovered)
{_SIZE}""",
    {
        "period": Help("Candles over which rises and falls are weighed.", "candles"),
        "oversold": Help("Buys when the RSI rises back above this; below the other level."),
        "recovered": Help("Sells when the RSI rises above this."),
    },
    below=(("oversold", "recovered"),),
)

_MACD = template(
    "macd_trend",
    "MACD trend",
    "Buys when the MACD line crosses above its signal while the price is above a long average; sells on the way back.",
    f"""
fast = parameter(12, 2, 200, "Fast period")
slow = parameter(26, 2, 500, "Slow period")
signal = parameter(9, 1, 200, "Signal period")
trend = parameter(200, 2, 1000, "Trend period")
{_SHARE}
line = macd(close, fast, slow, signal)
signal_line = macd_signal(close, fast, slow, signal)
enter_long = crosses_above(line, signal_line) and close > ema(close, trend)
exit_long = crosses_below(line, signal_line)
{_SIZE}""",
    {
        "fast": Help("Candles of the MACD's quick average; below the slow one.", "candles"),
        "slow": Help("Candles of the MACD's slow average.", "candles"),
        "signal": Help("Candles that smooth the MACD line into its signal.", "candles"),
        "trend": Help("Buys only above the exponential average of so many candles.", "candles"),
    },
    below=(("fast", "slow"),),
)

_BOLLINGER_FIELDS = {
    "period": Help("Candles of the middle band.", "candles"),
    "deviations": Help("Distance of the bands from the middle one, in standard deviations."),
}

_BOLLINGER_REVERSION = template(
    "bollinger_reversion",
    "Bollinger reversion",
    "Buys when the price comes back above the lower band; sells at the middle one.",
    f"""
period = parameter(20, 2, 500, "Period")
deviations = parameter(2.0, 0.5, 5.0, "Band width")
{_SHARE}
enter_long = crosses_above(close, bollinger_lower(close, period, deviations))
exit_long = crosses_above(close, bollinger_middle(close, period, deviations))
{_SIZE}""",
    _BOLLINGER_FIELDS,
)

_BOLLINGER_BREAKOUT = template(
    "bollinger_breakout",
    "Bollinger breakout",
    "Buys when the price leaves the upper band; sells when it falls below the middle one.",
    f"""
period = parameter(20, 2, 500, "Period")
deviations = parameter(2.0, 0.5, 5.0, "Band width")
{_SHARE}
enter_long = crosses_above(close, bollinger_upper(close, period, deviations))
exit_long = crosses_below(close, bollinger_middle(close, period, deviations))
{_SIZE}""",
    _BOLLINGER_FIELDS,
)

_DONCHIAN = template(
    "donchian_breakout",
    "Donchian breakout",
    "Buys at a new high of many candles; sells at a new low of fewer.",
    f"""
entry_period = parameter(20, 2, 1000, "Entry channel")
exit_period = parameter(10, 2, 1000, "Exit channel")
{_SHARE}
enter_long = close > lag(donchian_upper(entry_period), 1)
exit_long = close < lag(donchian_lower(exit_period), 1)
{_SIZE}""",
    {
        "entry_period": Help("Buys above the highest high of so many candles.", "candles"),
        "exit_period": Help("Sells below the lowest low of so many candles.", "candles"),
    },
)

_SUPERTREND = template(
    "supertrend_trend",
    "Supertrend",
    "Buys when the supertrend turns up; sells when it turns down.",
    f"""
period = parameter(10, 2, 200, "ATR period")
multiple = parameter(3.0, 0.5, 20.0, "ATR multiple")
{_SHARE}
side = supertrend_direction(period, multiple)
enter_long = crosses_above(side, 0)
exit_long = crosses_below(side, 0)
{_SIZE}""",
    {
        "period": Help("Candles over which the true range is averaged.", "candles"),
        "multiple": Help("Distance of the line in average true ranges."),
    },
)

_STOCHASTIC = template(
    "stochastic",
    "Stochastic",
    "Buys when %K crosses above %D in the oversold zone; sells when it crosses below in the overbought one.",
    f"""
range_period = parameter(14, 2, 200, "Range period")
smoothing = parameter(3, 1, 50, "Smoothing")
oversold = parameter(20, 1, 99, "Oversold level")
overbought = parameter(80, 1, 99, "Overbought level")
{_SHARE}
k = stoch_k(range_period, smoothing, smoothing)
d = stoch_d(range_period, smoothing, smoothing)
enter_long = crosses_above(k, d) and d < oversold
exit_long = crosses_below(k, d) and d > overbought
{_SIZE}""",
    {
        "range_period": Help("Candles of the range in which the close is placed.", "candles"),
        "smoothing": Help("Candles that smooth %K, and %K into %D.", "candles"),
        "oversold": Help("Buys only while %D is below this; below the other level."),
        "overbought": Help("Sells only while %D is above this."),
    },
    below=(("oversold", "overbought"),),
)

_VWAP = template(
    "vwap_reversion",
    "VWAP reversion",
    "Buys when the price has fallen well below what was paid on average and turns; sells at that average.",
    f"""
period = parameter(96, 2, 1000, "VWAP period")
distance = parameter(0.02, 0.001, 0.5, "Distance")
{_SHARE}
average = vwap_rolling(period)
enter_long = crosses_above(close, average * (1 - distance))
exit_long = crosses_above(close, average)
{_SIZE}""",
    {
        "period": Help("Candles of the volume-weighted average.", "candles"),
        "distance": Help("Buys when the price rises back to so far below the average.", is_ratio=True),
    },
)

_MOMENTUM = template(
    "momentum_trend",
    "Momentum",
    "Buys when the price has risen enough over some candles; sells when the rise is gone.",
    f"""
period = parameter(24, 2, 1000, "Period")
threshold = parameter(2.0, 0.0, 100.0, "Threshold")
{_SHARE}
change = roc(close, period)
enter_long = crosses_above(change, threshold)
exit_long = crosses_below(change, 0)
{_SIZE}""",
    {
        "period": Help("Candles over which the change is measured.", "candles"),
        "threshold": Help("Buys when the change rises above this.", "%"),
    },
)

_HIGHER_TREND = template(
    "multi_timeframe_trend",
    "Multi-timeframe trend",
    "Buys when the fast average crosses above the slow one while the four-hour trend is up; sells when it crosses below.",
    f"""
fast = parameter(12, 2, 500, "Fast period")
slow = parameter(26, 2, 500, "Slow period")
trend = parameter(50, 2, 500, "Trend period")
{_SHARE}
fast_line = ema(close, fast)
slow_line = ema(close, slow)
trend_line = higher("4h", ema(close, trend))
enter_long = crosses_above(fast_line, slow_line) and close > trend_line
exit_long = crosses_below(fast_line, slow_line)
{_SIZE}""",
    {
        "fast": Help("Candles of the quick average; below the slow one.", "candles"),
        "slow": Help("Candles of the slow average.", "candles"),
        "trend": Help("Four-hour candles of the average that the price must be above.", "4-hour candles"),
    },
    below=(("fast", "slow"),),
)

_ROTATION = template(
    "dual_momentum",
    "Dual momentum rotation",
    "Holds the instruments that rose most among the strategy's own, and only while they rise at all.",
    f"""
period = parameter(168, 2, 1000, "Period")
held = parameter(2, 1, 20, "Number held")
share = parameter(0.4, 0.01, 1.0, "Share of equity")

change = roc(close, period)
place = rank(change)
enter_long = place <= held and change > 0
exit_long = place > held or change <= 0
{_SIZE}max_open_trades = 20
""",
    {
        "period": Help("Candles over which the rise is measured.", "candles"),
        "held": Help("How many of the best are held at once.", "instruments"),
    },
)

READY = (
    _EMA,
    _SMA,
    _RSI,
    _MACD,
    _BOLLINGER_REVERSION,
    _BOLLINGER_BREAKOUT,
    _DONCHIAN,
    _SUPERTREND,
    _STOCHASTIC,
    _VWAP,
    _MOMENTUM,
    _HIGHER_TREND,
    _ROTATION,
)
