"""Moving averages as nodes."""

from __future__ import annotations

from collections.abc import Callable

from engine.candles import Floats
from engine.indicators import averages
from engine.strategy.context import Context
from engine.strategy.nodes.ports import TALIB, choice, exponential, forgetting, period, series, window
from engine.strategy.types import Kind, NodeType, Numbers

# The slowest that Kaufman's average gets: the weight of EMA(30), squared.
KAMA_MEMORY = forgetting((2.0 / 31.0) ** 2)


def _average(
    name: str,
    doc: str,
    compute: Callable[[Floats, int], Floats],
    warm_up: Callable[[Numbers], int],
    memory: Callable[[Numbers], int] | None = None,
    minimum: int = 2,
    default: int | None = None,
) -> NodeType:
    def computed(context: Context, series: Floats, period: float) -> Floats:
        return compute(series, int(period))

    ports = (series(), period(default=default, minimum=minimum))
    return NodeType(name, ports, Kind.SERIES, computed, doc, TALIB, "average", warm_up, memory)


def _ema(context: Context, series: Floats, period: float, seed: str) -> Floats:
    return averages.ema(series, int(period), seed)


TYPES = (
    _average("sma", "Simple mean of the last `period` values.", averages.sma, window(), minimum=1),
    NodeType(
        "ema",
        (
            series(),
            period(minimum=1),
            choice("seed", ("mean", "first"), "begins with the mean of the first values, or the first value", "mean"),
        ),
        Kind.SERIES,
        _ema,
        "Exponential average with weight 2 / (period + 1).",
        "TA-Lib; seed first: pandas ewm(adjust=False)",
        "average",
        lambda numbers: 0 if numbers["seed"] == "first" else int(numbers["period"]) - 1,
        exponential,
    ),
    _average("wma", "Mean in which the newest value weighs `period`, the oldest 1.", averages.wma, window(), minimum=1),
    _average(
        "dema",
        "Double exponential average, 2 EMA − EMA(EMA): less lag.",
        averages.dema,
        lambda numbers: 2 * (int(numbers["period"]) - 1),
        lambda numbers: 16 * int(numbers["period"]),
    ),
    _average(
        "tema",
        "Triple exponential average: less lag still.",
        averages.tema,
        lambda numbers: 3 * (int(numbers["period"]) - 1),
        lambda numbers: 20 * int(numbers["period"]),
    ),
    _average(
        "kama",
        "Kaufman's adaptive average: quick in trends, slow in noise.",
        averages.kama,
        window(offset=0),
        lambda numbers: KAMA_MEMORY + int(numbers["period"]),
        default=10,
    ),
)
