"""The form of an order template: distances in percent of the market's price."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms

from common.fields import canonical
from common.forms import ExactAmountField
from markets.models import Instrument
from trading.forms import KINDS, PAIR, InstrumentChoice
from trading.kinds import OrderKind, TimeInForce, Unit
from trading.models import Side
from trading.order_templates import DISTANCES
from trading.services.order_templates import MAX_NAME
from trading.template_models import OrderTemplate

_PERCENT = Decimal(100)
_AS_IT_IS = ("name", "instrument", "side", "kind", "amount", "unit", "time_in_force", "reduce_only", "post_only")


def _distance(label: str) -> ExactAmountField:
    return ExactAmountField(label=label, required=False)


class TemplateForm(forms.Form):
    """What stays the same about an order that is placed again and again."""

    name = forms.CharField(max_length=MAX_NAME, label="Name")
    instrument = InstrumentChoice(
        queryset=Instrument.objects.none(), label="Market", required=False, empty_label="Any: the one that is shown"
    )
    side = forms.ChoiceField(choices=Side.choices, widget=forms.RadioSelect, initial=Side.BUY)
    kind = forms.ChoiceField(choices=[one for one in KINDS if one[0] != PAIR], initial=OrderKind.MARKET, label="Kind")
    amount = ExactAmountField(label="Amount")
    unit = forms.ChoiceField(choices=Unit.choices, label="In", initial=Unit.BASE)
    trigger_distance = _distance("Trigger, from the market")
    limit_distance = _distance("Limit, from the market")
    trail_percent = _distance("Trails by")
    stop_distance = _distance("Then stop, from the market")
    target_distance = _distance("Then take profit, from the market")
    time_in_force = forms.ChoiceField(
        choices=[one for one in TimeInForce.choices if one[0] != TimeInForce.GTD],
        required=False,
        initial=TimeInForce.GTC,
        label="Waits",
    )
    post_only = forms.BooleanField(required=False, label="Only as a maker")
    reduce_only = forms.BooleanField(required=False, label="Only reduce")

    def __init__(self, *args: Any, instruments: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["instrument"].queryset = instruments  # type: ignore[attr-defined] # a field is one of many kinds

    def facts(self) -> dict[str, Any]:
        """Return what the form says as the service takes it: distances as ratios."""
        data = self.cleaned_data
        found = {name: data[name] for name in _AS_IT_IS} | {"time_in_force": data["time_in_force"] or TimeInForce.GTC}
        found |= {name: _over_hundred(data[name]) for name in DISTANCES.values()}
        trail = data["trail_percent"]
        return found | {"trail_bps": None if trail is None else trail * _PERCENT}


def _over_hundred(percent: Decimal | None) -> Decimal | None:
    return None if percent is None else percent / _PERCENT


def shown_in_form(template: OrderTemplate) -> dict[str, Any]:
    """Return what the form of a template opens with."""
    found = {name: getattr(template, name) for name in _AS_IT_IS} | {"amount": canonical(template.amount)}
    for name in DISTANCES.values():
        if (distance := getattr(template, name)) is not None:
            found[name] = canonical(distance * _PERCENT)
    if template.trail_bps is not None:
        found["trail_percent"] = canonical(template.trail_bps / _PERCENT)
    return found
