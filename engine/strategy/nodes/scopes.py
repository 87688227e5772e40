"""Nodes whose input is computed elsewhere: on a coarser timeframe, on another instrument, on all of a strategy's instruments.

Their `series` port is a node of the same flat graph; evaluation hands it over as a function from a context to values,
so that it, and all that it rests on, can be computed there.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from engine.candles import Floats
from engine.indicators.alignment import align
from engine.strategy.context import Context
from engine.strategy.nodes.ports import choice, series
from engine.strategy.types import Kind, NodeType
from engine.timeframes import TIMEFRAMES

Inner = Callable[[Context], Floats]


def _seen_from(context: Context, other: Context, series: Inner) -> Floats:
    if other is context:
        return series(other)
    return align(series(other), other.closed_at, context.closed_at)


def _higher(context: Context, timeframe: str, series: Inner) -> Floats:
    return _seen_from(context, context.coarser(timeframe), series)


def _other(context: Context, symbol: str, series: Inner) -> Floats:
    return _seen_from(context, context.at(symbol), series)


def _rank(context: Context, series: Inner) -> Floats:
    own = series(context)
    place = np.where(np.isnan(own), np.nan, 1.0)
    for member in context.members():
        if member is not context:
            place += _seen_from(context, member, series) > own
    return place


TYPES = (
    NodeType(
        "higher",
        (
            choice("timeframe", tuple(TIMEFRAMES), "a multiple of the candles' own timeframe"),
            series(doc="what is computed there"),
        ),
        Kind.SERIES,
        _higher,
        "The series computed on candles of a coarser timeframe; each value is seen from the close of its candle on.",
        "definition",
        "elsewhere",
    ),
    NodeType(
        "other",
        (choice("symbol", (), "the instrument's symbol"), series(doc="what is computed there")),
        Kind.SERIES,
        _other,
        "The series computed on another instrument's candles, as known when this candle closes.",
        "definition",
        "elsewhere",
    ),
    NodeType(
        "rank",
        (series(doc="what is compared"),),
        Kind.SERIES,
        _rank,
        "Place of the series among the strategy's instruments: 1 where none has a larger value.",
        "definition",
        "elsewhere",
    ),
)

# Types whose node inputs are computed in another context than their own.
SCOPED = frozenset(found.name for found in TYPES)
