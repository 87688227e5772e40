"""Templates as forms: what each field takes, checked, and the graph that the values make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from engine.strategy.formula import parse_formula, write_formula
from engine.strategy.graph import canonical_graph, check_graph
from engine.strategy.types import Graph, Parameter, StrategyError

# Finer values have no meaning, and an order stores no more.
PLACES = 5

FieldValue = int | Decimal | None


class FieldKind(StrEnum):
    """How a field is filled in. RATIO: 0–1 here, shown as per cent."""

    INTEGER = "integer"
    NUMBER = "number"
    RATIO = "ratio"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a template's form. Bounds and default are int for INTEGER, else Decimal; None: may be left empty."""

    name: str
    label: str
    help: str
    kind: FieldKind
    minimum: int | Decimal
    maximum: int | Decimal
    default: FieldValue
    unit: str = ""
    code: str = "VALUE_OUT_OF_RANGE"

    @property
    def optional(self) -> bool:
        """Say whether the strategy does without it."""
        return self.default is None


@dataclass(frozen=True, slots=True)
class Template:
    """A ready strategy: a formula whose parameters, and optional exits, are the fields of a form.

    `below`: pairs of fields of which the first must be smaller.
    """

    name: str
    label: str
    summary: str
    formula: str
    fields: tuple[Field, ...]
    below: tuple[tuple[str, str], ...]
    base: Graph

    def graph(self, values: Mapping[str, Any]) -> Graph:
        """Return the checked, canonical graph of these values; what is left out is as by default.

        INTEGER fields take an int. The others take an int, a Decimal, a float (its shortest decimal form counts) or a
        text of digits; optional ones None. Raises StrategyError whose place is the field's name.
        """
        known = {field.name: field for field in self.fields}
        for name in values:
            if name not in known:
                listed = ", ".join(sorted(known))
                raise StrategyError(
                    "PARAMETER_UNKNOWN", f"There is no parameter {str(name)[:60]!r}; use {listed}.", str(name)
                )
        checked = {field.name: _checked(field, values.get(field.name, field.default)) for field in self.fields}
        self._check_order(checked)
        return _filled(self.base, checked)

    def values(self, graph: Graph) -> dict[str, FieldValue] | None:
        """Return the values with which this template makes a canonical graph, or None if it does not."""
        found: dict[str, Any] = {one.name: _exact(one.value, integer=one.integer) for one in graph.parameters}
        for name in _EXITS:
            exit_ratio = getattr(graph.exits, name)
            if exit_ratio is not None or any(field.name == name for field in self.fields):
                found[name] = _exact(exit_ratio, integer=False)
        if found.keys() != {field.name for field in self.fields}:
            return None
        try:
            return found if self.graph(found) == graph else None
        except StrategyError:
            return None

    def _check_order(self, values: Mapping[str, FieldValue]) -> None:
        for low, high in self.below:
            below, above = values[low], values[high]
            if below is not None and above is not None and below >= above:
                labels = {field.name: _lower(field.label) for field in self.fields}
                message = f"Choose {_article(labels[low])} {labels[low]} below the {_other(labels[high], labels[low])}."
                raise StrategyError(f"{low}_NOT_BELOW_{high}".upper(), message, low)


@dataclass(frozen=True, slots=True)
class Help:
    """What a form says beside a parameter of a template's formula."""

    text: str
    unit: str = ""
    is_ratio: bool = False


_EXITS = {
    "stop_loss": Field(
        "stop_loss",
        "Stop loss",
        "Sells when the price has fallen so far below the entry. Empty: no stop.",
        FieldKind.RATIO,
        Decimal("0.001"),
        Decimal("0.5"),
        None,
        "%",
        "STOP_LOSS_OUT_OF_RANGE",
    ),
    "take_profit": Field(
        "take_profit",
        "Take profit",
        "Sells when the trade has won so much of its stake. Empty: no target.",
        FieldKind.RATIO,
        Decimal("0.001"),
        Decimal(10),
        None,
        "%",
        "TAKE_PROFIT_OUT_OF_RANGE",
    ),
}
_SHARE = Help("How much of the equity an entry stakes.", "%", is_ratio=True)
_CODES = {"candles": "PERIOD_OUT_OF_RANGE"}


def template(
    name: str,
    label: str,
    summary: str,
    formula: str,
    helps: Mapping[str, Help],
    *,
    optional: tuple[str, ...] = ("stop_loss", "take_profit"),
    below: tuple[tuple[str, str], ...] = (),
) -> Template:
    """Make a template of a formula: its parameters are the fields, then the optional exits; labels come from the formula."""
    base = parse_formula(formula)
    known = {**helps, "share": _SHARE}
    fields = [_field(parameter, known[parameter.name]) for parameter in base.parameters]
    fields += [_EXITS[exit_name] for exit_name in optional]
    return Template(name, label, summary, write_formula(base), tuple(fields), below, base)


def _field(parameter: Parameter, help_: Help) -> Field:
    kind = FieldKind.INTEGER if parameter.integer else FieldKind.RATIO if help_.is_ratio else FieldKind.NUMBER
    minimum, maximum, default = (
        _exact(number, integer=parameter.integer) for number in (parameter.minimum, parameter.maximum, parameter.value)
    )
    assert minimum is not None and maximum is not None
    code = "SHARE_OUT_OF_RANGE" if parameter.name == "share" else _CODES.get(help_.unit, "VALUE_OUT_OF_RANGE")
    unit = "%" if help_.is_ratio else help_.unit
    return Field(parameter.name, parameter.label, help_.text, kind, minimum, maximum, default, unit, code)


def _checked(field: Field, given: object) -> FieldValue:
    if given is None and field.optional:
        return None
    if field.kind is FieldKind.INTEGER:
        number: int | Decimal | None = given if isinstance(given, int) and not isinstance(given, bool) else None
    else:
        number = _decimal(given)
    if number is None or not field.minimum <= number <= field.maximum:
        raise StrategyError(field.code, _expected(field), field.name)
    return number


def _decimal(given: object) -> Decimal | None:
    """Return a finite number of at most PLACES decimals; None for anything else."""
    if isinstance(given, bool) or not isinstance(given, int | float | Decimal | str):
        return None
    try:
        number = Decimal(repr(given) if isinstance(given, float) else given)
        return number if number.is_finite() and number == round(number, PLACES) else None
    except (InvalidOperation, ValueError):
        return None


def _expected(field: Field) -> str:
    what = f"Enter {_article(field.label)} {_lower(field.label)}"
    if field.kind is FieldKind.RATIO:
        low, high = (f"{(Decimal(bound) * 100).normalize():f} %" for bound in (field.minimum, field.maximum))
        return f"{what} from {low} to {high}, with at most {PLACES - 2} decimals."
    unit = f" {field.unit}" if field.unit else ""
    decimals = "" if field.kind is FieldKind.INTEGER else f", with at most {PLACES} decimals"
    low, high = (f"{Decimal(bound).normalize():f}" for bound in (field.minimum, field.maximum))
    return f"{what} from {low} to {high}{unit}{decimals}."


def _article(label: str) -> str:
    vowels = "AEFHILMNORSX" if label[:2].isupper() else "AEIOU"
    return "an" if label[0].upper() in vowels else "a"


def _lower(label: str) -> str:
    return label if label[:2].isupper() else label[0].lower() + label[1:]


def _other(label: str, like: str) -> str:
    """Return "slow one" for "slow period" beside "fast period"."""
    first, _, last = label.rpartition(" ")
    return f"{first} one" if first and like.endswith(f" {last}") else label


def _filled(base: Graph, values: Mapping[str, FieldValue]) -> Graph:
    parameters = tuple(replace(one, value=_number(values[one.name], integer=one.integer)) for one in base.parameters)
    chosen = {name: value for name, value in values.items() if name in _EXITS}
    exits: dict[str, Any] = {name: None if value is None else _number(value) for name, value in chosen.items()}
    graph = replace(base, parameters=parameters, exits=replace(base.exits, **exits))
    check_graph(graph)
    return canonical_graph(graph)


def _number(value: FieldValue, *, integer: bool = False) -> float | int:
    assert value is not None
    return int(value) if integer else float(value)


def _exact(value: object, *, integer: bool) -> FieldValue:
    """Return a graph's number as a field's value; None for what is no number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if integer else Decimal(repr(value))
