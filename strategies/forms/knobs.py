"""The form face of a strategy: its parameters, exits, sizing and entry as fields, whatever its graph is.

A setting that the graph takes from a parameter has no field of its own: turning the parameter turns it. Ratios are
per cent here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django import forms

from engine.strategy.templates import FieldKind, Template
from engine.strategy.types import (
    Exits,
    Graph,
    LimitEntry,
    Parameter,
    ParameterRef,
    Setting,
    Sizing,
    SizingKind,
    Trailing,
)

PARAMETER = "parameter_"
# Larger is a mistake in any setting.
MOST = 1_000_000_000
SIZING_CHOICES = [
    (SizingKind.SHARE_OF_EQUITY, "A share of equity"),
    (SizingKind.FIXED, "A fixed amount"),
    (SizingKind.ATR_RISK, "By risk: more where prices are calm"),
    (SizingKind.KELLY, "Kelly, from its own trades"),
]


@dataclass(frozen=True, slots=True)
class Knob:
    """One optional setting: its field's name, how people call it, and whether it is a ratio shown in per cent."""

    name: str
    label: str
    help_text: str
    is_ratio: bool = True
    is_integer: bool = False
    required: bool = False


EXITS = (
    Knob("stop_loss", "Stop loss", "Leaves when the price has moved this far against the entry."),
    Knob("take_profit", "Take profit", "Leaves when the trade has gained this much of its stake."),
    Knob("time_stop_candles", "Time stop", "Leaves after this many candles.", is_ratio=False, is_integer=True),
)
TRAILING = (
    Knob("distance", "Trailing stop", "A stop that follows the best price at this distance."),
    Knob("positive_distance", "Tighter once in profit", "The distance once the profit is above the offset."),
    Knob("offset", "Offset", "The profit from which the tighter distance counts."),
)
SIZING = (
    Knob("share", "Share of equity", "What an entry stakes; with risk sizing, what it may lose.", required=True),
    Knob("amount", "Amount", "Quote units an entry, with a fixed amount.", is_ratio=False),
    Knob("atr_period", "ATR period", "Candles, with risk sizing.", is_ratio=False, is_integer=True),
    Knob("atr_multiple", "ATR multiple", "Where the loss is measured, with risk sizing.", is_ratio=False),
    Knob("cap", "Kelly cap", "The most that Kelly may stake of equity."),
)
ENTRY = (
    Knob("offset", "Better than the open by", "Leave empty to enter at the market price."),
    Knob("timeout_minutes", "Given up after", "Minutes; 0 means at the next candle.", is_ratio=False, is_integer=True),
)


def knob_fields(graph: Graph, template: Template | None = None) -> dict[str, forms.Field]:
    """Return the fields of a graph by name, with what it holds as their initial values; its template's words beside them."""
    ratios = _ratio_parameters(graph, template)
    helps = {one.name: one for one in template.fields} if template else {}
    fields: dict[str, forms.Field] = {}
    for one in graph.parameters:
        field = fields[PARAMETER + one.name] = _parameter_field(one, is_ratio=one.name in ratios)
        if one.name in helps:
            field.help_text = f"{helps[one.name].help} {field.help_text}"
            field.unit = helps[one.name].unit  # type: ignore[attr-defined]
    for prefix, knobs, holder in _groups(graph):
        for knob in knobs:
            held = getattr(holder, knob.name)
            if not isinstance(held, ParameterRef):
                fields[prefix + knob.name] = _knob_field(knob, held)
    fields["sizing_kind"] = forms.ChoiceField(
        label="Each entry stakes", choices=SIZING_CHOICES, initial=graph.sizing.kind.value
    )
    fields["max_open_trades"] = forms.IntegerField(
        label="Trades open at a time", initial=graph.max_open_trades, min_value=1, max_value=100
    )
    fields["use_exit_signal"] = forms.BooleanField(
        label="Leave on the exit signal", required=False, initial=graph.exits.use_exit_signal
    )
    return fields


def turned(graph: Graph, data: Mapping[str, Any], template: Template | None = None) -> Graph:
    """Return the graph with what a person filled into its fields (cleaned data; nothing unsets an optional setting)."""
    ratios = _ratio_parameters(graph, template)
    parameters = tuple(
        replace(one, value=_read(data[PARAMETER + one.name], is_ratio=one.name in ratios)) for one in graph.parameters
    )
    new = {prefix: _values(prefix, knobs, holder, data) for prefix, knobs, holder in _groups(graph)}
    trailing = replace(graph.exits.trailing or Trailing(), **_with_defaults(Trailing(), new["trailing_"]))
    has_trailing = trailing.distance is not None or trailing.positive_distance is not None
    exits = replace(
        graph.exits,
        **new["exits_"],
        trailing=trailing if has_trailing else None,
        use_exit_signal=data["use_exit_signal"],
    )
    sizing = replace(graph.sizing, **_with_defaults(graph.sizing, new["sizing_"]), kind=SizingKind(data["sizing_kind"]))
    return replace(
        graph,
        parameters=parameters,
        exits=exits,
        sizing=sizing,
        entry=_entry(graph, new["entry_"]),
        max_open_trades=data["max_open_trades"],
    )


def _groups(graph: Graph) -> Iterator[tuple[str, tuple[Knob, ...], Any]]:
    yield "exits_", EXITS, graph.exits
    yield "trailing_", TRAILING, graph.exits.trailing or Trailing()
    yield "sizing_", SIZING, graph.sizing
    yield "entry_", ENTRY, graph.entry or LimitEntry(offset=None)  # type: ignore[arg-type]  # none: no limit order


def _entry(graph: Graph, values: Mapping[str, Any]) -> LimitEntry | None:
    held = graph.entry or LimitEntry()
    if values.get("offset", held.offset) is None:
        return None
    return replace(held, **_with_defaults(held, values))


def _values(prefix: str, knobs: tuple[Knob, ...], holder: Any, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that have a field: a number, or None where the field was left empty."""
    return {
        knob.name: None if (given := data.get(prefix + knob.name)) is None else _read(given, is_ratio=knob.is_ratio)
        for knob in knobs
        if not isinstance(getattr(holder, knob.name), ParameterRef)
    }


def _with_defaults(holder: Exits | Sizing | Trailing | LimitEntry, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values in which what was left empty keeps what the holder has, unless that may be missing."""
    optional = {"distance", "positive_distance"}
    return {
        name: getattr(holder, name) if value is None and name not in optional else value
        for name, value in values.items()
    }


def _ratio_parameters(graph: Graph, template: Template | None) -> set[str]:
    """Return the parameters that stand in for a ratio, or that the template calls one."""
    named = {one.name for one in template.fields if one.kind == FieldKind.RATIO} if template else set()
    return named | {
        held.parameter
        for _, knobs, holder in _groups(graph)
        for knob in knobs
        if knob.is_ratio and isinstance(held := getattr(holder, knob.name), ParameterRef)
    }


def _parameter_field(parameter: Parameter, *, is_ratio: bool) -> forms.Field:
    low, high = (_shown(bound, is_ratio=is_ratio) for bound in (parameter.minimum, parameter.maximum))
    field = number_field(
        is_integer=parameter.integer and not is_ratio,
        label=parameter.label or parameter.name.replace("_", " ").capitalize(),
        initial=_shown(parameter.value, is_ratio=is_ratio),
        min_value=low,
        max_value=high,
        help_text=f"{low:,} to {high:,}{' per cent' if is_ratio else ''}.",
    )
    return _with_unit(field, is_ratio=is_ratio)


def _knob_field(knob: Knob, held: Setting | None) -> forms.Field:
    initial = None if held is None or isinstance(held, ParameterRef) else _shown(held, is_ratio=knob.is_ratio)
    field = number_field(
        is_integer=knob.is_integer,
        label=knob.label,
        initial=initial,
        required=knob.required,
        help_text=knob.help_text,
        min_value=0,
        max_value=MOST,
    )
    return _with_unit(field, is_ratio=knob.is_ratio)


def number_field(*, is_integer: bool, **about: Any) -> forms.Field:
    """Return a field for whole numbers or for any."""
    field = forms.IntegerField(**about) if is_integer else forms.FloatField(**about)
    field.widget.attrs["step"] = "any"
    return field


def _with_unit(field: forms.Field, *, is_ratio: bool) -> forms.Field:
    field.unit = "%" if is_ratio else ""  # type: ignore[attr-defined]  # the template draws it behind the input
    return field


def _shown(value: float, *, is_ratio: bool) -> float | int:
    """Return a number as people write it: without a fraction where it has none."""
    number = round(value * 100, 9) if is_ratio else value
    return int(number) if float(number).is_integer() else number


def _read(given: float, *, is_ratio: bool) -> float:
    return round(given / 100, 12) if is_ratio else given
