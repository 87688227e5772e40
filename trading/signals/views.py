"""A portfolio's page of signals: its sources, their addresses and secrets, and what they sent."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from accounts.requests import SignedInRequest
from accounts.teams.models import Permission
from common.errors import DomainError
from common.forms import show_refusal
from portfolios.models import Portfolio
from portfolios.selectors import portfolio_for_user
from trading.codes import explain
from trading.signals.forms import SourceForm
from trading.signals.models import SignalSource
from trading.signals.proof import secret_of
from trading.signals.selectors import RECENT, signals_of, source_for_user, sources_of
from trading.signals.services import create_source, renew_secret, switch_source


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def signals(request: SignedInRequest, portfolio_id: UUID) -> HttpResponse:
    """The page; a new source's secret is shown once, in the answer that makes it."""
    portfolio = portfolio_for_user(request.user, portfolio_id, Permission.MANAGE_KEYS)
    form = SourceForm(request.POST or None)
    made = None
    if request.method == "POST" and form.is_valid():
        try:
            made = create_source(actor=request.user, portfolio=portfolio, name=form.cleaned_data["name"])
            form = SourceForm()
        except DomainError as error:
            show_refusal(form, error)
    return _page(request, portfolio, form, made)


@require_POST
@login_required
def renew(request: SignedInRequest, source_id: UUID) -> HttpResponse:
    source = source_for_user(request.user, source_id)
    renewed = renew_secret(actor=request.user, source=source)
    return _page(request, source.portfolio, SourceForm(), renewed)


@require_POST
@login_required
def switch(request: SignedInRequest, source_id: UUID) -> HttpResponse:
    source = source_for_user(request.user, source_id)
    switched = switch_source(actor=request.user, source=source, on="on" in request.POST)
    messages.success(request, f"“{switched.name}” is {'on' if switched.is_on else 'off'}.")
    return redirect("trading:signals", source.portfolio_id)


def _page(request: SignedInRequest, portfolio: Portfolio, form: SourceForm, shown: SignalSource | None) -> HttpResponse:
    rows = [
        (one, request.build_absolute_uri(reverse("trading_api:signal", args=[one.pk]))) for one in sources_of(portfolio)
    ]
    heard = [(one, explain(one.order.code, one.order) if one.order else "") for one in signals_of(portfolio)[:RECENT]]
    facts = {
        "portfolio": portfolio,
        "form": form,
        "rows": rows,
        "heard": heard,
        "shown": shown,
        "secret": secret_of(shown) if shown else "",
    }
    answer = render(request, "trading/signals.html", facts, status=400 if form.errors else 200)
    answer["Cache-Control"] = "no-store"
    return answer
