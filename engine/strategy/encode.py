"""A graph as JSON values. The other way is schema.py's, since what comes from outside must be judged first."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

from engine.strategy.types import SCHEMA_VERSION, Graph, NodeRef, ParameterRef


def to_json(graph: Graph) -> dict[str, Any]:
    """Return the graph as dicts, lists, strings, numbers and None, with its schema version."""
    return {
        "schema": SCHEMA_VERSION,
        "nodes": [
            {
                "id": node.id,
                "type": node.type,
                "inputs": {name: _written(value) for name, value in node.inputs.items()},
            }
            for node in graph.nodes
        ],
        "outputs": dict(graph.outputs),
        "parameters": [_written(one) for one in graph.parameters],
        "exits": _written(graph.exits),
        "sizing": _written(graph.sizing),
        "entry": _written(graph.entry),
        "max_open_trades": graph.max_open_trades,
    }


def _written(value: object) -> Any:
    if isinstance(value, NodeRef):
        return {"node": value.node}
    if isinstance(value, ParameterRef):
        return {"parameter": value.parameter}
    if is_dataclass(value):
        return {one.name: _written(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, tuple):
        return [_written(one) for one in value]
    return str(value) if isinstance(value, str) else value
