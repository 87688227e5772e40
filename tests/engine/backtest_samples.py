"""A strategy, a year of made candles, and a spec that joins them."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.backtest import BacktestSpec, Costs, Data, MarketData, TradedInstrument
from engine.candles import Candles
from engine.strategy.formula.parse import parse_formula
from engine.strategy.types import Graph

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
# 2024-01-01 00:00 UTC.
START_MS = 1_704_067_200_000

CROSSOVER = """
fast = parameter(5, 2, 50)
slow = parameter(20, 3, 200)
quick = ema(close, fast)
calm = ema(close, slow)
enter_long = crosses_above(quick, calm)
exit_long = crosses_below(quick, calm)
size = share_of_equity(0.9)
"""


def candles_of(count: int, seed: int = 1, start_ms: int = START_MS) -> Candles:
    """Return hourly candles of a random walk that begins at 100."""
    generator = np.random.default_rng(seed)
    closes = 100.0 * np.exp(np.cumsum(generator.normal(0.0, 0.01, count)))
    opens = np.concatenate(([100.0], closes[:-1]))
    highs = np.maximum(opens, closes) * (1 + np.abs(generator.normal(0.0, 0.003, count)))
    lows = np.minimum(opens, closes) * (1 - np.abs(generator.normal(0.0, 0.003, count)))
    times = start_ms + HOUR_MS * np.arange(count, dtype=np.int64)
    return Candles(times, opens, highs, lows, closes, np.full(count, 5.0))


def graph_of(formula: str = CROSSOVER) -> Graph:
    return parse_formula(formula)


def spec_of(
    formula: str = CROSSOVER, hours: int = 2000, symbols: tuple[str, ...] = ("BTC",), **changed: Any
) -> BacktestSpec:
    """Return a spec over the first `hours`, with what is changed."""
    plain: dict[str, Any] = {
        "graph": graph_of(formula),
        "instruments": tuple(TradedInstrument(symbol) for symbol in symbols),
        "timeframe": "1h",
        "start_ms": START_MS,
        "end_ms": START_MS + hours * HOUR_MS,
        "costs": Costs(initial_cash=1000.0),
    }
    return BacktestSpec(**{**plain, **changed})


def data_of(hours: int = 2000, symbols: tuple[str, ...] = ("BTC",)) -> Data:
    return {symbol: MarketData(candles_of(hours, seed)) for seed, symbol in enumerate(symbols, 1)}
