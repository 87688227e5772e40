"""Compiles, or loads from the cache, whatever a first evaluation would otherwise wait for."""

from __future__ import annotations

import numpy as np

from engine.candles import Candles
from engine.strategy.evaluate import series_of
from engine.strategy.nodes import NODE_TYPES
from engine.strategy.types import Graph, Kind, Market, Node, NodeRef, Port, Value

CANDLES = 40
_MINUTE_MS = 60_000


def warm() -> None:
    """Evaluate every node type once on a few made candles. A worker does so before it says that it is ready."""
    names = [
        name for name in NODE_TYPES if name != "other"
    ]  # has no kernel of its own, and no symbol is sure to be there
    nodes = [
        Node("price", "close", {}),
        Node("start", "open", {}),
        Node("is_up", "greater", {"left": NodeRef("price"), "right": NodeRef("start")}),
    ]
    nodes += [Node(f"a_{name}", name, {port.name: _any(port) for port in NODE_TYPES[name].ports}) for name in names]
    prices = 100 + np.sin(np.arange(CANDLES, dtype=np.float64))
    candles = Candles(_MINUTE_MS * np.arange(CANDLES, dtype=np.int64), prices, prices + 1, prices - 1, prices, prices)
    series_of(Graph(tuple(nodes), {"enter_long": "is_up"}), Market(candles, "1m"), [node.id for node in nodes])
    # The seed that is not the default has a kernel; so has a coarser timeframe.
    first = Node("first", "ema", {"series": NodeRef("price"), "period": 3, "seed": "first"})
    coarse = Node("coarse", "higher", {"timeframe": "5m", "series": NodeRef("first")})
    series_of(Graph((*nodes[:3], first, coarse), {"enter_long": "is_up"}), Market(candles, "1m"), ["coarse"])


def _any(port: Port) -> Value:
    if port.kind in (Kind.SERIES, Kind.CONDITION):
        return NodeRef("price" if port.kind is Kind.SERIES else "is_up")
    if port.kind is Kind.CHOICE:
        return str(port.default or port.choices[0])
    return max(2, int(port.minimum)) if port.integer and port.name != "end" else max(0.5, port.minimum)
