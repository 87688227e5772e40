"""Made candles for tests of strategies, and a graph around any one node type."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.candles import Candles
from engine.strategy.nodes import NODE_TYPES
from engine.strategy.types import Graph, Kind, Market, Node, NodeRef, Port, Value
from engine.timeframes import timeframe_ms

# 2024-01-01 00:00 UTC, a Monday.
MIDNIGHT = 1_704_067_200_000
SYMBOLS = ("BTC/USDT", "ETH/USDT")
PERIOD = 5


def walk(count: int, seed: int = 1, *, timeframe: str = "1h", start: int = MIDNIGHT) -> Candles:
    """Return a random walk around 100 without gaps."""
    generator = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(generator.normal(0, 0.01, count)))
    open_ = np.concatenate(([100.0], close[:-1])) * np.exp(generator.normal(0, 0.001, count))
    high = np.maximum(open_, close) * (1 + generator.random(count) * 0.01)
    low = np.minimum(open_, close) * (1 - generator.random(count) * 0.01)
    opened_at = start + np.arange(count, dtype=np.int64) * timeframe_ms(timeframe)
    return Candles(opened_at, open_, high, low, close, generator.random(count) * 1000)


def rough(count: int, seed: int = 1, *, timeframe: str = "1h", start: int = MIDNIGHT) -> Candles:
    """Return a walk as venues give them: candles missing, without volume, standing still, undefined, absurd."""
    generator = np.random.default_rng(seed + 1000)
    whole = walk(count + count // 10, seed, timeframe=timeframe, start=start)
    kept = np.sort(generator.choice(len(whole), count, replace=False))
    rough_ = Candles(*(getattr(whole, name)[kept] for name in whole.__slots__))
    rough_.volume[generator.random(count) < 0.1] = 0.0
    still = slice(count // 3, count // 3 + 25)
    for column in (rough_.open, rough_.high, rough_.low, rough_.close):
        column[still] = column[still.start]
    rough_.volume[still] = 0.0
    for column, value in ((rough_.close, np.nan), (rough_.high, np.inf), (rough_.volume, np.nan), (rough_.low, np.nan)):
        column[generator.integers(0, count, 2)] = value
    return rough_


def market(count: int = 400, *, of: str = "rough") -> Market:
    """Return a market with two other instruments, each of which starts and pauses when it likes."""
    make = rough if of == "rough" else walk
    candles = make(count)
    others = {name: make(count, seed, start=MIDNIGHT - 7_200_000) for seed, name in enumerate(SYMBOLS, 2)}
    return Market(candles, "1h", others, (others[SYMBOLS[0]], candles, others[SYMBOLS[1]]), 1)


def until(whole: Market, count: int) -> Market:
    """Return what was known of a market when its candle `count` − 1 closed."""
    known_at = int(whole.candles.opened_at[count - 1])
    cut = {name: _until(candles, known_at) for name, candles in whole.others.items()}
    universe = tuple(_until(candles, known_at) for candles in whole.universe)
    return replace(whole, candles=universe[whole.place], others=cut, universe=universe)


def last(whole: Market, count: int) -> Market:
    """Return the last `count` candles of each of a market's instruments."""
    universe = tuple(_last(candles, count) for candles in whole.universe)
    others = {name: _last(candles, count) for name, candles in whole.others.items()}
    return replace(whole, candles=universe[whole.place], others=others, universe=universe)


def _until(candles: Candles, opened_at: int) -> Candles:
    return candles.part(0, int(np.searchsorted(candles.opened_at, opened_at, side="right")))


def _last(candles: Candles, count: int) -> Candles:
    return candles.part(max(0, len(candles) - count), len(candles))


def around(type_name: str, /, **inputs: Value) -> Graph:
    """Return a graph whose node "target" is of this type, on simple inputs, with small periods where none are given."""
    taken: dict[str, Value] = {port.name: _simple(port) for port in NODE_TYPES[type_name].ports}
    nodes = [
        Node("price", "close", {}),
        Node("top", "high", {}),
        Node("start", "open", {}),
        Node("least", "number", {"value": 0}),
        Node("is_up", "greater", {"left": NodeRef("price"), "right": NodeRef("start")}),
        Node("target", type_name, taken | inputs),
    ]
    signal = "target"
    if NODE_TYPES[type_name].output is Kind.SERIES:
        nodes.append(Node("probe", "greater", {"left": NodeRef("target"), "right": NodeRef("least")}))
        signal = "probe"
    return Graph(tuple(nodes), {"enter_long": signal})


def _simple(port: Port) -> Value:
    if port.kind is Kind.CONDITION:
        return NodeRef("is_up")
    if port.kind is Kind.SERIES:
        return NodeRef({"right": "start", "low": "start", "high": "top"}.get(port.name, "price"))
    if port.kind is Kind.CHOICE:
        own = {"timeframe": "4h", "symbol": SYMBOLS[0]}
        return str(port.default or own.get(port.name, (*port.choices, "")[0]))
    if port.integer and port.name not in ("start", "end"):
        return {"slow": 9, "base": 9, "limit": 30}.get(port.name, PERIOD)
    return port.default if isinstance(port.default, int | float) else 50
