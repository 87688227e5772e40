"""Pages about proofs: signed roots and their keys, a record to download, and where anybody checks one."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from accounts.requests import SignedInRequest
from common.errors import DomainError
from marketplace.proofs.downloads import record_answer
from marketplace.proofs.models import RecordKey, RecordRoot
from marketplace.proofs.services import reproducing
from marketplace.proofs.showing import panel_of
from marketplace.selectors import listing_for_owner, listing_for_reader
from strategies.selectors import backtest_for_user

PAGE_SIZE = 24


@require_safe
def roots(request: HttpRequest) -> HttpResponse:
    page = Paginator(RecordRoot.objects.order_by("-number"), PAGE_SIZE).get_page(request.GET.get("page"))
    keys = RecordKey.objects.order_by("first_used_at")
    return render(request, "marketplace/proofs/roots.html", {"page": page, "keys": keys})


@require_safe
def verify(request: HttpRequest) -> HttpResponse:
    """Where a file is checked. The browser does it; nothing is sent here."""
    return render(request, "marketplace/proofs/verify.html")


@require_safe
def record(request: HttpRequest, listing_id: UUID) -> StreamingHttpResponse:
    user = request.user if isinstance(request.user, User) else None
    return record_answer(request, listing_for_reader(user, listing_id), user)


@require_POST
@login_required
def publish_backtest(request: SignedInRequest, listing_id: UUID) -> HttpResponse:
    listing = listing_for_owner(request.user, listing_id)
    backtest = backtest_for_user(request.user, request.POST.get("backtest", ""))
    reproducing.publish_backtest(owner=request.user, listing=listing, backtest=backtest)
    messages.success(request, "Published: readers see what it came to, and can repeat it.")
    return redirect("marketplace:detail", listing.pk)


@require_POST
@login_required
def reproduce(request: SignedInRequest, listing_id: UUID) -> HttpResponse:
    listing = listing_for_reader(request.user, listing_id)
    try:
        reproducing.request_reproduction(reader=request.user, listing=listing)
    except DomainError as error:
        messages.error(request, error.message)
    return redirect("marketplace:detail", listing.pk)


@require_safe
@login_required
def reproduction(request: SignedInRequest, listing_id: UUID) -> HttpResponse:
    """The part of the listing's page that says how a repetition stands; asked again while it is under way."""
    listing = listing_for_reader(request.user, listing_id)
    facts = {"listing": listing, "proofs": panel_of(listing, request.user)}
    return render(request, "marketplace/proofs/_repeated.html", facts)
