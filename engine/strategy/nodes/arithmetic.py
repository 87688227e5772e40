"""Arithmetic as nodes. What has no result (a division by zero, a root of a negative number) is undefined."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from engine.candles import Floats
from engine.strategy.context import Context, defined
from engine.strategy.nodes.ports import series
from engine.strategy.types import Kind, NodeType


def _of_two(name: str, doc: str, compute: Callable[[Floats, Floats], Floats]) -> NodeType:
    def computed(context: Context, left: Floats, right: Floats) -> Floats:
        with np.errstate(all="ignore"):
            return defined(compute(left, right))

    return NodeType(name, (series("left"), series("right")), Kind.SERIES, computed, doc, "definition", "arithmetic")


def _of_one(name: str, doc: str, compute: Callable[[Floats], Floats]) -> NodeType:
    def computed(context: Context, series: Floats) -> Floats:
        with np.errstate(all="ignore"):
            return defined(compute(series))

    return NodeType(name, (series(),), Kind.SERIES, computed, doc, "definition", "arithmetic")


TYPES = (
    _of_two("add", "left + right.", np.add),
    _of_two("subtract", "left − right.", np.subtract),
    _of_two("multiply", "left × right.", np.multiply),
    _of_two("divide", "left / right; undefined where right is 0.", np.divide),
    _of_two("min", "The smaller of both.", np.minimum),
    _of_two("max", "The larger of both.", np.maximum),
    _of_one("negate", "The value with its sign turned.", np.negative),
    _of_one("abs", "The value without its sign.", np.abs),
    _of_one("log", "Natural logarithm; undefined at and below 0.", np.log),
    _of_one("sqrt", "Square root; undefined below 0.", np.sqrt),
)
