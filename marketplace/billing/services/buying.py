"""Subscribing: one open way to the payment page per person and thing, and the processor's own pages for buyers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from accounts.models import User
from accounts.services import audit
from common.clock import wall_now
from common.db import lock_rows
from common.errors import DomainError
from common.fields import canonical
from common.tasks import enqueue
from marketplace.billing import gateway
from marketplace.billing.fees import platform_fee_percent
from marketplace.billing.gateway import Refused, Unanswered
from marketplace.billing.models import (
    UNFINISHED_CHECKOUT,
    Checkout,
    CheckoutState,
    Customer,
    Price,
    PriceState,
    Seller,
    Subscription,
)
from marketplace.billing.modes import check_mode, required_mode
from marketplace.billing.services.outbox import carry_out
from marketplace.billing.services.selling import SILENT
from marketplace.billing.services.syncing import sync_checkout
from marketplace.models import ListingState

# The processor takes half an hour at least.
OPEN_FOR = timedelta(hours=1)
ENDED = ("canceled", "incomplete_expired")


@transaction.atomic
def begin_checkout(*, user: User, price: Price) -> Checkout:
    """Begin to subscribe at a price, or go on where the user is at it already."""
    check_mode(price.mode)
    # The person's lock: of two quick clicks the second finds the first's row.
    lock_rows(User.objects.filter(pk=user.pk))
    _check_is_sold(user, price)
    mine = Subscription.objects.filter(user=user, subject=price.subject, mode=price.mode)
    if mine.exclude(status__in=ENDED).exists():
        message = "You have this subscription already: change or renew it under Subscriptions."
        raise DomainError("ALREADY_SUBSCRIBED", message, status=409)
    same = Checkout.objects.filter(user=user, subject=price.subject, mode=price.mode, state__in=UNFINISHED_CHECKOUT)
    for row in lock_rows(same):
        if row.price_id == price.pk and row.expires_at > wall_now():
            return row
        # Its address stays until the processor has closed its page, too: nobody pays twice.
        row.state = CheckoutState.EXPIRED
        row.save(update_fields=["state"])
    now = wall_now()
    times = {"expires_at": now + OPEN_FOR, "due_at": now, "created_at": now}
    terms = {"price": price, "subject": price.subject, "mode": price.mode}
    has_trial = price.trial_days > 0 and not mine.exists()
    checkout = Checkout.objects.create(user=user, has_trial=has_trial, **terms, **times)
    audit(action="checkout.begun", obj=checkout, actor=user, after={"price": str(price.pk)})
    from marketplace.billing.tasks import open_checkout

    enqueue(open_checkout, str(checkout.pk))
    return checkout


def _check_is_sold(user: User, price: Price) -> None:
    if price.state != PriceState.LIVE:
        raise DomainError("PRICE_NOT_SOLD", "This price is not on sale: look at the listing again.", status=409)
    if price.listing is None:
        return
    if price.listing.owner_id == user.pk:
        raise DomainError("OWN_LISTING", "This is your own listing: you need no subscription to it.", status=409)
    if price.listing.state != ListingState.PUBLISHED:
        raise DomainError("LISTING_WITHDRAWN", "This listing was withdrawn; choose another one to follow.", status=409)
    seller = Seller.objects.filter(user=price.listing.owner_id, mode=price.mode).first()
    if seller is None or not seller.is_ready:
        message = "This lead cannot take payments at the moment: try again later."
        raise DomainError("SELLER_UNFINISHED", message, status=409)


def open_page(*, checkout_id: UUID) -> bool:
    """Have the processor open the payment page of a checkout that was begun."""
    return carry_out(Checkout, checkout_id, _open)


def _open(row: Checkout) -> None:
    rows = Checkout.objects.filter(pk=row.pk, state=CheckoutState.PENDING)
    if row.expires_at <= wall_now():
        rows.update(state=CheckoutState.EXPIRED)
        return
    if not _closed_before(row):
        rows.update(state=CheckoutState.FAILED, problem="The page opened before was paid meanwhile.")
        return
    customer = customer_of(row.user, row.mode)
    found = gateway.create_checkout(row.mode, row=row.pk, **_params(row, customer))
    rows.update(state=CheckoutState.OPEN, processor_id=found["id"], url=found["url"])


def _closed_before(row: Checkout) -> bool:
    """Have the processor close earlier pages for the same thing; say False where one was paid meanwhile."""
    earlier = Checkout.objects.filter(user=row.user, subject=row.subject, mode=row.mode, state=CheckoutState.EXPIRED)
    for one in earlier.exclude(url="").exclude(pk=row.pk):
        try:
            gateway.expire_checkout(one.mode, one.processor_id)
        except Refused:
            if gateway.checkout(one.mode, one.processor_id)["status"] == "complete":
                sync_checkout(mode=one.mode, session_id=one.processor_id)
                Checkout.objects.filter(pk=one.pk).update(url="", state=CheckoutState.COMPLETE)
                return False
        Checkout.objects.filter(pk=one.pk).update(url="")
    return True


def _params(row: Checkout, customer: str) -> dict[str, Any]:
    price = row.price
    known = {"price": str(price.pk), "user": str(row.user_id), "subject": row.subject}
    deal: dict[str, Any] = {"metadata": known}
    if row.has_trial:
        deal["trial_period_days"] = price.trial_days
    if price.listing is not None:
        seller = Seller.objects.get(user=price.listing.owner_id, mode=row.mode)
        deal["transfer_data"] = {"destination": seller.processor_id}
        deal["application_fee_percent"] = canonical(platform_fee_percent())
    page = settings.SITE_URL + reverse("billing:checkout", args=[row.pk])
    taxes: dict[str, Any] = {}
    if settings.STRIPE_TAX:
        taxes = {"automatic_tax": {"enabled": True}, "customer_update": {"address": "auto"}}
    return {
        "mode": "subscription",
        "customer": customer,
        "line_items": [{"price": price.processor_id, "quantity": 1}],
        "subscription_data": deal,
        "client_reference_id": str(row.pk),
        "allow_promotion_codes": True,
        "expires_at": int(row.expires_at.timestamp()),
        "success_url": f"{page}?back=paid",
        "cancel_url": f"{page}?back=left",
        **taxes,
    }


def customer_of(user: User, mode: str) -> str:
    """Return who somebody is to the processor; asked for once."""
    row, _ = Customer.objects.get_or_create(user=user, mode=mode)
    if not row.processor_id:
        row.processor_id = gateway.create_customer(mode, row=row.pk, user=user.pk, email=user.email)["id"]
        Customer.objects.filter(pk=row.pk).update(processor_id=row.processor_id)
    return row.processor_id


def portal_url(*, user: User) -> str:
    """Return the address of the processor's own pages for a buyer: cards, invoices, canceling."""
    mode = required_mode()
    customer = Customer.objects.filter(user=user, mode=mode).exclude(processor_id="").first()
    if customer is None:
        raise DomainError("NOT_A_CUSTOMER", "You have bought nothing yet, so there is nothing to manage.", status=409)
    try:
        back = settings.SITE_URL + reverse("billing:subscriptions")
        return str(gateway.create_portal(mode, customer=customer.processor_id, return_url=back)["url"])
    except Unanswered:
        raise SILENT from None
    except Refused as error:
        raise DomainError("PROCESSOR_REFUSED", error.words, status=409) from None
