"""The form that begins a plan: one field per setting of its kind; services judge, the form carries their sentences to the field."""

from __future__ import annotations

from datetime import UTC
from decimal import Decimal
from typing import Any

from django import forms

from common.forms import ExactAmountField
from common.ids import new_token
from engine.plans.kinds import SETTINGS, PlanKind, Setting, Unit
from markets.models import Instrument
from portfolios.models import Portfolio
from trading.forms import InstrumentChoice
from trading.models import Side
from trading.order_terms import MAX_KEY
from trading.plans.words import label_of
from trading.selectors import ticket_instruments

# What is typed in other units than it is kept in: minutes, per cent.
_SCALES = {Unit.SECONDS: Decimal(60), Unit.BPS: Decimal(100)}


class PlanForm(forms.Form):
    """A plan of one kind. `key` is new on every page: what is sent twice names the same plan."""

    instrument = InstrumentChoice(queryset=Instrument.objects.none(), label="Market", empty_label=None)
    key = forms.CharField(max_length=MAX_KEY, widget=forms.HiddenInput)

    def __init__(self, *args: Any, portfolio: Portfolio, kind: PlanKind, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._kind = kind
        self.fields["instrument"].queryset = ticket_instruments(portfolio)  # type: ignore[attr-defined]
        self.fields["key"].initial = new_token(16)
        for setting in SETTINGS[kind]:
            self.fields[setting.name] = _field(kind, setting)

    def settings(self) -> dict[str, Any]:
        """Return what was typed in the units that plans are kept in; what is missing or wrong is left out."""
        return {one.name: _kept(one, self.cleaned_data[one.name]) for one in SETTINGS[self._kind] if self._has(one)}

    def rows(self) -> list[tuple[forms.BoundField, Setting]]:
        """Return the settings' fields in their order."""
        return [(self[one.name], one) for one in SETTINGS[self._kind]]

    def _has(self, setting: Setting) -> bool:
        return self.cleaned_data.get(setting.name) not in (None, "")


def _field(kind: PlanKind, setting: Setting) -> forms.Field:
    label, required = label_of(kind, setting.name), not setting.is_optional
    if setting.unit is Unit.SIDE:
        return forms.ChoiceField(label=label, choices=Side.choices, widget=forms.RadioSelect, initial=Side.BUY)
    if setting.unit is Unit.TIME:
        widget = forms.DateTimeInput(attrs={"type": "datetime-local"})
        return forms.DateTimeField(label=label, required=required, widget=widget)
    return ExactAmountField(label=label, required=required)


def _kept(setting: Setting, typed: Any) -> Any:
    if setting.unit is Unit.TIME:
        return int(typed.astimezone(UTC).timestamp() * 1000)
    return typed * _SCALES[setting.unit] if setting.unit in _SCALES else typed


class StopPlanForm(forms.Form):
    """What becomes of what a plan holds when it is stopped."""

    mode = forms.ChoiceField(
        label="What shall become of what it holds?",
        widget=forms.RadioSelect,
        initial="KEEP",
        choices=[
            ("KEEP", "Keep it\nIts orders are canceled. What it bought stays in the portfolio."),
            ("CLOSE", "Sell it now\nIts orders are canceled, and what it still holds is sold at the market."),
        ],
    )
