"""What can be done with a graph without candles: check it, bring it into its one form, put parameters in, name it by hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from engine.strategy.checking import (
    SETTINGS,
    UNNAMED,
    check_graph,
    check_number,
    filled,
    inputs_of,
    settings_of,
    topological,
)
from engine.strategy.encode import to_json
from engine.strategy.nodes import NODE_TYPES
from engine.strategy.types import (
    SIGNALS,
    Graph,
    Kind,
    Node,
    NodeRef,
    Parameter,
    ParameterRef,
    Port,
    Setting,
    StrategyError,
    Value,
)


def canonical_graph(graph: Graph) -> Graph:
    """Return the one form of a graph: inputs before what takes them, in an order that depends on the meaning alone.

    Defaults are filled in; of unnamed nodes (n1, n2, …) that say the same only one is kept, none that nothing takes,
    and they are numbered in order. Raises StrategyError for a graph that check_graph refuses.
    """
    check_graph(graph)
    nodes = {node.id: _filled(node) for node in graph.nodes}
    same = _merged(nodes)
    outputs = {signal: same[graph.outputs[signal]] for signal in SIGNALS if signal in graph.outputs}
    kept = {name: _renamed(nodes[name], same) for name in nodes if same[name] == name}
    named = sorted(name for name in kept if not UNNAMED.fullmatch(name))
    order = list(topological(kept, [*outputs.values(), *named]))
    unnamed = [name for name in order if UNNAMED.fullmatch(name)]
    numbers = {name: f"n{place}" for place, name in enumerate(unnamed, 1)}
    final = {name: numbers.get(name, name) for name in order}
    plain = replace(
        graph,
        nodes=tuple(_renamed(kept[name], final) for name in order),
        outputs={signal: final[name] for signal, name in outputs.items()},
        parameters=tuple(_plain_parameter(one) for one in graph.parameters),
        exits=replace(graph.exits, roi=tuple((int(minutes), float(ratio)) for minutes, ratio in graph.exits.roi)),
        max_open_trades=int(graph.max_open_trades),
    )
    return _with_settings(plain, lambda value, place: _plain_setting(value, SETTINGS[place]))


def _filled(node: Node) -> Node:
    ports = {port.name: port for port in NODE_TYPES[node.type].ports}
    inputs = filled(node.type, node.inputs)
    return replace(node, inputs={name: _plain(value, ports[name]) for name, value in inputs.items()})


def _plain(value: Value, port: Port) -> Value:
    if isinstance(value, str) or not isinstance(value, int | float):
        return str(value) if isinstance(value, str) else value
    return int(value) if port.integer else float(value)


def _plain_setting(value: Setting, port: Port) -> Setting:
    if isinstance(value, ParameterRef):
        return value
    return int(value) if port.integer else float(value)


def _plain_parameter(one: Parameter) -> Parameter:
    to = int if one.integer else float
    return replace(
        one, value=to(one.value), minimum=to(one.minimum), maximum=to(one.maximum), integer=bool(one.integer)
    )


def _merged(nodes: Mapping[str, Node]) -> dict[str, str]:
    """Return for each node the id under which it is kept: the first of the unnamed nodes that say the same."""
    same: dict[str, str] = {}
    first: dict[tuple[object, ...], str] = {}
    for name in topological(nodes, nodes):
        node = _renamed(nodes[name], same)
        said = (node.type, *((port, repr(value)) for port, value in node.inputs.items()))
        same[name] = first.setdefault(said, name) if UNNAMED.fullmatch(name) else name
    return same


def _renamed(node: Node, names: Mapping[str, str]) -> Node:
    inputs = {
        port: NodeRef(names[value.node]) if isinstance(value, NodeRef) else value for port, value in node.inputs.items()
    }
    return Node(names.get(node.id, node.id), node.type, inputs)


def _with_settings(graph: Graph, change: Callable[[Setting, str], Setting]) -> Graph:
    """Return the graph with every number of exits, sizing and entry changed; `change` gets the place beside the value."""
    changed: dict[str, dict[str, Setting | None]] = {}
    for place, value in settings_of(graph).items():
        part, name = place[1:].rsplit("/", 1)
        changed.setdefault(part, {})[name] = None if value is None else change(value, place)
    exits = replace(graph.exits, **changed["exits"])  # type: ignore[arg-type]  # the names are those of SETTINGS
    if exits.trailing is not None:
        trailing = replace(exits.trailing, **changed["exits/trailing"])  # type: ignore[arg-type]  # likewise
        exits = replace(exits, trailing=trailing)
    sizing = replace(graph.sizing, **changed["sizing"])  # type: ignore[arg-type]  # likewise
    entry = graph.entry and replace(graph.entry, **changed["entry"])  # type: ignore[arg-type]  # likewise
    return replace(graph, exits=exits, sizing=sizing, entry=entry)


def resolve(graph: Graph, values: Mapping[str, float] | None = None) -> Graph:
    """Return the graph without parameters: each replaced by its entry in `values`, or by its own value.

    Raises StrategyError for a name that is no parameter, and for a value outside of the parameter's bounds or of what
    the place where it goes allows.
    """
    chosen = _chosen(graph, values or {})

    def put_in(value: Value, port: Port, place: str) -> Value:
        if not isinstance(value, ParameterRef):
            return value
        number = chosen[value.parameter]
        check_number(number, port, place)
        return number

    def put_into_setting(value: Setting, place: str) -> Setting:
        found = put_in(value, SETTINGS[place], place)
        return value if isinstance(found, str | NodeRef) else found

    nodes = []
    for index, node in enumerate(graph.nodes):
        ports = {port.name: port for port in NODE_TYPES[node.type].ports}
        inputs = filled(node.type, node.inputs)
        place = f"/nodes/{index}/inputs/"
        nodes.append(
            Node(node.id, node.type, {name: put_in(value, ports[name], place + name) for name, value in inputs.items()})
        )
    return _with_settings(replace(graph, nodes=tuple(nodes), parameters=()), put_into_setting)


def _chosen(graph: Graph, values: Mapping[str, float]) -> dict[str, float | int]:
    known = {one.name: one for one in graph.parameters}
    for name in values:
        if name not in known:
            listed = f"there are {', '.join(known)}" if known else "there are none"
            message = f"There is no parameter {str(name)[:40]!r}; {listed}."
            raise StrategyError("UNKNOWN_PARAMETER", message, "/parameters")
    chosen: dict[str, float | int] = {}
    for place, one in enumerate(graph.parameters):
        value = values.get(one.name, one.value)
        bounds = Port(one.name, Kind.NUMBER, "", None, one.minimum, one.maximum, one.integer)
        check_number(value, bounds, f"/parameters/{place}/value")
        chosen[one.name] = int(value) if one.integer else float(value)
    return chosen


def unnamed(graph: Graph) -> Graph:
    """Return the graph without its author's names for nodes: what they are called is no part of what is traded."""
    names = {node.id: f"n{place}" for place, node in enumerate(graph.nodes, 1)}
    return replace(
        graph,
        nodes=tuple(_renamed(node, names) for node in graph.nodes),
        outputs={signal: names[node] for signal, node in graph.outputs.items()},
    )


def graph_hash(graph: Graph) -> str:
    """Return the SHA-256 (hex) of the canonical graph's JSON: the same for all graphs that say the same."""
    written = json.dumps(to_json(canonical_graph(graph)), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()


def symbols_of(graph: Graph) -> set[str]:
    """Return the symbols of the other instruments that the graph names."""
    return set(_choices(graph, "other", "symbol"))


def timeframes_of(graph: Graph) -> set[str]:
    """Return the coarser timeframes that the graph names."""
    return set(_choices(graph, "higher", "timeframe"))


def _choices(graph: Graph, type_name: str, port: str) -> Iterable[str]:
    return (str(node.inputs[port]) for node in graph.nodes if node.type == type_name and port in node.inputs)


__all__ = [
    "canonical_graph",
    "check_graph",
    "graph_hash",
    "inputs_of",
    "resolve",
    "symbols_of",
    "timeframes_of",
    "topological",
    "unnamed",
]
