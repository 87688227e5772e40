"""What a lead's business comes to, and the platform's: figures for pages and the API, all from our own books."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from django.db.models import Q, Sum

from accounts.models import User
from common.clock import wall_now
from common.fields import DecimalSum
from marketplace.billing.currencies import DOLLARS, written
from marketplace.billing.models import (
    Account,
    BookingKind,
    Checkout,
    CheckoutState,
    MoneyLine,
    Payout,
    Seller,
    ShareInvoice,
    ShareLine,
    Subscription,
)
from marketplace.billing.selectors import seller_of, sums_of
from trading.copy_accounts.models import ProfitShareSettlement

MONTH, QUARTER = timedelta(days=30), timedelta(days=90)
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in one currency, in minor units and in words."""

    currency: str
    minor: int

    @property
    def words(self) -> str:
        return written(self.minor, self.currency)


@dataclass(frozen=True, slots=True)
class Business:
    """How a lead's paid listings do. Ratios are None where there is nothing to measure."""

    seller: Seller | None
    subscribers: int
    joined: int
    left: int
    churn_ratio: float | None
    conversion_ratio: float | None
    earned: list[Money] = field(default_factory=list)
    earned_this_month: list[Money] = field(default_factory=list)
    given_back: list[Money] = field(default_factory=list)
    balance: list[Money] = field(default_factory=list)
    shares_waiting: Decimal = Decimal(0)
    shares_invoiced: list[Money] = field(default_factory=list)
    shares_paid: list[Money] = field(default_factory=list)
    payouts: list[Payout] = field(default_factory=list)


def money_sums(rows: list[dict[str, object]], sign: int = 1) -> list[Money]:
    return [Money(str(one["currency"]), sign * int(str(one["total"]))) for one in rows]


def business_of(user: User) -> Business:
    """Return a lead's figures: of the last thirty days (conversion: ninety), and all money so far."""
    seller = seller_of(user)
    mode = seller.mode if seller is not None else ""
    now = wall_now()
    mine = Subscription.objects.filter(listing__owner=user, mode=mode)
    standing = mine.filter(right_until__gt=now).values("user").distinct().count()
    joined = mine.filter(started_at__gt=now - MONTH).count()
    left = mine.filter(ended_at__gt=now - MONTH).count()
    had = mine.filter(started_at__lte=now - MONTH).filter(Q(ended_at=None) | Q(ended_at__gt=now - MONTH))
    left_of_those = had.filter(ended_at__isnull=False).count()
    had_count = had.count()
    begun = Checkout.objects.filter(price__listing__owner=user, mode=mode, created_at__gt=now - QUARTER)
    begun_count = begun.count()
    figures = {
        "seller": seller,
        "subscribers": standing,
        "joined": joined,
        "left": left,
        "churn_ratio": left_of_those / had_count if had_count else None,
        "conversion_ratio": begun.filter(state=CheckoutState.COMPLETE).count() / begun_count if begun_count else None,
    }
    if seller is None:
        return Business(**figures)  # type: ignore[arg-type]  # a dict of mixed values
    lines = MoneyLine.objects.filter(seller=seller, account=Account.SELLER)
    # (Of what was charged the taxes are not the lead's: they are taken back.)
    charges = lines.filter(kind__in=[BookingKind.CHARGE, BookingKind.TAX])
    shares = ShareInvoice.objects.filter(seller=seller, is_void=False)
    paid = shares.filter(invoice__status="paid")
    return Business(
        **figures,  # type: ignore[arg-type]  # likewise
        earned=money_sums(sums_of(charges)),
        earned_this_month=money_sums(sums_of(charges.filter(happened_at__gt=now - MONTH))),
        given_back=money_sums(sums_of(lines.filter(kind__in=[BookingKind.REFUND, BookingKind.TRANSFER])), -1),
        balance=money_sums(sums_of(lines)),
        shares_waiting=_waiting_shares(user),
        shares_invoiced=_share_sums(shares),
        shares_paid=_share_sums(paid),
        payouts=list(Payout.objects.filter(seller=seller).order_by("-created_at")[:SHOWN]),
    )


def _share_sums(rows: object) -> list[Money]:
    grouped = rows.order_by().values_list("currency").annotate(total=Sum("amount_minor"))  # type: ignore[attr-defined]
    return [Money(currency, total) for currency, total in grouped]


def _waiting_shares(user: User) -> Decimal:
    """Return what is due of real money and stands on no invoice yet, in dollars."""
    rows = ProfitShareSettlement.objects.filter(
        account__follow__lead__owner=user, is_hypothetical=False, account__follow__portfolio__settlement__in=DOLLARS
    )
    invoiced = ShareLine.objects.filter(settlement__isnull=False).values("settlement")
    total: Decimal = rows.exclude(pk__in=invoiced).aggregate(total=DecimalSum("due"))["total"]
    return total
