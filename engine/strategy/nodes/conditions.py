"""Comparison, crossing and logic as nodes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from engine.candles import Floats
from engine.indicators import conditions
from engine.strategy.context import Context
from engine.strategy.nodes.ports import condition, period, series, window
from engine.strategy.types import Bools, Kind, NodeType, Numbers


def _compare(
    name: str, doc: str, compute: Callable[[Floats, Floats], Bools], group: str = "comparison", before: int = 0
) -> NodeType:
    def computed(context: Context, left: Floats, right: Floats) -> Bools:
        return compute(left, right)

    def warm_up(numbers: Numbers) -> int:
        return before

    return NodeType(
        name, (series("left"), series("right")), Kind.CONDITION, computed, doc, "definition", group, warm_up
    )


def _logic(name: str, doc: str, compute: Callable[[Bools, Bools], Bools]) -> NodeType:
    def computed(context: Context, left: Bools, right: Bools) -> Bools:
        return compute(left, right)

    ports = (condition("left"), condition("right"))
    return NodeType(name, ports, Kind.CONDITION, computed, doc, "definition", "logic")


def _step(name: str, doc: str, compute: Callable[[Floats, int], Bools]) -> NodeType:
    def computed(context: Context, series: Floats, period: float) -> Bools:
        return compute(series, int(period))

    ports = (series(), period(default=1, minimum=1, doc="steps in a row"))
    return NodeType(name, ports, Kind.CONDITION, computed, doc, "definition", "crossing", window(offset=0))


def _between(context: Context, series: Floats, low: Floats, high: Floats) -> Bools:
    return conditions.greater_equal(series, low) & conditions.greater_equal(high, series)


def _not(context: Context, condition: Bools) -> Bools:
    return np.logical_not(condition)


def _held_for(context: Context, condition: Bools, period: float) -> Bools:
    return conditions.held_for(condition, int(period))


def _bars_since(context: Context, condition: Bools, limit: float) -> Floats:
    return conditions.bars_since(condition, int(limit))


TYPES = (
    _compare("greater", "left > right.", conditions.greater),
    _compare("greater_equal", "left ≥ right.", conditions.greater_equal),
    _compare("less", "left < right.", lambda left, right: conditions.greater(right, left)),
    _compare("less_equal", "left ≤ right.", lambda left, right: conditions.greater_equal(right, left)),
    _compare("equal", "left = right, but for rounding.", conditions.equal),
    NodeType(
        "between",
        (series(), series("low", "the least"), series("high", "the most")),
        Kind.CONDITION,
        _between,
        "low ≤ series ≤ high.",
        "definition",
        "comparison",
    ),
    _compare("crosses_above", "left is above right and was not a candle ago.", conditions.crosses_above, "crossing", 1),
    _compare(
        "crosses_below",
        "left is below right and was not a candle ago.",
        lambda left, right: conditions.crosses_above(right, left),
        "crossing",
        1,
    ),
    _step("rising", "Each of the last `period` steps went up.", conditions.rising),
    _step("falling", "Each of the last `period` steps went down.", conditions.falling),
    _logic("and", "Both.", np.logical_and),
    _logic("or", "One of them, or both.", np.logical_or),
    NodeType(
        "not",
        (condition(),),
        Kind.CONDITION,
        _not,
        "The opposite; yes where a comparison inside is undefined, since that counts as no.",
        "definition",
        "logic",
    ),
    NodeType(
        "held_for",
        (condition(), period(minimum=1, doc="candles in a row")),
        Kind.CONDITION,
        _held_for,
        "The condition is true now and on each of the `period` − 1 candles before.",
        "definition",
        "logic",
        window(),
    ),
    NodeType(
        "bars_since",
        (condition(), period("limit", 1000, 1, "candles after which it is forgotten")),
        Kind.SERIES,
        _bars_since,
        "How many candles ago the condition was last true (0: now); undefined while it never was.",
        "definition",
        "logic",
        lambda numbers: 0,
        window("limit", 0),
    ),
)
