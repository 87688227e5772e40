"""The forms of the risk page: a ready-made profile, limits one by one, and the level of a switch."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django import forms
from django.forms import BoundField

from common.forms import ExactAmountField
from engine.risk.limits import MAX_SYMBOL, MAX_SYMBOLS, SPECS, Group, Limits, Profile, Spec, Unit
from trading.models import SafetyLevel

HUNDRED = Decimal(100)
OFF = "OFF"
UNITS = {
    Unit.SHARE: "%",
    Unit.FACTOR: "×",
    Unit.COUNT: "",
    Unit.MINUTES: "min",
    Unit.DAYS: "days",
    Unit.SECONDS: "s",
}


class ProfileForm(forms.Form):
    """Which ready-made limits a portfolio gets, or none."""

    profile = forms.ChoiceField(
        label="Profile",
        widget=forms.RadioSelect,
        choices=[
            (
                Profile.CONSERVATIVE,
                "Conservative\nSmall orders, a fifth of cash in reserve, a pause at 2% lost in a day.",
            ),
            (Profile.BALANCED, "Balanced\nAn order up to a fifth of equity, a pause at 5% lost in a day."),
            (Profile.AGGRESSIVE, "Aggressive\nHalf of equity in one order, a pause at 10% lost in a day."),
            (OFF, "Off\nNo limits of its own. What the platform and the venue require holds all the same."),
        ],
    )


class LimitsForm(forms.Form):
    """Every limit; an empty field is off. Shares are typed in per cent and kept as ratios."""

    allowed = forms.CharField(
        required=False,
        max_length=(MAX_SYMBOL + 1) * MAX_SYMBOLS,
        label="Allow only",
        help_text="Symbols, apart by commas. Empty: all of the market.",
    )
    denied = forms.CharField(
        required=False,
        max_length=(MAX_SYMBOL + 1) * MAX_SYMBOLS,
        label="Never open",
        help_text="Symbols, apart by commas.",
    )

    def __init__(self, *args: Any, limits: Limits, **kwargs: Any) -> None:
        lists = {"allowed": ", ".join(sorted(limits.allowed)), "denied": ", ".join(sorted(limits.denied))}
        figures = {spec.name: _typed(spec, getattr(limits, spec.name)) for spec in SPECS}
        super().__init__(*args, **kwargs)
        self.initial = lists | figures
        for spec in SPECS:
            self.fields[spec.name] = ExactAmountField(required=False, label=spec.title, help_text=spec.meaning)

    def groups(self, money_unit: str) -> Iterator[tuple[str, list[tuple[BoundField, str]]]]:
        """Yield (heading, [(field, unit)]) in the order of the page."""
        for group in Group:
            specs = [spec for spec in SPECS if spec.group == group]
            yield group.value, [(self[spec.name], UNITS.get(spec.unit, money_unit)) for spec in specs]

    def limits(self) -> dict[str, object]:
        """Return what was typed as `limits_from` reads it."""
        data = self.cleaned_data
        figures = {spec.name: _meant(spec, data[spec.name]) for spec in SPECS}
        return figures | {name: data[name].split(",") for name in ("allowed", "denied")}


def _typed(spec: Spec, figure: Decimal | None) -> str:
    if figure is None:
        return ""
    shown = figure * HUNDRED if spec.unit == Unit.SHARE else figure
    return format(shown.normalize(), "f")


def _meant(spec: Spec, typed: Decimal | None) -> Decimal | None:
    return typed / HUNDRED if typed is not None and spec.unit == Unit.SHARE else typed


class LevelForm(forms.Form):
    """What a switch is set to."""

    level = forms.ChoiceField(choices=SafetyLevel.choices)
