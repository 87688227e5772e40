"""What indicators cost here, against bare calls of the library that computes most of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from statistics import median
from typing import Any

import numpy as np
import talib
from talib._ta_lib import MA_Type

from engine.candles import Candles
from engine.strategy.evaluate import series_of
from engine.strategy.types import Graph, Market, Node, NodeRef
from tools.bench_rows import Measurement, at_most, row

CANDLES = 525_600
REPETITIONS = 15

Bare = Callable[[Candles], Any]
CLOSE = {"series": NodeRef("price")}
# Per indicator: the nodes that give it, their inputs, and TA-Lib's call for the same numbers.
INDICATORS: dict[str, tuple[tuple[str, ...], dict[str, Any], Bare]] = {
    "SMA": (("sma",), {**CLOSE, "period": 20}, lambda it: talib.SMA(it.close, 20)),
    "EMA": (("ema",), {**CLOSE, "period": 20}, lambda it: talib.EMA(it.close, 20)),
    "WMA": (("wma",), {**CLOSE, "period": 20}, lambda it: talib.WMA(it.close, 20)),
    "KAMA": (("kama",), {**CLOSE, "period": 10}, lambda it: talib.KAMA(it.close, 10)),
    "RSI": (("rsi",), {**CLOSE, "period": 14}, lambda it: talib.RSI(it.close, 14)),
    "MACD": (("macd", "macd_signal", "macd_histogram"), CLOSE, lambda it: talib.MACD(it.close, 12, 26, 9)),
    "STOCH": (
        ("stoch_k", "stoch_d"),
        {},
        lambda it: talib.STOCH(it.high, it.low, it.close, 14, 3, MA_Type.SMA, 3, MA_Type.SMA),
    ),
    "CCI": (("cci",), {"period": 20}, lambda it: talib.CCI(it.high, it.low, it.close, 20)),
    "ADX": (("adx",), {"period": 14}, lambda it: talib.ADX(it.high, it.low, it.close, 14)),
    "ATR": (("atr",), {"period": 14}, lambda it: talib.ATR(it.high, it.low, it.close, 14)),
    "BBANDS": (
        ("bollinger_upper", "bollinger_middle", "bollinger_lower"),
        CLOSE,
        lambda it: talib.BBANDS(it.close, 20, 2.0, 2.0),
    ),
    "MAX": (("highest",), {**CLOSE, "period": 20}, lambda it: talib.MAX(it.close, 20)),
    "STDDEV": (("stdev",), {**CLOSE, "period": 20}, lambda it: talib.STDDEV(it.close, 20)),
    "OBV": (("obv",), {}, lambda it: talib.OBV(it.close, it.volume)),
    "MFI": (("mfi",), {"period": 14}, lambda it: talib.MFI(it.high, it.low, it.close, it.volume, 14)),
}


def made_candles(count: int) -> Candles:
    """Return a random walk by the minute from 2024 on; the same each time."""
    generator = np.random.default_rng(20240101)
    close = 60_000 * np.exp(np.cumsum(generator.normal(0, 5e-4, count)))
    open_ = np.concatenate(([60_000.0], close[:-1]))
    opened_at = 1_704_067_200_000 + 60_000 * np.arange(count, dtype=np.int64)
    high, low = np.maximum(open_, close) * 1.0002, np.minimum(open_, close) * 0.9998
    return Candles(opened_at, open_, high, low, close, generator.random(count) * 10)


def graph_of(names: Mapping[str, Mapping[str, Any]]) -> Graph:
    """Return a graph with a node out_<type> for each type and its inputs, and a signal, since a graph must have one."""
    price = NodeRef("price")
    nodes = [Node("price", "close", {}), Node("always", "equal", {"left": price, "right": price})]
    nodes += [Node(f"out_{name}", name, inputs) for name, inputs in names.items()]
    return Graph(tuple(nodes), {"enter_long": "always"})


def _milliseconds(work: Callable[[], Any]) -> float:
    # One thread computes; what neighbours take from the clock meanwhile is not its time.
    began = time.process_time()
    kept = work()
    spent = (time.process_time() - began) * 1e3
    del kept
    return spent


def _ours(market: Market, told: Iterable[tuple[tuple[str, ...], dict[str, Any], Bare]]) -> Callable[[], Any]:
    graph = graph_of({name: inputs for names, inputs, _ in told for name in names})
    wanted = [node.id for node in graph.nodes if node.id.startswith("out_")]
    return lambda: series_of(graph, market, wanted)


def _turn_about(*works: Callable[[], Any]) -> list[float]:
    """Return each work's median over the repetitions, in milliseconds, taken turn and turn about after one to warm up."""
    rounds = [[_milliseconds(work) for work in works] for _ in range(REPETITIONS + 1)][1:]
    return [median(times) for times in zip(*rounds, strict=True)]


@row("indicators", what="15 indicators on 525,600 candles, beside TA-Lib", unit="ms", target=at_most(1.10, of="ratio"))
def indicators(environment: Mapping[str, str]) -> Measurement:
    """Evaluate one graph of all with nothing cached, its checks included, and call TA-Lib bare; CPU time, interleaved."""
    # One large block given back teaches the allocator to keep what follows, as a worker's warming does: a page that
    # the system has to hand out anew for each array would otherwise cost both sides more than they compute.
    np.empty(4_190_000)
    market = Market(made_candles(CANDLES), "1m")
    told = list(INDICATORS.values())
    ours, theirs = _turn_about(_ours(market, told), lambda: [bare(market.candles) for _, _, bare in told])
    alone = {
        name: _turn_about(_ours(market, [one]), partial(one[2], market.candles)) for name, one in INDICATORS.items()
    }
    ratios = "; ".join(f"{name} {mine / bare:.2f}" for name, (mine, bare) in alone.items())
    return Measurement([ours], theirs, f"each in a graph of its own, its candles looked through again: {ratios}")
