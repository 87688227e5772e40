"""What lists of orders, fills and entries are narrowed by, on their pages: what an address names wrongly filters nothing."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any, ClassVar, TypeVar

from django import forms
from django.db.models import Model, QuerySet

from markets.models import Instrument
from portfolios.models import Balance, BookingKind, LedgerAccount, Portfolio
from portfolios.selectors import traded_instruments
from trading.codes import CAUSES
from trading.kinds import OrderKind
from trading.models import Order, OrderState, Side
from trading.selectors import ordered_instruments

Row = TypeVar("Row", bound=Model)


def _choice(label: str, choices: Any) -> forms.ChoiceField:
    """A select whose first line, its label, leaves all in."""
    widget = forms.Select(attrs={"class": "input"})
    return forms.ChoiceField(label=label, choices=[("", label), *choices], required=False, widget=widget)


def _day(label: str) -> forms.DateField:
    return forms.DateField(
        label=label, required=False, widget=forms.DateInput(attrs={"type": "date", "class": "input"})
    )


def _named(instruments: QuerySet[Instrument]) -> list[tuple[str, str]]:
    return [(str(one.pk), f"{one.market} · {one.exchange.name}") for one in instruments]


class Filter(forms.Form):
    """A form whose fields narrow rows of one portfolio; days are whole, UTC, of market time."""

    # Field -> what it asks of a row.
    lookups: ClassVar[dict[str, str]] = {}

    def __init__(self, asked: Any, portfolio: Portfolio) -> None:
        super().__init__(asked)
        self.portfolio = portfolio
        self.offer()
        self.is_valid()

    def offer(self) -> None:
        """Fill in the choices that depend on the portfolio."""

    @property
    def is_used(self) -> bool:
        return any(self.cleaned_data.get(name) for name in self.lookups)

    def narrow(self, rows: QuerySet[Row]) -> QuerySet[Row]:
        """Return those of the rows that are asked for."""
        for name, lookup in self.lookups.items():
            if value := self.cleaned_data.get(name):
                rows = rows.filter(**{lookup: _asked(name, value)})
        return rows


def _asked(name: str, value: Any) -> Any:
    """Return what a field asks of a row: a day as the moment at which it begins, the last one as that at which it ends."""
    if isinstance(value, str):
        return value
    return datetime.combine(value, time.max if name == "until" else time.min, UTC)


class OrderFilter(Filter):
    """Orders by what they are, what became of them, who asked and when."""

    state = _choice("All states", OrderState.choices)
    instrument = _choice("All markets", [])
    side = _choice("Both sides", Side.choices)
    kind = _choice("All kinds", OrderKind.choices)
    cause = _choice("Whoever asked", [(kind.value, words) for kind, words in CAUSES.items()])
    since = _day("From")
    until = _day("Until")
    lookups = {
        "state": "state",
        "instrument": "instrument",
        "side": "side",
        "kind": "kind",
        "cause": "cause_kind",
        "since": "created_at__gte",
        "until": "created_at__lte",
    }

    def offer(self) -> None:
        self.fields["instrument"].choices += _named(ordered_instruments(self.portfolio))  # type: ignore[attr-defined] # a field is one of many kinds


class FillFilter(Filter):
    """Fills by market, side and day."""

    instrument = _choice("All markets", [])
    side = _choice("Both sides", Side.choices)
    since = _day("From")
    until = _day("Until")
    lookups = {
        "instrument": "instrument",
        "side": "side",
        "since": "happened_at__gte",
        "until": "happened_at__lte",
    }

    def offer(self) -> None:
        self.fields["instrument"].choices += _named(traded_instruments(self.portfolio))  # type: ignore[attr-defined] # a field is one of many kinds


class OrderChoice(forms.ModelChoiceField):  # type: ignore[type-arg] # Django's own takes none at run time
    """One of the portfolio's orders, by its id."""


class EntryFilter(Filter):
    """Ledger lines by kind, account, asset, and the order that they belong to."""

    kind = _choice("All bookings", BookingKind.choices)
    account = _choice("All accounts", LedgerAccount.choices)
    asset = _choice("All assets", [])
    order = OrderChoice(queryset=Order.objects.none(), required=False, widget=forms.HiddenInput)
    lookups = {"kind": "kind", "account": "account", "asset": "asset"}

    def offer(self) -> None:
        held = Balance.objects.filter(portfolio=self.portfolio).order_by("asset").values_list("asset_id", "asset_id")
        self.fields["asset"].choices += list(held)  # type: ignore[attr-defined] # a field is one of many kinds
        orders = Order.objects.filter(portfolio=self.portfolio).select_related("instrument__market")
        self.fields["order"].queryset = orders  # type: ignore[attr-defined] # a field is one of many kinds

    @property
    def of_order(self) -> Order | None:
        found: Order | None = self.cleaned_data.get("order")
        return found
