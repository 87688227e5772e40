"""Taxes are the platform's to pay: what of them reached a lead is taken back, and refunds and disputes are shared without them.

The processor takes its percentage of what was paid and transfers the rest, taxes with it. One reversal of the transfer
mends that (of 11.90 with 1.90 of taxes: 9.52 − 1.52 = 8.00, which is 10.00 less a fifth). From then on no call reverses a
part of such a transfer by proportion: each takes an amount that is a row before, once for a charge, a refund, a dispute.
What a refund at the processor's own page reversed by proportion counts, and what of it was too much goes back (returning.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import ROUND_HALF_UP, Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, Sum

from accounts.models import User
from common.clock import wall_now
from common.db import lock_rows
from marketplace.billing import gateway
from marketplace.billing.gateway import Answer, Unanswered, has_come_to_nothing, reference
from marketplace.billing.models import BookingKind, Dispute, FindingKind, Invoice, InvoiceKind
from marketplace.billing.services.books import book_taken, charged_tax, failure_of, part_of
from marketplace.billing.services.findings import note_finding, settle_of
from marketplace.billing.services.outbox import carry_out
from marketplace.billing.services.returning import (
    ask_for,
    due_of_lead,
    given_by_lead,
    owed_no_more,
    pay_back,
    return_surplus,
    surplus_of,
)
from marketplace.billing.tax_models import TakenBack, TakenFor, TakenState, TaxSplit

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
    ask_for(invoice, TakenFor.TAX, charge["id"], paid - kept - split.share_minor)


def share_by_rows(invoice: Invoice, charge: Answer) -> None:
    """Have what moves of a payment without taxes be rows, too, once a refund of it failed. Caller holds its lock.

    The processor would reverse its transfer by proportion as before, and knows nothing of what was paid back beside it.
    """
    transfer, kept = reference(charge, "transfer"), charge.get("application_fee_amount") or 0
    if transfer and invoice.seller is not None and split_of(invoice) is None:
        parts = {"price_minor": charge["amount"], "fee_minor": kept, "share_minor": charge["amount"] - kept}
        TaxSplit.objects.create(invoice=invoice, transfer_id=transfer, tax_minor=0, **parts)


def _fee_of_price(invoice: Invoice, price: int, paid: int, kept: int, percent: Decimal | None) -> int:
    if invoice.kind == InvoiceKind.PROFIT_SHARE:
        # It was computed of the shares alone, and told to the processor as an amount.
        return kept
    if percent is not None and abs(paid * percent / 100 - kept) <= 1:
        return int((price * percent / 100).quantize(Decimal(1), ROUND_HALF_UP))
    # The subscription's percentage is another by now: what was kept says what it was.
    return part_of(kept, price, paid)


def take_for_refunds(invoice: Invoice, refunds: Sequence[Answer]) -> None:
    """Have a lead give back its share of what was refunded, once, or be paid what it gave too much. Caller holds the lock."""
    split = split_of(invoice)
    if split is not None:
        due = owed_no_more(invoice, _due_for(split, refunds), is_return=True)
        if due and (about := _newest_unknown(split, refunds)):
            ask_for(invoice, TakenFor.REFUND, about, due)
        return_surplus(invoice)


def _due_for(split: TaxSplit, refunds: Sequence[Answer]) -> int:
    """Return what the lead is to give for refunds. (One that is under way may fail yet: nothing before it succeeded.)"""
    done = sum(one["amount"] for one in refunds if one["status"] == "succeeded")
    return due_of_lead(split, done) - given_by_lead(split)


def _newest_unknown(split: TaxSplit, refunds: Sequence[Answer]) -> str:
    rows = TakenBack.objects.filter(invoice=split.invoice_id, cause=TakenFor.REFUND)
    known = set(rows.values_list("about", flat=True))
    # (For one that failed a lead may have been given a part of the fee.)
    names = [
        one["id"] if one["status"] == "succeeded" else failure_of(one["id"])
        for one in sorted(refunds, key=lambda one: one["created"], reverse=True)
        if one["status"] == "succeeded" or has_come_to_nothing(one)
    ]
    return next((one for one in names if one not in known), "")


def is_shared_out(invoice: Invoice, refunds: Sequence[Answer]) -> bool:
    """Say whether each row stands that the refunds of a payment as the processor has them now call for."""
    split = split_of(invoice)
    if split is None:
        return True
    lacks = _due_for(split, refunds) > 0 and bool(_newest_unknown(split, refunds))
    is_under_way = TakenBack.objects.filter(invoice=invoice, state=TakenState.PENDING).exists()
    return not lacks and (is_under_way or not surplus_of(invoice))


def take_for_dispute(dispute: Dispute) -> None:
    """Have a lead give back its share of a charge that a bank took away for good. Caller holds the invoice's lock."""
    split = split_of(dispute.invoice)
    if split is not None and dispute.status == "lost":
        due = due_of_lead(split, dispute.invoice.refunded_minor) - given_by_lead(split)
        due = owed_no_more(dispute.invoice, due, is_return=True)
        ask_for(dispute.invoice, TakenFor.DISPUTE, dispute.processor_id, due)


def take(*, row_id: UUID) -> bool:
    """Have the processor move what a lead gives or is paid back; what it moved already for this row is found there."""
    return carry_out(TakenBack, row_id, _move, _tell_operator, lock=_lock)


def _lock(row: TakenBack) -> None:
    """Take the invoice's lock: whoever decides on a row has it before the row's."""
    lock_rows(User.objects.filter(pk=row.invoice.user_id))


def _move(row: TakenBack) -> None:
    key = f"{row.pk}-{row.attempt}" if row.attempt else str(row.pk)
    if row.cause == TakenFor.RETURN:
        pay_back(row, key)
        return
    this, made, moved = TakenBack.objects.filter(pk=row.pk), "", 0
    for found in _reversals(row, key):
        made, moved = found["id"], moved + found["amount"]
        with transaction.atomic():
            _lock(row)
            if book_taken(Invoice.objects.get(pk=row.invoice_id), found, kind=KINDS[TakenFor(row.cause)]):
                # With its booking: the next transfer may be refused, and this one has moved all the same.
                this.update(moved_minor=F("moved_minor") + found["amount"], processor_id=made)
    with transaction.atomic():
        _lock(row)
        invoice = Invoice.objects.get(pk=row.invoice_id)
        this.update(state=TakenState.DONE, processor_id=made, moved_minor=moved, problem="")
        settle_of(FindingKind.TRANSFER_REFUSED, row.pk)
        # What it was taken for may have failed meanwhile.
        return_surplus(invoice)


def _reversals(row: TakenBack, key: str) -> Iterator[Answer]:
    """Have a row's amount reversed and yield what was: of the payment's transfer, then of what was paid back beside it.

    What was reversed for it before is looked for at all of them before more is: a transfer that came later than that may
    stand before one that gave its part.
    """
    mode, transfer = row.invoice.mode, row.invoice.tax_split.transfer_id
    back = TakenBack.objects.filter(invoice=row.invoice, cause=TakenFor.RETURN, state=TakenState.DONE)
    others = list(back.order_by("created_at", "pk").values_list("processor_id", flat=True))
    left = row.amount_minor
    untouched: list[str] = []
    for one in [transfer, *others]:
        made = gateway.made_taking(mode, one, row=row.pk)
        if made is None:
            untouched.append(one)
        else:
            left -= made["amount"]
            yield made
    for one in untouched:
        # (With one transfer the processor knows best whether it holds as much.)
        part = min(left, gateway.left_of_transfer(mode, one)) if others else left
        if part <= 0:
            continue
        # (By the transfer's name: in which place it stands changes.)
        named = key if one == transfer else f"{key}-of-{one}"
        made = gateway.take_of_transfer(mode, one, key=named, row=row.pk, amount=part)
        left -= made["amount"]
        yield made
    if left > 0:
        raise gateway.Refused("The transfers to this lead hold no more of this payment.")


def _tell_operator(row: TakenBack, words: str) -> None:
    row.refresh_from_db(fields=["moved_minor"])
    facts = {"invoice": str(row.invoice_id), "amount_minor": row.left_minor, "problem": words}
    is_return = row.cause == TakenFor.RETURN
    kind = FindingKind.RETURN_REFUSED if is_return else FindingKind.TRANSFER_REFUSED
    note_finding(kind=kind, object_id=str(row.pk), user=row.invoice.user, **facts)
    return_surplus(Invoice.objects.get(pk=row.invoice_id))


def ask_refused_again(mode: str) -> None:
    """Have what was refused asked for once more, under a new key: money may be there by now. What was closed is left."""
    rows = TakenBack.objects.filter(state=TakenState.FAILED, invoice__mode=mode)
    again = {"state": TakenState.PENDING, "due_at": wall_now()}
    with transaction.atomic():
        # (In the order in which others lock several.)
        locked = lock_rows(rows)
        TakenBack.objects.filter(pk__among=[one.pk for one in locked]).update(attempt=F("attempt") + 1, **again)


def transfers_differ(mode: str) -> int:
    """Compare what was reversed of each transfer with our rows; report and count the differences."""
    splits = {one.pk: one for one in TaxSplit.objects.filter(invoice__mode=mode).select_related("invoice")}
    if not splits:
        return 0
    rows, is_return = TakenBack.objects.filter(invoice__mode=mode), Q(cause=TakenFor.RETURN)
    waiting = rows.filter(state__in=(TakenState.PENDING, TakenState.FAILED)).exclude(is_return)
    # Before all else: what is taken from here on, while others are listed, is no difference.
    moving = set(waiting.values_list("invoice", flat=True))
    ours = dict(rows.exclude(is_return).order_by().values_list("invoice").annotate(total=Sum("moved_minor")))
    whose = {one.transfer_id: key for key, one in splits.items()}
    whose |= dict(rows.filter(is_return, state=TakenState.DONE).values_list("processor_id", "invoice"))
    theirs: Counter[UUID] = Counter()
    for found in gateway.transfers(mode):
        if found["id"] in whose:
            theirs[whose[found["id"]]] += found["amount_reversed"]
    differences = 0
    for key in theirs.keys() - moving:
        split, ours_minor, theirs_minor = splits[key], ours.get(key, 0), theirs[key]
        if ours_minor != theirs_minor:
            # What a refund reversed by proportion is booked with that refund, and no row; a lost dispute had none once.
            theirs_minor -= gateway.reversed_beside_rows(mode, split.transfer_id)
        if ours_minor != theirs_minor:
            facts = {"ours": {"reversed_minor": ours_minor}, "theirs": {"reversed_minor": theirs_minor}}
            note_finding(kind=FindingKind.DIFFERENCE, object_id=split.transfer_id, user=split.invoice.user, **facts)
            differences += 1
    return differences
