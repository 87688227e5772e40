"""The forms of the community pages."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django import forms

from common.clock import market_now
from community.services.competitions import MAX_DESCRIPTION, MAX_TITLE
from markets.models import Asset, Exchange, Instrument
from markets.selectors import tradable_instruments

FIRST_CAPITAL = Decimal(10_000)
FIRST_LENGTH = timedelta(days=7)


class ExchangeForm(forms.Form):
    """Which exchange a competition shall be held on: the first step, since all else depends on it."""

    exchange = forms.ModelChoiceField(queryset=Exchange.objects.order_by("name"), empty_label=None)


class InstrumentChoices(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    """Instruments by their market."""

    def label_from_instance(self, instrument: Instrument) -> str:
        return str(instrument.market)


class CompetitionForm(forms.Form):
    """A competition on one exchange."""

    title = forms.CharField(max_length=MAX_TITLE)
    description = forms.CharField(max_length=MAX_DESCRIPTION, required=False, widget=forms.Textarea(attrs={"rows": 5}))
    settlement = forms.ModelChoiceField(queryset=Asset.objects.none(), empty_label=None)
    starting_capital = forms.DecimalField(initial=FIRST_CAPITAL, max_digits=20, decimal_places=8)
    starts_at = forms.DateTimeField(label="Starts", help_text="UTC, in the exchange's market time.")
    ends_at = forms.DateTimeField(label="Ends", help_text="UTC, in the exchange's market time.")
    allowed_instruments = InstrumentChoices(
        label="Instruments",
        queryset=Instrument.objects.none(),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one instrument to trade."},
    )

    def __init__(self, *args: Any, exchange: Exchange, **kwargs: Any) -> None:
        now = market_now(exchange.namespace).replace(second=0, microsecond=0)
        super().__init__(*args, **kwargs)
        self.initial = {"starts_at": now, "ends_at": now + FIRST_LENGTH, **self.initial}
        traded = tradable_instruments(exchange.namespace).filter(exchange=exchange)
        quotes = Asset.objects.filter(pk__in=traded.order_by().values("market__quote"))
        self.fields["allowed_instruments"].queryset = traded  # type: ignore[attr-defined]
        self.fields["settlement"].queryset = quotes.order_by("code")  # type: ignore[attr-defined]
