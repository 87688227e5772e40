"""The marketplace pages: what leads offer, for everybody to see; publishing and following for people signed in."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from accounts.requests import SignedInRequest
from common.errors import DomainError
from common.forms import show_refusal
from marketplace import selectors
from marketplace.forms import FollowForm, PublishForm, WordsForm
from marketplace.models import Listing
from marketplace.services.listings import follow_listing, publish_listing, update_listing, withdraw_listing
from marketplace.tabs import kind_tabs
from portfolios.selectors import equity_curve

PAGE_SIZE = 24
READ_OR_WRITE = require_http_methods(["GET", "HEAD", "POST"])
# Where a refused follow is shown: by what its code begins with.
FOLLOW_FIELDS = {
    "AMOUNT": "amount",
    "INSUFFICIENT_BALANCE": "amount",
    "MULTIPLIER": "multiplier",
    "MARKET_MISMATCH": "source",
    "QUOTE_MISMATCH": "source",
    "PORTFOLIO": "source",
    "CASH_IS_LOCKED": "source",
}


@require_safe
def listing_list(request: HttpRequest) -> HttpResponse:
    kinds = selectors.published_kinds()
    kind = request.GET.get("kind")
    kind = kind if kind in kinds else None
    page = Paginator(selectors.published(kind), PAGE_SIZE).get_page(request.GET.get("page"))
    curves = selectors.recent_curves(list(page))
    facts = {
        "page": page,
        "cards": [(one, curves[one.pk]) for one in page],
        "tabs": kind_tabs(reverse("marketplace:list"), kinds, kind, with_all=True),
        "mine": selectors.listings_of(request.user) if isinstance(request.user, User) else [],
    }
    return render(request, "marketplace/list.html", facts)


@READ_OR_WRITE
def detail(request: HttpRequest, listing_id: UUID) -> HttpResponse:
    """One listing; for people signed in, with the form to follow it."""
    listing = selectors.listing_for_reader(request.user, listing_id)
    form = _follow_form(request, listing)
    if request.method == "POST" and not isinstance(request.user, User):
        # Whoever was logged out meanwhile comes back here.
        return redirect_to_login(request.get_full_path())
    if form is not None and request.method == "POST" and form.is_valid():
        try:
            follow = follow_listing(follower=form.follower, listing=listing, **form.cleaned_data)
        except DomainError as error:
            show_refusal(form, error, FOLLOW_FIELDS)
        else:
            messages.success(request, f"You follow “{listing.title}” from its next trade on.")
            return redirect("portfolios:detail", follow.portfolio_id)
    facts = {
        "listing": listing,
        "cells": selectors.listing_cells(listing, vars(listing)["follower_count"]),
        "form": form,
        "follow": selectors.open_follow(request.user, listing),
        "is_owner": listing.owner_id == request.user.pk,
    }
    return render(request, "marketplace/detail.html", facts, status=400 if form is not None and form.errors else 200)


def _follow_form(request: HttpRequest, listing: Listing) -> FollowForm | None:
    if not isinstance(request.user, User) or listing.owner_id == request.user.pk:
        return None
    return FollowForm(request.POST or None, follower=request.user, listing=listing)


@require_safe
def equity(request: HttpRequest, listing_id: UUID) -> JsonResponse:
    """The chart's data."""
    listing = selectors.listing_for_reader(request.user, listing_id)
    points = equity_curve(listing.portfolio)
    return JsonResponse({"points": [{"time": int(at.timestamp()), "value": float(value)} for at, value in points]})


@READ_OR_WRITE
@login_required
def publish(request: SignedInRequest) -> HttpResponse:
    initial = {"portfolio": request.GET.get("portfolio")}
    form = PublishForm(request.POST or None, owner=request.user, initial=initial)
    if form.is_valid():
        try:
            listing = publish_listing(owner=request.user, **form.cleaned_data)
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
    form = WordsForm(request.POST or None, initial={"title": listing.title, "description": listing.description})
    if form.is_valid():
        try:
            update_listing(actor=request.user, listing=listing, **form.cleaned_data)
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
