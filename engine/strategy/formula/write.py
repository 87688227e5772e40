"""Formulas written: `write_formula` turns a graph into the text that reads back as the same graph."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from engine.strategy.checking import UNNAMED
from engine.strategy.formula.operators import BINARY, COMPARE, LOGIC, NEGATE, NOT, NUMBER_NODE, OPERATORS
from engine.strategy.formula.settings import FLAGS, LIMIT, RATIOS, SIZES, TRAILING, Form
from engine.strategy.formula.wording import number_text
from engine.strategy.graph import canonical_graph
from engine.strategy.nodes import NODE_TYPES
from engine.strategy.types import (
    SIGNALS,
    Exits,
    Graph,
    Kind,
    Node,
    NodeRef,
    Parameter,
    ParameterRef,
    Setting,
    Sizing,
    Value,
)

# A part that is longer or deeper gets a line of its own; far below what the reader takes.
MAX_INLINE, MAX_INLINE_DEPTH = 160, 12
# What is used more than once is written again while it is short: equal parts are read as one.
MAX_REPEATED = 40
# How tightly an expression binds; a looser one inside a tighter one needs brackets.
_OR, _AND, _NOT, _COMPARE, _SUM, _PRODUCT, _SIGN, _ATOM = range(8)
_BINDINGS = (
    dict.fromkeys(COMPARE.values(), _COMPARE)
    | {BINARY[ast.Add]: _SUM, BINARY[ast.Sub]: _SUM, BINARY[ast.Mult]: _PRODUCT, BINARY[ast.Div]: _PRODUCT}
    | {LOGIC[ast.And]: _AND, LOGIC[ast.Or]: _OR}
)


@dataclass(frozen=True, slots=True)
class _Expression:
    text: str
    binding: int = _ATOM
    depth: int = 0

    def within(self, binding: int) -> str:
        """Return the text as a part of something that binds so tightly."""
        return self.text if self.binding >= binding else f"({self.text})"


def write_formula(graph: Graph) -> str:
    """Return the formula of a valid graph: reading it gives the graph's canonical form.

    Raises StrategyError where the graph is not valid.
    """
    graph = canonical_graph(graph)
    names, signals = _node_lines(graph)
    blocks = [
        [_parameter_line(parameter) for parameter in graph.parameters],
        names,
        signals,
        list(_setting_lines(graph)),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _parameter_line(parameter: Parameter) -> str:
    # With their points: they tell whether the parameter is a whole number.
    numbers = [repr(number) for number in (parameter.value, parameter.minimum, parameter.maximum)]
    label = [_quoted(parameter.label)] if parameter.label else []
    return f"{parameter.name} = parameter({', '.join([*numbers, *label])})"


def _node_lines(graph: Graph) -> tuple[list[str], list[str]]:
    """Return the lines of nodes that have one of their own, and those of the signals."""
    uses = Counter(value.node for node in graph.nodes for value in node.inputs.values() if isinstance(value, NodeRef))
    uses.update(graph.outputs.values())
    expressions: dict[str, _Expression] = {}
    lines = []
    for node in graph.nodes:
        expression = _expression(node, expressions)
        if _has_line(node, expression, uses[node.id]):
            lines.append(f"{node.id} = {expression.text}")
            expression = _Expression(node.id)
        expressions[node.id] = expression
    signals = [signal for signal in SIGNALS if signal in graph.outputs]
    return lines, [f"{signal} = {expressions[graph.outputs[signal]].text}" for signal in signals]


def _has_line(node: Node, expression: _Expression, uses: int) -> bool:
    if not UNNAMED.fullmatch(node.id):
        return True
    if not node.inputs or node.type == NUMBER_NODE:
        return False
    longest = MAX_INLINE if uses == 1 else MAX_REPEATED
    return not uses or expression.depth > MAX_INLINE_DEPTH or len(expression.text) > longest


def _expression(node: Node, made: dict[str, _Expression]) -> _Expression:
    parts = [_part(value, made) for value in node.inputs.values()]
    depth = 1 + max((part.depth for part in parts), default=0)
    if node.type == NUMBER_NODE and UNNAMED.fullmatch(node.id):
        return parts[0]
    if node.type in _BINDINGS:
        binding = _BINDINGS[node.type]
        # a - b - c is (a - b) - c, but a < b < c is not (a < b) < c.
        left, right = parts[0].within(binding + (binding == _COMPARE)), parts[1].within(binding + 1)
        return _Expression(f"{left} {OPERATORS[node.type]} {right}", binding, depth)
    if node.type == NOT:
        return _Expression(f"not {parts[0].within(_COMPARE)}", _NOT, depth)
    if node.type == NEGATE and not _is_number(parts[0].text):
        return _Expression(f"-{parts[0].within(_ATOM)}", _SIGN, depth)
    return _Expression(_call(node, parts), _ATOM, depth)


def _call(node: Node, parts: list[_Expression]) -> str:
    """Return a function's call: words that are as by default are left out, what follows them has its name."""
    written, by_name = [], False
    for port, part in zip(NODE_TYPES[node.type].ports, parts, strict=True):
        if port.kind is Kind.CHOICE and port.default is not None:
            by_name = True
            if node.inputs[port.name] == port.default:
                continue
        written.append(f"{port.name}={part.text}" if by_name else part.text)
    return f"{node.type}({', '.join(written)})" if written else node.type


def _part(value: Value, made: dict[str, _Expression]) -> _Expression:
    if isinstance(value, NodeRef):
        return made[value.node]
    if isinstance(value, ParameterRef):
        return _Expression(value.parameter)
    if isinstance(value, str):
        return _Expression(_quoted(value))
    return _Expression(number_text(value), _SIGN if value < 0 else _ATOM)


def _is_number(text: str) -> bool:
    return text.lstrip("-")[:1].isdigit()


def _setting_lines(graph: Graph) -> Iterator[str]:
    yield from _exit_lines(graph.exits)
    if graph.sizing != Sizing():
        yield f"size = {_form(SIZES[graph.sizing.kind], graph.sizing)}"
    if graph.entry is not None:
        yield f"entry = {_form(LIMIT, graph.entry)}"
    if graph.max_open_trades != 1:
        yield f"max_open_trades = {graph.max_open_trades}"


def _exit_lines(exits: Exits) -> Iterator[str]:
    for word, field in RATIOS.items():
        if (value := getattr(exits, field)) is not None:
            yield f"{word} = {_setting(value)}"
    if exits.trailing is not None:
        yield f"trailing_stop = {_form(TRAILING, exits.trailing)}"
    if exits.roi:
        rows = ", ".join(f"{minutes}: {number_text(ratio)}" for minutes, ratio in exits.roi)
        yield f"roi = {{{rows}}}"
    defaults = Exits()
    for flag in FLAGS:
        if getattr(exits, flag) != getattr(defaults, flag):
            yield f"{flag} = {getattr(exits, flag)}"


def _form(form: Form, given: object) -> str:
    """Return a setting's call: the first value as it is, the others by name where they differ from their default."""
    values = []
    for index, (word, field, default) in enumerate((*form.values, *form.others)):
        value = getattr(given, field)
        if index == 0 and value is not None:
            values.append(_setting(value))
        elif value != default:
            values.append(f"{word}={_setting(value)}")
    return f"{form.name}({', '.join(values)})"


def _setting(value: Setting | bool) -> str:
    if isinstance(value, bool):
        return str(value)
    return value.parameter if isinstance(value, ParameterRef) else number_text(value)


def _quoted(text: str) -> str:
    """Return a text in quotes; what cannot be seen is written by its number."""
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    return f"\\u{ord(character):04x}" if ord(character) < 0x10000 else f"\\U{ord(character):08x}"
