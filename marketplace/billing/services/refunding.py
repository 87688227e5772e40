"""Money back: all of the first payment within seven days for the asking (copy-trading rule 36), other amounts by an operator."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Min

from accounts.models import User
from accounts.services import audit
from common.clock import wall_now
from common.db import lock_rows
from common.errors import DomainError, NotFound
from common.tasks import enqueue
from marketplace.billing import gateway
from marketplace.billing.currencies import written
from marketplace.billing.gateway import Refused
from marketplace.billing.models import FindingKind, Invoice, InvoiceKind, Refund, Work
from marketplace.billing.modes import check_mode
from marketplace.billing.services.findings import note_finding
from marketplace.billing.services.outbox import carry_out
from marketplace.billing.services.syncing import sync_invoice, sync_subscription
from marketplace.billing.services.taxing import returns_by_proportion

WINDOW = timedelta(days=7)


def refundable(invoices: Iterable[Invoice]) -> set[UUID]:
    """Return which invoices their buyers may have all of back for the asking; in two statements, however many there are."""
    young = [one for one in invoices if _may_be_asked_back(one)]
    subscriptions = {one.subscription_id for one in young}
    asked = Refund.objects.filter(invoice__in=young).exclude(state=Work.FAILED)
    begun = set(asked.values_list("invoice", flat=True)) if young else set()
    paid = Invoice.objects.filter(subscription__in=subscriptions, paid_minor__gt=0, status="paid")
    firsts = dict(paid.order_by().values_list("subscription").annotate(Min("created_at"))) if young else {}
    return {
        one.pk
        for one in young
        if one.pk not in begun and firsts.get(one.subscription_id, one.created_at) >= one.created_at
    }


def _may_be_asked_back(invoice: Invoice) -> bool:
    is_paid = invoice.kind == InvoiceKind.SUBSCRIPTION and invoice.status == "paid" and bool(invoice.paid_minor)
    is_young = invoice.paid_at is not None and wall_now() <= invoice.paid_at + WINDOW
    return is_paid and is_young and not invoice.refunded_minor


def _why_not(invoice: Invoice) -> DomainError | None:
    if invoice.kind != InvoiceKind.SUBSCRIPTION or invoice.status != "paid" or not invoice.paid_minor:
        return DomainError("NOT_REFUNDABLE", "Only a paid invoice of a subscription can be given back.", status=409)
    if invoice.refunded_minor or invoice.refunds.exclude(state=Work.FAILED).exists():
        return DomainError("REFUNDED_ALREADY", "This invoice was given back already, or is about to be.", status=409)
    if invoice.paid_at is None or wall_now() > invoice.paid_at + WINDOW:
        message = "A payment is given back for the asking within seven days: write to an operator."
        return DomainError("REFUND_TOO_LATE", message, status=409)
    earlier = Invoice.objects.filter(subscription=invoice.subscription, paid_minor__gt=0, status="paid")
    if earlier.filter(created_at__lt=invoice.created_at).exists():
        message = "Only the first payment of a subscription is given back for the asking: cancel it instead."
        return DomainError("NOT_THE_FIRST_PAYMENT", message, status=409)
    return None


def request_refund(*, user: User, invoice: Invoice) -> Refund:
    """Give the first payment back and end the right. Who had that once for the same thing has to ask an operator."""
    if _had_back(user, invoice):
        note_finding(kind=FindingKind.REFUND_AFTER_USE, object_id=str(invoice.pk), user=user)
        raise HAD_BACK
    with transaction.atomic():
        # The person's lock: of two payments for the same thing, asked for at once, one is given back.
        lock_rows(User.objects.filter(pk=user.pk))
        locked = _locked(invoice)
        if locked.user_id != user.pk:
            raise NotFound("invoice")
        if (refusal := _why_not(locked)) is not None:
            raise refusal
        if _had_back(user, locked):
            raise HAD_BACK
        return _begun(user, locked, locked.paid_minor, ends_right=True)


HAD_BACK = DomainError(
    "REFUND_AFTER_USE", "You had a payment for this given back before: write to an operator.", status=409
)


def _had_back(user: User, invoice: Invoice) -> bool:
    if invoice.subscription is None:
        return False
    same = Refund.objects.filter(invoice__user=user, invoice__subscription__subject=invoice.subscription.subject)
    return same.filter(ends_right=True).exclude(invoice=invoice).exclude(state=Work.FAILED).exists()


@transaction.atomic
def refund_part(*, operator: User, invoice: Invoice, amount_minor: int, ends_right: bool = False) -> Refund:
    """Give back an amount of an invoice, as an operator."""
    if not operator.is_staff:
        raise DomainError("OPERATORS_ONLY", "Only an operator may give money back here.", status=403)
    locked = _locked(invoice)
    left = locked.paid_minor - locked.refunded_minor
    if not 0 < amount_minor <= left:
        message = f"Give back more than nothing and at most {written(left, locked.currency)}."
        raise DomainError("REFUND_OUT_OF_RANGE", message, {"field": "amount"})
    if locked.refunds.filter(state=Work.PENDING).exists():
        raise DomainError("REFUND_UNDER_WAY", "Another refund of it is under way: wait a minute.", status=409)
    return _begun(operator, locked, amount_minor, ends_right=ends_right)


def _locked(invoice: Invoice) -> Invoice:
    found = lock_rows(Invoice.objects.filter(pk=invoice.pk))[0]
    check_mode(found.mode)
    return found


def _begun(actor: User, invoice: Invoice, amount_minor: int, *, ends_right: bool) -> Refund:
    from marketplace.billing.tasks import carry_out_refund

    now = wall_now()
    facts = {"amount_minor": amount_minor, "ends_right": ends_right}
    refund = Refund.objects.create(invoice=invoice, asked_by=actor, due_at=now, created_at=now, **facts)
    audit(action="refund.asked", obj=invoice, actor=actor, after=facts)
    enqueue(carry_out_refund, str(refund.pk))
    return refund


def give_back(*, refund_id: UUID) -> bool:
    """Have the processor give money back; what it gave already for this row is found there, and not given twice."""
    return carry_out(Refund, refund_id, _give_back, _tell_operator)


def _tell_operator(refund: Refund, words: str) -> None:
    facts = {"invoice": str(refund.invoice_id), "amount_minor": refund.amount_minor, "problem": words}
    note_finding(kind=FindingKind.REFUND_REFUSED, object_id=str(refund.pk), user=refund.invoice.user, **facts)


def _give_back(refund: Refund) -> None:
    invoice = refund.invoice
    found = gateway.made_refund(invoice.mode, payment=invoice.payment_id, row=refund.pk) or gateway.create_refund(
        invoice.mode,
        row=refund.pk,
        payment=invoice.payment_id,
        amount=refund.amount_minor,
        returns_transfer=returns_by_proportion(invoice),
    )
    if refund.ends_right and invoice.subscription is not None:
        # (A refusal: it has ended already.)
        with suppress(Refused):
            gateway.cancel_subscription(invoice.mode, invoice.subscription.processor_id)
        sync_subscription(mode=invoice.mode, subscription_id=invoice.subscription.processor_id)
    sync_invoice(mode=invoice.mode, invoice_id=invoice.processor_id, has_refunds=True)
    # (It may have failed there by now, which is written down already.)
    Refund.objects.filter(pk=refund.pk, state=Work.PENDING).update(state=Work.DONE, processor_id=found["id"])
