"""The editor's form: name and market of a strategy, and what it does in one of its three faces."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django import forms
from django.db.models import TextChoices

from common.errors import DomainError
from engine.strategy.encode import to_json
from engine.strategy.schema import from_json
from engine.strategy.templates import TEMPLATES, Template, recognise
from engine.strategy.types import Graph, StrategyError
from engine.timeframes import TIMEFRAMES
from markets.models import Instrument
from markets.selectors import tradable_instruments
from strategies.faces import Face, faces_of, graph_of
from strategies.forms.knobs import PARAMETER, knob_fields, turned
from strategies.models import StrategyVersion
from strategies.presenting.words import Checked

FIRST_TIMEFRAME = "5m"
# What an empty editor begins with: a whole strategy, so that the first check says that all is well.
FIRST_FORMULA = """fast = parameter(12, 2, 500, "Fast period")
slow = parameter(26, 2, 500, "Slow period")

enter_long = crosses_above(ema(close, fast), ema(close, slow))
exit_long = crosses_below(ema(close, fast), ema(close, slow))
stop_loss = 0.05
"""


class View(TextChoices):
    """Which face the editor shows."""

    FORM = "form", "Form"
    FORMULA = "formula", "Formula"
    GRAPH = "graph", "Graph JSON"


class InstrumentChoice(forms.ModelChoiceField):  # type: ignore[type-arg]
    """One instrument, by market and venue."""

    def label_from_instance(self, instrument: Instrument) -> str:
        return f"{instrument.market} · {instrument.exchange.name}"


class InstrumentsChoice(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    """Any number of instruments, by market and venue."""

    def label_from_instance(self, instrument: Instrument) -> str:
        return f"{instrument.market} · {instrument.exchange.name}"


class EditorForm(forms.Form):
    """`face` says which of the faces was shown, and so which of the fields is believed.

    The form face carries the graph that its fields turn in `base`.
    """

    name = forms.CharField(max_length=80, help_text="For you; followers see what you publish, not this.")
    instrument = InstrumentChoice(queryset=Instrument.objects.none(), empty_label=None)
    timeframe = forms.ChoiceField(
        choices=[(one, one) for one in TIMEFRAMES],
        initial=FIRST_TIMEFRAME,
        help_text="It decides once, when each candle of this length has closed.",
    )
    more = InstrumentsChoice(
        label="More instruments",
        queryset=Instrument.objects.none(),
        required=False,
        help_text="It trades all of them out of one account. Hold Ctrl or ⌘ to choose several.",
    )
    face = forms.ChoiceField(choices=View.choices, widget=forms.HiddenInput)
    base = forms.CharField(required=False, widget=forms.HiddenInput, max_length=400_000)
    formula = forms.CharField(
        required=False, max_length=100_000, widget=forms.Textarea(attrs={"rows": 14, "spellcheck": "false"})
    )
    graph = forms.CharField(
        label="Graph",
        required=False,
        max_length=400_000,
        widget=forms.Textarea(attrs={"rows": 18, "spellcheck": "false"}),
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *, start: Graph | None = None, **kwargs: Any) -> None:
        """`start` is the graph whose form face is shown, where data does not bring it."""
        super().__init__(data, **kwargs)
        for name in ("instrument", "more"):
            self.fields[name].queryset = tradable_instruments()  # type: ignore[attr-defined]
        for name in ("formula", "graph"):
            self.fields[name].widget.attrs |= {"autocapitalize": "off", "autocomplete": "off", "wrap": "off"}
        self.base_graph = start if data is None else _graph_in(data.get("base", ""))
        self.view = View((data or self.initial).get("face") or View.FORM) if self._face_is_known() else View.FORM
        self.template = self._template() if self.base_graph and self.view == View.FORM else None
        self.check = Checked()
        if self.base_graph and self.view == View.FORM:
            self.fields |= knob_fields(self.base_graph, self.template)

    def _template(self) -> Template | None:
        assert self.base_graph is not None
        found = recognise(self.base_graph)
        return TEMPLATES[found[0]] if found else None

    def _face_is_known(self) -> bool:
        return (self.data or self.initial).get("face", View.FORM) in View.values

    @classmethod
    def showing(cls, graph: Graph, view: str, **held: Any) -> EditorForm:
        """Return a form that shows a graph in one of its faces; `held` is what the other fields hold."""
        faces = faces_of(to_json(graph))
        text = json.dumps(faces.graph, indent=2)
        initial = {**held, "face": view, "formula": faces.formula, "graph": text, "base": json.dumps(faces.graph)}
        return cls(initial=initial, start=graph)

    @classmethod
    def of_version(cls, version: StrategyVersion, view: str) -> EditorForm:
        """Return what is shown of a version that is to be edited."""
        graph = from_json(version.graph)
        more = [one.instrument_id for one in version.further.all()]
        held = {"name": version.strategy.name, "instrument": version.instrument_id, "more": more}
        return cls.showing(graph, view, timeframe=version.timeframe, **held)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if self.view == View.FORM and self.base_graph is None:
            self.add_error(None, "Choose a template, or write a formula, first.")
        return data

    def strategy(self) -> Graph:
        """Return the graph that the shown face means; raise DomainError where it means none. Only for a valid form."""
        return graph_of(self.shown_face())

    def shown_face(self) -> Face:
        """Return the shown face as services take it."""
        data = self.cleaned_data
        if self.view == View.FORMULA:
            return Face(formula=data["formula"])
        if self.view == View.GRAPH:
            return Face(graph=_json_object(data["graph"]))
        assert self.base_graph is not None  # clean() refused otherwise
        graph = turned(self.base_graph, data, self.template)
        if self.template:
            _check_order(self.template, graph)
        return Face(graph=to_json(graph))

    # --- the form face in its groups ---
    @property
    def parameter_fields(self) -> list[forms.BoundField]:
        return self._named(PARAMETER)

    @property
    def exit_fields(self) -> list[forms.BoundField]:
        return [*self._named("exits_"), *self._named("trailing_")]

    @property
    def common_sizing_fields(self) -> list[forms.BoundField]:
        return self._named("sizing_share")

    @property
    def rare_fields(self) -> list[forms.BoundField]:
        shown = {"sizing_kind", "sizing_share"}
        return [one for one in (*self._named("sizing_"), *self._named("entry_")) if one.name not in shown]

    @property
    def has_rare_errors(self) -> bool:
        return any(one.errors for one in self.rare_fields)

    def _named(self, prefix: str) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name.startswith(prefix)]

    def without_name(self) -> None:
        """Let the name wait: who only looks at another face need not have chosen one."""
        for name in ("name", "instrument", "timeframe"):
            self.fields[name].required = False

    def held(self) -> dict[str, Any]:
        """Return what the fields beside the face hold, as they were typed."""
        return {name: self.data.get(name) for name in ("name", "instrument", "timeframe")} | {
            "more": self.data.getlist("more") if hasattr(self.data, "getlist") else []
        }

    def settings(self) -> dict[str, Any]:
        """Return what `save_strategy` takes."""
        data = self.cleaned_data
        instruments = [data["instrument"], *(one for one in data["more"] if one != data["instrument"])]
        return {"name": data["name"], "timeframe": data["timeframe"], "instruments": instruments}


def first_graph() -> Graph:
    """Return the strategy that an empty formula editor begins with."""
    return graph_of(Face(formula=FIRST_FORMULA))


def template_start(name: str) -> Graph:
    """Return a template's graph with its own values."""
    return graph_of(Face(template=name))


def _check_order(template: Template, graph: Graph) -> None:
    """Raise DomainError where the template's own rules are broken, such as a fast period above the slow one."""
    try:
        template.graph({one.name: one.value for one in graph.parameters})
    except StrategyError as error:
        raise DomainError(error.code, error.message, {"field": f"{PARAMETER}{error.place}"}) from error


def _graph_in(text: str) -> Graph | None:
    try:
        return graph_of(Face(graph=_json_object(text))) if text else None
    except (DomainError, StrategyError):
        return None


def _json_object(text: str) -> dict[str, Any]:
    """Return the JSON object that somebody typed, or raise DomainError with the place of the fault."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        place = f"{getattr(error, 'lineno', 1)}:{getattr(error, 'colno', 1)}"
        what = getattr(error, "msg", "nested too deeply")
        message = f"This is not JSON: {what} at line {place.split(':', maxsplit=1)[0]}, column {place.split(':')[1]}."
        raise DomainError("GRAPH_NOT_JSON", message, {"field": "graph", "place": place}) from error
    if not isinstance(found, dict):
        raise DomainError("GRAPH_NOT_OBJECT", "A graph is a JSON object: it begins with {.", {"field": "graph"})
    return found
