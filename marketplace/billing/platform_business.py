"""What operators see of money: what the platform kept, and what waits for a decision of theirs."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import F, Q, QuerySet, Sum

from common.clock import wall_now
from marketplace.billing.business import SHOWN, Money, money_sums
from marketplace.billing.models import (
    Account,
    BookingKind,
    Dispute,
    Finding,
    Invoice,
    Mode,
    MoneyLine,
    Refund,
    Seller,
    ShareInvoice,
    Subscription,
    Work,
)
from marketplace.billing.selectors import owed_takings, sums_of, with_parts
from marketplace.billing.tax_models import TakenBack, TakenFor, TakenState

MOST_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Platform:
    """How the platform's money stands, for operators. `held` counts accounts; `sellers` and `invoices` are what was sought."""

    kept: list[Money]
    # Taxes that the platform holds, and what all payments to leads were made of.
    taxes: list[Money]
    parts: list[tuple[str, list[Money]]]
    by_kind: list[tuple[str, Money]]
    subscribers: int
    disputes: list[Dispute]
    refunds: list[Refund]
    findings: list[Finding]
    refused_shares: list[ShareInvoice]
    # What the processor refused to move between leads and the platform, and what is owed with the closed ones.
    refused_takings: list[TakenBack]
    closed_takings: list[TakenBack]
    owed_by_leads: list[Money]
    owed_to_leads: list[Money]
    held: int
    sellers: list[Seller]
    invoices: list[Invoice]


def platform_business(mode: Mode | None, sought: str = "") -> Platform:
    """Return the operators' figures; accounts and payments of whoever's name or address holds what is sought."""
    rows = MoneyLine.objects.filter(account=Account.PLATFORM, mode=mode or "")
    by_kind = sums_of(rows, "kind")
    people = ("invoice__user__profile", "invoice__seller__user__profile")
    disputes = Dispute.objects.filter(invoice__mode=mode or "").select_related(*people)
    refunds = Refund.objects.filter(invoice__mode=mode or "").select_related(*people)
    findings = Finding.objects.filter(settled_at=None).select_related("user__profile")
    shares = ShareInvoice.objects.filter(state=Work.FAILED, seller__mode=mode or "")
    owed = owed_takings(mode)
    returns = Q(cause=TakenFor.RETURN)
    return Platform(
        kept=money_sums(sums_of(rows)),
        taxes=money_sums(sums_of(MoneyLine.objects.filter(account=Account.TAX, mode=mode or ""))),
        parts=_parts(mode),
        by_kind=[(BookingKind(one["kind"]).label, Money(one["currency"], one["total"])) for one in by_kind],
        subscribers=Subscription.objects.filter(mode=mode or "", right_until__gt=wall_now()).count(),
        disputes=list(disputes.order_by("-opened_at")[:SHOWN]),
        refunds=list(refunds.order_by("-created_at")[:SHOWN]),
        findings=list(findings.order_by("-found_at")[:MOST_SHOWN]),
        refused_shares=list(
            shares.select_related("follower__profile", "seller__user__profile").order_by("created_at")[:MOST_SHOWN]
        ),
        refused_takings=list(owed.filter(state=TakenState.FAILED).order_by("created_at", "pk")[:MOST_SHOWN]),
        closed_takings=list(owed.filter(state=TakenState.CLOSED).order_by("-closed_at", "pk")[:MOST_SHOWN]),
        owed_by_leads=_owed(owed.exclude(returns)),
        owed_to_leads=_owed(owed.filter(returns)),
        held=Seller.objects.filter(is_held=True, mode=mode or "").count(),
        sellers=list(_sellers(mode, sought)[:SHOWN]),
        invoices=list(_invoices(mode, sought)[:SHOWN]),
    )


def _owed(rows: QuerySet[TakenBack]) -> list[Money]:
    grouped = rows.order_by().values_list("invoice__currency").annotate(total=Sum(F("amount_minor") - F("moved_minor")))
    return [Money(currency, total) for currency, total in grouped.order_by("invoice__currency")]


def _parts(mode: Mode | None) -> list[tuple[str, list[Money]]]:
    """Return what all charges for leads were made of, before refunds: price and taxes, and of the price fee and share."""
    charges = MoneyLine.objects.filter(account=Account.SELLER, kind=BookingKind.CHARGE, mode=mode or "")
    names = {"Price": "price_minor", "Taxes": "tax_minor", "Fee": "fee_minor", "Leads' share": "share_minor"}
    sums = with_parts(charges).order_by("currency").values("currency")
    found = list(
        sums.annotate(*(Sum(name) for name in names.values())).values_list(
            "currency", *(f"{one}__sum" for one in names.values())
        )
    )
    return [(label, [Money(row[0], row[place]) for row in found]) for place, label in enumerate(names, 1)]


def _sellers(mode: Mode | None, sought: str) -> QuerySet[Seller]:
    """Return leads' accounts, held ones first."""
    rows = Seller.objects.filter(mode=mode or "").exclude(processor_id="").select_related("user__profile")
    if sought:
        rows = rows.filter(_named("user", sought) | Q(processor_id=sought))
    return rows.order_by("-is_held", "-created_at", "pk")


def _invoices(mode: Mode | None, sought: str) -> QuerySet[Invoice]:
    rows = Invoice.objects.filter(mode=mode or "", status="paid")
    if sought:
        rows = rows.filter(_named("user", sought) | Q(number=sought) | Q(processor_id=sought))
    return rows.select_related("user__profile", "subscription__listing", "subscription__plan").order_by("-created_at")


def _named(person: str, sought: str) -> Q:
    return Q(**{f"{person}__email__icontains": sought}) | Q(**{f"{person}__profile__handle__icontains": sought})
