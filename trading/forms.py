"""The order ticket and the ways to end a follow; services judge, forms carry their sentences back to the field."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms

from common.forms import ExactAmountField
from common.ids import new_token
from engine.decimals import ZERO
from markets.models import Instrument
from portfolios.models import Portfolio
from trading.models import Side
from trading.quotes import Quote, quote_order
from trading.selectors import ticket_instruments
from trading.services.follows import StopMode

MAX_KEY = 64


class InstrumentChoice(forms.ModelChoiceField):  # type: ignore[type-arg] # Django's own takes none at run time
    """Instruments by market and venue."""

    default_error_messages = {"invalid_choice": "This market is not traded in this portfolio; choose one of the list."}

    def label_from_instance(self, instrument: Instrument) -> str:
        return f"{instrument.market} · {instrument.exchange.name}"


class TicketForm(forms.Form):
    """A market order by hand. `key` is new on every page: what is sent twice names the same order."""

    instrument = InstrumentChoice(queryset=Instrument.objects.none(), label="Market", empty_label=None)
    side = forms.TypedChoiceField(choices=Side.choices, coerce=Side, widget=forms.RadioSelect, initial=Side.BUY)
    quantity = ExactAmountField()
    key = forms.CharField(max_length=MAX_KEY, widget=forms.HiddenInput)

    def __init__(self, *args: Any, portfolio: Portfolio, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._portfolio = portfolio
        self.fields["instrument"].queryset = ticket_instruments(portfolio)  # type: ignore[attr-defined]
        self.fields["key"].initial = new_token(16)

    def estimate(self) -> tuple[Instrument, Quote | None] | None:
        """Return the chosen instrument with what the order would come to, as far as the form says; None without one."""
        instrument, side, quantity = self._asked()
        return None if instrument is None else (instrument, quote_order(self._portfolio, instrument, side, quantity))

    def _asked(self) -> tuple[Instrument | None, Side, Decimal]:
        if self.is_bound:
            self.is_valid()
            data = self.cleaned_data
        else:
            data = {"instrument": self.initial.get("instrument") or ticket_instruments(self._portfolio).first()}
        quantity = data.get("quantity", ZERO)
        return data.get("instrument"), data.get("side", self.initial.get("side", Side.BUY)), max(quantity, ZERO)


class StopForm(forms.Form):
    """What becomes of what a follow holds when it ends."""

    mode = forms.TypedChoiceField(
        label="What shall become of what it holds?",
        coerce=StopMode,
        widget=forms.RadioSelect,
        initial=StopMode.FOLLOW_EXITS,
        choices=[
            (
                StopMode.FOLLOW_EXITS,
                "Go out with the lead\nNothing new is bought. Each sale of the lead is still copied; it ends when nothing is left.",
            ),
            (StopMode.CLOSE_NOW, "Sell everything now\nAll it holds is sold at the market price, at once."),
            (
                StopMode.KEEP,
                "Keep what it holds\nCopying ends at once. The positions stay, and are yours to sell by hand.",
            ),
        ],
    )
