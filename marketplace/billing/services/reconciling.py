"""Each night: what the processor has is laid beside our rows; what differs is reported and mended."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.cache import cache

from common.clock import wall_now
from marketplace.billing import gateway
from marketplace.billing.gateway import Answer, Refused, Unanswered, reference
from marketplace.billing.models import (
    Account,
    BookingKind,
    FindingKind,
    Invoice,
    Mode,
    MoneyLine,
    Price,
    Seller,
    Subscription,
)
from marketplace.billing.modes import current_mode
from marketplace.billing.services import taxing
from marketplace.billing.services.books import at, failure_of
from marketplace.billing.services.findings import note_finding
from marketplace.billing.services.syncing import apply_subscription, sync_invoice, sync_seller, sync_subscription
from marketplace.billing.tax_models import TaxSplit

# From this hour on (UTC) the night's comparison is due.
NIGHT_HOUR = 3


def reconcile_once_a_night() -> int:
    """Compare where that was not done since last night; another process's night counts."""
    now = wall_now()
    if current_mode() is None or now.hour < NIGHT_HOUR:
        return 0
    night = f"billing-reconciled:{now:%Y-%m-%d}"
    if not cache.add(night, 1, timeout=86_400):
        return 0
    try:
        return reconcile()
    except Unanswered:
        # Half a comparison is none: it is begun anew with the next call.
        cache.delete(night)
        return 0


def reconcile() -> int:
    """Compare everything with the processor's word; return how many differences were found (and mended)."""
    mode = current_mode()
    if mode is None:
        return 0
    since = wall_now()
    seen: set[str] = set()
    differences = 0
    for found in gateway.subscriptions(mode):
        seen.add(found["id"])
        differences += _subscription_differs(mode, found, since)
    # What the processor's list no longer has is asked for by name.
    for row in Subscription.objects.filter(mode=mode).exclude(processor_id__in=seen).exclude(status="canceled"):
        differences += _is_gone(mode, row)
    for found in gateway.invoices(mode):
        differences += _invoice_differs(mode, found)
    differences += _refunds_differ(mode)
    for seller in Seller.objects.filter(mode=mode).exclude(processor_id=""):
        sync_seller(mode=mode, account_id=seller.processor_id)
    taxing.ask_refused_again(mode)
    return differences + taxing.transfers_differ(mode)


def _subscription_differs(mode: Mode, found: Answer, fetched_at: datetime) -> bool:
    row = Subscription.objects.filter(processor_id=found["id"]).select_related("user").first()
    theirs = _facts(found)
    price = Price.objects.filter(processor_id=theirs["price"]).values_list("pk", flat=True).first()
    ours: dict[str, Any] = {} if row is None else _ours(row)
    if row is not None and ours == {**theirs, "price": str(price)}:
        return False
    applied = apply_subscription(mode=mode, found=found, fetched_at=fetched_at)
    if applied is None:
        # It is nobody's of ours, which is a finding of its own.
        return False
    note_finding(kind=FindingKind.DIFFERENCE, object_id=found["id"], user=applied.user, ours=ours, theirs=theirs)
    return True


def _facts(found: Answer) -> dict[str, Any]:
    item = found["items"]["data"][0]
    ends = at(item.get("current_period_end") or found.get("current_period_end"))
    return {
        "status": found["status"],
        "cancels_at_end": bool(found.get("cancel_at_period_end")),
        "period_end": ends.isoformat() if ends else None,
        "price": reference(item, "price"),
    }


def _ours(row: Subscription) -> dict[str, Any]:
    return {
        "status": row.status,
        "cancels_at_end": row.cancels_at_end,
        "period_end": row.period_end.isoformat() if row.period_end else None,
        "price": str(row.price_id),
    }


def _is_gone(mode: Mode, row: Subscription) -> bool:
    try:
        sync_subscription(mode=mode, subscription_id=row.processor_id)
    except Refused:
        Subscription.objects.filter(pk=row.pk).update(status="canceled", right_until=None, fetched_at=wall_now())
        facts = {"ours": _ours(row), "theirs": {}}
        note_finding(kind=FindingKind.DIFFERENCE, object_id=row.processor_id, user=row.user, **facts)
        return True
    return False


def _invoice_differs(mode: Mode, found: Answer) -> bool:
    row = Invoice.objects.filter(processor_id=found["id"]).first()
    ours = {} if row is None else {"status": row.status, "paid_minor": row.paid_minor}
    theirs = {"status": found["status"], "paid_minor": found["amount_paid"]}
    if ours == theirs:
        return False
    applied = sync_invoice(mode=mode, invoice_id=found["id"])
    if applied is None:
        return False
    note_finding(kind=FindingKind.DIFFERENCE, object_id=found["id"], user=applied.user, ours=ours, theirs=theirs)
    return True


def _refunds_differ(mode: Mode) -> int:
    """Compare what went back of each payment, made here or at the processor's own page, and how that was shared out."""
    by_payment: dict[str, list[Answer]] = {}
    for one in gateway.all_refunds(mode):
        by_payment.setdefault(reference(one, "payment_intent"), []).append(one)
    differences = 0
    lines = MoneyLine.objects.filter(mode=mode, kind=BookingKind.REFUND, account=Account.BUYER)
    booked = set(lines.values_list("booking", flat=True))
    shared = set(TaxSplit.objects.filter(invoice__mode=mode).values_list("pk", flat=True))
    rows = Invoice.objects.filter(mode=mode, payment_id__among=[one for one in by_payment if one])
    for row in rows:
        refunds = by_payment[row.payment_id]
        theirs = sum(one["amount"] for one in refunds if not gateway.has_come_to_nothing(one))
        # (By name, too: one that was made and failed before anybody looked leaves the sum as it was.)
        is_known = row.refunded_minor == theirs and _bookings_of(refunds) <= booked
        if is_known and (row.pk not in shared or taxing.is_shared_out(row, refunds)):
            continue
        sync_invoice(mode=mode, invoice_id=row.processor_id, has_refunds=True)
        facts = {"ours": {"refunded_minor": row.refunded_minor}, "theirs": {"refunded_minor": theirs}}
        note_finding(kind=FindingKind.DIFFERENCE, object_id=row.processor_id, user=row.user, **facts)
        differences += 1
    return differences


def _bookings_of(refunds: list[Answer]) -> set[str]:
    gone = {failure_of(one["id"]) for one in refunds if gateway.has_come_to_nothing(one)}
    return gone | {one["id"] for one in refunds}
