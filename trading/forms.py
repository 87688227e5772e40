"""The order ticket and the ways to end a follow; services judge, forms carry their sentences back to the field."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms

from common.errors import DomainError
from common.fields import canonical as plain
from common.forms import ExactAmountField
from common.ids import new_token
from engine.decimals import ZERO
from markets.models import Instrument
from markets.prices import latest_prices
from portfolios.models import Portfolio
from trading.effects import Effect, effect_of
from trading.follow_models import StopMode
from trading.kinds import WITH_LIMIT, WITH_TRIGGER, OrderKind, TimeInForce, Unit
from trading.models import Order, Side
from trading.order_templates import DISTANCES, terms_at
from trading.order_terms import MAX_KEY, MAX_PRICE, MAX_QUANTITY, PLAIN, OrderTerms
from trading.quotes import Quote, quote_order
from trading.selectors import ticket_instruments
from trading.services.changing import PRICES
from trading.template_models import OrderTemplate


class InstrumentChoice(forms.ModelChoiceField):  # type: ignore[type-arg] # Django's own takes none at run time
    """Instruments by market and venue."""

    default_error_messages = {"invalid_choice": "This market is not traded in this portfolio; choose one of the list."}

    def label_from_instance(self, instrument: Instrument) -> str:
        return f"{instrument.market} · {instrument.exchange.name}"


PAIR = "PAIR"
KINDS = [
    (OrderKind.MARKET, "Market: at once, at the market's price"),
    (OrderKind.LIMIT, "Limit: at this price or better"),
    (OrderKind.STOP, "Stop: at the market once it runs this far"),
    (OrderKind.STOP_LIMIT, "Stop limit: a limit once it runs this far"),
    (OrderKind.TAKE_PROFIT, "Take profit: at the market once it pays this"),
    (OrderKind.TAKE_PROFIT_LIMIT, "Take profit limit: a limit once it pays this"),
    (OrderKind.TRAILING_STOP, "Trailing stop: follows the best price"),
    (PAIR, "Limit and stop: one cancels the other"),
]
_TERMS = (
    "kind",
    "time_in_force",
    "expires_at",
    "limit_price",
    "trigger_price",
    "activation_price",
    "reduce_only",
    "post_only",
    "stop_price",
    "target_price",
)


def _price(label: str, **options: Any) -> ExactAmountField:
    return ExactAmountField(label=label, required=False, **options)


class TicketForm(forms.Form):
    """An order by hand, of any kind. `key` is new on every page: what is sent twice names the same order."""

    instrument = InstrumentChoice(queryset=Instrument.objects.none(), label="Market", empty_label=None)
    side = forms.TypedChoiceField(choices=Side.choices, coerce=Side, widget=forms.RadioSelect, initial=Side.BUY)
    kind = forms.ChoiceField(choices=KINDS, required=False, initial=OrderKind.MARKET, label="Kind")
    quantity = ExactAmountField(label="Amount")
    unit = forms.ChoiceField(
        choices=Unit.choices,
        required=False,
        label="In",
    )
    limit_price = _price("Limit price")
    trigger_price = _price("Trigger price")
    trail_percent = _price("Trails by, percent")
    activation_price = _price("Begins to follow at")
    pair_stop = _price("Stop price")
    # Of a purchase: what guards what it bought.
    stop_price = _price("Then stop at")
    target_price = _price("Then take profit at")
    time_in_force = forms.ChoiceField(
        choices=TimeInForce.choices, required=False, initial=TimeInForce.GTC, label="Waits"
    )
    expires_at = forms.DateTimeField(
        required=False, label="Until, UTC", widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )
    post_only = forms.BooleanField(required=False, label="Only as a maker: refuse it where it would cross")
    reduce_only = forms.BooleanField(required=False, label="Only reduce: never sell more than is held")
    key = forms.CharField(max_length=MAX_KEY, widget=forms.HiddenInput)

    def __init__(self, *args: Any, portfolio: Portfolio, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._portfolio = portfolio
        self.fields["instrument"].queryset = ticket_instruments(portfolio)  # type: ignore[attr-defined]
        self.fields["key"].initial = new_token(16)

    @property
    def perpetuals(self) -> str:
        """Return the ids of those of its markets that are traded on margin, as the page's conditions name them."""
        offered = self.fields["instrument"].queryset  # type: ignore[attr-defined]
        return " ".join(str(one.pk) for one in offered if one.is_perpetual)

    @property
    def is_pair(self) -> bool:
        return bool(self.cleaned_data.get("kind") == PAIR)

    def order(self) -> dict[str, Any]:
        """Return what the ticket asks of `place_hand_order`, or of `place_pair`; the amount in base units."""
        data = self.cleaned_data
        asked = {name: data[name] for name in ("instrument", "side", "key")} | {"quantity": self._in_base()}
        if self.is_pair:
            limit, stop = data["limit_price"], data["pair_stop"]
            if limit is None or stop is None:
                field = "limit_price" if limit is None else "pair_stop"
                raise DomainError("BOTH_PRICES_REQUIRED", "A pair needs both of its prices.", {"field": field})
            return asked | {"limit_price": limit, "stop_price": stop}
        return asked | {"terms": self._terms()}

    def estimate(self) -> tuple[Instrument, Quote | None] | None:
        """Return the chosen instrument with what the order would come to, as far as the form says; None without one."""
        if self.is_bound:
            self.is_valid()
            data = self.cleaned_data
        else:
            first = self.initial.get("instrument") or ticket_instruments(self._portfolio).first()
            data = self.cleaned_data = {"instrument": first}
        if data.get("instrument") is None:
            return None
        side = data.get("side") or self.initial.get("side", Side.BUY)
        quantity = min(max(data.get("quantity") or ZERO, ZERO), MAX_QUANTITY)
        unit = Unit(data.get("unit") or Unit.BASE)
        terms = self._terms() if _is_priced(data) else PLAIN
        return data["instrument"], quote_order(
            self._portfolio, data["instrument"], side, quantity, terms=terms, unit=unit
        )

    def effect(self, estimate: tuple[Instrument, Quote | None] | None) -> Effect | None:
        """Return what the order of an estimate would do to its portfolio's limits; None where there is nothing to judge yet."""
        instrument, quote = estimate or (None, None)
        if instrument is None or quote is None or self.is_pair or not _is_priced(self.cleaned_data):
            return None
        return effect_of(self._portfolio, instrument, quote.side, quote.quantity, self._terms())

    def _terms(self) -> OrderTerms:
        data = self.cleaned_data
        given = {name: data[name] for name in _TERMS if data.get(name) not in (None, "", PAIR)}
        if given.get("time_in_force") != TimeInForce.GTD:
            given.pop("expires_at", None)
        if (percent := data.get("trail_percent")) is not None:
            given["trail_bps"] = percent * 100
        return OrderTerms(**given)

    def _in_base(self) -> Decimal:
        data = self.cleaned_data
        quantity, unit = data["quantity"], Unit(data["unit"] or Unit.BASE)
        if unit is Unit.BASE:
            return quantity  # type: ignore[no-any-return] # a form's data is untyped
        most = 100 if unit is Unit.PERCENT else MAX_QUANTITY
        if not quantity.is_finite() or not 0 < quantity <= most:
            raise DomainError("QUANTITY_INVALID", f"Enter an amount above zero and at most {most:,}.")
        terms = self._terms() if _is_priced(data) else PLAIN
        quote = quote_order(self._portfolio, data["instrument"], data["side"], quantity, terms=terms, unit=unit)
        if quote is None:
            raise DomainError("PRICE_UNKNOWN", "There is no price to count by yet; enter coins instead.")
        return quote.quantity


def _is_priced(data: dict[str, Any]) -> bool:
    """Say whether the ticket names the prices that its kind is counted by."""
    kind, prices = data.get("kind") or OrderKind.MARKET, (data.get("limit_price"), data.get("trigger_price"))
    if any(price is not None and not (price.is_finite() and 0 < price <= MAX_PRICE) for price in prices):
        return False
    return (kind not in WITH_LIMIT or prices[0] is not None) and (kind not in WITH_TRIGGER or prices[1] is not None)


def ticket_of(template: OrderTemplate, shown: Instrument | None) -> dict[str, Any]:
    """Return what a ticket from a template opens with: its prices at the market as it stands, of its instrument or of `shown`."""
    instrument = template.instrument or shown
    as_it_is = ("side", "kind", "unit", "time_in_force", "reduce_only", "post_only")
    found: dict[str, Any] = {name: getattr(template, name) for name in as_it_is}
    found["quantity"] = plain(template.amount)
    if template.trail_bps is not None:
        found["trail_percent"] = plain(template.trail_bps / 100)
    if instrument is None:
        return found
    newest = latest_prices([instrument]).get(instrument.pk)
    terms = terms_at(template, newest.price, instrument.tick_size) if newest else None
    prices = {name: plain(price) for name in DISTANCES if terms and (price := getattr(terms, name)) is not None}
    return found | prices | {"instrument": instrument}


class EditForm(forms.Form):
    """What may be changed of an order that waits: its quantity, and the prices that it has."""

    def __init__(self, *args: Any, order: Order, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["quantity"] = ExactAmountField(initial=plain(order.quantity), label="Quantity")
        for name in PRICES:
            if (price := getattr(order, name)) is not None:
                self.fields[name] = ExactAmountField(initial=plain(price), label=name.replace("_", " ").capitalize())


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
