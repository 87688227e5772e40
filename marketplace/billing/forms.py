"""What is typed about money: prices, refunds, the span of a statement."""

from __future__ import annotations

from typing import Any

from django import forms

from common.forms import ExactAmountField
from marketplace.billing.currencies import CURRENCIES
from marketplace.billing.models import Interval
from marketplace.billing.services.pricing import MAX_TRIAL_DAYS
from trading.follow_models import StopMode

INPUT = {"class": "input"}


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
