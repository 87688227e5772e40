"""Strategies as earlier releases stored them, brought to the present form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.strategy.templates import template_graph
from engine.strategy.types import Graph, StrategyError

# Version 0, before there were graphs: the parameters of the one template, ratios as exact text or None.
VERSION_0 = frozenset({"fast", "slow", "share", "stop_loss"})


def is_version_0(data: Mapping[str, Any]) -> bool:
    """Tell whether a JSON object is the EMA crossover's parameters, with or without a 0 as its version."""
    return data.get("schema", 0) == 0 and data.keys() - {"schema"} <= VERSION_0 and {"fast", "slow"} <= data.keys()


def from_version_0(data: Mapping[str, Any]) -> Graph:
    """Return the graph of an EMA crossover; raise StrategyError for parameters that it never took."""
    try:
        return template_graph("ema_cross", {name: value for name, value in data.items() if name != "schema"})
    except StrategyError as error:
        raise StrategyError(error.code, error.message, f"/{error.place}") from None
