"""What billing keeps about a person. Books and invoices must be kept by law; they name our id, not the person."""

from __future__ import annotations

from typing import Any

from accounts.models import User
from common.errors import DomainError
from marketplace.billing.models import Checkout, Invoice, Seller, Subscription
from marketplace.billing.services.buying import ENDED


def export_billing(user: User) -> dict[str, Any]:
    """Return the user's subscriptions, invoices and payout accounts."""
    bought = ("id", "subject", "mode", "status", "cancels_at_end", "started_at", "period_end", "ended_at", "stop_mode")
    paid = (
        "id",
        "number",
        "kind",
        "mode",
        "status",
        "currency",
        "total_minor",
        "paid_minor",
        "refunded_minor",
        "created_at",
    )
    sold = ("id", "mode", "charges_enabled", "payouts_enabled", "requirements", "is_held", "hold_reason")
    return {
        "subscriptions": list(Subscription.objects.filter(user=user).values(*bought)),
        "invoices": list(Invoice.objects.filter(user=user).values(*paid)),
        "payout_accounts": list(Seller.objects.filter(user=user).values(*sold)),
    }


def erase_billing(user: User) -> None:
    """Forget the ways to payment pages; refuse while a subscription would go on being charged."""
    if Subscription.objects.filter(user=user).exclude(status__in=ENDED).exists():
        message = "A subscription of yours is running: end it first, or it would go on being charged."
        raise DomainError("SUBSCRIPTION_RUNNING", message, status=409)
    Checkout.objects.filter(user=user).update(url="")
    Invoice.objects.filter(user=user).update(hosted_url="", pdf_url="")
