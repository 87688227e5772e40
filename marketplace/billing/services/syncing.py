"""Taking over what the processor says now. Each object is fetched anew outside of any transaction, then applied under its lock.

So the order in which messages come, and how often, changes nothing: what was fetched before what stands is left out.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any, Protocol, cast
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from accounts.models import User
from common.clock import wall_now
from common.db import lock_rows
from marketplace.billing import gateway
from marketplace.billing.card_models import CardMark
from marketplace.billing.gateway import Answer, reference
from marketplace.billing.models import (
    UNFINISHED_CHECKOUT,
    BookingKind,
    Checkout,
    CheckoutState,
    Customer,
    Dispute,
    Finding,
    FindingKind,
    Invoice,
    InvoiceKind,
    MoneyLine,
    Payout,
    Price,
    Refund,
    Seller,
    ShareInvoice,
    Subscription,
    Work,
)
from marketplace.billing.rights import right_until
from marketplace.billing.selectors import entitled
from marketplace.billing.services.books import (
    at,
    book_charge,
    book_dispute,
    book_lost_tax,
    book_payout,
    book_refunds,
)
from marketplace.billing.services.findings import note_finding
from marketplace.billing.services.taxing import share_by_rows, split_charge, take_for_dispute, take_for_refunds

WON = frozenset({"won", "warning_closed", "prevented"})


class NotYet(Exception):
    """What this is about is not here yet: its own message is under way. Ask again later."""


class _Fetched(Protocol):
    fetched_at: datetime


def _is_older(row: _Fetched, fetched_at: datetime) -> bool:
    return row.fetched_at > fetched_at


# --- subscriptions --------------------------------------------------------------------------------------------------
def sync_subscription(*, mode: str, subscription_id: str) -> Subscription | None:
    """Fetch a subscription and take it over; None where it is nobody's of ours."""
    fetched_at = wall_now()
    return apply_subscription(mode=mode, found=gateway.subscription(mode, subscription_id), fetched_at=fetched_at)


@transaction.atomic
def apply_subscription(*, mode: str, found: Answer, fetched_at: datetime) -> Subscription | None:
    """Take over what the processor said of a subscription at a moment."""
    customer = Customer.objects.filter(processor_id=reference(found, "customer"), mode=mode).first()
    item = found["items"]["data"][0]
    price = Price.objects.filter(processor_id=reference(item, "price"), mode=mode).first()
    if customer is None or price is None:
        note_finding(kind=FindingKind.UNKNOWN_OBJECT, object_id=found["id"], status=found["status"])
        return None
    # The person's lock: two messages about a subscription that is not here yet make one row.
    lock_rows(User.objects.filter(pk=customer.user_id))
    # (And the row's own: its owner may be choosing how it ends, a sweeper may be ending it.)
    row = next(iter(lock_rows(Subscription.objects.filter(processor_id=found["id"]))), None)
    if row is None:
        row = Subscription(processor_id=found["id"], user_id=customer.user_id, mode=mode, fetched_at=fetched_at)
    elif _is_older(row, fetched_at):
        return row
    row.price, row.subject, row.listing_id, row.plan_id = price, price.subject, price.listing_id, price.plan_id
    row.status, row.fetched_at = found["status"], fetched_at
    row.cancels_at_end = bool(found.get("cancel_at_period_end"))
    row.started_at = at(found.get("start_date") or found["created"]) or fetched_at
    row.period_start = at(item.get("current_period_start") or found.get("current_period_start"))
    row.period_end = at(item.get("current_period_end") or found.get("current_period_end"))
    row.trial_end, row.ended_at = at(found.get("trial_end")), at(found.get("ended_at"))
    _derive_right(row)
    row.save()
    _note_duplicate(row)
    return row


def _derive_right(row: Subscription) -> None:
    disputes = Dispute.objects.filter(invoice__subscription=row).exclude(status__in=WON)
    row.is_disputed = not row._state.adding and disputes.exists()
    row.right_until = right_until(
        status=row.status,
        period_start=row.period_start,
        period_end=row.period_end,
        is_disputed=row.is_disputed,
        ends_at_period=row.cancels_at_end,
        grace=timedelta(days=settings.GRACE_DAYS),
    )
    if row.right_until is not None and row.right_until > wall_now():
        row.is_lapsed = False


def _note_duplicate(row: Subscription) -> None:
    if row.right_until is not None and entitled(row.subject).filter(user=row.user_id).exclude(pk=row.pk).exists():
        note_finding(kind=FindingKind.DUPLICATE, object_id=row.processor_id, user=row.user, subject=row.subject)


def sync_checkout(*, mode: str, session_id: str) -> None:
    """Fetch a checkout, take over how it ended, and the subscription that it made."""
    found = gateway.checkout(mode, session_id)
    state = {"complete": CheckoutState.COMPLETE, "expired": CheckoutState.EXPIRED}.get(found["status"])
    if state is not None:
        rows = Checkout.objects.filter(processor_id=session_id, mode=mode, state__in=UNFINISHED_CHECKOUT)
        rows.update(state=state, url="")
    if subscription_id := reference(found, "subscription"):
        sync_subscription(mode=mode, subscription_id=subscription_id)


# --- invoices -------------------------------------------------------------------------------------------------------
def sync_invoice(
    *, mode: str, invoice_id: str, since: datetime | None = None, has_refunds: bool = False
) -> Invoice | None:
    """Fetch an invoice with its charge and its refunds, take it over and book what moved; one fetched `since` then is left.

    A charge says nothing of refunds that failed: who heard of one says that it `has_refunds`.
    """
    # (What was fetched since then without its refunds does not hold what is told of one.)
    if since is not None and (not has_refunds or _had_refunds(invoice_id)):
        known = Invoice.objects.filter(processor_id=invoice_id, fetched_at__gt=since).first()
        if known is not None:
            return known
    fetched_at = wall_now()
    found = gateway.invoice(mode, invoice_id)
    if (subscription_id := _subscription_of(found)) and not _is_known(subscription_id):
        sync_subscription(mode=mode, subscription_id=subscription_id)
    payment_id = _payment_of(found)
    paid = gateway.payment(mode, payment_id) if payment_id and found["status"] == "paid" else {}
    charge = paid.get("latest_charge")
    charge = charge if isinstance(charge, dict) else {}
    has_refunds = has_refunds or bool(charge.get("amount_refunded")) or _had_refunds(invoice_id)
    refunds = list(gateway.refunds(mode, charge["id"])) if charge and has_refunds else []
    percent = None
    if charge and subscription_id and found.get("total_taxes"):
        # (Of the price alone, which takes the percentage: a charge tells only what it came to.)
        percent = gateway.subscription(mode, subscription_id).get("application_fee_percent")
    return apply_invoice(
        mode=mode,
        found=found,
        payment_id=payment_id,
        charge=charge,
        refunds=refunds,
        fee_percent=None if percent is None else Decimal(str(percent)),
        fetched_at=fetched_at,
    )


def _had_refunds(invoice_id: str) -> bool:
    return MoneyLine.objects.filter(invoice__processor_id=invoice_id, kind=BookingKind.REFUND).exists()


def _is_known(subscription_id: str) -> bool:
    return Subscription.objects.filter(processor_id=subscription_id).exists()


def _subscription_of(found: Answer) -> str:
    details = (found.get("parent") or {}).get("subscription_details") or {}
    return reference(details, "subscription") or reference(found, "subscription")


def _payment_of(found: Answer) -> str:
    """Return the payment intent of an invoice: the one that paid it, else its newest."""
    payments = ((found.get("payments") or {}).get("data")) or []
    ordered = sorted(payments, key=lambda one: (one.get("status") == "paid", one.get("created", 0)))
    return reference(ordered[-1]["payment"], "payment_intent") if ordered else reference(found, "payment_intent")


@transaction.atomic
def apply_invoice(
    *,
    mode: str,
    found: Answer,
    payment_id: str,
    charge: Answer,
    refunds: list[Answer],
    fee_percent: Decimal | None,
    fetched_at: datetime,
) -> Invoice | None:
    """Take over what the processor said of an invoice at a moment."""
    customer = Customer.objects.filter(processor_id=reference(found, "customer"), mode=mode).first()
    if customer is None:
        note_finding(kind=FindingKind.UNKNOWN_OBJECT, object_id=found["id"], status=found["status"])
        return None
    lock_rows(User.objects.filter(pk=customer.user_id))
    row = Invoice.objects.filter(processor_id=found["id"]).select_related("seller").first()
    if row is None:
        row = Invoice(processor_id=found["id"], user_id=customer.user_id, mode=mode, kind=InvoiceKind.SUBSCRIPTION)
        _say_what_for(row, found)
    elif _is_older(row, fetched_at):
        return row
    _take_over(row, found)
    row.payment_id, row.fetched_at = payment_id, fetched_at
    row.refunded_minor = sum(one["amount"] for one in refunds if not gateway.has_come_to_nothing(one))
    row.save()
    if charge:
        _mark_card(row, charge, fetched_at)
        if book_charge(row, charge):
            split_charge(row, charge, fee_percent)
        book_refunds(row, charge, refunds)
        if any(gateway.has_come_to_nothing(one) for one in refunds):
            share_by_rows(row, charge)
        take_for_refunds(row, refunds)
        _note_failed(row, refunds)
    return row


def _note_failed(row: Invoice, refunds: list[Answer]) -> None:
    """Tell operators, once, of refunds that were made and failed: their buyers have nothing of them."""
    for one in refunds:
        if not gateway.has_come_to_nothing(one):
            continue
        words = f"The processor says that it {one['status']}: {one.get('failure_reason') or 'no reason given'}."
        named = Q(processor_id=one["id"]) | Q(pk=_our_refund(one))
        asked = Refund.objects.filter(named, invoice=row).exclude(state=Work.FAILED)
        is_new = bool(asked.update(state=Work.FAILED, problem=words[:300], processor_id=one["id"]))
        known = Finding.objects.filter(kind=FindingKind.REFUND_FAILED, object_id=one["id"])
        if is_new or not known.exists():
            facts = {"invoice": str(row.pk), "amount_minor": one["amount"], "problem": words}
            note_finding(kind=FindingKind.REFUND_FAILED, object_id=one["id"], user=row.user, **facts)


def _our_refund(refund: Answer) -> UUID | None:
    """Return the row of ours that a refund says it was made of."""
    with suppress(ValueError):
        return UUID((refund.get("metadata") or {}).get("refund") or "")
    return None


def _mark_card(row: Invoice, charge: Answer, at_time: datetime) -> None:
    """Remember that the buyer paid with this card, so that two people with one card are noticed."""
    card = (charge.get("payment_method_details") or {}).get("card") or {}
    fingerprint = card.get("fingerprint")
    # Of whoever was erased nothing is remembered anew: their last messages may come later.
    if fingerprint and User.objects.filter(pk=row.user_id, is_active=True).exists():
        digest = sha256(str(fingerprint).encode()).hexdigest()
        whose: dict[str, Any] = {"user_id": row.user_id, "mode": row.mode, "digest": digest}
        CardMark.objects.update_or_create(**whose, defaults={"seen_at": at_time})


def _say_what_for(row: Invoice, found: Answer) -> None:
    share_id = (found.get("metadata") or {}).get("share")
    share = ShareInvoice.objects.filter(pk=share_id).select_related("seller").first() if share_id else None
    if share is not None and share.follower_id == row.user_id:
        row.kind, row.seller = InvoiceKind.PROFIT_SHARE, share.seller
        return
    bought = Subscription.objects.filter(processor_id=_subscription_of(found)).select_related("listing").first()
    row.subscription = bought
    if bought is not None and bought.listing is not None:
        row.seller = Seller.objects.filter(user=bought.listing.owner_id, mode=row.mode).first()


def _take_over(row: Invoice, found: Answer) -> None:
    row.status, row.currency, row.number = found["status"] or "draft", found["currency"], found.get("number") or ""
    row.total_minor, row.paid_minor = found["total"], found["amount_paid"]
    row.tax_minor = sum(one["amount"] for one in found.get("total_taxes") or [])
    row.hosted_url, row.pdf_url = found.get("hosted_invoice_url") or "", found.get("invoice_pdf") or ""
    row.created_at = at(found["created"]) or row.fetched_at
    row.paid_at = at((found.get("status_transitions") or {}).get("paid_at"))
    if row.subscription is not None and row.subscription.price is not None:
        price = row.subscription.price
        if price.currency != row.currency:
            facts = {"charged": row.currency, "price": price.currency}
            note_finding(kind=FindingKind.CURRENCY_MISMATCH, object_id=found["id"], user=row.user, **facts)


def sync_charge(*, mode: str, charge_id: str, since: datetime | None = None) -> None:
    """Take over what happened to a charge, by its invoice; one whose invoice is not here comes with that."""
    _sync_payment(mode, reference(gateway.charge(mode, charge_id), "payment_intent"), since)


def sync_refund(*, mode: str, refund_id: str, since: datetime | None = None) -> None:
    _sync_payment(mode, reference(gateway.refund(mode, refund_id), "payment_intent"), since, has_refunds=True)


def _sync_payment(mode: str, payment_id: str, since: datetime | None, *, has_refunds: bool = False) -> None:
    for invoice_id in _invoices_paid_by(mode, payment_id):
        sync_invoice(mode=mode, invoice_id=invoice_id, since=since, has_refunds=has_refunds)


def _invoices_paid_by(mode: str, payment_id: str) -> list[str]:
    if not payment_id:
        return []
    return list(Invoice.objects.filter(payment_id=payment_id, mode=mode).values_list("processor_id", flat=True))


# --- disputes, accounts, payouts ------------------------------------------------------------------------------------
def sync_dispute(*, mode: str, dispute_id: str) -> None:
    """Take over how a contested charge stands: the right ends, payouts to its lead wait, an operator is told."""
    fetched_at = wall_now()
    found = gateway.dispute(mode, dispute_id)
    known = _invoices_paid_by(mode, reference(found, "payment_intent"))
    if not known:
        raise NotYet
    if found["status"] == "lost":
        # What was refunded before counts: its message may be under way.
        sync_invoice(mode=mode, invoice_id=known[0])
    subscription = apply_dispute(invoice_id=known[0], found=found, fetched_at=fetched_at)
    if subscription is not None:
        sync_subscription(mode=mode, subscription_id=subscription.processor_id)


@transaction.atomic
def apply_dispute(*, invoice_id: str, found: Answer, fetched_at: datetime) -> Subscription | None:
    """Write down a dispute and what hangs on it; return the subscription whose right is to be derived anew."""
    invoice = Invoice.objects.select_related("seller", "subscription", "user").get(processor_id=invoice_id)
    lock_rows(User.objects.filter(pk=invoice.user_id))
    row = Dispute.objects.filter(processor_id=found["id"]).first()
    if row is not None and _is_older(row, fetched_at):
        return invoice.subscription
    row = row or Dispute(processor_id=found["id"], invoice=invoice)
    row.status, row.reason, row.amount_minor = found["status"], found.get("reason") or "", found["amount"]
    row.opened_at, row.fetched_at = at(found["created"]) or fetched_at, fetched_at
    row.save()
    book_dispute(invoice, found)
    if row.status == "lost":
        book_lost_tax(invoice, found)
        take_for_dispute(row)
    details = {"invoice": str(invoice.pk), "amount_minor": row.amount_minor, "status": row.status}
    if row.is_open:
        note_finding(kind=FindingKind.CHARGEBACK, object_id=row.processor_id, user=invoice.user, **details)
    if invoice.seller is not None:
        hold_while_disputed(invoice.seller)
    return invoice.subscription


def hold_while_disputed(seller: Seller) -> None:
    """Have a lead's payouts wait as long as a charge of theirs is contested; what an operator holds stays held."""
    from marketplace.billing.tasks import tell_holds

    locked = lock_rows(Seller.objects.filter(pk=seller.pk))[0]
    rows = Dispute.objects.filter(invoice__seller=seller)
    is_open = any(one.is_open for one in rows)
    if is_open and not locked.is_held:
        locked.is_held, locked.hold_reason = True, DISPUTED
    elif not is_open and locked.is_held and locked.hold_reason == DISPUTED:
        locked.is_held, locked.hold_reason = False, ""
    locked.save(update_fields=["is_held", "hold_reason"])
    from common.tasks import enqueue

    enqueue(tell_holds)


DISPUTED = "A buyer contests a charge at their bank."


def sync_seller(*, mode: str, account_id: str) -> None:
    """Take over what the processor says of a lead's account."""
    fetched_at = wall_now()
    found = gateway.account(mode, account_id)
    apply_seller(mode=mode, found=found, fetched_at=fetched_at)


@transaction.atomic
def apply_seller(*, mode: str, found: Answer, fetched_at: datetime) -> None:
    rows = lock_rows(Seller.objects.filter(processor_id=found["id"], mode=mode))
    if not rows:
        note_finding(kind=FindingKind.UNKNOWN_OBJECT, object_id=found["id"])
        return
    row = rows[0]
    if _is_older(row, fetched_at):
        return
    row.charges_enabled, row.payouts_enabled = bool(found["charges_enabled"]), bool(found["payouts_enabled"])
    row.details_submitted, row.fetched_at = bool(found["details_submitted"]), fetched_at
    wanted = found.get("requirements") or {}
    row.requirements = sorted({*(wanted.get("currently_due") or []), *(wanted.get("past_due") or [])})
    row.save()


def sync_payout(*, mode: str, payout_id: str, account_id: str) -> None:
    """Take over a payout of a lead's account; the platform's own are no business of these books."""
    if not account_id:
        return
    fetched_at = wall_now()
    found = gateway.payout(mode, payout_id, account=account_id)
    apply_payout(mode=mode, account_id=account_id, found=found, fetched_at=fetched_at)


@transaction.atomic
def apply_payout(*, mode: str, account_id: str, found: Answer, fetched_at: datetime) -> None:
    sellers = lock_rows(Seller.objects.filter(processor_id=account_id, mode=mode))
    if not sellers:
        raise NotYet
    row = Payout.objects.filter(processor_id=found["id"]).first()
    if row is not None and _is_older(row, fetched_at):
        return
    row = row or Payout(processor_id=found["id"], seller=sellers[0])
    row.status, row.currency, row.amount_minor = found["status"], found["currency"], found["amount"]
    row.created_at = cast(Any, at(found["created"]))
    row.arrives_at, row.fetched_at = cast(Any, at(found["arrival_date"])), fetched_at
    row.save()
    book_payout(sellers[0], found)
