"""The marketplace pages: what leads offer, for everybody to see. Publishing has its own (publishing/views.py)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import User
from marketplace import selectors
from marketplace.billing.offers import offers_of
from marketplace.billing.selectors import listing_subject, prices_of
from marketplace.curves import equity_points, tell_newest
from marketplace.entitlements import is_entitled
from marketplace.forms import WhatIfForm
from marketplace.limits import TOO_OFTEN, rerun_wait
from marketplace.models import Listing, Offer
from marketplace.proofs.selectors import delay_of
from marketplace.proofs.showing import panel_of
from marketplace.publishing.selectors import page_facts
from marketplace.reviews.views import reviews_section
from marketplace.search.selectors import similar_to
from portfolios.costs import label_of
from trading.copy_accounts.reruns import CopyBacktest, backtest_copy

# A small curve needs no more points.
CURVE_POINTS = 200


@require_safe
def detail(request: HttpRequest, listing_id: UUID) -> HttpResponse:
    """One listing, and the way to follow it."""
    listing = selectors.listing_for_reader(request.user, listing_id)
    tell_newest([listing], request.user)
    user = request.user if isinstance(request.user, User) else None
    facts = {
        "listing": listing,
        "cells": selectors.listing_cells(listing, vars(listing)["follower_count"]),
        "follow": selectors.open_follow(request.user, listing),
        "is_owner": listing.owner_id == request.user.pk,
        "may_follow": user is not None
        and listing.offer != Offer.DEFINITION
        and selectors.funding_portfolios(user, listing).exists(),
        "costs": label_of(listing.portfolio),
        "what_if": WhatIfForm(),
        "proofs": panel_of(listing, user),
        "site_url": settings.SITE_URL,
        "offers": offers_of(prices_of(listing_subject(listing.pk))),
        "is_entitled": user is not None and is_entitled(user, listing),
        **reviews_section(request, listing),
        "similar": similar_to(listing),
        "execution": selectors.execution_bars(listing.copies) if hasattr(listing, "copies") else [],
        **page_facts(user, listing),
    }
    return render(request, "marketplace/detail.html", facts)


@require_safe
def equity(request: HttpRequest, listing_id: UUID) -> JsonResponse:
    """The chart's data."""
    listing = selectors.listing_for_reader(request.user, listing_id)
    points = equity_points(listing, request.user)
    return JsonResponse({"points": [{"time": int(at.timestamp()), "value": float(value)} for at, value in points]})


@require_safe
def what_if(request: HttpRequest, listing_id: UUID) -> HttpResponse:
    """What following this would have come to, for the amount that the sliders say; a page of its own without scripts."""
    listing = selectors.listing_for_reader(request.user, listing_id)
    form = WhatIfForm(request.GET if "amount" in request.GET else None)
    asked = form.cleaned_data if form.is_bound and form.is_valid() else {}
    delay = delay_of(listing, request.user if isinstance(request.user, User) else None)
    facts: dict[str, Any] = {"listing": listing, "form": form, "is_delayed": delay is not None}
    if rerun_wait(request):
        facts["refused"] = TOO_OFTEN
    elif not form.errors:
        facts["told"] = told = _told(listing, delay, **asked)
        facts["points"] = thinned([float(equity) for _, equity in told.result.curve])
    is_part = request.headers.get("HX-Request")
    return render(request, "marketplace/_what_if_result.html" if is_part else "marketplace/what_if.html", facts)


def thinned(values: list[float]) -> list[float]:
    """Return so many of the values as a small curve can show, the last among them."""
    step = max(1, len(values) // CURVE_POINTS)
    return values[::-step][::-1]


def _told(
    listing: Listing,
    delay: timedelta | None,
    amount: Decimal = Decimal(500),
    multiplier: Decimal = Decimal(1),
    since: date | None = None,
) -> CopyBacktest:
    return backtest_copy(
        lead=listing.portfolio,
        amount=amount,
        multiplier=multiplier,
        since=None if since is None else datetime.combine(since, time(), tzinfo=UTC),
        profit_share_ratio=listing.profit_share_ratio,
        delay=delay,
    )
