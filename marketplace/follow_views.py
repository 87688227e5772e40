"""The pages on which somebody begins to follow: three steps, and the forecast beside them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from accounts.requests import SignedInRequest
from common.errors import DomainError
from engine.copy_accounts.fit import Fit
from marketplace import selectors
from marketplace.forms import SizingForm
from marketplace.limits import TOO_OFTEN, rerun_wait
from marketplace.models import Listing, ListingState, Offer
from marketplace.proofs.selectors import delay_of
from marketplace.services.listings import follow_listing
from marketplace.wizard import FollowWizard
from trading.copy_accounts.reruns import forecast_fit
from trading.copy_terms import TERMS, TERMS_VERSION
from trading.models import FollowState
from trading.services.lead_caps import room_of


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def follow(request: SignedInRequest, listing_id: UUID) -> HttpResponse:
    """One step of following a listing; the last one, sent, begins it."""
    listing = selectors.listing_for_reader(request.user, listing_id)
    taken = selectors.open_follow(request.user, listing)
    is_offered = listing.state == ListingState.PUBLISHED and listing.offer != Offer.DEFINITION
    if listing.owner_id == request.user.pk or taken or not is_offered:
        return redirect("marketplace:detail", listing.pk)
    data = request.POST if request.method == "POST" else request.GET
    wizard = FollowWizard(data, follower=request.user, listing=listing)
    if request.method == "POST" and wizard.is_complete():
        try:
            begun = follow_listing(follower=request.user, listing=listing, **wizard.terms())
        except DomainError as error:
            wizard.refuse(error)
        else:
            waits = begun.state == FollowState.WAITING
            words = "“{}” is full: you are on its waiting list." if waits else "You follow “{}” from its next trade on."
            messages.success(request, words.format(listing.title))
            return redirect("portfolios:detail", begun.portfolio_id)
    facts = {"listing": listing, "wizard": wizard, "form": wizard.form, **_last_step(request, wizard, listing)}
    return render(request, "marketplace/follow.html", facts, status=400 if wizard.form.errors else 200)


def _last_step(request: SignedInRequest, wizard: FollowWizard, listing: Listing) -> dict[str, object]:
    """Return what the last step shows beside its form: forecast, room, what was chosen, the terms."""
    if wizard.step < len(wizard.forms):
        return {}
    found, refused = _forecast(request, listing, wizard.amount, wizard.settings())
    room = room_of(listing.portfolio)
    return {
        "fit": found,
        "refused": refused,
        "chosen": wizard.stake.cleaned_data,
        "guards": wizard.guards,
        "protective_stop": wizard.protective_stop,
        "is_full": not room.has(wizard.amount),
        "is_led": room.is_led,
        "terms": TERMS,
        "terms_version": TERMS_VERSION,
        "back_address": wizard.address(2),
    }


@require_safe
def fit(request: HttpRequest, listing_id: UUID) -> HttpResponse:
    """How well the amount in the form fits this lead; says nothing while the form makes no sense."""
    listing = selectors.listing_for_reader(request.user, listing_id)
    form, found, refused = SizingForm(request.GET), None, ""
    if form.is_valid():
        found, refused = _forecast(request, listing, form.cleaned_data["amount"], form.settings())
    facts = {"listing": listing, "fit": found, "refused": refused}
    return render(request, "marketplace/_fit.html", facts)


def _forecast(
    request: HttpRequest, listing: Listing, amount: Decimal, settings: Mapping[str, object]
) -> tuple[Fit | None, str]:
    """Return the forecast, or why there is none."""
    if rerun_wait(request):
        return None, TOO_OFTEN
    delay = delay_of(listing, request.user if isinstance(request.user, User) else None)
    try:
        return forecast_fit(lead=listing.portfolio, amount=amount, settings=settings, delay=delay), ""
    except DomainError as error:
        return None, error.message
