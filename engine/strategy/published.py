"""The JSON Schema of strategies, made from the node types. It says what shape is right; from_json also judges meaning."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from engine.strategy.checking import (
    MAX_LABEL,
    MAX_NAME,
    MAX_NODES,
    MAX_OPEN_TRADES,
    MAX_PARAMETERS,
    MAX_ROI_ROWS,
    SETTINGS,
)
from engine.strategy.nodes import NODE_TYPES
from engine.strategy.types import SCHEMA_VERSION, SIGNALS, Exits, Kind, NodeType, Port, SizingKind, Trailing

_NAME = {"$ref": "#/$defs/name"}
_NODE, _PARAMETER = {"$ref": "#/$defs/node"}, {"$ref": "#/$defs/parameter"}
_BOOLEAN = {"type": "boolean"}


def json_schema() -> dict[str, Any]:
    """Return the schema (JSON Schema 2020-12) of what from_json takes in its present version."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:slipstream:strategy:{SCHEMA_VERSION}",
        "title": "Slipstream strategy",
        "description": "A typed graph of nodes, with the conditions that enter and exit, the exits and the sizing.",
        **_closed(
            {
                "schema": {"const": SCHEMA_VERSION},
                "nodes": {"type": "array", "maxItems": MAX_NODES, "items": _any_node()},
                "outputs": _closed(dict.fromkeys(SIGNALS, _NAME)) | {"minProperties": 1},
                "parameters": {"type": "array", "maxItems": MAX_PARAMETERS, "items": _parameter()},
                "exits": _exits(),
                "sizing": _part("/sizing"),
                "entry": _optional(_part("/entry")),
                "max_open_trades": {"type": "integer", "minimum": 1, "maximum": MAX_OPEN_TRADES},
            },
            "schema",
            "nodes",
            "outputs",
        ),
        "$defs": _definitions(),
    }


def _definitions() -> dict[str, Any]:
    named = {"type": "string", "pattern": f"^[A-Za-z_][A-Za-z0-9_]{{0,{MAX_NAME - 1}}}$"}
    return {
        "name": named,
        "node": _closed({"node": _NAME}, "node") | {"description": "the output of another node"},
        "parameter": _closed({"parameter": _NAME}, "parameter") | {"description": "the value of a parameter"},
        **{f"node_{one.name}": _node(one) for one in NODE_TYPES.values()},
    }


def _closed(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "object", "additionalProperties": False, "properties": properties}
    return found | {"required": list(required)} if required else found


def _optional(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [{"type": "null"}, schema]}


def _any_node() -> dict[str, Any]:
    # Told apart by type first, so that an error is about the node that was meant and not about all the others.
    cases = [
        {
            "if": {"properties": {"type": {"const": name}}, "required": ["type"]},
            "then": {"$ref": f"#/$defs/node_{name}"},
        }
        for name in NODE_TYPES
    ]
    return {
        "type": "object",
        "required": ["id", "type"],
        "properties": {"type": {"enum": list(NODE_TYPES)}},
        "allOf": cases,
    }


def _node(one: NodeType) -> dict[str, Any]:
    needed = [port.name for port in one.ports if port.default is None]
    inputs = _closed({port.name: _port(port) for port in one.ports}, *needed)
    required = ["id", "type", *(["inputs"] if needed else [])]
    found = _closed({"id": _NAME, "type": {"const": one.name}, "inputs": inputs}, *required)
    return found | {"title": one.name, "description": f"{one.doc} Gives a {one.output}. Source: {one.source}."}


def _port(port: Port) -> dict[str, Any]:
    about: dict[str, Any] = {"description": port.doc}
    if port.default is not None:
        about["default"] = port.default
    if port.kind in (Kind.SERIES, Kind.CONDITION):
        return _NODE | about
    if port.kind is Kind.NUMBER:
        return {"anyOf": [_number(port), _PARAMETER]} | about
    words = {"enum": list(port.choices)} if port.choices else {"type": "string", "minLength": 1, "maxLength": MAX_NAME}
    return words | about


def _number(port: Port) -> dict[str, Any]:
    return {"type": "integer" if port.integer else "number", "minimum": port.minimum, "maximum": port.maximum}


def _parameter() -> dict[str, Any]:
    number = {"type": "number"}
    properties = {
        "name": _NAME,
        "value": number,
        "minimum": number,
        "maximum": number,
        "integer": _BOOLEAN | {"default": True},
        "label": {"type": "string", "maxLength": MAX_LABEL, "default": ""},
    }
    return _closed(properties, "name", "value", "minimum", "maximum")


def _part(place: str) -> dict[str, Any]:
    """Return the schema of exits, trailing, sizing or entry: its numbers from SETTINGS, and what else it holds."""
    properties: dict[str, Any] = {}
    for name, port in SETTINGS.items():
        part, field = name.rsplit("/", 1)
        if part == place:
            properties[field] = {"anyOf": [_number(port), _PARAMETER]}
    if place == "/sizing":
        properties["kind"] = {"enum": list(SizingKind)}
    return _closed(properties)


def _exits() -> dict[str, Any]:
    exits, trailing = _part("/exits"), _part("/exits/trailing")
    for part in (Exits, Trailing):
        properties = (exits if part is Exits else trailing)["properties"]
        for one in fields(part):
            if one.default is None and one.name in properties:
                properties[one.name] = _optional(properties[one.name])
    trailing["properties"]["only_after_offset"] = _BOOLEAN
    row = {"type": "array", "prefixItems": [{"type": "integer", "minimum": 0}, {"type": "number"}], "items": False}
    exits["properties"] |= {
        "trailing": _optional(trailing),
        "roi": {"type": "array", "maxItems": MAX_ROI_ROWS, "items": row | {"minItems": 2}},
        **dict.fromkeys(("use_exit_signal", "exit_profit_only", "ignore_roi_if_entry_signal"), _BOOLEAN),
    }
    return exits
