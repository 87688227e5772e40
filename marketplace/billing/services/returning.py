"""What a lead is paid back: the share of a refund that failed after it had succeeded, and what one took too much.

A refund at the processor's own page may reverse a transfer by proportion, taxes and all, and a refund that failed leaves
what it reversed with the platform. Both are one transfer to the lead, a row before. All of it is computed from rows: of
what was due of the lead, what was refunded as the processor last said, and what the lead gave.
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.db.models import Case, F, Q, QuerySet, Sum, When

from accounts.models import User
from common.clock import wall_now
from common.db import lock_rows
from common.tasks import enqueue
from marketplace.billing import gateway
from marketplace.billing.models import Account, BookingKind, Dispute, FindingKind, Invoice, MoneyLine
from marketplace.billing.services.books import book_returned, part_of
from marketplace.billing.services.findings import note_finding, settle_of
from marketplace.billing.tax_models import OWED, TakenBack, TakenFor, TakenState, TaxSplit

OVER = (TakenState.DONE, TakenState.VOID)


def due_of_lead(split: TaxSplit, refunded: int) -> int:
    """Return what a lead is to give of a payment in all: its taxes, and its share of what was refunded or lost for good."""
    lost = Dispute.objects.filter(invoice=split.invoice_id, status="lost").aggregate(total=Sum("amount_minor"))["total"]
    gone = min(split.paid_minor, refunded + int(lost or 0))
    charged = _lines(split.invoice_id, BookingKind.CHARGE).aggregate(total=Sum("amount_minor"))["total"]
    return max(int(charged or 0) - split.share_minor, 0) + part_of(split.share_minor, gone, split.paid_minor)


def given_by_lead(split: TaxSplit) -> int:
    """Return what the lead gave, or is to: by rows of ours, and by refunds that reversed by proportion."""
    rows = TakenBack.objects.filter(invoice=split.invoice_id)
    back = Q(cause=TakenFor.RETURN)
    # Of what is over there counts what moved, of the others all that they are to.
    counted = Case(When(state__in=OVER, then=F("moved_minor")), default=F("amount_minor"))
    ours = rows.aggregate(taken=Sum(counted, filter=~back), returned=Sum(counted, filter=back))
    # (Only a refund's own booking has a line of its buyer.)
    refunds = MoneyLine.objects.filter(invoice=split.invoice_id, account=Account.BUYER, kind=BookingKind.REFUND)
    lines = _lines(split.invoice_id, BookingKind.REFUND).filter(booking__in=refunds.values("booking"))
    by_proportion = lines.aggregate(total=Sum("amount_minor"))["total"]
    beside = _recovered_before(split)
    return int(ours["taken"] or 0) - int(ours["returned"] or 0) - int(by_proportion or 0) + beside


def _recovered_before(split: TaxSplit) -> int:
    """Return what a lead gave for lost disputes before its payment was shared by rows; those have the same kind of line."""
    lines = _lines(split.invoice_id, BookingKind.TRANSFER).aggregate(total=Sum("amount_minor"))["total"]
    rows = TakenBack.objects.filter(invoice=split.invoice_id, cause=TakenFor.DISPUTE)
    moved = rows.aggregate(total=Sum("moved_minor"))["total"]
    return -int(lines or 0) - int(moved or 0)


def _lines(invoice_id: UUID, kind: BookingKind) -> QuerySet[MoneyLine]:
    return MoneyLine.objects.filter(invoice=invoice_id, account=Account.SELLER, kind=kind)


def surplus_of(invoice: Invoice) -> int:
    """Return what a lead gave too much of a payment that is shared by rows; a refund under way counts as made."""
    split = TaxSplit.objects.filter(invoice=invoice).first()
    return 0 if split is None else max(given_by_lead(split) - due_of_lead(split, invoice.refunded_minor), 0)


def return_surplus(invoice: Invoice) -> None:
    """Have a lead be paid what it gave too much. Caller holds the invoice's lock, and the invoice as it is."""
    _set_off(invoice)
    surplus = surplus_of(invoice)
    # What is under way may come or be refused: whichever it is, this is asked again then.
    if not surplus or TakenBack.objects.filter(invoice=invoice, state=TakenState.PENDING).exists():
        return
    surplus = owed_no_more(invoice, surplus, is_return=False)
    if surplus:
        about = _cause_of(invoice)
        if about is None:
            facts = {"invoice": str(invoice.pk), "lead_gave_too_much_minor": surplus}
            note_finding(kind=FindingKind.DIFFERENCE, object_id=invoice.processor_id, user=invoice.user, **facts)
        else:
            ask_for(invoice, TakenFor.RETURN, about, surplus)


def owed_no_more(invoice: Invoice, amount: int, *, is_return: bool) -> int:
    """Let what was refused one way be owed no more, as far as as much is due the other way; return what is left of that.

    Of a row only what did not move can go; newest first. Caller holds the invoice's lock.
    """
    if amount <= 0:
        return 0
    rows = TakenBack.objects.filter(_one_way(is_return), invoice=invoice, state__in=OWED)
    for row in sorted(lock_rows(rows), key=lambda one: (one.created_at, one.pk), reverse=True):
        part = min(row.left_minor, amount)
        amount -= part
        if part and part == row.left_minor:
            # What had moved of it stays, and was all of it then.
            row.state = TakenState.DONE if row.moved_minor else TakenState.VOID
            settle_of(FindingKind.RETURN_REFUSED if is_return else FindingKind.TRANSFER_REFUSED, row.pk)
        row.amount_minor -= part if row.state != TakenState.VOID else 0
        row.save(update_fields=["state", "amount_minor"])
    return amount


def _one_way(is_return: bool) -> Q:
    return Q(cause=TakenFor.RETURN) if is_return else ~Q(cause=TakenFor.RETURN)


def _set_off(invoice: Invoice) -> None:
    """Of what was refused both ways, leave owed what one way has more: each may wait for what the other would bring."""
    left = F("amount_minor") - F("moved_minor")
    sums = {name: Sum(left, filter=_one_way(name == "back")) for name in ("back", "taken")}
    owed = TakenBack.objects.filter(invoice=invoice, state__in=OWED).aggregate(**sums)
    both = min(owed["back"] or 0, owed["taken"] or 0)
    for is_return in (True, False):
        owed_no_more(invoice, both, is_return=is_return)


def _cause_of(invoice: Invoice) -> str | None:
    """Return the newest refund, or the failure of one, for which nothing was paid back yet."""
    known = TakenBack.objects.filter(invoice=invoice, cause=TakenFor.RETURN).values("about")
    lines = MoneyLine.objects.filter(invoice=invoice, account=Account.BUYER, kind=BookingKind.REFUND)
    newest = lines.exclude(booking__in=known).order_by("-pk").values_list("booking", flat=True)
    return newest.first()


def ask_for(invoice: Invoice, cause: TakenFor, about: str, amount: int) -> None:
    """Write down once what a lead is to give or be paid back. Caller holds the invoice's lock."""
    from marketplace.billing.tasks import take_back

    if amount <= 0:
        return
    now = wall_now()
    facts = {"amount_minor": amount, "invoice": invoice, "due_at": now, "created_at": now}
    row, is_new = TakenBack.objects.get_or_create(cause=cause, about=about, defaults=facts)
    if is_new:
        enqueue(take_back, str(row.pk))


def pay_back(row: TakenBack, key: str) -> None:
    """Have the processor transfer to a lead what it gave too much; what it transferred for this row is found there."""
    invoice = row.invoice
    assert invoice.seller is not None
    made = gateway.made_transfer(invoice.mode, row=row.pk) or gateway.create_transfer(
        invoice.mode,
        key=key,
        row=row.pk,
        amount=row.amount_minor,
        currency=invoice.currency,
        destination=invoice.seller.processor_id,
    )
    with transaction.atomic():
        lock_rows(User.objects.filter(pk=invoice.user_id))
        invoice = Invoice.objects.select_related("seller").get(pk=invoice.pk)
        book_returned(invoice, made)
        done = {"state": TakenState.DONE, "processor_id": made["id"], "moved_minor": made["amount"], "problem": ""}
        TakenBack.objects.filter(pk=row.pk).update(**done)
        settle_of(FindingKind.RETURN_REFUSED, row.pk)
        # Another refund may have failed meanwhile.
        return_surplus(invoice)
