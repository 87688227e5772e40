"""The pages of trading on margin: a position's leverage and margin mode, and what was paid at funding times."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.requests import SignedInRequest
from accounts.teams.models import Permission
from common.errors import DomainError, NotFound
from common.forms import show_refusal
from engine.decimals import ZERO
from engine.margin import tier_at
from markets.selectors import instrument_by_id
from portfolios.margin import funding_of, position_on_margin, tiers_by_instrument
from portfolios.margin_models import MarginMode
from portfolios.selectors import portfolio_for_user
from trading.services.margin_terms import set_margin_terms

PAGE_SIZE = 50


class TermsForm(forms.Form):
    """What a position is traded on."""

    leverage = forms.IntegerField(min_value=1, max_value=1000, label="Leverage")
    margin_mode = forms.ChoiceField(
        label="What backs it",
        widget=forms.RadioSelect,
        choices=[
            (
                MarginMode.ISOLATED,
                "Isolated\nA margin is set aside for this position. It can lose that, and nothing beyond it.",
            ),
            (
                MarginMode.CROSS,
                "Cross\nAll free cash of the portfolio stands behind it: it lasts longer, and can lose all of that.",
            ),
        ],
    )


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def terms(request: SignedInRequest, portfolio_id: UUID, instrument_id: UUID) -> HttpResponse:
    """The leverage and margin mode of a position, and their change."""
    portfolio, instrument = (
        portfolio_for_user(request.user, portfolio_id, Permission.TRADE),
        instrument_by_id(instrument_id),
    )
    if not instrument.is_perpetual:
        raise NotFound("perpetual")
    position, tiers = position_on_margin(portfolio, instrument), tiers_by_instrument([instrument.pk])[instrument.pk]
    initial = {"leverage": position.leverage, "margin_mode": position.margin_mode}
    form = TermsForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        mode = MarginMode(form.cleaned_data["margin_mode"])
        asked = {"leverage": form.cleaned_data["leverage"], "mode": mode}
        try:
            set_margin_terms(actor=request.user, portfolio=portfolio, instrument=instrument, **asked)
            messages.success(request, f"{instrument.market}: {asked['leverage']}x {mode.label.lower()} from now on.")
            return redirect("portfolios:detail", portfolio.pk)
        except DomainError as error:
            show_refusal(
                form, error, {"LEVERAGE": "leverage", "INSUFFICIENT": "leverage", "MARGIN_MODE": "margin_mode"}
            )
    facts = {
        "portfolio": portfolio,
        "instrument": instrument,
        "form": form,
        "tiers": tiers,
        "most": tier_at(ZERO, tiers).max_leverage,
    }
    return render(request, "trading/margin_terms.html", facts, status=400 if form.errors else 200)


@require_safe
@login_required
def funding(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    """What a portfolio's positions paid and received at funding times."""
    portfolio = portfolio_for_user(request.user, portfolio_id, Permission.VIEW)
    page = Paginator(funding_of(portfolio), PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "trading/funding.html", {"portfolio": portfolio, "page": page})
