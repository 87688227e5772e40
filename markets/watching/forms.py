"""The forms of watch lists and price alerts; services judge, forms carry their sentences back to the field."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms

from common.fields import canonical
from common.forms import ExactAmountField
from markets.models import AlertKind, Instrument
from markets.watching.wording import window_choices

MOST_NAME, MOST_NOTE = 60, 120
# Which field a refusal is about that its service knows by another name.
ALERT_FIELDS = {"ALERT_COOL_DOWN": "repeat"}
_ONCE = "once"
_REPEATS = [
    (_ONCE, "Once"),
    ("60", "Again and again, at most every minute"),
    ("900", "Again and again, at most every 15 minutes"),
    ("3600", "Again and again, at most every hour"),
    ("86400", "Again and again, at most every day"),
]
_HUNDRED = Decimal(100)


class NameForm(forms.Form):
    """A watch list's name."""

    name = forms.CharField(label="Name", max_length=MOST_NAME, widget=forms.TextInput(attrs={"autocomplete": "off"}))


class AlertForm(forms.Form):
    """A price alert of one kind on one instrument. A move is typed in per cent, and a ratio from here on."""

    level = ExactAmountField()
    window_seconds = forms.TypedChoiceField(coerce=int)
    repeat = forms.ChoiceField(label="Tell me", choices=_REPEATS, initial=_ONCE)
    note = forms.CharField(
        label="Note", required=False, max_length=MOST_NOTE, help_text="Comes with the message.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip

    def __init__(self, *args: Any, kind: AlertKind, instrument: Instrument, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind, self.instrument = kind, instrument
        level, window = self.fields["level"], self.fields["window_seconds"]
        windows = window_choices(kind)
        if kind == AlertKind.MOVE:
            level.label, level.help_text = "Move, %", "Up or down, within the time below."
            window.label, window.initial = "Within", 3_600
        elif kind == AlertKind.VOLUME_SPIKE:
            level.label = "Times the usual volume"
            level.help_text = "Usual is the mean of the twenty candles before; it is told when its candle closes."
            window.label, window.initial = "In candles of", 300
        else:
            quote, tick = instrument.market.quote_id, canonical(instrument.tick_size)
            level.label, level.help_text = f"Price, {quote}", f"In steps of {tick}."
        window.choices = windows  # type: ignore[attr-defined] # the field's own, seen here as any field
        if not windows:
            del self.fields["window_seconds"]

    def terms(self) -> dict[str, Any]:
        """Return what the service asks for, of a form that is valid."""
        data = self.cleaned_data
        repeats = data["repeat"] != _ONCE
        return {
            "kind": self.kind,
            "level": data["level"] / _HUNDRED if self.kind == AlertKind.MOVE else data["level"],
            "window_seconds": data.get("window_seconds"),
            "repeats": repeats,
            "cool_down_seconds": int(data["repeat"]) if repeats else 0,
            "note": data["note"],
        }
