"""A lead's business pages: prices, promotion codes, account, figures and statements."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.requests import SignedInRequest
from common.errors import DomainError, NotFound
from common.forms import show_refusal
from marketplace.billing import selectors
from marketplace.billing.business import business_of
from marketplace.billing.forms import CodeForm, PriceForm, SpanForm
from marketplace.billing.models import PriceState
from marketplace.billing.modes import current_mode
from marketplace.billing.offers import offers_of
from marketplace.billing.services.pricing import retire_price, set_price
from marketplace.billing.services.promoting import create_code, retire_code
from marketplace.billing.services.selling import (
    check_can_sell,
    finish_onboarding,
    payout_settings_url,
    start_onboarding,
)
from marketplace.billing.statements import statement_csv, statement_pdf
from marketplace.selectors import listing_for_owner, listings_of

_TYPES = {"csv": "text/csv; charset=utf-8", "pdf": "application/pdf"}


@require_safe
@login_required
def business(request: SignedInRequest) -> HttpResponse:
    found = business_of(request.user)
    lines = selectors.statement_lines(found.seller).reverse()[:20] if found.seller is not None else []
    facts = {
        "business": found,
        "lines": lines,
        "listings": listings_of(request.user),
        "is_set_up": current_mode() is not None,
    }
    return render(request, "billing/business.html", facts)


@require_safe
@login_required
def onboarding(request: SignedInRequest) -> HttpResponse:
    """On to the processor's pages; it leads back here itself when its address has grown too old."""
    return redirect(start_onboarding(user=request.user))


@require_safe
@login_required
def onboarded(request: SignedInRequest) -> HttpResponse:
    finish_onboarding(user=request.user)
    return redirect("billing:business")


@require_safe
@login_required
def payout_settings(request: SignedInRequest) -> HttpResponse:
    return redirect(payout_settings_url(user=request.user))


@require_safe
@login_required
def statement(request: SignedInRequest, form: str) -> HttpResponse:
    seller, span = selectors.seller_of(request.user), SpanForm(request.GET)
    if seller is None or form not in _TYPES:
        raise NotFound("statement")
    if not span.is_valid():
        raise DomainError("SPAN_INVALID", "Write days as 2026-01-31.")
    days = span.cleaned_data
    lines = list(selectors.statement_lines(seller, **days))
    words = f"from {days['since'] or 'the beginning'} until {days['until'] or 'today'}"
    body = statement_csv(lines) if form == "csv" else statement_pdf(seller, lines, words)
    headers = {"Content-Disposition": f'attachment; filename="statement.{form}"'}
    return HttpResponse(body, content_type=_TYPES[form], headers=headers)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def prices(request: SignedInRequest, listing_id: UUID) -> HttpResponse:
    listing = listing_for_owner(request.user, listing_id)
    form = PriceForm(request.POST or None)
    if form.is_valid():
        try:
            set_price(owner=request.user, listing=listing, **form.terms())
        except DomainError as error:
            show_refusal(form, error)
        else:
            messages.success(request, "The price is being set up: it is on sale in a moment.")
            return redirect("billing:prices", listing.pk)
    missing = ""
    try:
        check_can_sell(request.user)
    except DomainError as error:
        missing = error.message
    offers = offers_of(selectors.prices_of(selectors.listing_subject(listing.pk)))
    is_waiting = any(one.price.state == PriceState.PENDING for one in offers)
    facts = {"form": form, "listing": listing, "offers": offers, "missing": missing, "is_waiting": is_waiting}
    return render(request, "billing/prices.html", facts, status=400 if form.errors else 200)


@require_POST
@login_required
def retire(request: SignedInRequest, price_id: UUID) -> HttpResponse:
    price = selectors.price_for_owner(request.user, price_id)
    try:
        retire_price(actor=request.user, price=price, makes_free=request.POST.get("makes_free") == "yes")
    except DomainError as error:
        # (Another price was retired since the page was shown, whose button asks.)
        messages.error(request, error.message)
        return redirect("billing:prices", price.listing_id)
    messages.success(request, "Nobody new pays this price; whoever subscribed goes on.")
    return redirect("billing:prices", price.listing_id)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def codes(request: SignedInRequest, listing_id: UUID) -> HttpResponse:
    """The promotion codes of a listing, and the form for another one."""
    listing = listing_for_owner(request.user, listing_id)
    form = CodeForm(request.POST or None, initial={"percent_off": 20})
    if form.is_valid():
        try:
            create_code(owner=request.user, listing=listing, **form.terms())
        except DomainError as error:
            show_refusal(form, error)
        else:
            messages.success(request, "The code is being set up: it can be used in a moment.")
            return redirect("billing:codes", listing.pk)
    rows = list(selectors.codes_of(listing))
    is_waiting = any(one.state == PriceState.PENDING for one in rows)
    facts = {"form": form, "listing": listing, "rows": rows, "is_waiting": is_waiting}
    facts["is_sold"] = current_mode() is not None and selectors.is_paid(listing)
    return render(request, "billing/codes.html", facts, status=400 if form.errors else 200)


@require_POST
@login_required
def end_code(request: SignedInRequest, code_id: UUID) -> HttpResponse:
    code = selectors.code_for_owner(request.user, code_id)
    retire_code(actor=request.user, code=code)
    messages.success(request, "Nobody new uses this code; whoever did keeps what it gave.")
    return redirect("billing:codes", code.listing_id)
