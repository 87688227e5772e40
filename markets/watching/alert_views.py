"""The pages of one's price alerts: those that wait, those that were told or canceled, and the form of a new one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import LimitName, User
from accounts.requests import SignedInRequest
from accounts.selectors import limit
from common.errors import DomainError
from common.forms import show_refusal
from markets.models import AlertKind, AlertState, InstrumentState, PriceAlert
from markets.prices import latest_prices
from markets.selectors import alert_for_user, alerts_of, instrument_by_id, search_instruments
from markets.services import cancel_alert, create_alert, forget_alerts
from markets.tickers import tickers
from markets.watching.forms import ALERT_FIELDS, AlertForm
from markets.watching.wording import condition, price_topic, repetition, told_of

PAGE_SIZE, MOST_FOUND, MAX_SEARCH = 25, 12, 60
READ_OR_WRITE = require_http_methods(["GET", "HEAD", "POST"])
_WAITING = (AlertState.ARMED, AlertState.RESTING)


@require_safe
@login_required
def alerts(request: SignedInRequest) -> HttpResponse:
    query = request.GET.get("q", "").strip()[:MAX_SEARCH]
    mine = alerts_of(request.user)
    page = Paginator(mine.exclude(state__in=_WAITING), PAGE_SIZE).get_page(request.GET.get("page"))
    facts = {
        "query": query,
        "found": search_instruments(query)[:MOST_FOUND] if query else None,
        "waiting": _rows(request.user, list(mine.filter(state__in=_WAITING))),
        "ended": _rows(request.user, list(page)),
        "page": page,
        "limit": limit(request.user, LimitName.PRICE_ALERTS),
    }
    return render(request, "markets/alerts.html", facts)


@READ_OR_WRITE
@login_required
def new_alert(request: SignedInRequest, instrument_id: UUID) -> HttpResponse:
    instrument = instrument_by_id(instrument_id)
    asked = request.GET.get("kind", "")
    kind = AlertKind(asked) if asked in AlertKind.values else AlertKind.ABOVE
    form = AlertForm(request.POST or None, kind=kind, instrument=instrument)
    if form.is_valid():
        try:
            alert = create_alert(owner=request.user, instrument=instrument, **form.terms())
        except DomainError as error:
            show_refusal(form, error, ALERT_FIELDS)
        else:
            messages.success(request, f"You are told when {instrument.market} {condition(alert)}.")
            return redirect("markets:alerts")
    here = reverse("markets:new_alert", args=[instrument.pk])
    tabs = [{"label": one.label, "href": f"{here}?kind={one}", "active": one == kind} for one in AlertKind]
    [ticker] = tickers([instrument])
    facts = {"form": form, "instrument": instrument, "ticker": ticker, "tabs": tabs, "topic": price_topic(instrument)}
    return render(request, "markets/alert_form.html", facts, status=400 if form.errors else 200)


@require_safe
@login_required
def instrument_alerts(request: SignedInRequest, instrument_id: UUID) -> HttpResponse:
    """The part of an instrument's page that shows one's own alerts on it."""
    instrument = instrument_by_id(instrument_id)
    waiting = alerts_of(request.user).filter(instrument=instrument, state__in=_WAITING)
    facts = {
        "instrument": instrument,
        "rows": _rows(request.user, list(waiting)),
        "is_traded": instrument.state == InstrumentState.ACTIVE,
    }
    return render(request, "markets/_instrument_alerts.html", facts)


@require_POST
@login_required
def cancel(request: SignedInRequest, alert_id: UUID) -> HttpResponse:
    alert = cancel_alert(alert=alert_for_user(request.user, alert_id))
    if alert.state == AlertState.CANCELED:
        messages.success(request, "The alert is canceled.")
    else:
        messages.info(request, "The alert was told already.")
    return redirect(_back(request, alert))


@require_POST
@login_required
def forget(request: SignedInRequest) -> HttpResponse:
    count = forget_alerts(owner=request.user)
    messages.success(request, f"{count} ended alerts are deleted." if count != 1 else "One ended alert is deleted.")
    return redirect("markets:alerts")


def _rows(user: User, shown: Sequence[PriceAlert]) -> list[dict[str, Any]]:
    """Return alerts with what the templates say of each."""
    told = told_of(user, shown)
    prices = latest_prices([alert.instrument for alert in shown])
    return [
        {
            "alert": alert,
            "condition": condition(alert),
            "repetition": repetition(alert),
            "told": told.get(alert.pk),
            "state": alert.get_state_display(),
            "topic": price_topic(alert.instrument),
            "price": prices[alert.instrument_id].price if alert.instrument_id in prices else None,
        }
        for alert in shown
    ]


def _back(request: HttpRequest, alert: PriceAlert) -> str:
    """Return where a cancel leads: to the instrument's page where it came from there, else to the list."""
    if request.POST.get("from") == "instrument":
        return reverse("markets:instrument", args=[alert.instrument_id])
    return reverse("markets:alerts")
