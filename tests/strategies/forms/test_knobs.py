"""The form face: what a graph's fields show, and what turning them makes of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django import forms

from engine.strategy.formula import parse_formula
from engine.strategy.templates import TEMPLATES, template_graph
from engine.strategy.types import Graph, LimitEntry, SizingKind, Trailing
from strategies.forms.knobs import knob_fields, turned

CROSS = """
fast = parameter(12, 2, 500, "Fast period")
distance = parameter(0.05, 0.01, 0.5)
enter_long = close > ema(close, fast)
stop_loss = distance
"""


def fill(graph: Graph, **typed: Any) -> Graph:
    """Fill the graph's form as a person would, and return what it makes."""
    fields = knob_fields(graph)
    form = type("Filled", (forms.Form,), dict(fields))({name: field.initial for name, field in fields.items()} | typed)
    assert form.errors == {}
    return turned(graph, form.cleaned_data)


@pytest.mark.parametrize("name", list(TEMPLATES))
def test_a_template_that_is_not_touched_stays_as_it_was(name: str) -> None:
    graph = template_graph(name, {})
    assert fill(graph) == graph


def test_a_ratio_is_shown_in_per_cent_also_where_a_parameter_stands_for_it() -> None:
    fields = knob_fields(parse_formula(CROSS))
    assert (fields["parameter_distance"].initial, fields["parameter_distance"].unit) == (5, "%")  # type: ignore[attr-defined]
    assert (fields["parameter_fast"].label, fields["parameter_fast"].initial) == ("Fast period", 12)
    assert "exits_stop_loss" not in fields  # the parameter turns it


def test_fields_become_parameters_exits_and_sizing() -> None:
    graph = parse_formula(CROSS)
    found = fill(
        graph,
        parameter_fast="20",
        parameter_distance="2.5",
        exits_take_profit="10",
        exits_time_stop_candles="48",
        trailing_distance="3",
        sizing_kind="atr_risk",
        sizing_share="1",
        entry_offset="0.1",
        max_open_trades="3",
        use_exit_signal="",
    )
    assert [one.value for one in found.parameters] == [20, 0.025]
    assert found.exits == replace(
        graph.exits, take_profit=0.1, time_stop_candles=48, trailing=Trailing(0.03), use_exit_signal=False
    )
    assert found.sizing == replace(graph.sizing, kind=SizingKind.ATR_RISK, share=0.01)
    assert (found.entry, found.max_open_trades) == (LimitEntry(0.001, 0), 3)


def test_an_emptied_field_takes_its_exit_away() -> None:
    graph = template_graph("ema_cross", {"stop_loss": "0.05"})
    assert graph.exits.stop_loss == 0.05
    assert fill(graph, exits_stop_loss="").exits.stop_loss is None
