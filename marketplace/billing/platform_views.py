"""The operators' view of all money, and what they decide: findings, held payouts, refused invoices, refunds."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.requests import SignedInRequest
from common.errors import DomainError, NotFound
from marketplace.billing import selectors
from marketplace.billing.currencies import minor_of
from marketplace.billing.forms import RefundForm
from marketplace.billing.modes import current_mode
from marketplace.billing.platform_business import platform_business
from marketplace.billing.services.closing import close_taking, retry_taking
from marketplace.billing.services.findings import settle_finding
from marketplace.billing.services.refunding import refund_part
from marketplace.billing.services.selling import hold_payouts, release_payouts
from marketplace.billing.services.sharing import retry_share, void_share

MOST_SOUGHT = 100


def _operators_only(request: SignedInRequest) -> None:
    if not request.user.is_staff:
        raise NotFound("page")


@require_safe
@login_required
def platform(request: SignedInRequest) -> HttpResponse:
    _operators_only(request)
    sought = request.GET.get("q", "").replace("\0", "").strip()[:MOST_SOUGHT]
    facts = {"platform": platform_business(current_mode(), sought), "mode": current_mode(), "sought": sought}
    return render(request, "billing/platform.html", facts)


@require_POST
@login_required
def settle(request: SignedInRequest, finding_id: UUID) -> HttpResponse:
    _operators_only(request)
    settle_finding(operator=request.user, finding=selectors.finding_for_operator(finding_id))
    return redirect("billing:platform")


@require_POST
@login_required
def hold(request: SignedInRequest, seller_id: UUID) -> HttpResponse:
    """Hold a lead's payouts, or release them."""
    _operators_only(request)
    seller = selectors.seller_for_operator(seller_id)
    if request.POST.get("act") == "release":
        release_payouts(operator=request.user, seller=seller)
        messages.success(request, "Released: the processor pays out again, unless a charge is contested.")
    else:
        hold_payouts(operator=request.user, seller=seller, reason=request.POST.get("reason", ""))
        messages.success(request, "Held: nothing is paid out to this lead until you release it.")
    return redirect("billing:platform")


@require_POST
@login_required
def decide_share(request: SignedInRequest, share_id: UUID) -> HttpResponse:
    """Have a refused invoice of profit shares tried again, or give it up."""
    _operators_only(request)
    share = selectors.share_for_operator(share_id)
    if request.POST.get("act") == "void":
        void_share(operator=request.user, share=share)
        messages.success(request, "Given up: its settlements go on the next week's invoice.")
    else:
        retry_share(operator=request.user, share=share)
        messages.success(request, "It is being tried again.")
    return redirect("billing:platform")


@require_POST
@login_required
def decide_taking(request: SignedInRequest, taking_id: UUID) -> HttpResponse:
    """Have what was refused between a lead and the platform tried again, or close it for a reason."""
    row = selectors.taking_for_operator(request.user, taking_id)
    if request.POST.get("act") == "close":
        close_taking(operator=request.user, row=row, reason=request.POST.get("reason", ""))
        messages.success(request, "Closed: it is not asked for any more, and stands below as owed.")
    else:
        retry_taking(operator=request.user, row=row)
        messages.success(request, "It is being tried again.")
    return redirect(f"{reverse('billing:platform')}#takings")


@require_POST
@login_required
def give_back(request: SignedInRequest, invoice_id: UUID) -> HttpResponse:
    """Give an amount of an invoice back; the form says whether the right ends with it."""
    _operators_only(request)
    invoice, form = selectors.invoice_for_operator(invoice_id), RefundForm(request.POST)
    if not form.is_valid():
        raise DomainError("AMOUNT_INVALID", "Write the amount to give back, such as 12.50.")
    ends_right = form.cleaned_data["ends_right"]
    amount_minor = minor_of(form.cleaned_data["amount"], invoice.currency)
    refund_part(operator=request.user, invoice=invoice, amount_minor=amount_minor, ends_right=ends_right)
    ending = ", and the subscription ends" if ends_right else "; the subscription goes on"
    messages.success(request, f"The amount is on its way back{ending}.")
    return redirect("billing:platform")
