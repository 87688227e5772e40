"""What billing keeps about a person. Books and invoices must be kept by law; they name our id, not the person."""

from __future__ import annotations

from typing import Any

from accounts.models import User
from common.clock import wall_now
from common.errors import DomainError
from marketplace.billing.card_models import CardMark
from marketplace.billing.models import (
    Change,
    ChangeKind,
    Checkout,
    Invoice,
    Mode,
    PriceState,
    Seller,
    Subscription,
    Work,
)
from marketplace.billing.modes import current_mode
from marketplace.billing.promotion_models import PromotionCode
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
    given = ("listing_id", "code", "percent_off", "length", "state", "created_at")
    sold = ("id", "mode", "charges_enabled", "payouts_enabled", "requirements", "is_held", "hold_reason")
    return {
        "subscriptions": list(Subscription.objects.filter(user=user).values(*bought)),
        "invoices": list(Invoice.objects.filter(user=user).values(*paid)),
        "promotion_codes": list(PromotionCode.objects.filter(listing__owner=user).values(*given)),
        "cards_seen": list(CardMark.objects.filter(user=user).values("mode", "seen_at")),
        "payout_accounts": list(Seller.objects.filter(user=user).values(*sold)),
    }


def erase_billing(user: User) -> None:
    """Forget the ways to payment pages; refuse while a subscription would go on being charged.

    Whoever subscribed to a listing of theirs is charged no more: those subscriptions end with their period.
    """
    # A test costs nobody anything, and once the key is another mode's nobody can end it any more.
    charged = Subscription.objects.filter(mode__in={Mode.LIVE, current_mode() or Mode.LIVE}).exclude(status__in=ENDED)
    if charged.filter(user=user).exists():
        message = "A subscription of yours is running: end it first, or it would go on being charged."
        raise DomainError("SUBSCRIPTION_RUNNING", message, status=409)
    now = wall_now()
    running = charged.filter(listing__owner=user, cancels_at_end=False)
    for bought in running.exclude(changes__state=Work.PENDING):
        Change.objects.create(subscription=bought, kind=ChangeKind.CANCEL_AT_END, due_at=now, created_at=now)
    Checkout.objects.filter(user=user).update(url="")
    Invoice.objects.filter(user=user).update(hosted_url="", pdf_url="")
    CardMark.objects.filter(user=user).delete()
    # (The sweeper has them switched off at the processor.)
    PromotionCode.objects.filter(listing__owner=user).update(state=PriceState.RETIRED)
