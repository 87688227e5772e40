"""What is typed about money: prices, refunds, the span of a statement."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django import forms

from common.clock import wall_now
from common.forms import ExactAmountField
from marketplace.billing.currencies import CURRENCIES
from marketplace.billing.models import Interval
from marketplace.billing.promotion_models import DiscountLength
from marketplace.billing.services.pricing import MAX_TRIAL_DAYS
from marketplace.billing.services.promoting import MOST_USES
from trading.follow_models import StopMode

INPUT = {"class": "input"}
# How far ahead a code may end.
MOST_DAYS = 5 * 365


class PriceForm(forms.Form):
    """What following a listing costs."""

    interval = forms.ChoiceField(choices=Interval.choices, label="Billed", widget=forms.Select(attrs=INPUT))
    amount = ExactAmountField(label="Price", help_text="What the subscriber pays each time, before taxes.")
    currency = forms.ChoiceField(
        choices=[(code, code.upper()) for code in CURRENCIES], widget=forms.Select(attrs=INPUT)
    )
    trial_days = forms.IntegerField(
        min_value=0,
        max_value=MAX_TRIAL_DAYS,
        initial=0,
        label="Days of trial",
        help_text="Free of charge for whoever subscribes for the first time; 0 for none.",
    )

    def terms(self) -> dict[str, Any]:
        """Return what `set_price` takes."""
        return {**self.cleaned_data, "interval": Interval(self.cleaned_data["interval"])}


class CodeForm(forms.Form):
    """A promotion code."""

    code = forms.CharField(
        max_length=20, widget=forms.TextInput(attrs=INPUT), help_text="3 to 20 letters and digits, such as SPRING20."
    )
    percent_off = forms.IntegerField(
        min_value=1, max_value=100, label="Percent off", widget=forms.NumberInput(attrs=INPUT)
    )
    length = forms.ChoiceField(choices=DiscountLength.choices, label="Taken off", widget=forms.Select(attrs=INPUT))
    most_uses = forms.IntegerField(
        min_value=1,
        max_value=MOST_USES,
        required=False,
        label="Uses in all",
        widget=forms.NumberInput(attrs=INPUT),
        help_text="Empty: as many as there are.",
    )
    last_day = forms.DateField(
        required=False,
        label="Last day",
        widget=forms.DateInput(attrs={**INPUT, "type": "date"}),
        help_text="Until the end of it, UTC. Empty: no end.",
    )

    def clean_last_day(self) -> date | None:
        day: date | None = self.cleaned_data["last_day"]
        if day is not None and day > wall_now().date() + timedelta(days=MOST_DAYS):
            raise forms.ValidationError("Choose a day of the next five years, or none.")
        return day

    def terms(self) -> dict[str, Any]:
        """Return what `create_code` takes."""
        data = dict(self.cleaned_data)
        last = data.pop("last_day")
        ends = None if last is None else datetime.combine(last, time(), UTC) + timedelta(days=1)
        return {**data, "length": DiscountLength(data["length"]), "expires_at": ends}


class RefundForm(forms.Form):
    """How much an operator gives back."""

    amount = ExactAmountField()
    ends_right = forms.BooleanField(required=False)


class StopModeForm(forms.Form):
    """What becomes of the holdings when a right ends."""

    stop_mode = forms.ChoiceField(choices=StopMode.choices)


class SpanForm(forms.Form):
    """The days of a statement; without them all."""

    since = forms.DateField(required=False)
    until = forms.DateField(required=False)
