"""The business pages: a lead's prices, account, figures and statements; the operators' view of all money."""

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
from marketplace.billing.business import business_of, platform_business
from marketplace.billing.currencies import minor_of
from marketplace.billing.forms import PriceForm, RefundForm, SpanForm
from marketplace.billing.models import Finding, Invoice, PriceState, Seller
from marketplace.billing.modes import current_mode
from marketplace.billing.offers import offers_of
from marketplace.billing.services.findings import settle_finding
from marketplace.billing.services.pricing import retire_price, set_price
from marketplace.billing.services.refunding import refund_part
from marketplace.billing.services.selling import (
    check_can_sell,
    finish_onboarding,
    hold_payouts,
    payout_settings_url,
    release_payouts,
    start_onboarding,
)
from marketplace.billing.statements import statement_csv, statement_pdf
from marketplace.selectors import listing_for_owner, listings_of

_TYPES = {"csv": "text/csv; charset=utf-8", "pdf": "application/pdf"}


# --- leads ----------------------------------------------------------------------------------------------------------
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
    retire_price(actor=request.user, price=price)
    messages.success(request, "Nobody new pays this price; whoever subscribed goes on.")
    return redirect("billing:prices", price.listing_id)


# --- operators ------------------------------------------------------------------------------------------------------
def _operators_only(request: SignedInRequest) -> None:
    if not request.user.is_staff:
        raise NotFound("page")


@require_safe
@login_required
def platform(request: SignedInRequest) -> HttpResponse:
    _operators_only(request)
    facts = {"platform": platform_business(current_mode()), "mode": current_mode()}
    return render(request, "billing/platform.html", facts)


@require_POST
@login_required
def settle(request: SignedInRequest, finding_id: UUID) -> HttpResponse:
    _operators_only(request)
    found = Finding.objects.filter(pk=finding_id).first()
    if found is None:
        raise NotFound("finding")
    settle_finding(operator=request.user, finding=found)
    return redirect("billing:platform")


@require_POST
@login_required
def hold(request: SignedInRequest, seller_id: UUID) -> HttpResponse:
    """Hold a lead's payouts, or release them."""
    _operators_only(request)
    seller = Seller.objects.filter(pk=seller_id).first()
    if seller is None:
        raise NotFound("payout account")
    if seller.is_held:
        release_payouts(operator=request.user, seller=seller)
    else:
        hold_payouts(operator=request.user, seller=seller, reason=request.POST.get("reason", ""))
    return redirect("billing:platform")


@require_POST
@login_required
def give_back(request: SignedInRequest, invoice_id: UUID) -> HttpResponse:
    """Give an amount of an invoice back."""
    _operators_only(request)
    invoice, form = Invoice.objects.filter(pk=invoice_id).first(), RefundForm(request.POST)
    if invoice is None:
        raise NotFound("invoice")
    if not form.is_valid():
        raise DomainError("AMOUNT_INVALID", "Write the amount to give back, such as 12.50.")
    refund_part(
        operator=request.user,
        invoice=invoice,
        amount_minor=minor_of(form.cleaned_data["amount"], invoice.currency),
        ends_right=form.cleaned_data["ends_right"],
    )
    messages.success(request, "The amount is on its way back.")
    return redirect("billing:platform")
