"""How functions are shown to somebody who types: signatures, examples, and what a place expects."""

from __future__ import annotations

from difflib import get_close_matches

from engine.strategy.formula.operators import OPERATORS
from engine.strategy.types import Kind, NodeType, Port

_EXAMPLES = {Kind.SERIES: "close", Kind.CONDITION: "close > open"}
_KINDS = {
    Kind.SERIES: "a series",
    Kind.CONDITION: "a condition",
    Kind.NUMBER: "a number or a parameter",
    Kind.CHOICE: "a word",
}
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
MANY_CHOICES = 15


def missing_value(node_type: NodeType, port: Port) -> str:
    """Say what is missing: "ema takes a series first: write ema(close, 14)."."""
    return f"{_takes(node_type, port)}: write {call_example(node_type)}."


def wrong_kind(node_type: NodeType, port: Port, kind: Kind) -> str:
    """Say what a port takes instead of what it was given."""
    if kind is Kind.CHOICE:
        return f"{_takes(node_type, port)}; a text is none."
    if port.kind is Kind.CONDITION:
        return (
            f"{_takes(node_type, port)}, and this is {_KINDS[kind]}; compare it, such as {call_example_of(kind)} > 0."
        )
    hint = "" if node_type.name in OPERATORS else f": write {call_example(node_type)}"
    return f"{_takes(node_type, port)}, and this is {_KINDS[kind]}{hint}."


def wrong_choice(port: Port, given: str) -> str:
    """Say which words a port takes; of many, those that are near the given one."""
    if not port.choices:
        return f"{port.name} is a text in quotes."
    if len(port.choices) <= MANY_CHOICES:
        return f"{port.name} must be {' or '.join(port.choices)}."
    near = get_close_matches(given[:40], port.choices, n=3, cutoff=0.4) or list(port.choices[:3])
    return f"{port.name} must be one of {len(port.choices)} words, such as {' or '.join(near)}."


def call_example_of(kind: Kind) -> str:
    """Return something short of a kind."""
    return _EXAMPLES.get(kind, "close")


def _takes(node_type: NodeType, port: Port) -> str:
    if node_type.name in OPERATORS:
        return (
            f"{OPERATORS[node_type.name]} takes {_KINDS[port.kind]} on each side"
            if len(node_type.ports) > 1
            else (f"{OPERATORS[node_type.name]} takes {_KINDS[port.kind]}")
        )
    place = node_type.ports.index(port)
    if port.kind in (Kind.SERIES, Kind.CONDITION) and place < len(_ORDINALS):
        return f"{node_type.name} takes {_KINDS[port.kind]} {_ORDINALS[place]}"
    return f"{node_type.name} takes {_KINDS[port.kind]} as {port.name}"


def signature(node_type: NodeType) -> str:
    """Return how a function is written, defaults included: "ema(source, period, seed="mean")"."""
    if not node_type.ports:
        return node_type.name
    return f"{node_type.name}({', '.join(_declared(port) for port in node_type.ports)})"


def call_example(node_type: NodeType) -> str:
    """Return a call that could be pasted: "ema(close, 12)"."""
    needed = [port for port in node_type.ports if port.default is None or port.kind is Kind.NUMBER]
    if not needed:
        return node_type.name
    return f"{node_type.name}({', '.join(_example(port) for port in needed)})"


def number_text(value: float) -> str:
    """Return a number as a formula writes it, whole ones without a point; a graph's canonical form tells their types apart.

    >>> [number_text(value) for value in (70.0, 0.05, -3, 1e-07, -0.0, 1e300)]
    ['70', '0.05', '-3', '1e-07', '-0.0', '1e+300']
    """
    is_short = value == int(value) and abs(value) < 1e15 and str(value) != "-0.0"
    return str(int(value)) if is_short else repr(value)


def _declared(port: Port) -> str:
    if port.default is None:
        return port.name
    default = f'"{port.default}"' if isinstance(port.default, str) else number_text(port.default)
    return f"{port.name}={default}"


def _example(port: Port) -> str:
    if port.kind is Kind.NUMBER:
        value = port.default if isinstance(port.default, int | float) else min(max(14.0, port.minimum), port.maximum)
        return f"{value:g}"
    if port.kind is Kind.CHOICE:
        return f'"{port.choices[len(port.choices) // 2]}"' if port.choices else '"BTC/USDT"'
    return _EXAMPLES[port.kind]
