"""The forms of the marketplace pages."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms

from accounts.models import User
from marketplace.models import Listing
from marketplace.selectors import funding_portfolios, publishable_portfolios
from marketplace.services.listings import MAX_DESCRIPTION, MAX_TITLE
from portfolios.models import Portfolio
from trading.services.follows import MAX_MULTIPLIER, MIN_MULTIPLIER


class WordsForm(forms.Form):
    """What a listing says."""

    title = forms.CharField(max_length=MAX_TITLE, help_text="What followers see first.")
    description = forms.CharField(
        max_length=MAX_DESCRIPTION,
        required=False,
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text="What it trades, when it buys and sells, and what can go wrong.",
    )


class PublishForm(WordsForm):
    """Which portfolio to publish, and in what words."""

    portfolio = forms.ModelChoiceField(
        queryset=Portfolio.objects.none(), empty_label=None, help_text="Its whole history becomes public."
    )
    field_order = ["portfolio", "title", "description"]

    def __init__(self, *args: Any, owner: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.portfolios = publishable_portfolios(owner)
        self.fields["portfolio"].queryset = self.portfolios  # type: ignore[attr-defined]

    def has_choices(self) -> bool:
        return self.portfolios.exists()


class SourceChoice(forms.ModelChoiceField):  # type: ignore[type-arg]
    """Portfolios to fund a follow from, with what is free in each."""

    def label_from_instance(self, portfolio: Portfolio) -> str:
        return f"{portfolio.name} ({portfolio.get_kind_display()})"


class FollowForm(forms.Form):
    """What a follow starts with."""

    source = SourceChoice(
        label="From",
        queryset=Portfolio.objects.none(),
        empty_label=None,
        help_text="The amount moves from here into a portfolio made for this follow.",
    )
    amount = forms.DecimalField(max_digits=20, decimal_places=8, help_text="All that this follow can lose.")
    multiplier = forms.DecimalField(
        initial=Decimal(1),
        max_digits=6,
        decimal_places=3,
        help_text=f"{MIN_MULTIPLIER} to {MAX_MULTIPLIER}; 1 copies in proportion, 2 doubles every trade.",
    )

    def __init__(self, *args: Any, follower: User, listing: Listing, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.follower = follower
        self.portfolios = funding_portfolios(follower, listing)
        self.fields["source"].queryset = self.portfolios  # type: ignore[attr-defined]

    def has_choices(self) -> bool:
        return self.portfolios.exists()
