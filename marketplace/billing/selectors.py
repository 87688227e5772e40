"""Reads of what is sold and bought, each gate answered once, and the question whether somebody has a right."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import BigIntegerField, Case, Exists, Model, OuterRef, Q, QuerySet, Subquery, Sum, When
from django.db.models.functions import Coalesce

from accounts.models import User
from common.clock import wall_now
from common.errors import NotFound
from marketplace.billing.card_models import CardMark
from marketplace.billing.models import (
    Account,
    BookingKind,
    Checkout,
    Finding,
    Invoice,
    MoneyLine,
    Price,
    PriceState,
    Seller,
    ShareInvoice,
    Subscription,
)
from marketplace.billing.modes import current_mode
from marketplace.billing.promotion_models import PromotionCode
from marketplace.billing.tax_models import OWED, TakenBack
from marketplace.models import Listing

Row = TypeVar("Row", bound=Model)


def listing_subject(listing_id: object) -> str:
    return f"listing:{listing_id}"


def plan_subject(plan_id: object) -> str:
    return f"plan:{plan_id}"


# --- gates ----------------------------------------------------------------------------------------------------------
def checkout_for_user(user: User, checkout_id: UUID) -> Checkout:
    return _one(Checkout.objects.filter(user=user).select_related("price__listing", "price__plan"), checkout_id)


def subscription_for_user(user: User, subscription_id: UUID) -> Subscription:
    return _one(subscriptions_of(user), subscription_id)


def invoice_for_user(user: User, invoice_id: UUID) -> Invoice:
    return _one(invoices_of(user), invoice_id)


def price_for_owner(user: User, price_id: UUID) -> Price:
    return _one(Price.objects.filter(listing__owner=user).select_related("listing"), price_id)


def price_for_buyer(price_id: UUID) -> Price:
    """Return a price that is on sale: of a published listing, or of one of the platform's plans."""
    on_sale = Q(listing__state="PUBLISHED") | Q(plan__isnull=False)
    rows = Price.objects.filter(on_sale, state=PriceState.LIVE, mode=current_mode() or "")
    return _one(rows.select_related("listing__owner", "plan"), price_id)


def code_for_owner(user: User, code_id: UUID) -> PromotionCode:
    return _one(PromotionCode.objects.filter(listing__owner=user).select_related("listing"), code_id)


# (Doors ask whether somebody is an operator before they come here.)
def finding_for_operator(finding_id: UUID) -> Finding:
    return _one(Finding.objects.all(), finding_id)


def seller_for_operator(seller_id: UUID) -> Seller:
    return _one(Seller.objects.all(), seller_id)


def share_for_operator(share_id: UUID) -> ShareInvoice:
    return _one(ShareInvoice.objects.all(), share_id)


def taking_for_operator(user: User, row_id: UUID) -> TakenBack:
    """Return what moves between a lead and the platform; to whoever is no operator there is none."""
    rows = TakenBack.objects.all() if user.is_staff else TakenBack.objects.none()
    return _one(rows.select_related("invoice"), row_id)


def takings_for_operator(user: User) -> QuerySet[TakenBack]:
    """Return what the processor refused to move between leads and the platform; operators alone have any."""
    return owed_takings(current_mode()) if user.is_staff else TakenBack.objects.none()


def owed_takings(mode: str | None) -> QuerySet[TakenBack]:
    """Return what leads still owe the platform of payments, and it them (RETURN): refused, whether closed or not."""
    rows = TakenBack.objects.filter(state__in=OWED)
    rows = rows if mode is None else rows.filter(invoice__mode=mode)
    return rows.select_related("invoice__seller__user__profile", "invoice__user__profile", "closed_by__profile")


def invoice_for_operator(invoice_id: UUID) -> Invoice:
    return _one(Invoice.objects.all(), invoice_id)


def _one(rows: QuerySet[Row], key: UUID) -> Row:
    found = rows.filter(pk=key).first()
    if found is None:
        raise NotFound(str(rows.model._meta.verbose_name))
    return found


# --- what is sold ---------------------------------------------------------------------------------------------------
def prices_of(subject: str) -> QuerySet[Price]:
    """Return what a subject costs here, monthly before yearly; retired prices left out."""
    rows = Price.objects.filter(subject=subject).exclude(state=PriceState.RETIRED)
    mode = current_mode()
    return (rows if mode is None else rows.filter(mode=mode)).order_by("interval")


def prices_of_listings(listing_ids: Sequence[UUID]) -> QuerySet[Price]:
    """Return what these listings cost here, retired prices left out."""
    rows = Price.objects.filter(listing__among=listing_ids).exclude(state=PriceState.RETIRED)
    mode = current_mode()
    return rows if mode is None else rows.filter(mode=mode)


def is_paid(listing: Listing) -> bool:
    """Say whether following a listing takes a subscription. Without a key any price counts: nothing becomes free by that."""
    return prices_of(listing_subject(listing.pk)).exists()


def plan_prices() -> QuerySet[Price]:
    """Return what the platform's own plans cost."""
    rows = Price.objects.filter(plan__isnull=False, mode=current_mode() or "", state=PriceState.LIVE)
    return rows.select_related("plan").order_by("plan__name", "interval")


def codes_of(listing: Listing) -> QuerySet[PromotionCode]:
    """Return a listing's promotion codes here, newest first; ended ones left out."""
    rows = PromotionCode.objects.filter(listing=listing, mode=current_mode() or "")
    return rows.exclude(state=PriceState.RETIRED).order_by("-created_at", "-pk")


# --- rights ---------------------------------------------------------------------------------------------------------
def standing() -> QuerySet[Subscription]:
    """Return the subscriptions whose right stands now."""
    return Subscription.objects.filter(mode=current_mode() or "", right_until__gt=wall_now())


def entitled(subject: str) -> QuerySet[Subscription]:
    """Return the subscriptions whose right to a subject stands now."""
    return standing().filter(subject=subject)


def has_right(user: User, subject: str) -> bool:
    return entitled(subject).filter(user=user).exists()


def subscriptions_of(user: User) -> QuerySet[Subscription]:
    """Return the user's subscriptions, newest first."""
    rows = Subscription.objects.filter(user=user).select_related("listing", "plan", "price")
    return rows.order_by("-started_at", "-pk")


def invoices_of(user: User) -> QuerySet[Invoice]:
    """Return what the user was invoiced, newest first."""
    return (
        Invoice.objects.filter(user=user)
        .select_related("subscription__listing", "seller__user__profile")
        .order_by("-created_at", "-pk")
    )


def share_a_card(one: UUID, other: UUID) -> bool:
    """Say whether two people ever paid with the same card, of one mode."""
    same = CardMark.objects.filter(user=one, mode=OuterRef("mode"), digest=OuterRef("digest"))
    return CardMark.objects.filter(Exists(same), user=other).exists()


# --- leads ----------------------------------------------------------------------------------------------------------
def seller_of(user: User) -> Seller | None:
    return Seller.objects.filter(user=user, mode=current_mode() or "").first()


def statement_lines(seller: Seller, *, since: date | None = None, until: date | None = None) -> QuerySet[MoneyLine]:
    """Return what moved a lead's balance at the processor, oldest first, of days from `since` until before `until`."""
    rows = MoneyLine.objects.filter(seller=seller, account=Account.SELLER)
    if since is not None:
        rows = rows.filter(happened_at__date__gte=since)
    if until is not None:
        rows = rows.filter(happened_at__date__lt=until)
    return with_parts(rows).select_related("invoice").order_by("happened_at", "pk")


def with_parts(rows: QuerySet[MoneyLine]) -> QuerySet[MoneyLine]:
    """Add to a lead's lines of charges what they are made of: price_minor and tax_minor were paid, fee + share is the price."""
    same = MoneyLine.objects.filter(booking=OuterRef("booking"), kind=BookingKind.CHARGE)
    paid, taxes = (
        Subquery(same.filter(account=account).values("amount_minor")[:1]) for account in (Account.BUYER, Account.TAX)
    )
    is_charge = Q(kind=BookingKind.CHARGE)
    tax, share = Coalesce(taxes, 0), Coalesce("invoice__tax_split__share_minor", "amount_minor")
    named = {"price_minor": -paid - tax, "tax_minor": tax, "fee_minor": -paid - tax - share, "share_minor": share}
    # (Of what is no charge they are None.)
    parts = {name: Case(When(is_charge, then=one), output_field=BigIntegerField()) for name, one in named.items()}
    return rows.annotate(**parts)


def sums_of(rows: QuerySet[MoneyLine], *by: str) -> list[dict[str, Any]]:
    """Return the sums of lines by currency and what else is named."""
    grouped = rows.order_by().values("currency", *by).annotate(total=Sum("amount_minor"))
    return list(grouped.order_by("currency", *by))
