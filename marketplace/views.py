"""The marketplace pages: what leads offer, for everybody to see; publishing for people signed in."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from accounts.requests import SignedInRequest
from common.errors import DomainError
from common.forms import show_refusal
from marketplace import selectors
from marketplace.forms import PublishForm, WhatIfForm, WordsForm
from marketplace.limits import TOO_OFTEN, rerun_wait
from marketplace.models import Listing
from marketplace.reviews.views import reviews_section
from marketplace.search.selectors import similar_to
from marketplace.services.listings import publish_listing, update_listing, withdraw_listing
from portfolios.costs import label_of
from portfolios.selectors import equity_curve
from trading.copy_accounts.reruns import CopyBacktest, backtest_copy

# A small curve needs no more points.
CURVE_POINTS = 200
READ_OR_WRITE = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
def detail(request: HttpRequest, listing_id: UUID) -> HttpResponse:
    """One listing, and the way to follow it."""
    listing = selectors.listing_for_reader(request.user, listing_id)
    user = request.user if isinstance(request.user, User) else None
    facts = {
        "listing": listing,
        "cells": selectors.listing_cells(listing, vars(listing)["follower_count"]),
        "follow": selectors.open_follow(request.user, listing),
        "is_owner": listing.owner_id == request.user.pk,
        "may_follow": user is not None and selectors.funding_portfolios(user, listing).exists(),
        "costs": label_of(listing.portfolio),
        "what_if": WhatIfForm(),
        **reviews_section(request, listing),
        "similar": similar_to(listing),
        "execution": selectors.execution_bars(listing.copies) if hasattr(listing, "copies") else [],
    }
    return render(request, "marketplace/detail.html", facts)


@require_safe
def equity(request: HttpRequest, listing_id: UUID) -> JsonResponse:
    """The chart's data."""
    listing = selectors.listing_for_reader(request.user, listing_id)
    points = equity_curve(listing.portfolio)
    return JsonResponse({"points": [{"time": int(at.timestamp()), "value": float(value)} for at, value in points]})


@require_safe
def what_if(request: HttpRequest, listing_id: UUID) -> HttpResponse:
    """What following this would have come to, for the amount that the sliders say; a page of its own without scripts."""
    listing = selectors.listing_for_reader(request.user, listing_id)
    form = WhatIfForm(request.GET if "amount" in request.GET else None)
    asked = form.cleaned_data if form.is_bound and form.is_valid() else {}
    facts: dict[str, Any] = {"listing": listing, "form": form}
    if rerun_wait(request):
        facts["refused"] = TOO_OFTEN
    elif not form.errors:
        facts["told"] = told = _told(listing, **asked)
        facts["points"] = thinned([float(equity) for _, equity in told.result.curve])
    is_part = request.headers.get("HX-Request")
    return render(request, "marketplace/_what_if_result.html" if is_part else "marketplace/what_if.html", facts)


def thinned(values: list[float]) -> list[float]:
    """Return so many of the values as a small curve can show, the last among them."""
    step = max(1, len(values) // CURVE_POINTS)
    return values[::-step][::-1]


def _told(
    listing: Listing, amount: Decimal = Decimal(500), multiplier: Decimal = Decimal(1), since: date | None = None
) -> CopyBacktest:
    return backtest_copy(
        lead=listing.portfolio,
        amount=amount,
        multiplier=multiplier,
        since=None if since is None else datetime.combine(since, time(), tzinfo=UTC),
        profit_share_ratio=listing.profit_share_ratio,
    )


@READ_OR_WRITE
@login_required
def publish(request: SignedInRequest) -> HttpResponse:
    initial = {"portfolio": request.GET.get("portfolio")}
    form = PublishForm(request.POST or None, owner=request.user, initial=initial)
    if form.is_valid():
        try:
            listing = publish_listing(owner=request.user, **form.terms())
        except DomainError as error:
            show_refusal(form, error, {"LEAD_IS_FOLLOWING": "portfolio"})
        else:
            messages.success(request, "Published: everybody can see it, and follow it, from now on.")
            return redirect("marketplace:detail", listing.pk)
    facts = {"form": form, "choices": form.has_choices()}
    return render(request, "marketplace/publish.html", facts, status=400 if form.errors else 200)


@READ_OR_WRITE
@login_required
def edit(request: SignedInRequest, listing_id: UUID) -> HttpResponse:
    listing = selectors.listing_for_owner(request.user, listing_id)
    initial = {
        "title": listing.title,
        "description": listing.description,
        "profit_share": (listing.profit_share_ratio * 100).normalize(),
    }
    form = WordsForm(request.POST or None, initial=initial)
    if form.is_valid():
        try:
            update_listing(actor=request.user, listing=listing, **form.terms())
        except DomainError as error:
            show_refusal(form, error)
        else:
            messages.success(request, "Your listing is changed.")
            return redirect("marketplace:detail", listing.pk)
    facts = {"form": form, "listing": listing}
    return render(request, "marketplace/edit.html", facts, status=400 if form.errors else 200)


@require_POST
@login_required
def withdraw(request: SignedInRequest, listing_id: UUID) -> HttpResponse:
    listing = selectors.listing_for_owner(request.user, listing_id)
    withdraw_listing(actor=request.user, listing=listing)
    messages.success(request, "Withdrawn: nobody new may follow it, and whoever does goes on.")
    return redirect("marketplace:detail", listing.pk)
