"""Ready strategies: each is a formula with parameters, so that form, formula and graph are one thing."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from engine.strategy.graph import canonical_graph
from engine.strategy.templates.forms import Field, FieldKind, FieldValue, Template
from engine.strategy.templates.ready import READY
from engine.strategy.types import Graph, StrategyError

TEMPLATES: Mapping[str, Template] = MappingProxyType({one.name: one for one in READY})


def template_graph(name: str, values: Mapping[str, Any]) -> Graph:
    """Return the graph that a template makes of a form's values (`Template.graph` says which types it takes).

    Raises StrategyError: TEMPLATE_UNKNOWN (place "template"), else with the field's name as its place.
    """
    if name not in TEMPLATES:
        message = f"There is no template {name[:60]!r}; use {', '.join(TEMPLATES)}."
        raise StrategyError("TEMPLATE_UNKNOWN", message, "template")
    return TEMPLATES[name].graph(values)


def recognise(graph: Graph) -> tuple[str, dict[str, FieldValue]] | None:
    """Return the template and the values that make this very graph, or None where no template does."""
    graph = canonical_graph(graph)
    for template in TEMPLATES.values():
        values = template.values(graph)
        if values is not None:
            return template.name, values
    return None


__all__ = ["TEMPLATES", "Field", "FieldKind", "FieldValue", "Template", "recognise", "template_graph"]
