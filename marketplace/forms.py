"""The forms of the marketplace pages."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms

from accounts.models import User
from common.errors import DomainError
from common.forms import ExactAmountField, show_refusal
from engine.copying.settings import DEFAULTS, SPEC, SizingMode
from marketplace.models import Listing
from marketplace.selectors import funding_portfolios
from portfolios.models import Portfolio
from portfolios.services.cash import check_free
from trading.copy_forms import MODES
from trading.copy_terms import check_terms
from trading.follow_models import StartMode
from trading.services.copy_settings import checked_settings
from trading.services.follows import MIN_AMOUNT, check_stake

# Where a refused stake is shown: by what its code begins with.
STAKE_FIELDS = {
    "AMOUNT": "amount",
    "INSUFFICIENT_BALANCE": "amount",
    "MULTIPLIER": "multiplier",
    "MARKET_MISMATCH": "source",
    "QUOTE_MISMATCH": "source",
    "PORTFOLIO": "source",
    "CASH_IS_LOCKED": "source",
}
_MULTIPLIER = SPEC["multiplier"]


class WhatIfForm(forms.Form):
    """With what, how strongly and since when somebody would have followed. Its ids are its own: the form to follow stands beside it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"auto_id": "what-if-%s", **kwargs})

    amount = forms.DecimalField(
        initial=Decimal(500),
        min_value=MIN_AMOUNT,
        max_value=Decimal(10_000),
        max_digits=20,
        decimal_places=8,
        widget=forms.NumberInput(attrs={"type": "range", "class": "slider", "step": "10"}),
    )
    multiplier = forms.DecimalField(
        initial=Decimal(1),
        min_value=_MULTIPLIER.low,
        max_value=_MULTIPLIER.high,
        max_digits=6,
        decimal_places=3,
        widget=forms.NumberInput(attrs={"type": "range", "class": "slider", "step": "0.1"}),
    )
    since = forms.DateField(
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Empty: from the lead's first trade on.",
    )


class SizingForm(forms.Form):
    """With what somebody would follow, and what the sizes of copies follow."""

    amount = ExactAmountField(help_text="All that this follow can lose.")
    sizing = forms.TypedChoiceField(
        label="Sizes",
        coerce=SizingMode,
        widget=forms.RadioSelect,
        required=False,
        empty_value=SizingMode.EQUITY_RATIO,
        initial=SizingMode.EQUITY_RATIO,
        choices=MODES,
    )
    multiplier = ExactAmountField(
        initial=1,
        required=False,
        help_text=f"{_MULTIPLIER.low:f} to {_MULTIPLIER.high:f}; 1 copies in proportion, 2 doubles every trade.",
    )
    fixed_amount = ExactAmountField(
        label=SPEC["fixed_amount"].title, initial=DEFAULTS.fixed_amount, required=False, help_text="10 or more."
    )
    fixed_multiple = ExactAmountField(
        label=SPEC["fixed_multiple"].title,
        initial=DEFAULTS.fixed_multiple,
        required=False,
        help_text="Of the lead's own quantity, 0.01 to 5.",
    )

    def settings(self) -> dict[str, Any]:
        """Return the settings that were named; an empty figure has its default."""
        named = ("sizing", "multiplier", "fixed_amount", "fixed_multiple")
        return {name: self.cleaned_data[name] for name in named if self.cleaned_data.get(name) is not None}


class SourceChoice(forms.ModelChoiceField):  # type: ignore[type-arg]
    """Portfolios to fund a follow from, with what is free in each."""

    def label_from_instance(self, portfolio: Portfolio) -> str:
        return f"{portfolio.name} ({portfolio.get_kind_display()})"


class StakeForm(SizingForm):
    """The first step of a follow: from where, how much, and in what sizes."""

    source = SourceChoice(
        label="From",
        queryset=Portfolio.objects.none(),
        empty_label=None,
        help_text="The amount moves from here into a portfolio made for this follow.",
    )
    start = forms.TypedChoiceField(
        label="What the lead holds already",
        coerce=StartMode,
        widget=forms.RadioSelect,
        required=False,
        empty_value=StartMode.NEW_ONLY,
        initial=StartMode.NEW_ONLY,
        choices=[
            (StartMode.NEW_ONLY, "Leave it\nOnly trades from now on are copied."),
            (StartMode.ADOPT_ALL, "Buy it now\nAt today's price, at your scale."),
            (StartMode.ADOPT_NO_WORSE, "Buy it where it costs no more than the lead paid\nThe rest is left."),
        ],
    )

    def __init__(self, *args: Any, follower: User, listing: Listing, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.portfolios = funding_portfolios(follower, listing)
        self.fields["source"].queryset = self.portfolios  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if not self.errors:
            source = data["source"]
            try:
                check_stake(data["amount"], checked_settings(self.settings()).multiplier, source.settlement_id)
                check_free(source, data["amount"])
            except DomainError as error:
                show_refusal(self, error, STAKE_FIELDS)
        return data


class ConsentForm(forms.Form):
    """The last step of a follow: the terms as they were shown, accepted."""

    accepted_terms = forms.CharField(required=False, max_length=20, widget=forms.HiddenInput)
    accepted = forms.BooleanField(
        label="I have read this, and accept it.",
        error_messages={"required": "Accept the terms to follow; without them nothing is copied."},
    )

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if not self.errors:
            try:
                check_terms(data["accepted_terms"])
            except DomainError as error:
                self.add_error("accepted", error.message)
        return data
