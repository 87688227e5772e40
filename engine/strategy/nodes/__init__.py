"""Every kind of node there is, by name: what forms, formulas and the JSON schema are made from.

A new one is a NodeType in the module of its group; its name then works everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType

from engine.strategy.nodes import (
    arithmetic,
    averages,
    bands,
    conditions,
    levels,
    oscillators,
    prices,
    scopes,
    statistics,
    volume,
)
from engine.strategy.types import NodeType, StrategyError

_MODULES = (
    prices,
    averages,
    oscillators,
    bands,
    volume,
    levels,
    statistics,
    arithmetic,
    conditions,
    scopes,
)

NODE_TYPES: Mapping[str, NodeType] = MappingProxyType({one.name: one for module in _MODULES for one in module.TYPES})


def node_type(name: str) -> NodeType:
    """Return the node type of this name; raise StrategyError UNKNOWN_NODE, naming the nearest ones, if there is none."""
    found = NODE_TYPES.get(name)
    if found is None:
        near = get_close_matches(name[:40], NODE_TYPES, n=3)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise StrategyError("UNKNOWN_NODE", f"There is no node {name[:40]!r}.{hint}")
    return found


__all__ = ["NODE_TYPES", "node_type"]
