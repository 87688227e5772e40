"""Rolling statistics as nodes."""

from __future__ import annotations

from collections.abc import Callable

from engine.candles import Floats
from engine.indicators import averages, rolling
from engine.strategy.context import Context
from engine.strategy.nodes.ports import TALIB, number, period, series, window
from engine.strategy.types import Kind, NodeType


def _rolling(
    name: str,
    doc: str,
    compute: Callable[[Floats, int], Floats],
    source: str = TALIB,
    minimum: int = 2,
    offset: int = -1,
    default: int | None = None,
) -> NodeType:
    def computed(context: Context, series: Floats, period: float) -> Floats:
        return compute(series, int(period))

    ports = (series(), period(default=default, minimum=minimum))
    return NodeType(name, ports, Kind.SERIES, computed, doc, source, "statistics", window(offset=offset))


def _correlation(context: Context, left: Floats, right: Floats, period: float) -> Floats:
    return rolling.correlation(left, right, int(period))


def _quantile(context: Context, series: Floats, period: float, share: float) -> Floats:
    return rolling.quantile(series, int(period), float(share))


TYPES = (
    _rolling("highest", "Largest of the last `period` values.", rolling.highest, minimum=1),
    _rolling("lowest", "Smallest of the last `period` values.", rolling.lowest, minimum=1),
    _rolling("lag", "The value of `period` candles ago.", rolling.lag, "definition", 1, 0, 1),
    _rolling("sum", "Sum of the last `period` values.", rolling.total, minimum=1),
    _rolling("mean", "Mean of the last `period` values.", averages.sma, minimum=1),
    _rolling("median", "Middle of the last `period` values.", rolling.median, "definition", 1),
    _rolling("stdev", "Population deviation of the last `period` values.", rolling.stdev),
    _rolling("variance", "Population variance of the last `period` values.", rolling.variance),
    _rolling("zscore", "How many deviations the value lies above the mean of the last `period`.", rolling.zscore),
    _rolling("slope", "Slope of the line through the last `period` values, per candle.", rolling.slope),
    NodeType(
        "correlation",
        (series("left"), series("right"), period()),
        Kind.SERIES,
        _correlation,
        "Pearson's correlation of the last `period` pairs, −1 to 1.",
        TALIB,
        "statistics",
        window(),
    ),
    _rolling(
        "percentile_rank",
        "Share (0–100) of the last `period` values, itself included, that are not above the value.",
        rolling.percentile_rank,
        "definition",
        1,
    ),
    NodeType(
        "quantile",
        (series(), period(minimum=1), number("share", 0.5, 0, 1, "0 the smallest, 0.5 the middle, 1 the largest")),
        Kind.SERIES,
        _quantile,
        "The value below which `share` of the last `period` values lie, interpolated.",
        "definition",
        "statistics",
        window(),
    ),
)
