"""Random valid strategies: for property tests through hypothesis, and for fuzzers through a seeded generator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from hypothesis import strategies as st

from engine.strategy.graph import check_graph
from engine.strategy.nodes import NODE_TYPES
from engine.strategy.types import (
    SIGNALS,
    Exits,
    Graph,
    Kind,
    LimitEntry,
    Node,
    NodeRef,
    NodeType,
    Parameter,
    ParameterRef,
    Port,
    Setting,
    Sizing,
    SizingKind,
    StrategyError,
    Trailing,
    Value,
)

# Long enough to tell windows apart, short enough that a few hundred candles warm every node up.
LONGEST_PERIOD = 30
SYMBOLS = ("BTC/USDT", "ETH/USDT")
_WORDS = ("alpha", "beta", "gamma", "delta", "trend", "fast_line", "Slow_Line", "x", "band_1", "_low")


@dataclass
class _Draft:
    """A graph while it grows."""

    random: Random
    types: Sequence[NodeType]
    nodes: list[Node] = field(default_factory=list)
    parameters: list[Parameter] = field(default_factory=list)

    def ids(self, kind: Kind) -> list[str]:
        return [node.id for node in self.nodes if NODE_TYPES[node.type].output is kind]

    def add(self, node_type: NodeType) -> str:
        inputs = {port.name: self.value(port) for port in node_type.ports}
        taken = {node.id for node in self.nodes} | {parameter.name for parameter in self.parameters}
        name = self.random.choice(_WORDS) + (str(len(self.nodes)) if self.random.random() < 0.5 else "")
        if name in taken or self.random.random() < 0.6:
            name = f"n{len(self.nodes) + 1}"
        self.nodes.append(Node(name, node_type.name, inputs))
        return name

    def value(self, port: Port) -> Value:
        if port.kind is Kind.CHOICE:
            return self.random.choice(port.choices or SYMBOLS)
        if port.kind is Kind.NUMBER:
            return self.number(port.minimum, port.maximum, port.integer)
        known = self.ids(port.kind)
        if known and self.random.random() < 0.9:
            return NodeRef(self.random.choice(known))
        return NodeRef(self.leaf(port.kind))

    def leaf(self, kind: Kind) -> str:
        """Return a node that needs no other: a price, a number, or for a condition a comparison of two prices."""
        if kind is Kind.CONDITION:
            return self.add(NODE_TYPES["greater"])
        return self.add(self.random.choice([one for one in self.types if one.output is kind and not needs_nodes(one)]))

    def number(self, minimum: float, maximum: float, integer: bool) -> float | int | ParameterRef:
        low, high = max(minimum, -1000.0), min(maximum, float(max(LONGEST_PERIOD, minimum)))
        value = self.random.randint(int(low), int(high)) if integer else round(self.random.uniform(low, high), 3)
        value = min(max(value, minimum), maximum)
        if self.random.random() < 0.8 or len(self.parameters) >= 5:
            return value
        name = f"p{len(self.parameters) + 1}"
        bounds = (low, high) if integer else (float(low), float(high))
        label = self.random.choice(["", "Period", 'A "quoted" \\ label', "Länge # 中 = 🙂"])
        self.parameters.append(Parameter(name, value, bounds[0], bounds[1], integer, label))
        return ParameterRef(name)

    def setting(self, minimum: float, maximum: float) -> Setting:
        return self.number(minimum, maximum, integer=False)


def needs_nodes(node_type: NodeType) -> bool:
    """Say whether a node takes other nodes."""
    return any(port.kind in (Kind.SERIES, Kind.CONDITION) for port in node_type.ports)


def random_graph(random: Random, size: int = 8, types: Sequence[NodeType] = ()) -> Graph:
    """Return a valid graph of about `size` nodes of these types (of all, if none are named)."""
    while True:
        graph = _drawn(random, size, types)
        try:
            check_graph(graph)
        except StrategyError:
            continue  # numbers in the wrong order, or scopes too deep: rules of whole graphs, not of ports
        return graph


def _drawn(random: Random, size: int, types: Sequence[NodeType]) -> Graph:
    draft = _Draft(random, list(types or NODE_TYPES.values()))
    draft.leaf(Kind.SERIES)
    for _ in range(size):
        draft.add(random.choice(draft.types))
    conditions = draft.ids(Kind.CONDITION) or [draft.leaf(Kind.CONDITION)]
    signals = [signal for signal in SIGNALS if random.random() < 0.6] or ["enter_long"]
    outputs = {signal: random.choice(conditions) for signal in signals}
    exits, sizing, entry = _exits(draft), _sizing(draft), None
    if random.random() < 0.3:
        entry = LimitEntry(draft.setting(0.0, 0.05), random.randint(0, 600))
    return Graph(
        nodes=tuple(draft.nodes),
        outputs=outputs,
        parameters=tuple(draft.parameters),
        exits=exits,
        sizing=sizing,
        entry=entry,
        max_open_trades=random.randint(1, 5),
    )


def graphs(size: int = 8, types: Sequence[NodeType] = ()) -> st.SearchStrategy[Graph]:
    """Return a hypothesis strategy of valid graphs with up to about `size` nodes."""
    sizes = st.integers(1, size)
    return st.builds(lambda random, n: random_graph(random, n, types), st.randoms(use_true_random=False), sizes)


def _exits(draft: _Draft) -> Exits:
    random = draft.random
    trailing = Trailing(
        distance=draft.setting(0.01, 0.2),
        positive_distance=draft.setting(0.001, 0.01) if random.random() < 0.5 else None,
        offset=0.03,
        only_after_offset=random.random() < 0.5,
    )
    return Exits(
        stop_loss=draft.setting(0.01, 0.5) if random.random() < 0.5 else None,
        trailing=trailing if random.random() < 0.3 else None,
        take_profit=draft.setting(0.01, 1.0) if random.random() < 0.3 else None,
        roi=((0, 0.1), (60, 0.05), (120, -1.0)) if random.random() < 0.3 else (),
        time_stop_candles=random.randint(1, 200) if random.random() < 0.3 else None,
        use_exit_signal=random.random() < 0.8,
        exit_profit_only=random.random() < 0.2,
        ignore_roi_if_entry_signal=random.random() < 0.2,
    )


def _sizing(draft: _Draft) -> Sizing:
    kind = draft.random.choice(list(SizingKind))
    if kind is SizingKind.FIXED:
        return Sizing(kind, amount=draft.setting(1.0, 1000.0))
    share = draft.setting(0.01, 1.0)
    if kind is SizingKind.ATR_RISK:
        return Sizing(kind, share=share, atr_period=draft.number(2, 100, integer=True), atr_multiple=1.5)
    return Sizing(kind, share=share, cap=0.5) if kind is SizingKind.KELLY else Sizing(kind, share=share)
