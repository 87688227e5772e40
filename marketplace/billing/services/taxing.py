"""Taxes are the platform's to pay: what of them reached a lead is taken back, and refunds and disputes are shared without them.

The processor takes its percentage of what was paid and transfers the rest, taxes with it. One reversal of the transfer
mends that (of 11.90 with 1.90 of taxes: 9.52 − 1.52 = 8.00, which is 10.00 less a fifth). From then on no call reverses a
part of such a transfer by proportion: each takes an amount that is a row before, once for a charge, a refund, a dispute.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import Sum

from accounts.models import User
from common.clock import wall_now
from common.db import lock_rows
from common.tasks import enqueue
from marketplace.billing import gateway
from marketplace.billing.gateway import Answer, Unanswered, reference
from marketplace.billing.models import Account, BookingKind, Dispute, FindingKind, Invoice, InvoiceKind, MoneyLine, Work
from marketplace.billing.services.books import book_taken, charged_tax, part_of
from marketplace.billing.services.findings import note_finding
from marketplace.billing.services.outbox import carry_out
from marketplace.billing.tax_models import TakenBack, TakenFor, TaxSplit

KINDS = {
    TakenFor.TAX: BookingKind.TAX,
    TakenFor.REFUND: BookingKind.REFUND,
    TakenFor.DISPUTE: BookingKind.TRANSFER,
}


def split_of(invoice: Invoice) -> TaxSplit | None:
    return TaxSplit.objects.filter(invoice=invoice).first()


def returns_by_proportion(invoice: Invoice) -> bool:
    """Say whether a refund is to reverse transfer and fee by proportion: of a lead's payment that no taxes were split off."""
    if invoice.seller_id is None:
        return False
    if invoice.tax_minor and not invoice.lines.filter(kind=BookingKind.CHARGE).exists():
        # How it is shared is not known before it is booked.
        raise Unanswered("The payment is not booked yet.")
    return split_of(invoice) is None


def split_charge(invoice: Invoice, charge: Answer, fee_percent: Decimal | None) -> None:
    """Write down how a charge that was just booked is shared, and what its lead has too much. Caller holds its lock."""
    transfer, paid = reference(charge, "transfer"), charge["amount"]
    tax = charged_tax(invoice, paid)
    if not tax or not transfer or invoice.seller is None:
        return
    kept, price = charge.get("application_fee_amount") or 0, paid - tax
    fee = min(price, _fee_of_price(invoice, price, paid, kept, fee_percent))
    split = TaxSplit.objects.create(
        invoice=invoice,
        transfer_id=transfer,
        price_minor=price,
        tax_minor=tax,
        fee_minor=fee,
        share_minor=price - fee,
    )
    _take(split, TakenFor.TAX, charge["id"], paid - kept - split.share_minor)


def _fee_of_price(invoice: Invoice, price: int, paid: int, kept: int, percent: Decimal | None) -> int:
    if invoice.kind == InvoiceKind.PROFIT_SHARE:
        # It was computed of the shares alone, and told to the processor as an amount.
        return kept
    if percent is not None and abs(paid * percent / 100 - kept) <= 1:
        return int((price * percent / 100).quantize(Decimal(1), ROUND_HALF_UP))
    # The subscription's percentage is another by now: what was kept says what it was.
    return part_of(kept, price, paid)


def take_for_refunds(invoice: Invoice, refunds: Sequence[Answer]) -> None:
    """Have a lead give back its share of what was refunded, once. Caller holds the invoice's lock."""
    split = split_of(invoice)
    if split is None or not refunds:
        return
    # (One that is under way may fail yet: the lead gives nothing for it before it has succeeded.)
    done = [one for one in refunds if one["status"] == "succeeded"]
    due = part_of(split.share_minor, sum(one["amount"] for one in done), split.paid_minor) - _taken(split)
    if due < 0:
        # A refund failed later, or one was made at the processor's own page, which reverses by proportion.
        facts = {"invoice": str(invoice.pk), "lead_gave_too_much_minor": -due}
        note_finding(kind=FindingKind.DIFFERENCE, object_id=split.transfer_id, user=invoice.user, **facts)
        return
    known = set(TakenBack.objects.filter(split=split).values_list("about", flat=True))
    unknown = [one["id"] for one in sorted(done, key=lambda one: one["created"]) if one["id"] not in known]
    if due and unknown:
        _take(split, TakenFor.REFUND, unknown[-1], due)


def take_for_dispute(dispute: Dispute) -> None:
    """Have a lead give back its share of a charge that a bank took away for good. Caller holds the invoice's lock."""
    split = split_of(dispute.invoice)
    if split is None or dispute.status != "lost":
        return
    gone = min(split.paid_minor, dispute.invoice.refunded_minor + dispute.amount_minor)
    due = part_of(split.share_minor, gone, split.paid_minor) - _taken(split)
    if due > 0:
        _take(split, TakenFor.DISPUTE, dispute.processor_id, due)


def _taken(split: TaxSplit) -> int:
    """Return what the lead gave of its share, or is to: by rows of ours, and by refunds that reversed by proportion."""
    rows = TakenBack.objects.filter(split=split)
    ours = rows.exclude(cause=TakenFor.TAX).aggregate(total=Sum("amount_minor"))["total"] or 0
    lines = MoneyLine.objects.filter(invoice=split.invoice_id, account=Account.SELLER, kind=BookingKind.REFUND)
    others = lines.exclude(booking__in=rows.exclude(processor_id="").values("processor_id"))
    return int(ours) - int(others.aggregate(total=Sum("amount_minor"))["total"] or 0)


def _take(split: TaxSplit, cause: TakenFor, about: str, amount: int) -> None:
    from marketplace.billing.tasks import take_back

    if amount <= 0:
        return
    now = wall_now()
    facts = {"amount_minor": amount, "split": split, "due_at": now, "created_at": now}
    row, is_new = TakenBack.objects.get_or_create(cause=cause, about=about, defaults=facts)
    if is_new:
        enqueue(take_back, str(row.pk))


def take(*, row_id: UUID) -> bool:
    """Have the processor reverse what a lead gives back; what it reversed already for this row is found there."""
    return carry_out(TakenBack, row_id, _reverse, _tell_operator)


def _reverse(row: TakenBack) -> None:
    invoice, transfer = row.split.invoice, row.split.transfer_id
    key = f"{row.pk}-{row.attempt}" if row.attempt else str(row.pk)
    made = gateway.made_taking(invoice.mode, transfer, row=row.pk) or gateway.take_of_transfer(
        invoice.mode, transfer, key=key, row=row.pk, amount=row.amount_minor
    )
    with transaction.atomic():
        lock_rows(User.objects.filter(pk=invoice.user_id))
        book_taken(Invoice.objects.get(pk=invoice.pk), made, kind=KINDS[TakenFor(row.cause)])
        done = {"state": Work.DONE, "processor_id": made["id"], "problem": ""}
        TakenBack.objects.filter(pk=row.pk).update(**done)


def _tell_operator(row: TakenBack, words: str) -> None:
    facts = {"invoice": str(row.split.invoice_id), "amount_minor": row.amount_minor, "problem": words}
    note_finding(kind=FindingKind.TRANSFER_REFUSED, object_id=str(row.pk), user=row.split.invoice.user, **facts)


def ask_refused_again(mode: str) -> None:
    """Have what was refused asked for once more, under a new key: the lead may have money there by now."""
    rows = TakenBack.objects.filter(state=Work.FAILED, split__invoice__mode=mode)
    for one in rows:
        again = {"state": Work.PENDING, "due_at": wall_now(), "attempt": one.attempt + 1}
        TakenBack.objects.filter(pk=one.pk, state=Work.FAILED).update(**again)


def transfers_differ(mode: str) -> int:
    """Compare what was reversed of each transfer with our rows; report and count the differences."""
    splits = {one.transfer_id: one for one in TaxSplit.objects.filter(invoice__mode=mode).select_related("invoice")}
    if not splits:
        return 0
    rows = TakenBack.objects.filter(split__invoice__mode=mode)
    waiting = set(rows.exclude(state=Work.DONE).values_list("split", flat=True))
    done = rows.filter(state=Work.DONE).order_by().values_list("split").annotate(total=Sum("amount_minor"))
    sums = dict(done)
    differences = 0
    for found in gateway.transfers(mode):
        split = splits.get(found["id"])
        if split is None or split.pk in waiting:
            continue
        ours, theirs = sums.get(split.pk, 0), found["amount_reversed"]
        if ours != theirs:
            facts = {"ours": {"reversed_minor": ours}, "theirs": {"reversed_minor": theirs}}
            note_finding(kind=FindingKind.DIFFERENCE, object_id=found["id"], user=split.invoice.user, **facts)
            differences += 1
    return differences
