"""What webhooks tell a lead of money: payouts to their bank."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from uuid import UUID

from django.db.models import QuerySet

from accounts.webhooks.sources import Fact, Source, register_source
from marketplace.billing.models import Account, BookingKind, MoneyLine

EVENTS = {
    "payout.sent": "money was sent from your balance to your bank",
    "payout.failed": "your bank refused a payout, or it was canceled: the money is back in your balance",
}


def _lines() -> QuerySet[MoneyLine]:
    # One line of each booking: books are append-only, so a cursor misses none.
    return MoneyLine.objects.filter(kind=BookingKind.PAYOUT, account=Account.SELLER)


def _of(users: Collection[UUID]) -> QuerySet[MoneyLine]:
    return _lines().filter(seller__user__in=users).select_related("seller")


def _facts(lines: Iterable[MoneyLine]) -> list[Fact]:
    return [
        Fact(
            one.seller.user_id,
            "payout.sent" if one.amount_minor < 0 else "payout.failed",
            f"money-{one.pk}",
            one.recorded_at,
            {
                "payout": one.booking.partition(":")[0],
                "amount_minor": abs(one.amount_minor),
                "currency": one.currency,
                "mode": one.mode,
            },
        )
        for one in lines
        if one.seller is not None
    ]


def register_sources() -> None:
    """Declare the events of payouts."""
    register_source(Source("payouts", EVENTS, _lines, "recorded_at", _of, _facts))
