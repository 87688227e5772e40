"""A strategy's three faces: what somebody gave (template and values, formula, graph) becomes a graph, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from common.errors import DomainError
from engine.strategy.encode import to_json
from engine.strategy.formula import parse_formula, write_formula
from engine.strategy.graph import canonical_graph
from engine.strategy.schema import from_json
from engine.strategy.templates import recognise, template_graph
from engine.strategy.templates.forms import FieldValue
from engine.strategy.types import Graph, StrategyError
from strategies.models import StrategyVersion

# Graphs that stay parsed in a process, by their hash: more than run at once.
_KEPT = 1024
_parsed: dict[str, Graph] = {}


@dataclass(frozen=True, slots=True)
class Face:
    """A strategy as it was given: a template's name with values for it, or a formula, or a graph as JSON."""

    template: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    formula: str = ""
    graph: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Faces:
    """All of them. `template` is blank, and `values` empty, for a strategy that no template makes."""

    template: str
    values: Mapping[str, FieldValue]
    formula: str
    graph: Mapping[str, Any]


def graph_of(face: Face) -> Graph:
    """Return the checked, canonical graph; raise DomainError with the engine's code and words.

    Its context names the `field` (`template`, `formula` or `graph`, or the name of a template's value) and the `place`:
    "line:column" of a formula, a JSON pointer into a graph.
    """
    given = [name for name in ("template", "formula", "graph") if getattr(face, name)]
    if len(given) != 1:
        message = "Give the strategy once: as a template with values, as a formula, or as a graph."
        raise DomainError("STRATEGY_NOT_GIVEN" if not given else "STRATEGY_GIVEN_TWICE", message, {"field": "formula"})
    try:
        if face.template:
            return template_graph(face.template, face.values)
        if face.formula:
            return parse_formula(face.formula)
        return from_json(dict(face.graph or {}))
    except StrategyError as error:
        place = error.place if face.template else given[0]
        raise DomainError(error.code, error.message, {"field": place, "place": error.place}) from error


def faces_of(graph: Mapping[str, Any]) -> Faces:
    """Return the faces of a stored graph."""
    read = from_json(dict(graph))
    template, values = recognise(read) or ("", {})
    return Faces(template, values, write_formula(read), to_json(canonical_graph(read)))


def template_name(graph: Graph) -> str:
    """Return which ready template makes this graph; blank for none."""
    found = recognise(graph)
    return found[0] if found else ""


def graph_of_version(version: StrategyVersion) -> Graph:
    """Return a version's graph, parsed once per process: a replay asks at every candle."""
    graph = _parsed.get(version.graph_hash)
    if graph is None:
        if len(_parsed) >= _KEPT:
            _parsed.clear()
        graph = _parsed[version.graph_hash] = from_json(version.graph)
    return graph
