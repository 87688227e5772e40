"""From a graph and candles to signals. Every node's values are computed once; what two evaluations share, once for both."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from engine.strategy.checking import check_graph, inputs_of, topological
from engine.strategy.context import Context, Contexts
from engine.strategy.graph import resolve
from engine.strategy.nodes import NODE_TYPES
from engine.strategy.nodes.ports import Part
from engine.strategy.nodes.scopes import SCOPED
from engine.strategy.types import SIGNALS, Bools, Graph, Kind, Market, Node, NodeRef, Signals, StrategyError
from engine.timeframes import TIMEFRAMES, timeframe_ms

Cache = dict[Any, Any]

# Asked without a timeframe, `history` answers for the finest one, of which most candles are needed.
FINEST = "1m"


def evaluate(
    graph: Graph, market: Market, values: Mapping[str, float] | None = None, cache: Cache | None = None
) -> Signals:
    """Return what the graph says on every candle of the market's traded instrument; nothing before `ready_at`.

    `values` are parameters by name. `cache` is a dict that evaluations of one market share, empty at first: a sweep
    then computes each indicator once. Raises StrategyError for a graph, a value or a symbol that cannot be.
    """
    check_graph(graph)
    resolved = resolve(graph, values)
    return _signals(resolved, market, cache, _Planned(resolved, market.timeframe).warm_up)


def evaluator(graph: Graph, timeframe: str) -> Callable[[Market], Signals]:
    """Return what evaluates a graph on one market of this timeframe after the other: checked and planned once.

    For who asks at every candle about a few hundred of them, where checking would cost more than computing.
    """
    check_graph(graph)
    resolved = resolve(graph)
    warm = _Planned(resolved, timeframe).warm_up

    def signals(market: Market) -> Signals:
        return _signals(resolved, market, None, warm)

    return signals


def _signals(resolved: Graph, market: Market, cache: Cache | None, warm: int) -> Signals:
    run = _Run(resolved, market, cache)
    count = len(market.candles)
    ready_at = min(count, warm)
    found: dict[str, Bools] = {}
    for signal in SIGNALS:
        target = resolved.outputs.get(signal)
        found[signal] = np.zeros(count, np.bool_)
        if target is not None:
            found[signal][ready_at:] = run.value(target, run.context)[ready_at:]
    return Signals(**found, ready_at=ready_at)


def series_of(
    graph: Graph,
    market: Market,
    node_ids: Iterable[str],
    values: Mapping[str, float] | None = None,
    cache: Cache | None = None,
) -> dict[str, Any]:
    """Return the values of these nodes (floats, or yes/no for conditions) per candle, by id; for charts."""
    check_graph(graph)
    run = _Run(resolve(graph, values), market, cache)
    wanted = list(node_ids)
    for name in wanted:
        if name not in run.nodes:
            raise StrategyError("UNKNOWN_REFERENCE", f"There is no node {name[:40]!r}.")
    return {name: run.value(name, run.context) for name in wanted}


def warm_up(graph: Graph, values: Mapping[str, float] | None = None, timeframe: str = FINEST) -> int:
    """Return on which candle (from 0) of data without gaps the first signal may come, at the latest.

    The timeframe of the candles matters where the graph names a coarser one or a day.
    """
    check_graph(graph)
    return _Planned(resolve(graph, values), timeframe).warm_up


def history(graph: Graph, values: Mapping[str, float] | None = None, timeframe: str = FINEST) -> int:
    """Return how many candles a live decision needs, the deciding one included: more change its result by nothing."""
    check_graph(graph)
    return _Planned(resolve(graph, values), timeframe).memory + 1


class _Run:
    """One evaluation of a resolved graph."""

    def __init__(self, graph: Graph, market: Market, cache: Cache | None) -> None:
        self.nodes = {node.id: node for node in graph.nodes}
        self._shared: Cache = {} if cache is None else cache
        self._contexts: Contexts = self._shared.setdefault("contexts", Contexts(market))
        if self._contexts.market is not market:
            raise ValueError("This cache belongs to another market.")
        self.context = self._contexts.traded
        self._own: Cache = {}
        self._keys = self._interned()

    def _interned(self) -> dict[str, int]:
        # What a node computes, inputs and all, as one small number: equal for equal nodes of all graphs of the cache.
        known: dict[Any, int] = self._shared.setdefault("nodes", {})
        keys: dict[str, int] = {}
        for name in topological(self.nodes, self.nodes):
            node = self.nodes[name]
            said = tuple(keys[one.node] if isinstance(one, NodeRef) else (one,) for one in node.inputs.values())
            keys[name] = known.setdefault((node.type, said), len(known))
        return keys

    def value(self, name: str, context: Context) -> Any:
        """Return a node's values in a context."""
        pending = [name]
        while pending:
            node = self.nodes[pending[-1]]
            missing = [] if node.type in SCOPED else [one for one in inputs_of(node) if not self._known(one, context)]
            if missing and not self._known(node.id, context):
                pending += missing
                continue
            pending.pop()
            if not self._known(node.id, context):
                self._keep(node, context, self._computed(node, context))
        return self._place_of(self.nodes[name])[self._keys[name], context.key]

    def _place_of(self, node: Node) -> Cache:
        # Conditions are quick to compute and seldom the same in two evaluations: only numbers are worth keeping.
        return self._own if NODE_TYPES[node.type].output is Kind.CONDITION else self._shared

    def _known(self, name: str, context: Context) -> bool:
        return (self._keys[name], context.key) in self._place_of(self.nodes[name])

    def _keep(self, node: Node, context: Context, values: Any) -> None:
        self._place_of(node)[self._keys[node.id], context.key] = values

    def _computed(self, node: Node, context: Context) -> Any:
        kind = NODE_TYPES[node.type]
        ports = {name: self._given(value, node, context) for name, value in node.inputs.items()}
        if not isinstance(kind.compute, Part):
            return kind.compute(context, **ports)
        said = tuple(self._keys[one.node] if isinstance(one, NodeRef) else (one,) for one in node.inputs.values())
        key = (kind.compute.of, said, context.key)
        if key not in self._shared:
            self._shared[key] = kind.compute.of(context, **ports)
        return self._shared[key][kind.compute.index]

    def _given(self, value: Any, node: Node, context: Context) -> Any:
        if not isinstance(value, NodeRef):
            return value
        if node.type in SCOPED:
            return lambda elsewhere: self.value(value.node, elsewhere)
        return self._place_of(self.nodes[value.node])[self._keys[value.node], context.key]


class _Planned:
    """How many candles a resolved graph's outputs need: to be defined, and to have forgotten where the data begin."""

    def __init__(self, graph: Graph, timeframe: str) -> None:
        self._nodes = {node.id: node for node in graph.nodes}
        self._order = list(topological(self._nodes, self._nodes))
        self._tables: dict[int, dict[str, tuple[int, int]]] = {}
        table = self._table(timeframe_ms(timeframe))
        self.warm_up = max(table[name][0] for name in graph.outputs.values())
        self.memory = max(table[name][1] for name in graph.outputs.values())

    def _table(self, candle_ms: int) -> dict[str, tuple[int, int]]:
        """Return (warm-up, memory) of every node on candles of this length."""
        if candle_ms not in self._tables:
            found: dict[str, tuple[int, int]] = {}
            for name in self._order:
                node = self._nodes[name]
                found[name] = (
                    self._coarser(node, candle_ms, found) if node.type == "higher" else _sum(node, candle_ms, found)
                )
            self._tables[candle_ms] = found
        return self._tables[candle_ms]

    def _coarser(self, node: Node, candle_ms: int, here: Mapping[str, tuple[int, int]]) -> tuple[int, int]:
        length, inner = TIMEFRAMES[str(node.inputs["timeframe"])], inputs_of(node)[0]
        if length <= candle_ms:
            # The same timeframe; a finer one is refused when it is computed.
            return here[inner]
        ratio = length // candle_ms
        ready, memory = self._table(length)[inner]
        # At worst the data begin just after a coarse candle did: that one is not whole.
        return ratio * (ready + 2) - 2, ratio * (memory + 2) - 2


def _sum(node: Node, candle_ms: int, here: Mapping[str, tuple[int, int]]) -> tuple[int, int]:
    kind = NODE_TYPES[node.type]
    numbers = {name: value for name, value in node.inputs.items() if not isinstance(value, NodeRef)}
    numbers["candle_ms"] = candle_ms
    own = kind.warm_up(numbers)
    memory = own if kind.memory is None else max(own, kind.memory(numbers))
    needed = [here[name] for name in inputs_of(node)]
    return own + max((one[0] for one in needed), default=0), memory + max((one[1] for one in needed), default=0)
