"""Whether a graph can be computed at all: every check has a code, a place (a JSON pointer) and words that say what is right."""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields

from engine.strategy.nodes import NODE_TYPES, node_type
from engine.strategy.nodes.scopes import SCOPED
from engine.strategy.types import (
    SIGNALS,
    Exits,
    Graph,
    Kind,
    Node,
    NodeRef,
    NodeType,
    Parameter,
    ParameterRef,
    Port,
    Setting,
    SizingKind,
    StrategyError,
    Value,
)

MAX_NODES = 500
MAX_PARAMETERS = 50
MAX_ROI_ROWS = 50
MAX_OPEN_TRADES = 100
MAX_NAME = 40
MAX_LABEL = 80
# higher, other and rank inside one another; each level computes what is inside on candles of its own.
MAX_SCOPES = 4

# What a line of a formula can set; engine/strategy/formula reads them.
STATEMENTS = frozenset(
    {
        "stop_loss",
        "take_profit",
        "time_stop",
        "trailing_stop",
        "roi",
        "size",
        "entry",
        "max_open_trades",
        "use_exit_signal",
        "exit_profit_only",
        "ignore_roi_if_entry_signal",
    }
)
RESERVED = frozenset({*SIGNALS, *NODE_TYPES, *STATEMENTS, "exits", "sizing", "parameter"})
UNNAMED = re.compile(r"n\d+", re.ASCII)
_NAME = re.compile(rf"[A-Za-z_][A-Za-z0-9_]{{0,{MAX_NAME - 1}}}", re.ASCII)


def _ratio(name: str) -> Port:
    return Port(name, Kind.NUMBER, "", None, 1e-6, 1.0)


# Every number of exits, sizing and entry, by its place, with its bounds.
SETTINGS: Mapping[str, Port] = {
    "/exits/stop_loss": _ratio("stop_loss"),
    "/exits/take_profit": Port("take_profit", Kind.NUMBER, "", None, 1e-6, 100.0),
    "/exits/time_stop_candles": Port("time_stop_candles", Kind.NUMBER, "", None, 1, 1e6, integer=True),
    "/exits/trailing/distance": _ratio("distance"),
    "/exits/trailing/positive_distance": _ratio("positive_distance"),
    "/exits/trailing/offset": Port("offset", Kind.NUMBER, "", None, 0.0, 100.0),
    "/sizing/share": _ratio("share"),
    "/sizing/amount": Port("amount", Kind.NUMBER, "", None, 0.0, 1e12),
    "/sizing/atr_period": Port("atr_period", Kind.NUMBER, "", None, 1, 10_000, integer=True),
    "/sizing/atr_multiple": Port("atr_multiple", Kind.NUMBER, "", None, 0.01, 100.0),
    "/sizing/cap": _ratio("cap"),
    "/entry/offset": Port("offset", Kind.NUMBER, "", None, 0.0, 0.5),
    "/entry/timeout_minutes": Port("timeout_minutes", Kind.NUMBER, "", None, 0, 525_600, integer=True),
}


def check_graph(graph: Graph) -> None:
    """Raise StrategyError for the first thing that is wrong. Whether its symbols exist is the caller's to know."""
    check_size(len(graph.nodes), len(graph.parameters))
    parameters = _checked_parameters(graph.parameters)
    nodes = _checked_ids(graph.nodes, parameters)
    for place, node in enumerate(graph.nodes):
        check_node(node, nodes, parameters, f"/nodes/{place}")
    for _ in topological(nodes, nodes):
        pass
    _check_scopes(graph, nodes)
    _check_outputs(graph, nodes)
    check_settings(graph, parameters)


def check_size(nodes: int, parameters: int) -> None:
    """Refuse what is too large before anything is made of it."""
    if nodes > MAX_NODES:
        raise StrategyError("TOO_MANY_NODES", f"A strategy has at most {MAX_NODES} nodes; this has {nodes}.", "/nodes")
    if parameters > MAX_PARAMETERS:
        message = f"A strategy has at most {MAX_PARAMETERS} parameters; this has {parameters}."
        raise StrategyError("TOO_MANY_PARAMETERS", message, "/parameters")


def check_name(name: str, place: str) -> None:
    """Refuse what cannot be a name in a formula."""
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        message = f"{name[:MAX_NAME]!r} cannot be a name: use at most {MAX_NAME} letters, digits and _, no digit first."
        raise StrategyError("BAD_NAME", message, place)
    if name in RESERVED:
        raise StrategyError("NAME_RESERVED", f"{name} has a meaning of its own; choose another name.", place)


def check_number(value: object, port: Port, place: str) -> None:
    """Refuse what is no finite number within the port's bounds."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(_float(value)):
        raise StrategyError("NOT_A_NUMBER", f"{port.name} must be a number.", place)
    if port.integer and value != int(value):
        raise StrategyError("NOT_WHOLE", f"{port.name} must be a whole number.", place)
    if not port.minimum <= value <= port.maximum:
        bounds = f"from {port.minimum:g} to {port.maximum:g}"
        raise StrategyError("OUT_OF_RANGE", f"{port.name} must be {bounds}; {_float(value):g} is not.", place)


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def inputs_of(node: Node) -> list[str]:
    """Return the ids of the nodes that a node takes, in the order of its ports."""
    return [value.node for value in node.inputs.values() if isinstance(value, NodeRef)]


def topological(nodes: Mapping[str, Node], roots: Iterable[str]) -> Iterator[str]:
    """Yield the roots and all they rest on, inputs first; raise StrategyError CYCLE at a node that rests on itself.

    The order depends on the order of roots and ports alone. No recursion: a chain may be as long as a graph is large.
    """
    done: set[str] = set()
    for root in roots:
        path: dict[str, Iterator[str]] = {} if root in done else {root: iter(inputs_of(nodes[root]))}
        while path:
            current, waiting = next(reversed(path.items()))
            following = next((one for one in waiting if one not in done), None)
            if following is None:
                path.popitem()
                done.add(current)
                yield current
            elif following in path:
                circle = [*list(path)[list(path).index(following) :], following]
                place = list(nodes).index(following)
                message = f"A node cannot rest on itself: {' → '.join(circle[:10])}."
                raise StrategyError("CYCLE", message, f"/nodes/{place}")
            else:
                path[following] = iter(inputs_of(nodes[following]))


def _checked_parameters(parameters: tuple[Parameter, ...]) -> dict[str, Parameter]:
    found: dict[str, Parameter] = {}
    for index, one in enumerate(parameters):
        place = f"/parameters/{index}"
        check_name(one.name, f"{place}/name")
        if UNNAMED.fullmatch(one.name):
            raise StrategyError("NAME_RESERVED", f"{one.name} is kept for nodes without a name.", f"{place}/name")
        if one.name in found:
            raise StrategyError("DUPLICATE_NAME", f"There are two parameters {one.name}.", f"{place}/name")
        bounds = Port(one.name, Kind.NUMBER, "", integer=one.integer)
        for field in ("minimum", "maximum", "value"):
            check_number(getattr(one, field), bounds, f"{place}/{field}")
        if not one.minimum <= one.value <= one.maximum:
            message = f"{one.name} is {one.value:g}, outside of its own range {one.minimum:g} to {one.maximum:g}."
            raise StrategyError("OUT_OF_RANGE", message, f"{place}/value")
        if len(one.label) > MAX_LABEL or not one.label.isprintable():
            message = f"A label is at most {MAX_LABEL} characters of plain text."
            raise StrategyError("BAD_TEXT", message, f"{place}/label")
        found[one.name] = one
    return found


def _checked_ids(nodes: tuple[Node, ...], parameters: Mapping[str, Parameter]) -> dict[str, Node]:
    found: dict[str, Node] = {}
    for index, node in enumerate(nodes):
        place = f"/nodes/{index}/id"
        check_name(node.id, place)
        if node.id in found or node.id in parameters:
            raise StrategyError("DUPLICATE_NAME", f"{node.id} names two things.", place)
        found[node.id] = node
    return found


def check_node(node: Node, nodes: Mapping[str, Node], parameters: Mapping[str, Parameter], place: str) -> None:
    """Refuse a node of an unknown type, with a port too many or too few, or with a wrong thing in a port."""
    kind = found_type(node, place)
    ports = {port.name: port for port in kind.ports}
    for name in node.inputs:
        if name not in ports:
            takes = f"it takes {', '.join(ports)}" if ports else "it takes nothing"
            message = f"{node.type} has no input {name[:MAX_NAME]!r}; {takes}."
            raise StrategyError("UNKNOWN_INPUT", message, f"{place}/inputs/{pointer(name)}")
    for port in kind.ports:
        at = f"{place}/inputs/{port.name}"
        if port.name in node.inputs:
            _check_value(node.inputs[port.name], port, nodes, parameters, at)
        elif port.default is None:
            raise StrategyError("MISSING_INPUT", f"{node.type} needs {port.name} ({port.doc}).", at)


def filled(type_name: str, inputs: Mapping[str, Value]) -> dict[str, Value]:
    """Return the inputs in the order of the ports, with every default that was left out."""
    found: dict[str, Value] = {}
    for port in NODE_TYPES[type_name].ports:
        value = inputs.get(port.name, port.default)
        if value is not None:
            found[port.name] = value
    return found


def found_type(node: Node, place: str) -> NodeType:
    """Return a node's type; raise StrategyError with the place for an unknown one."""
    try:
        return node_type(node.type)
    except StrategyError as error:
        raise StrategyError(error.code, error.message, f"{place}/type") from None


def pointer(key: str) -> str:
    """Return a key as it is written in a JSON pointer, cut short."""
    return key[:MAX_NAME].replace("~", "~0").replace("/", "~1")


def _check_value(
    value: Value, port: Port, nodes: Mapping[str, Node], parameters: Mapping[str, Parameter], place: str
) -> None:
    if port.kind in (Kind.SERIES, Kind.CONDITION):
        _check_edge(value, port, nodes, place)
    elif port.kind is Kind.NUMBER:
        _check_setting(value, port, parameters, place)
    elif not isinstance(value, str):
        raise StrategyError("WRONG_KIND", f"{port.name} must be a word.", place)
    elif port.choices and value not in port.choices:
        message = f"{port.name} must be one of {', '.join(port.choices[:12])}; {value[:MAX_NAME]!r} is not."
        raise StrategyError("UNKNOWN_CHOICE", message, place)
    elif not 1 <= len(value) <= MAX_NAME or not value.isprintable():
        raise StrategyError("BAD_TEXT", f"{port.name} must be 1 to {MAX_NAME} characters of plain text.", place)


def _check_edge(value: Value, port: Port, nodes: Mapping[str, Node], place: str) -> None:
    wanted = "a series of numbers" if port.kind is Kind.SERIES else "a condition"
    if not isinstance(value, NodeRef):
        raise StrategyError("WRONG_KIND", f"{port.name} must be another node: {wanted}.", place)
    if value.node not in nodes:
        raise StrategyError("UNKNOWN_REFERENCE", f"There is no node {value.node[:MAX_NAME]!r}.", place)
    given = nodes[value.node]
    if given.type in NODE_TYPES and NODE_TYPES[given.type].output is not port.kind:
        message = f"{port.name} must be {wanted}; {given.id} ({given.type}) is a {NODE_TYPES[given.type].output}."
        raise StrategyError("WRONG_KIND", message, place)


def _check_setting(value: Value | None, port: Port, parameters: Mapping[str, Parameter], place: str) -> None:
    if not isinstance(value, ParameterRef):
        check_number(value, port, place)
        return
    parameter = parameters.get(value.parameter)
    if parameter is None:
        raise StrategyError("UNKNOWN_REFERENCE", f"There is no parameter {value.parameter[:MAX_NAME]!r}.", place)
    if port.integer and not parameter.integer:
        message = f"{port.name} is a whole number; declare parameter {parameter.name} as one."
        raise StrategyError("NOT_WHOLE", message, place)
    check_number(parameter.value, port, place)


def _check_scopes(graph: Graph, nodes: Mapping[str, Node]) -> None:
    depths: dict[str, int] = {}
    for name in topological(nodes, nodes):
        node = nodes[name]
        depths[name] = max((depths[one] for one in inputs_of(node)), default=0) + (node.type in SCOPED)
        if depths[name] > MAX_SCOPES:
            message = f"higher, other and rank can stand inside one another at most {MAX_SCOPES} deep."
            raise StrategyError("SCOPES_TOO_DEEP", message, f"/nodes/{list(nodes).index(name)}")


def _check_outputs(graph: Graph, nodes: Mapping[str, Node]) -> None:
    for name, target in graph.outputs.items():
        place = f"/outputs/{pointer(name)}"
        if name not in SIGNALS:
            message = f"There is no signal {name[:MAX_NAME]!r}; there are {', '.join(SIGNALS)}."
            raise StrategyError("UNKNOWN_OUTPUT", message, place)
        if target not in nodes:
            raise StrategyError("UNKNOWN_REFERENCE", f"There is no node {target[:MAX_NAME]!r}.", place)
        if NODE_TYPES[nodes[target].type].output is not Kind.CONDITION:
            message = f"{name} must be a condition; {target} ({nodes[target].type}) is a series of numbers."
            raise StrategyError("WRONG_KIND", message, place)
    if not graph.outputs:
        message = f"A strategy must say when to trade: give at least one of {', '.join(SIGNALS)}."
        raise StrategyError("NO_OUTPUT", message, "/outputs")


def settings_of(graph: Graph) -> dict[str, Setting | None]:
    """Return every number of exits, sizing and entry by its place; only those that are there."""
    parts: dict[str, object] = {"exits": graph.exits, "sizing": graph.sizing, "entry": graph.entry}
    parts["exits/trailing"] = graph.exits.trailing
    found: dict[str, Setting | None] = {}
    for place in SETTINGS:
        part, name = place[1:].rsplit("/", 1)
        if parts[part] is not None:
            found[place] = getattr(parts[part], name)
    return found


def check_settings(graph: Graph, parameters: Mapping[str, Parameter]) -> None:
    """Refuse exits, sizing and entry with a number out of bounds or with a part missing."""
    settings = settings_of(graph)
    for place, value in settings.items():
        # What may be None is what may be left out.
        if value is not None:
            _check_setting(value, SETTINGS[place], parameters, place)
    trailing = graph.exits.trailing
    if trailing and trailing.distance is None and graph.exits.stop_loss is None:
        message = "A trailing stop needs a distance, or a stop loss whose distance it keeps."
        raise StrategyError("MISSING_INPUT", message, "/exits/trailing/distance")
    if graph.sizing.kind is SizingKind.FIXED and graph.sizing.amount == 0:
        raise StrategyError("OUT_OF_RANGE", "A fixed stake needs an amount above 0.", "/sizing/amount")
    check_number(
        graph.max_open_trades,
        Port("max_open_trades", Kind.NUMBER, "", None, 1, MAX_OPEN_TRADES, integer=True),
        "/max_open_trades",
    )
    _check_flags(graph)
    _check_roi(graph.exits)


def _check_flags(graph: Graph) -> None:
    parts = {"/exits": graph.exits, "/exits/trailing": graph.exits.trailing}
    for place, part in parts.items():
        for one in fields(part) if part else ():
            if isinstance(one.default, bool) and not isinstance(getattr(part, one.name), bool):
                raise StrategyError("WRONG_KIND", f"{one.name} must be true or false.", f"{place}/{one.name}")


def _check_roi(exits: Exits) -> None:
    if len(exits.roi) > MAX_ROI_ROWS:
        raise StrategyError("TOO_MANY_ROWS", f"A table of returns has at most {MAX_ROI_ROWS} rows.", "/exits/roi")
    before = -1
    for index, (minutes, ratio) in enumerate(exits.roi):
        place = f"/exits/roi/{index}"
        check_number(minutes, Port("minutes", Kind.NUMBER, "", None, 0, 1e7, integer=True), place)
        check_number(ratio, Port("ratio", Kind.NUMBER, "", None, -1.0, 100.0), place)
        if minutes <= before:
            raise StrategyError("WRONG_ORDER", "The minutes of a table of returns must rise.", place)
        before = minutes
