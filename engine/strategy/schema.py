"""The graph's JSON face: read from anybody, written for anybody, and published as a JSON Schema.

What comes from outside may be anything. It is read without recursion and without believing a size, so that every JSON
value becomes a checked graph or a StrategyError whose place is a JSON pointer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from typing import Any

from engine.strategy.checking import MAX_NAME, MAX_ROI_ROWS, check_graph, check_size, pointer
from engine.strategy.encode import to_json
from engine.strategy.migrate import from_version_0, is_version_0
from engine.strategy.published import json_schema
from engine.strategy.types import (
    SCHEMA_VERSION,
    SIGNALS,
    Exits,
    Graph,
    LimitEntry,
    Node,
    NodeRef,
    Parameter,
    ParameterRef,
    Sizing,
    SizingKind,
    StrategyError,
    Trailing,
    Value,
)

_FIELDS = ("schema", "nodes", "outputs", "parameters", "exits", "sizing", "entry", "max_open_trades")
_REQUIRED = ("nodes", "outputs")


def from_json(data: object) -> Graph:
    """Return the checked graph of a JSON value; the inverse of to_json. Raises StrategyError for everything else.

    Parameters as stored before there were graphs are migrated; a version newer than this program's is refused.
    """
    whole = _object(data, "", "A strategy")
    if is_version_0(whole):
        return from_version_0(whole)
    _check_version(whole)
    _check_fields(whole, _FIELDS, _REQUIRED, "")
    nodes, parameters = _list(whole["nodes"], "/nodes"), _list(whole.get("parameters", []), "/parameters")
    check_size(len(nodes), len(parameters))
    entry = whole.get("entry")
    graph = Graph(
        nodes=tuple(_node(one, f"/nodes/{place}") for place, one in enumerate(nodes)),
        outputs=_outputs(whole["outputs"]),
        parameters=tuple(_parameter(one, f"/parameters/{place}") for place, one in enumerate(parameters)),
        exits=_exits(whole.get("exits", {})),
        sizing=_sizing(whole.get("sizing", {})),
        entry=None if entry is None else LimitEntry(**_settings(LimitEntry, entry, "/entry")),
        max_open_trades=whole.get("max_open_trades", 1),
    )
    check_graph(graph)
    return graph


def _check_version(whole: Mapping[str, Any]) -> None:
    version = whole.get("schema")
    if isinstance(version, bool) or not isinstance(version, int) or version < 0:
        message = f"A strategy says its schema version: schema must be a whole number, now {SCHEMA_VERSION}."
        raise StrategyError("NO_SCHEMA", message, "/schema")
    if version > SCHEMA_VERSION:
        message = (
            f"This strategy was written by a newer release (schema above {SCHEMA_VERSION}); update this one first."
        )
        raise StrategyError("SCHEMA_TOO_NEW", message, "/schema")
    if version < SCHEMA_VERSION:
        message = f"A strategy of schema {version} has fast, slow, share and stop_loss alone."
        raise StrategyError("BAD_SCHEMA", message, "/schema")


def _object(data: object, place: str, what: str) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise StrategyError("WRONG_KIND", f"{what} must be a JSON object.", place)
    return data


def _list(data: object, place: str) -> list[Any]:
    if not isinstance(data, list):
        raise StrategyError("WRONG_KIND", f"{place[1:]} must be a list.", place)
    return data


def _text(data: object, place: str) -> str:
    if not isinstance(data, str):
        raise StrategyError("WRONG_KIND", f"{place.rsplit('/', 1)[-1]} must be text.", place)
    return data


def _check_fields(data: Mapping[str, Any], known: tuple[str, ...], required: tuple[str, ...], place: str) -> None:
    for name in data:
        if name not in known:
            message = f"There is no {name[:MAX_NAME]!r} here; there are {', '.join(known)}."
            raise StrategyError("UNKNOWN_FIELD", message, f"{place}/{pointer(name)}")
    for name in required:
        if name not in data:
            raise StrategyError("MISSING_FIELD", f"{name} is missing.", f"{place}/{name}")


def _node(data: object, place: str) -> Node:
    found = _object(data, place, "A node")
    _check_fields(found, ("id", "type", "inputs"), ("id", "type"), place)
    inputs = _object(found.get("inputs", {}), f"{place}/inputs", "inputs")
    return Node(
        _text(found["id"], f"{place}/id"),
        _text(found["type"], f"{place}/type"),
        {name: _value(value, f"{place}/inputs/{pointer(name)}") for name, value in inputs.items()},
    )


def _value(data: object, place: str) -> Value:
    if isinstance(data, dict) and len(data) == 1:
        if "node" in data:
            return NodeRef(_text(data["node"], f"{place}/node"))
        if "parameter" in data:
            return ParameterRef(_text(data["parameter"], f"{place}/parameter"))
    if isinstance(data, bool) or not isinstance(data, int | float | str):
        message = 'An input is a number, a word, {"node": id} or {"parameter": name}.'
        raise StrategyError("WRONG_KIND", message, place)
    return data


def _outputs(data: object) -> dict[str, str]:
    found = _object(data, "/outputs", "outputs")
    _check_fields(found, SIGNALS, (), "/outputs")
    return {name: _text(value, f"/outputs/{name}") for name, value in found.items()}


def _parameter(data: object, place: str) -> Parameter:
    found = _object(data, place, "A parameter")
    known = tuple(one.name for one in fields(Parameter))
    _check_fields(found, known, ("name", "value", "minimum", "maximum"), place)
    integer = found.get("integer", True)
    if not isinstance(integer, bool):
        raise StrategyError("WRONG_KIND", "integer must be true or false.", f"{place}/integer")
    return Parameter(
        name=_text(found["name"], f"{place}/name"),
        value=found["value"],
        minimum=found["minimum"],
        maximum=found["maximum"],
        integer=integer,
        label=_text(found.get("label", ""), f"{place}/label"),
    )


def _exits(data: object) -> Exits:
    found = _object(data, "/exits", "exits")
    plain = {name: value for name, value in found.items() if name not in ("trailing", "roi")}
    settings = _settings(Exits, plain, "/exits")
    trailing = found.get("trailing")
    if trailing is not None:
        settings["trailing"] = Trailing(**_settings(Trailing, trailing, "/exits/trailing"))
    rows = _list(found.get("roi", []), "/exits/roi")
    if len(rows) > MAX_ROI_ROWS:
        raise StrategyError("TOO_MANY_ROWS", f"A table of returns has at most {MAX_ROI_ROWS} rows.", "/exits/roi")
    for place, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != 2:
            raise StrategyError("WRONG_KIND", "A row is [minutes, ratio].", f"/exits/roi/{place}")
    return Exits(**settings, roi=tuple((row[0], row[1]) for row in rows))


def _sizing(data: object) -> Sizing:
    found = _object(data, "/sizing", "sizing")
    settings = _settings(Sizing, {name: value for name, value in found.items() if name != "kind"}, "/sizing")
    if "kind" in found:
        kind = found["kind"]
        if not isinstance(kind, str) or kind not in list(SizingKind):
            message = f"kind must be one of {', '.join(SizingKind)}."
            raise StrategyError("UNKNOWN_CHOICE", message, "/sizing/kind")
        settings["kind"] = SizingKind(kind)
    return Sizing(**settings)


def _settings(of: Any, data: object, place: str) -> dict[str, Any]:
    """Return a part's fields. Numbers and flags are judged by check_graph; None only passes where it is the default."""
    found = _object(data, place, place.rsplit("/", 1)[-1])
    known: dict[str, Field[Any]] = {one.name: one for one in fields(of)}
    _check_fields(found, tuple(known), (), place)
    settings: dict[str, Any] = {}
    for name, value in found.items():
        if value is None and known[name].default is not None:
            raise StrategyError("NOT_A_NUMBER", f"{name} cannot be left empty.", f"{place}/{name}")
        assert known[name].default is not MISSING
        settings[name] = _setting(value, f"{place}/{name}")
    return settings


def _setting(data: Any, place: str) -> Any:
    if not isinstance(data, dict):
        return data
    if data.keys() != {"parameter"}:
        raise StrategyError("WRONG_KIND", 'A setting is a number or {"parameter": name}.', place)
    return ParameterRef(_text(data["parameter"], f"{place}/parameter"))


__all__ = ["from_json", "json_schema", "to_json"]
