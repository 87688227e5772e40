"""Writes the tables of docs/strategies.md from the words themselves: functions by group, ready strategies with their fields.

python -m tools.strategy_reference
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from engine.strategy.formula import vocabulary
from engine.strategy.formula.wording import MANY_CHOICES, number_text, signature
from engine.strategy.nodes import NODE_TYPES
from engine.strategy.templates import TEMPLATES, Field, FieldKind
from engine.strategy.types import Kind, NodeType

PAGE = Path(__file__).resolve().parent.parent / "docs" / "strategies.md"
_BETWEEN = re.compile(r"(<!-- (\w+): made by tools/strategy_reference\.py -->\n).*?(<!-- end -->)", re.DOTALL)
_OPERATORS = {"and", "or", "not"}


def filled(page: str) -> str:
    """Return the page with each of its tables as it must be now."""
    tables = {"functions": _functions, "templates": _templates, "lines": _lines}
    return _BETWEEN.sub(lambda match: "\n".join([match[1], *tables[match[2]](), "", match[3]]), page)


def _functions() -> Iterator[str]:
    groups: dict[str, list[NodeType]] = {}
    for node_type in NODE_TYPES.values():
        if node_type.name not in _OPERATORS:
            groups.setdefault(node_type.group, []).append(node_type)
    for place, (group, members) in enumerate(groups.items()):
        yield from ("",) * bool(place)
        yield from (
            f"### {group.capitalize()}",
            "",
            "| function | is | warm-up | source |",
            "| --- | --- | --- | --- |",
        )
        for node_type in members:
            output = "" if node_type.output is Kind.SERIES else "Condition. "
            yield f"| `{signature(node_type)}` | {output}{node_type.doc} | {_warm_up(node_type)} | {node_type.source} |"
        for port in (port for node_type in members for port in node_type.ports if len(port.choices) > MANY_CHOICES):
            yield from ("", f"`{port.name}` is one of {', '.join(f'`{choice}`' for choice in port.choices)}.")


def _warm_up(node_type: NodeType) -> str:
    """Return how many candles pass before the first value, with every number at its default (or 14)."""
    numbers: dict[str, object] = {"candle_ms": 3_600_000}
    for port in node_type.ports:
        numbers[port.name] = port.default
        if port.default is None:
            numbers[port.name] = port.choices[0] if port.choices else max(14, port.minimum)
    return str(node_type.warm_up(numbers))


def _templates() -> Iterator[str]:
    yield from ("| name | what it does | fields (least to most, as set) |", "| --- | --- | --- |")
    for template in TEMPLATES.values():
        fields = "; ".join(_field(field) for field in template.fields)
        yield f"| `{template.name}` {template.label} | {template.summary} | {fields} |"


def _field(field: Field) -> str:
    low, high = number_text(float(field.minimum)), number_text(float(field.maximum))
    default = "empty" if field.default is None else number_text(float(field.default))
    unit = "" if field.kind is FieldKind.RATIO or not field.unit else f" {field.unit}"
    return f"`{field.name}` {low}–{high}{unit}, {default}"


def _lines() -> Iterator[str]:
    yield from ("| line | means |", "| --- | --- |")
    for word in vocabulary():
        if word["group"] in ("What to do", "Parameters"):
            yield f"| `{word['signature']}` | {word['doc']} |"
        elif word["group"] == "Sizing":
            yield f"| `size = {word['signature']}` | {word['doc']} |"


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text()))
