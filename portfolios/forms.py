"""The forms of the portfolio pages; services judge amounts, forms carry their sentences back to the field."""

from __future__ import annotations

from typing import Any

from django import forms

from accounts.models import User
from common.forms import ExactAmountField
from common.ids import new_token
from markets.models import Exchange, SourceKind
from portfolios.costs import costs_of
from portfolios.models import AccountMode, Portfolio
from portfolios.selectors import openable_accounts, openable_markets, transfer_targets
from portfolios.services.cash import MAX_KEY

_PRICES = {
    SourceKind.REAL: "Paper: real prices, no real money.",
    SourceKind.REPLAY: "Paper: real candles of the past played again, no real money.",
    SourceKind.SIMULATED: "Simulated: a made-up market, no real money.",
}
_ACCOUNT = "account"
_MONEY = {
    AccountMode.LIVE: "LIVE: real money, orders go to the exchange.",
    AccountMode.SANDBOX: "SANDBOX: a test exchange, no real money.",
}
_SANDBOX = "Sandbox: a test exchange, no real money."


def _prices(exchange: Exchange) -> str:
    return _SANDBOX if exchange.is_sandbox else _PRICES[SourceKind(exchange.source_kind)]


class OpenForm(forms.Form):
    """A new book, on paper or on an exchange account: where it trades, in which currency it settles, what it starts with."""

    name = forms.CharField(max_length=80, help_text="For you alone, until you publish it.")
    market = forms.ChoiceField(widget=forms.RadioSelect, label="Market")
    amount = ExactAmountField(
        label="Starting amount",
        initial=10_000,
        help_text="Play money, or what is free on the exchange account; more can be paid in later.",
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [
            (
                f"{_ACCOUNT}:{account.pk}:{asset.code}",
                f"{account.label}, in {asset.code}\n{_MONEY[AccountMode(account.mode)]} {free.normalize():,f} is free there.",
            )
            for account, asset, free in openable_accounts(user)
        ]
        choices += [
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

    def account(self) -> tuple[str, str] | None:
        """Return the id of the chosen exchange account and the settlement currency, None where a market was chosen."""
        kind, _, rest = self.cleaned_data["market"].partition(":")
        if kind != _ACCOUNT:
            return None
        account, _, settlement = rest.partition(":")
        return account, settlement


class AmountForm(forms.Form):
    """Money in or out. `key` is new on every page: what is sent twice names the same movement."""

    amount = ExactAmountField()
    key = forms.CharField(max_length=MAX_KEY, required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["key"].initial = new_token(16)


class CostsForm(forms.Form):
    """What trading on paper costs, and how late it is. An empty fee is the venue's."""

    maker_fee_bps = ExactAmountField(
        label="Maker fee",
        required=False,
        help_text="Of orders that waited for their price. Empty: what the market's venue takes.",
    )
    taker_fee_bps = ExactAmountField(
        label="Taker fee", required=False, help_text="Of orders that take the market's price. Empty: the venue's."
    )
    slippage_bps = ExactAmountField(
        label="Slippage",
        help_text="How much worse than the market's price a taker is met, where the venue's order book is not known.",
    )
    latency_ms = ExactAmountField(
        label="Latency", help_text="An order meets the first price this long after it was sent, by the market's clock."
    )
    latency_jitter_ms = ExactAmountField(
        label="Jitter", help_text="Up to this much more, different for each order and always the same for the same one."
    )

    def __init__(self, *args: Any, portfolio: Portfolio, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial = costs_of(portfolio).figures()

    def fields_with_units(self) -> list[tuple[forms.BoundField, str]]:
        """Return the fields in the order of the page, each with the unit that it is typed in."""
        return [(self[name], "ms" if name.endswith("_ms") else "bps") for name in self.fields]


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
