"""The form of a follow's guards. Shares are typed in per cent and kept as ratios."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms

from common.errors import DomainError
from common.forms import show_refusal
from engine.following import DEFAULT_GUARDS, Guards, StopKind
from portfolios.models import Portfolio
from trading.services.follow_guards import check_guards
from trading.services.protecting import check_protection

HUNDRED = Decimal(100)


def _percent(label: str, share: Decimal | None, help_text: str) -> forms.DecimalField:
    initial = None if share is None else _typed(share)
    return forms.DecimalField(
        label=label, required=False, initial=initial, max_digits=5, decimal_places=2, help_text=help_text
    )


def _typed(share: Decimal) -> str:
    """Return a share in per cent, without an exponent."""
    return f"{(share * HUNDRED).normalize():f}"


class GuardsForm(forms.Form):
    """What a follow may lose. An empty field is no guard."""

    stop = _percent(
        "Copy stop",
        DEFAULT_GUARDS.stop,
        "Once so much of the copied amount is lost, everything is sold and the follow ends. 5 to 95; empty for none.",
    )
    kind = forms.ChoiceField(
        label="The copy stop",
        required=False,
        initial=StopKind.FIXED,
        choices=[
            (StopKind.FIXED, "stays where it is"),
            (StopKind.TRAILING, "rises with the most it has been worth"),
        ],
    )
    daily_loss = _percent(
        "Loss in a day",
        DEFAULT_GUARDS.daily_loss,
        "At such a loss since midnight UTC nothing new is copied until you resume it. Empty for none.",
    )

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if not self.errors:
            try:
                check_guards(self.guards())
            except DomainError as error:
                show_refusal(self, error)
        return data

    def guards(self) -> Guards:
        """Return what was chosen, as ratios."""
        data = self.cleaned_data
        daily_loss, stop = (None if data[name] is None else data[name] / HUNDRED for name in ("daily_loss", "stop"))
        return Guards(daily_loss, stop, StopKind(data["kind"] or StopKind.FIXED))


class ProtectionForm(forms.Form):
    """How far from its entry each position of a live follow is stopped at the exchange; empty for no stop there."""

    protective_stop = _percent(
        "Protective stop at the exchange",
        None,
        "So far from what each position cost on average the exchange closes it by itself, even while this platform is down."
        " 1 to 50; empty for none.",
    )

    def __init__(self, *args: Any, portfolio: Portfolio, share: Decimal | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._portfolio = portfolio
        self.initial = {"protective_stop": None if share is None else _typed(share)}

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if not self.errors:
            try:
                check_protection(self.share, self._portfolio)
            except DomainError as error:
                show_refusal(self, error)
        return data

    @property
    def share(self) -> Decimal | None:
        """Return what was chosen, as a ratio."""
        typed: Decimal | None = self.cleaned_data["protective_stop"]
        return None if typed is None else typed / HUNDRED


class FirstGuardsForm(GuardsForm, ProtectionForm):
    """What a follow that begins may lose, here and at the exchange."""


def guards_form(guards: Guards) -> GuardsForm:
    """Return a form that shows these guards."""
    shares = {"stop": guards.stop, "daily_loss": guards.daily_loss}
    shown: dict[str, Any] = {name: None if one is None else _typed(one) for name, one in shares.items()}
    return GuardsForm(initial={**shown, "kind": guards.kind})
