"""From what a formula says to nodes: names, functions and operators, each checked where it stands."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from engine.strategy.checking import MAX_NODES
from engine.strategy.formula.operators import BINARY, COMPARE, LOGIC, NEGATE, NOT, NUMBER_NODE, NUMBER_PORT
from engine.strategy.formula.scan import WORDS, Place, Statement, wrong
from engine.strategy.formula.wording import call_example, missing_value, wrong_choice, wrong_kind
from engine.strategy.nodes import NODE_TYPES
from engine.strategy.types import Kind, Node, NodeRef, NodeType, ParameterRef, Port, StrategyError, Value

MAX_DEPTH = 60


@dataclass(frozen=True, slots=True)
class Draft:
    """A node that has no id yet."""

    type: str
    inputs: Mapping[str, Value]


# What a part of a formula can mean.
Meaning = Draft | NodeRef | ParameterRef | float | int | str


class Expressions:
    """Reads the values of one formula's statements, in their order; keeps the nodes they make and where they stand.

    `later` are the names that any statement of the formula gives, so that a use before its line can be told from a typing error.
    """

    def __init__(self, later: Mapping[str, Place]) -> None:
        self.nodes: dict[str, Node] = {}
        self.names: dict[str, NodeRef | ParameterRef | float | int] = {}
        self.places: dict[str, Place] = {}
        self._later = later
        self._made: dict[str, str] = {}
        self._depth = 0
        self._statement: Statement | None = None
        self._readers: dict[type[ast.expr], Callable[..., Meaning]] = {
            ast.Constant: self._constant,
            ast.Name: self._name,
            ast.UnaryOp: self._unary,
            ast.BinOp: self._binary,
            ast.BoolOp: self._logic,
            ast.Compare: self._compare,
            ast.Call: self._call,
        }

    def read(self, statement: Statement) -> Meaning:
        """Return what the value of a statement means; a node at its top is not made yet, so that it can get a name."""
        self._statement = statement
        return self._read(statement.value)

    def make(self, draft: Draft, place: Place, name: str = "") -> NodeRef:
        """Return the node of a draft, made under `name`; without one, equal nodes are one node."""
        # By its words, not by equality: 0.0 and -0.0 are two numbers.
        said = repr(draft)
        if not name and said in self._made:
            return NodeRef(self._made[said])
        if len(self.nodes) >= MAX_NODES:
            raise wrong("TOO_MANY_NODES", f"A strategy has at most {MAX_NODES} nodes.", place)
        node = Node(name or self._free_id(), draft.type, draft.inputs)
        self.nodes[node.id] = node
        self.places[node.id] = place
        if not name:
            self._made[said] = node.id
        return NodeRef(node.id)

    def kind(self, meaning: Meaning) -> Kind:
        """Return what flows out of it; a text is a CHOICE."""
        if isinstance(meaning, Draft):
            return NODE_TYPES[meaning.type].output
        if isinstance(meaning, NodeRef):
            return NODE_TYPES[self.nodes[meaning.node].type].output
        return Kind.CHOICE if isinstance(meaning, str) else Kind.NUMBER

    def _free_id(self) -> str:
        number = len(self.nodes) + 1
        while f"n{number}" in self._later or f"n{number}" in self.nodes:
            number += MAX_NODES
        return f"n{number}"

    def _place(self, part: ast.AST) -> Place:
        assert self._statement is not None
        return self._statement.place_of(part)

    def _wrong(self, code: str, message: str, part: ast.AST) -> StrategyError:
        return wrong(code, message, self._place(part))

    def _read(self, part: ast.expr) -> Meaning:
        reader = self._readers.get(type(part))
        if reader is None:
            raise self._wrong("FORMULA_UNREADABLE", "A value, a name or a function is expected here.", part)
        if self._depth >= MAX_DEPTH:
            raise self._wrong("FORMULA_TOO_DEEP", "This statement is too deep; give a part of it a name.", part)
        self._depth += 1
        meaning = reader(part)
        self._depth -= 1
        return meaning

    def _constant(self, part: ast.Constant) -> Meaning:
        value = part.value
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise self._wrong(
                "WRONG_KIND", f"{value!r} is no value here; write a condition, such as close > open.", part
            )
        return value

    def _name(self, part: ast.Name) -> Meaning:
        name = part.id
        if name in self.names:
            return self.names[name]
        node_type = NODE_TYPES.get(name)
        if node_type is None:
            raise self._unknown(name, part)
        return self._filled(node_type, {}, part)

    def _unknown(self, name: str, part: ast.AST, what: str = "name") -> StrategyError:
        if name in self._later:
            return self._wrong("USED_BEFORE_DEFINED", f"{name} is used before it is defined; move its line up.", part)
        known = [*(word for word in NODE_TYPES if word not in WORDS), *(self.names if what == "name" else ())]
        close = get_close_matches(name, known, n=1)
        hint = f"; did you mean {close[0]}?" if close else "."
        code = "UNKNOWN_REFERENCE" if what == "name" else "UNKNOWN_NODE"
        return self._wrong(code, f"There is no {what} {name[:60]}{hint}", part)

    def _unary(self, part: ast.UnaryOp) -> Meaning:
        if isinstance(part.op, ast.Not):
            return self._operator(NOT, [part.operand])
        value = self._read(part.operand)
        if isinstance(value, int | float):
            return -value if isinstance(part.op, ast.USub) else value
        if isinstance(part.op, ast.UAdd):
            raise self._wrong("FORMULA_UNREADABLE", "Leave out this +.", part)
        return self._connected(NODE_TYPES[NEGATE], [(value, part.operand)])

    def _binary(self, part: ast.BinOp) -> Meaning:
        # The scan lets only these four through.
        return self._operator(BINARY[type(part.op)], [part.left, part.right])

    def _logic(self, part: ast.BoolOp) -> Meaning:
        node_type = NODE_TYPES[LOGIC[type(part.op)]]
        first, *others = part.values
        meaning = self._read(first)
        for other in others:
            meaning = self._connected(node_type, [(meaning, first), (self._read(other), other)])
        return meaning

    def _compare(self, part: ast.Compare) -> Meaning:
        """Read `a < b < c` as `a < b and b < c`."""
        parts = [part.left, *part.comparators]
        values = [(self._settled(self._read(each), each), each) for each in parts]
        whole: Meaning | None = None
        for index, operator in enumerate(part.ops):
            one = self._connected(NODE_TYPES[COMPARE[type(operator)]], values[index : index + 2])
            both = NODE_TYPES[LOGIC[ast.And]]
            whole = one if whole is None else self._connected(both, [(whole, part), (one, part)])
        assert whole is not None
        return whole

    def _settled(self, meaning: Meaning, part: ast.AST) -> Meaning:
        return self.make(meaning, self._place(part)) if isinstance(meaning, Draft) else meaning

    def _operator(self, name: str, parts: list[ast.expr]) -> Draft:
        return self._connected(NODE_TYPES[name], [(self._read(part), part) for part in parts])

    def _connected(self, node_type: NodeType, values: list[tuple[Meaning, ast.expr]]) -> Draft:
        ports = zip(node_type.ports, values, strict=True)
        return Draft(node_type.name, {port.name: self._fit(port, *value, node_type) for port, value in ports})

    def _call(self, part: ast.Call) -> Meaning:
        if not isinstance(part.func, ast.Name):
            raise self._wrong("FORMULA_UNREADABLE", "Only functions take values in brackets.", part)
        name = part.func.id
        node_type = NODE_TYPES.get(name)
        if node_type is None:
            if name in self._later:
                raise self._wrong("UNKNOWN_NODE", f"{name} is a name of yours and takes nothing in brackets.", part)
            raise self._unknown(name, part, "function")
        return self._filled(node_type, self._arguments(node_type, part), part)

    def _arguments(self, node_type: NodeType, call: ast.Call) -> dict[str, ast.expr]:
        ports = [port.name for port in node_type.ports]
        if len(call.args) > len(ports):
            at = call.args[len(ports)]
            raise self._wrong("UNKNOWN_INPUT", f"This is one value too many: write {call_example(node_type)}.", at)
        given = dict(zip(ports, call.args, strict=False))
        for argument in call.keywords:
            name = argument.arg or ""
            if name not in ports:
                message = f"{node_type.name} takes no {name[:60]}: write {call_example(node_type)}."
                raise self._wrong("UNKNOWN_INPUT", message, argument)
            if name in given:
                raise self._wrong("DUPLICATE_NAME", f"{name} is given twice.", argument)
            given[name] = argument.value
        return given

    def _filled(self, node_type: NodeType, given: Mapping[str, ast.expr], part: ast.expr) -> Draft:
        inputs: dict[str, Value] = {}
        for port in node_type.ports:
            if port.name in given:
                value = given[port.name]
                meaning = self._choice(port, value) if port.kind is Kind.CHOICE else self._read(value)
                inputs[port.name] = self._fit(port, meaning, value, node_type)
            elif port.default is not None:
                inputs[port.name] = port.default
            else:
                raise self._wrong("MISSING_INPUT", missing_value(node_type, port), part)
        return Draft(node_type.name, inputs)

    def _choice(self, port: Port, part: ast.expr) -> Meaning:
        """Read a word out of a list, which needs no quotes."""
        if isinstance(part, ast.Name) and part.id in port.choices:
            return part.id
        if (
            isinstance(part, ast.Constant)
            and isinstance(part.value, str)
            and (not port.choices or part.value in port.choices)
        ):
            return part.value
        given = part.id if isinstance(part, ast.Name) else getattr(part, "value", "")
        raise self._wrong("UNKNOWN_CHOICE", wrong_choice(port, given if isinstance(given, str) else ""), part)

    def _fit(self, port: Port, meaning: Meaning, part: ast.expr, node_type: NodeType) -> Value:
        """Return what a port is connected to, or refuse it: the wrong kind, or a number beyond the bounds."""
        kind = self.kind(meaning)
        if kind is not port.kind and not (port.kind is Kind.SERIES and kind is Kind.NUMBER):
            raise self._wrong("WRONG_KIND", wrong_kind(node_type, port, kind), part)
        if isinstance(meaning, Draft):
            return self.make(meaning, self._place(part))
        if isinstance(meaning, int | float) and port.kind is Kind.NUMBER:
            self._check_bounds(port, meaning, part)
        if port.kind is Kind.SERIES and not isinstance(meaning, NodeRef):
            return self._number_series(meaning, part)
        return meaning

    def _number_series(self, meaning: ParameterRef | float | int | str, part: ast.expr) -> Value:
        return self.make(Draft(NUMBER_NODE, {NUMBER_PORT: meaning}), self._place(part))

    def _check_bounds(self, port: Port, number: float, part: ast.expr) -> None:
        whole = " whole number" if port.integer else ""
        if not port.minimum <= number <= port.maximum or (port.integer and number != int(number)):
            message = f"{port.name} must be a{whole or ' number'} from {port.minimum:g} to {port.maximum:g}."
            raise self._wrong("OUT_OF_RANGE", message, part)
