"""The forms of the portfolio pages; services judge amounts, forms carry their sentences back to the field."""

from __future__ import annotations

from typing import Any

from django import forms

from common.forms import ExactAmountField
from common.ids import new_token
from markets.models import Exchange, SourceKind
from portfolios.models import LedgerAccount, Portfolio
from portfolios.selectors import openable_markets, transfer_targets
from portfolios.services.cash import MAX_KEY

_PRICES = {
    SourceKind.REAL: "Paper: real prices, no real money.",
    SourceKind.REPLAY: "Paper: real candles of the past played again, no real money.",
    SourceKind.SIMULATED: "Simulated: a made-up market, no real money.",
}
_SANDBOX = "Sandbox: a test exchange, no real money."


def _prices(exchange: Exchange) -> str:
    return _SANDBOX if exchange.is_sandbox else _PRICES[SourceKind(exchange.source_kind)]


class OpenForm(forms.Form):
    """A new paper book: where it trades, in which currency it settles, what it starts with."""

    name = forms.CharField(max_length=80, help_text="For you alone, until you publish it.")
    market = forms.ChoiceField(widget=forms.RadioSelect, label="Market")
    amount = ExactAmountField(
        label="Starting amount", initial=10_000, help_text="Play money; more can be paid in later."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [
            (
                f"{exchange.code}:{asset.code}",
                f"{exchange.name}, in {asset.code}\n{_prices(exchange)}",
            )
            for exchange, asset in openable_markets()
        ]
        market = self.fields["market"]
        market.choices = choices  # type: ignore[attr-defined]
        market.initial = choices[0][0] if choices else None

    def pair(self) -> tuple[str, str]:
        """Return the codes of the chosen exchange and settlement currency."""
        exchange, _, settlement = self.cleaned_data["market"].partition(":")
        return exchange, settlement


class AmountForm(forms.Form):
    """Money in or out. `key` is new on every page: what is sent twice names the same movement."""

    amount = ExactAmountField()
    key = forms.CharField(max_length=MAX_KEY, required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["key"].initial = new_token(16)


class PortfolioChoice(forms.ModelChoiceField):  # type: ignore[type-arg] # Django's own takes none at run time
    """Portfolios by name."""

    def label_from_instance(self, portfolio: Portfolio) -> str:
        return portfolio.name


class TransferForm(AmountForm):
    """Money to another of one's own portfolios."""

    target = PortfolioChoice(queryset=Portfolio.objects.none(), label="To", empty_label=None)
    field_order = ["target", "amount", "key"]

    def __init__(self, *args: Any, source: Portfolio, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["target"].queryset = transfer_targets(source)  # type: ignore[attr-defined]


def known_account(given: str) -> str | None:
    """Return the ledger account that an address names, None where it names none."""
    return given if given in LedgerAccount.values else None
