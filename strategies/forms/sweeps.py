"""The form of a sweep: which parameters vary, between which values, in a grid or at random; on the terms of a backtest."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from math import prod
from typing import Any

from django import forms

from engine.strategy.types import Graph, Parameter
from strategies.forms.knobs import number_field
from strategies.forms.terms import TermsForm
from strategies.models import StrategyVersion
from strategies.services.sweeps import Search

GRID, RANDOM = "grid", "random"
# A grid finer than this in one parameter is a mistake in its step.
MOST_VALUES = 500
SEARCHES = [
    (GRID, "Grid\nEvery combination: sees everything, grows fast."),
    (RANDOM, "Random\nA chosen number of combinations: for many parameters."),
]
_NAMES = ("vary", "from", "to", "step")


class SweepForm(TermsForm):
    """Terms, and per parameter `<name>_vary`, `_from`, `_to`, `_step`."""

    search = forms.ChoiceField(label="Search", choices=SEARCHES, initial=GRID, widget=forms.RadioSelect)
    count = forms.IntegerField(label="Combinations", required=False, initial=200, min_value=2, max_value=100_000)

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        version: StrategyVersion,
        graph: Graph,
        most_points: int,
    ) -> None:
        super().__init__(data, version=version)
        self.parameters = graph.parameters
        self.most_points = most_points
        for place, parameter in enumerate(graph.parameters):
            self.fields |= _range_fields(parameter, varies=place < 2)

    def rows(self) -> list[dict[str, Any]]:
        """Return one row of fields per parameter, for the template."""
        return [
            {"parameter": one, "label": one.label or one.name, **{name: self[f"{one.name}_{name}"] for name in _NAMES}}
            for one in self.parameters
        ]

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        varied = [one for one in self.parameters if data.get(f"{one.name}_vary")]
        if not varied:
            self.add_error(None, "Choose at least one parameter to vary.")
        if self.errors:
            return data
        self.grid = {one.name: self._values(one, data) for one in varied}
        if not self.errors and self.points() > self.most_points:
            message = f"These are {self.points():,} combinations; your plan allows {self.most_points:,} in one sweep."
            self.add_error(None, message)
        return data

    def _values(self, parameter: Parameter, data: Mapping[str, Any]) -> list[float]:
        low, high, step = (Decimal(str(data[f"{parameter.name}_{name}"])) for name in ("from", "to", "step"))
        if high < low:
            self.add_error(f"{parameter.name}_to", "Choose an end above the beginning.")
            return []
        count = int((high - low) / step) + 1
        if count > MOST_VALUES:
            self.add_error(f"{parameter.name}_step", f"That makes {count:,} values; choose a larger step.")
            return []
        values = [low + step * place for place in range(count)]
        return [int(value) if parameter.integer else float(value) for value in values]

    def points(self) -> int:
        """Return how many backtests the sweep takes. Only after cleaning."""
        combinations = prod(len(values) for values in self.grid.values())
        return min(self.cleaned_data["count"] or 0, combinations) if self._is_random() else combinations

    def _is_random(self) -> bool:
        return bool(self.cleaned_data.get("search") == RANDOM)

    def chosen_search(self) -> Search:
        """Return what the service takes: a grid, or points of it drawn at random."""
        if not self._is_random():
            return Search(grid=self.grid)
        return Search(random=list(self.grid), count=self.cleaned_data["count"] or 0)


def _range_fields(parameter: Parameter, *, varies: bool) -> dict[str, forms.Field]:
    low, high = _first_range(parameter)
    step = max(1, round((high - low) / 9)) if parameter.integer else _nice((high - low) / 9, digits=1)
    bounds = {"min_value": parameter.minimum, "max_value": parameter.maximum}
    if parameter.integer:
        bounds = {name: int(value) for name, value in bounds.items()}
    whole, least, most = parameter.integer, 1 if parameter.integer else 1e-9, max(bounds["max_value"], 1)
    fields: dict[str, forms.Field] = {
        "vary": forms.BooleanField(label=f"Vary {parameter.label or parameter.name}", required=False, initial=varies),
        "from": number_field(is_integer=whole, label="From", initial=low, **bounds),
        "to": number_field(is_integer=whole, label="To", initial=high, **bounds),
        "step": number_field(is_integer=whole, label="Step", initial=step, min_value=least, max_value=most),
    }
    for name in ("from", "to", "step"):
        fields[name].widget.attrs["aria-label"] = f"{parameter.label or parameter.name}: {name}"
    return {f"{parameter.name}_{name}": field for name, field in fields.items()}


def _first_range(parameter: Parameter) -> tuple[float, float]:
    """Return a range around the present value: from half to one and a half times, within the parameter's bounds."""
    low, high = max(parameter.minimum, parameter.value * 0.5), min(parameter.maximum, parameter.value * 1.5)
    if high <= low:
        low, high = parameter.minimum, parameter.maximum
    return (round(low), round(high)) if parameter.integer else (_nice(low), _nice(high))


def _nice(value: float, digits: int = 2) -> float:
    """Return a value in so many significant digits."""
    return float(f"{value:.{digits}g}")
