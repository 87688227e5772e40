"""The forms of the strategies pages: per cent to people, ratios to services."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms

from accounts.models import User
from engine.timeframes import TIMEFRAMES
from markets.models import Instrument
from markets.selectors import tradable_instruments
from portfolios.models import Portfolio
from strategies.models import StrategyVersion
from strategies.parameters import DEFAULT_SHARE, parse_parameters
from strategies.selectors import portfolios_to_run_on

HUNDRED = Decimal(100)
FIRST_TIMEFRAME = "5m"


def percent(ratio: Decimal) -> Decimal:
    """Return a ratio as per cent without padding: 0.2 is 20."""
    value = (ratio * HUNDRED).normalize()
    return value if value.as_tuple().exponent <= 0 else value.quantize(Decimal(1))  # type: ignore[operator]


class InstrumentChoice(forms.ModelChoiceField):  # type: ignore[type-arg]
    """Instruments by market and venue."""

    def label_from_instance(self, instrument: Instrument) -> str:
        return f"{instrument.market} · {instrument.exchange.name}"


class StrategyForm(forms.Form):
    """The EMA crossover template."""

    name = forms.CharField(max_length=80, help_text="For you; followers see what you publish, not this.")
    instrument = InstrumentChoice(queryset=Instrument.objects.none(), empty_label=None)
    timeframe = forms.ChoiceField(
        choices=[(one, one) for one in TIMEFRAMES],
        initial=FIRST_TIMEFRAME,
        help_text="It decides once, when each candle of this length has closed.",
    )
    fast = forms.IntegerField(label="Fast period", initial=12, help_text="Candles, 2 to 500.")
    slow = forms.IntegerField(label="Slow period", initial=26, help_text="Candles, above the fast period.")
    share = forms.DecimalField(
        label="Share of equity",
        initial=percent(DEFAULT_SHARE),
        max_digits=6,
        decimal_places=3,
        help_text="What an entry stakes, 1 to 100 per cent.",
    )
    stop_loss = forms.DecimalField(
        label="Stop loss",
        required=False,
        max_digits=6,
        decimal_places=3,
        help_text="Sells when the price has fallen this far below the entry, 0.1 to 50 per cent.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["instrument"].queryset = tradable_instruments()  # type: ignore[attr-defined]

    @staticmethod
    def initial_of(version: StrategyVersion) -> dict[str, Any]:
        """Return what the form shows of a version that is to be edited."""
        held = parse_parameters(version.parameters)
        return {
            "name": version.strategy.name,
            "instrument": version.instrument_id,
            "timeframe": version.timeframe,
            "fast": held.fast,
            "slow": held.slow,
            "share": percent(held.share),
            "stop_loss": None if held.stop_loss is None else percent(held.stop_loss),
        }

    def settings(self) -> dict[str, Any]:
        """Return what `save_strategy` takes."""
        data = self.cleaned_data
        stop_loss = None if data["stop_loss"] is None else data["stop_loss"] / HUNDRED
        parameters = {"fast": data["fast"], "slow": data["slow"], "share": data["share"] / HUNDRED}
        named = {name: data[name] for name in ("name", "instrument", "timeframe")}
        return {**named, "parameters": {**parameters, "stop_loss": stop_loss}}


class RunForm(forms.Form):
    """Where a version is to run."""

    portfolio = forms.ModelChoiceField(queryset=Portfolio.objects.none(), empty_label=None)

    def __init__(self, *args: Any, user: User, version: StrategyVersion, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.portfolios = portfolios_to_run_on(user, version)
        self.fields["portfolio"].queryset = self.portfolios  # type: ignore[attr-defined]

    def has_choices(self) -> bool:
        return self.portfolios.exists()
