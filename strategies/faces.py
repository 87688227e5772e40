"""A strategy's three faces: what somebody gave (template and values, formula, graph) becomes a graph, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.strategy.types import Graph


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
    values: Mapping[str, Any]
    formula: str
    graph: Mapping[str, Any]


def graph_of(face: Face) -> Graph:
    """Return the checked, canonical graph; raise DomainError with the engine's code and words.

    Its context names the `field` (`template`, `formula` or `graph`, or the name of a template's value) and the `place`:
    "line:column" of a formula, a JSON pointer into a graph.
    """
    raise NotImplementedError


def faces_of(graph: Mapping[str, Any]) -> Faces:
    """Return the faces of a stored graph."""
    raise NotImplementedError
