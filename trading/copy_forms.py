"""The form of a follow's settings. Shares are typed in per cent and kept as ratios."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django import forms
from django.forms import BoundField

from common.forms import ExactAmountField
from engine.copying.settings import MAX_SYMBOL, MAX_SYMBOLS, SPECS, CopySettings, SizingMode, Spec, Unit

HUNDRED = Decimal(100)
_UNITS = {Unit.SHARE: "%", Unit.FACTOR: "×", Unit.COUNT: "", Unit.SECONDS: "s"}
MODES = (
    (
        SizingMode.EQUITY_RATIO,
        "By equity\nThe lead stakes a tenth of their equity, you a tenth of yours, times the multiplier.",
    ),
    (
        SizingMode.MARGIN_RATIO,
        "By margin\nThe same share of your margin as the lead's order takes of theirs, each time anew.",
    ),
    (SizingMode.FIXED_AMOUNT, "A fixed amount\nEach opening order costs the same."),
    (SizingMode.FIXED_MULTIPLE, "A fixed multiple\nThe lead's own quantity, times a figure."),
    (SizingMode.WEIGHTS, "By weight\nEvery position, and the cash, has the lead's share of equity."),
)


class CopySettingsForm(forms.Form):
    """Every setting of a follow; an empty field has its default."""

    sizing = forms.ChoiceField(label="Sizes", widget=forms.RadioSelect, choices=MODES)
    round_up = forms.BooleanField(
        required=False,
        label="Round small orders up",
        help_text="To the smallest that is sent, where that is at most 2% of equity.",
    )
    allowed = forms.CharField(
        required=False,
        max_length=(MAX_SYMBOL + 1) * MAX_SYMBOLS,
        label="Copy only",
        help_text="Symbols, apart by commas. Empty: all that the lead trades.",
    )
    denied = forms.CharField(
        required=False,
        max_length=(MAX_SYMBOL + 1) * MAX_SYMBOLS,
        label="Never copy",
        help_text="Symbols, apart by commas.",
    )

    def __init__(self, *args: Any, settings: CopySettings, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        lists = {"allowed": ", ".join(sorted(settings.allowed)), "denied": ", ".join(sorted(settings.denied))}
        figures = {spec.name: _typed(spec, getattr(settings, spec.name)) for spec in SPECS}
        self.initial = {"sizing": settings.sizing, "round_up": settings.round_up, **lists, **figures}
        for spec in SPECS:
            self.fields[spec.name] = ExactAmountField(required=False, label=spec.title, help_text=spec.meaning)

    def figures(self, money_unit: str) -> Iterator[tuple[BoundField, str]]:
        """Yield (field, unit) of every figure, in the order of the page."""
        for spec in SPECS:
            yield self[spec.name], _UNITS.get(spec.unit, money_unit)

    def settings(self) -> dict[str, object]:
        """Return what was typed as `settings_from` reads it."""
        data = self.cleaned_data
        figures = {spec.name: _meant(spec, data[spec.name]) for spec in SPECS}
        lists = {name: data[name].split(",") for name in ("allowed", "denied")}
        return {"sizing": data["sizing"], "round_up": data["round_up"], **figures, **lists}


def _typed(spec: Spec, figure: Decimal | None) -> str:
    if figure is None:
        return ""
    return format((figure * HUNDRED if spec.unit == Unit.SHARE else figure).normalize(), "f")


def _meant(spec: Spec, typed: Decimal | None) -> Decimal | None:
    return typed / HUNDRED if typed is not None and spec.unit == Unit.SHARE else typed
