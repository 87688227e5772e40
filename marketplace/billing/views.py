"""What buyers see of money: subscribing, their subscriptions, their invoices, the platform's plans."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.requests import SignedInRequest
from accounts.selectors import default_plan, limits_of
from common.errors import DomainError, NotFound
from marketplace.billing import selectors
from marketplace.billing.forms import StopModeForm
from marketplace.billing.models import ChangeKind, CheckoutState, Work
from marketplace.billing.modes import current_mode
from marketplace.billing.offers import offers_of, shown_subscriptions
from marketplace.billing.services.buying import begin_checkout, portal_url
from marketplace.billing.services.changing import choose_stop_mode, request_change
from marketplace.billing.services.refunding import refundable, request_refund
from trading.follow_models import StopMode

PAGE_SIZE = 25
# How often a page that waits for the processor asks again, in seconds.
ASK_AGAIN = 2


@require_POST
@login_required
def subscribe(request: SignedInRequest, price_id: UUID) -> HttpResponse:
    checkout = begin_checkout(user=request.user, price=selectors.price_for_buyer(price_id))
    return redirect("billing:checkout", checkout.pk)


@require_safe
@login_required
def checkout(request: SignedInRequest, checkout_id: UUID) -> HttpResponse:
    """The way to the payment page, and back from it. No form leads there: the page's policy lets forms go nowhere else."""
    found = selectors.checkout_for_user(request.user, checkout_id)
    came_back = request.GET.get("back")
    bought = selectors.has_right(request.user, found.subject)
    facts = {"checkout": found, "came_back": came_back, "bought": bought}
    answer = render(request, "billing/checkout.html", facts)
    is_waiting = found.state == CheckoutState.PENDING or (came_back == "paid" and not bought)
    if found.state == CheckoutState.OPEN and not came_back:
        answer["Refresh"] = f"0; url={found.url}"
    elif is_waiting and found.state != CheckoutState.FAILED:
        answer["Refresh"] = str(ASK_AGAIN)
    return answer


@require_safe
@login_required
def portal(request: SignedInRequest) -> HttpResponse:
    return redirect(portal_url(user=request.user))


@require_safe
@login_required
def subscriptions(request: SignedInRequest) -> HttpResponse:
    page = Paginator(selectors.subscriptions_of(request.user), PAGE_SIZE).get_page(request.GET.get("page"))
    rows = shown_subscriptions(list(page))
    is_waiting = any(row["change"] is not None and row["change"].state == Work.PENDING for row in rows)
    facts = {"page": page, "rows": rows, "stop_modes": StopMode.choices, "is_waiting": is_waiting}
    return render(request, "billing/subscriptions.html", facts)


@require_POST
@login_required
def change(request: SignedInRequest, subscription_id: UUID) -> HttpResponse:
    found = selectors.subscription_for_user(request.user, subscription_id)
    kind = request.POST.get("kind", "")
    if kind not in ChangeKind.values:
        raise DomainError("CHANGE_UNKNOWN", "Choose what to change.")
    price = None
    if kind == ChangeKind.SWITCH:
        price = selectors.prices_of(found.subject).filter(pk=_key(request.POST.get("price"))).first()
    request_change(user=request.user, subscription=found, kind=ChangeKind(kind), price=price)
    messages.success(request, "The payment processor is being told; this page shows it in a moment.")
    return redirect("billing:subscriptions")


def _key(given: str | None) -> UUID:
    try:
        return UUID(given or "")
    except ValueError:
        raise NotFound("price") from None


@require_POST
@login_required
def ending(request: SignedInRequest, subscription_id: UUID) -> HttpResponse:
    found = selectors.subscription_for_user(request.user, subscription_id)
    form = StopModeForm(request.POST)
    if not form.is_valid():
        raise DomainError("STOP_MODE_UNKNOWN", "Choose what becomes of the holdings.")
    choose_stop_mode(user=request.user, subscription=found, mode=StopMode(form.cleaned_data["stop_mode"]))
    messages.success(request, "Remembered for when the subscription ends.")
    return redirect("billing:subscriptions")


@require_safe
@login_required
def invoices(request: SignedInRequest) -> HttpResponse:
    page = Paginator(selectors.invoices_of(request.user), PAGE_SIZE).get_page(request.GET.get("page"))
    open_ones = refundable(page)
    rows = [(one, one.pk in open_ones) for one in page]
    return render(request, "billing/invoices.html", {"page": page, "rows": rows})


@require_POST
@login_required
def refund(request: SignedInRequest, invoice_id: UUID) -> HttpResponse:
    request_refund(user=request.user, invoice=selectors.invoice_for_user(request.user, invoice_id))
    messages.success(request, "Your payment is on its way back, and the subscription ends.")
    return redirect("billing:invoices")


@require_safe
@login_required
def plans(request: SignedInRequest) -> HttpResponse:
    """What each plan gives: the one that everybody has, and those on sale."""
    offers, free = offers_of(selectors.plan_prices()), default_plan()
    own = request.user.profile.plan or free
    sold = {offer.price.plan_id: offer.price.plan for offer in offers}
    shown = list({plan.pk: plan for plan in (free, own, *sold.values()) if plan is not None}.values())
    facts = {
        "own": own,
        "columns": [(plan, [offer for offer in offers if offer.price.plan_id == plan.pk]) for plan in shown],
        "limits": limits_of(shown),
        "is_set_up": current_mode() is not None,
    }
    return render(request, "billing/plans.html", facts)
