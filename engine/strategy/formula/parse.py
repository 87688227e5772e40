"""Formulas read: `parse_formula` turns text into a checked graph, or says where and how it must be changed."""

from __future__ import annotations

import ast
import re
from typing import Any

from engine.strategy.checking import MAX_NAME, MAX_PARAMETERS, RESERVED
from engine.strategy.formula.expressions import Draft, Expressions
from engine.strategy.formula.scan import Place, Statement, read_statements, wrong
from engine.strategy.formula.settings import FLAGS, RATIOS, SETTINGS, Settings
from engine.strategy.graph import canonical_graph
from engine.strategy.types import (
    SIGNALS,
    Exits,
    Graph,
    Kind,
    LimitEntry,
    NodeRef,
    Parameter,
    ParameterRef,
    Sizing,
    StrategyError,
)

_POINTER = re.compile(r"/(nodes|parameters|outputs|exits|sizing|entry|max_open_trades)(?:/([^/]+))?")


def parse_formula(text: str) -> Graph:
    """Return the strategy that a formula says, checked and in canonical form.

    Raises StrategyError, whose place is "line:column" from 1; no input makes it raise anything else.
    """
    try:
        statements = read_statements(text)
        reader = _Reader(statements)
        for statement in statements:
            reader.take(statement)
        return reader.finished()
    except RecursionError:
        raise wrong("FORMULA_TOO_DEEP", "The formula is too deep; give parts of it names.", Place(1, 1)) from None


class _Reader:
    """One formula while it is read, statement by statement."""

    def __init__(self, statements: list[Statement]) -> None:
        self._expressions = Expressions({statement.name: statement.place for statement in reversed(statements)})
        self._settings = Settings(self._expressions.names)
        self._defined: dict[str, Place] = {}
        self._parameters: list[Parameter] = []
        self._outputs: dict[str, str] = {}
        self._exits: dict[str, Any] = {}
        self._sizing = Sizing()
        self._entry: LimitEntry | None = None
        self._max_open_trades = 1

    def take(self, statement: Statement) -> None:
        """Add what a statement says."""
        name = statement.name
        if (first := self._defined.get(name)) is not None:
            raise wrong(
                "DUPLICATE_NAME",
                f"{name} is defined already, in line {first.line}; choose another name.",
                statement.place,
            )
        if name in SETTINGS:
            self._set(statement)
        elif name in SIGNALS:
            self._output(statement)
        else:
            self._name(statement)
        self._defined[name] = statement.place

    def finished(self) -> Graph:
        graph = Graph(
            nodes=tuple(self._expressions.nodes.values()),
            outputs=self._outputs,
            parameters=tuple(self._parameters),
            exits=Exits(**self._exits),
            sizing=self._sizing,
            entry=self._entry,
            max_open_trades=self._max_open_trades,
        )
        try:
            return canonical_graph(graph)
        except StrategyError as error:
            raise StrategyError(error.code, error.message, str(self._place_of(graph, error.place))) from None

    def _set(self, statement: Statement) -> None:
        name = statement.name
        if name in RATIOS:
            self._exits[RATIOS[name]] = self._settings.number(statement)
        elif name in FLAGS:
            self._exits[name] = self._settings.flag(statement)
        elif name == "roi":
            self._exits["roi"] = self._settings.roi(statement)
        elif name == "trailing_stop":
            self._exits["trailing"] = self._settings.trailing(statement)
        elif name == "size":
            self._sizing = self._settings.size(statement)
        elif name == "entry":
            self._entry = self._settings.limit(statement)
        else:
            self._max_open_trades = self._settings.whole_number(statement)

    def _output(self, statement: Statement) -> None:
        expressions = self._expressions
        meaning = expressions.read(statement)
        if expressions.kind(meaning) is not Kind.CONDITION:
            message = f"{statement.name} is a condition, such as close > open; this is none."
            raise wrong("WRONG_KIND", message, statement.start)
        node = expressions.make(meaning, statement.start) if isinstance(meaning, Draft) else meaning
        assert isinstance(node, NodeRef)
        self._outputs[statement.name] = node.node
        expressions.names[statement.name] = node

    def _name(self, statement: Statement) -> None:
        _check_name(statement)
        call, expressions = statement.value, self._expressions
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "parameter":
            if len(self._parameters) >= MAX_PARAMETERS:
                raise wrong(
                    "TOO_MANY_PARAMETERS", f"A strategy has at most {MAX_PARAMETERS} parameters.", statement.place
                )
            self._parameters.append(self._settings.parameter(statement, call))
            expressions.names[statement.name] = ParameterRef(statement.name)
            return
        meaning = expressions.read(statement)
        if isinstance(meaning, str):
            raise wrong("WRONG_KIND", "A text cannot have a name; write it where it is used.", statement.start)
        if isinstance(meaning, Draft):
            meaning = expressions.make(meaning, statement.start, statement.name)
        expressions.names[statement.name] = meaning

    def _place_of(self, graph: Graph, pointer: str) -> Place:
        """Return where the text says what a JSON pointer into the graph names."""
        match = _POINTER.match(pointer)
        part, key = match.groups() if match else ("", None)
        if part == "nodes" and key and key.isdigit() and int(key) < len(graph.nodes):
            return self._expressions.places[graph.nodes[int(key)].id]
        if part == "parameters" and key and key.isdigit() and int(key) < len(graph.parameters):
            return self._defined[graph.parameters[int(key)].name]
        words = {"time_stop_candles": "time_stop", "trailing": "trailing_stop"}
        setting = {"sizing": "size", "entry": "entry", "max_open_trades": "max_open_trades"}.get(part, key or "")
        return self._defined.get(words.get(setting, setting), Place(1, 1))


def _check_name(statement: Statement) -> None:
    name = statement.name
    if name in RESERVED:
        raise wrong("NAME_RESERVED", f"{name} has a meaning of its own; choose another name.", statement.place)
    if len(name) > MAX_NAME:
        raise wrong("BAD_NAME", f"A name has at most {MAX_NAME} characters.", statement.place)
