"""Profit shares as invoices (copy-trading rule 35): one per follower, lead and week, a line per settlement, each once.

Only real money is invoiced. Amounts are rounded down to the cent over all that was ever settled between the two, so that
what one line leaves comes with a later one. What is below the processor's smallest charge waits for the next week.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts.models import User
from accounts.services import audit, notify
from common.clock import wall_now
from common.db import lock_rows
from common.errors import DomainError
from common.tasks import enqueue
from marketplace.billing import gateway
from marketplace.billing.currencies import CURRENCIES, DOLLARS, SHARE_CURRENCY, written
from marketplace.billing.fees import share_fee
from marketplace.billing.gateway import Answer, Refused
from marketplace.billing.models import Finding, FindingKind, Seller, ShareCredit, ShareInvoice, ShareLine, Work
from marketplace.billing.modes import check_mode, current_mode
from marketplace.billing.services.buying import customer_of
from marketplace.billing.services.findings import note_finding, settle_finding
from marketplace.billing.services.outbox import carry_out
from marketplace.billing.services.syncing import sync_invoice
from trading.copy_accounts.models import ProfitShareSettlement

# A settlement of Monday 00:00 may have waited an hour for prices; by then all of the week's are there.
AFTER_MONDAY = timedelta(hours=2)


def invoice_shares() -> int:
    """Put the settlements of the weeks that have ended on invoices; return how many invoices were begun."""
    mode = current_mode()
    if mode is None:
        return 0
    now = wall_now()
    week = (now - AFTER_MONDAY).date()
    week -= timedelta(days=week.weekday())
    until = datetime.combine(week, time(), UTC) + AFTER_MONDAY
    open_ones = ProfitShareSettlement.objects.filter(
        is_hypothetical=False,
        due__gt=Decimal(0),
        recorded_at__lt=until,
        account__follow__portfolio__settlement__in=DOLLARS,
    )
    rows = open_ones.exclude(pk__in=ShareLine.objects.filter(settlement__isnull=False).values("settlement"))
    pairs = rows.order_by().values_list("account__follow__follower", "account__follow__lead__owner").distinct()
    sellers = {one.user_id: one for one in Seller.objects.filter(mode=mode) if one.is_ready}
    # Where the lead has no finished account it all waits.
    return sum(_invoice(follower, sellers[lead], week, until) for follower, lead in sorted(pairs) if lead in sellers)


@transaction.atomic
def _invoice(follower: UUID, seller: Seller, week: date, until: datetime) -> bool:
    from marketplace.billing.tasks import send_share_invoice

    lock_rows(User.objects.filter(pk=follower))
    if ShareInvoice.objects.filter(follower=follower, seller=seller, week=week).exists():
        return False
    lines = [*_settled(follower, seller, until), *_credited(follower, seller)]
    charged = sum(one.amount_minor for one in lines if one.settlement is not None)
    kept: list[ShareLine] = []
    for one in lines:
        # A credit that is larger than what is left waits for a later invoice.
        if one.credit is None or charged + one.amount_minor >= 0:
            charged += one.amount_minor if one.credit is not None else 0
            kept.append(one)
    is_due = charged >= CURRENCIES[SHARE_CURRENCY].least
    if not is_due:
        return False
    now = wall_now()
    share = ShareInvoice.objects.create(
        follower_id=follower,
        seller=seller,
        week=week,
        currency=SHARE_CURRENCY,
        amount_minor=charged,
        platform_fee_minor=share_fee(charged),
        due_at=now,
        created_at=now,
    )
    for one in kept:
        one.invoice = share
    ShareLine.objects.bulk_create(kept)
    context = {"amount": written(charged, SHARE_CURRENCY), "lead": seller.user.profile.display_name}
    notify(user=share.follower, event="profit_share.invoiced", context=context)
    enqueue(send_share_invoice, str(share.pk))
    return True


def _settled(follower: UUID, seller: Seller, until: datetime) -> list[ShareLine]:
    """Return a line of each settlement that is on none, rounded down over all between the two."""
    rows = ProfitShareSettlement.objects.filter(
        is_hypothetical=False,
        due__gt=Decimal(0),
        account__follow__follower=follower,
        account__follow__lead__owner=seller.user_id,
        account__follow__portfolio__settlement__in=DOLLARS,
    ).order_by("settled_at", "pk")
    before = dict(ShareLine.objects.filter(settlement__in=rows).values_list("settlement", "amount_minor"))
    total = sum((one.due for one in rows if one.pk in before), Decimal(0))
    billed = sum(before.values())
    lines = []
    for one in rows:
        if one.pk in before or one.recorded_at >= until:
            continue
        total += one.due
        cents = int(total.scaleb(2).to_integral_value(ROUND_DOWN)) - billed
        billed += cents
        lines.append(ShareLine(settlement=one, amount_minor=cents))
    return lines


def _credited(follower: UUID, seller: Seller) -> list[ShareLine]:
    rows = ShareCredit.objects.filter(
        settlement__account__follow__follower=follower,
        settlement__account__follow__lead__owner=seller.user_id,
        line=None,
    )
    return [ShareLine(credit=one, amount_minor=-one.amount_minor) for one in rows.order_by("created_at", "pk")]


@transaction.atomic
def return_share(*, operator: User, settlement: ProfitShareSettlement, amount_minor: int, reason: str) -> ShareCredit:
    """Return what was invoiced too much of a settlement, as a credit on the follower's next invoice of this lead."""
    if not operator.is_staff:
        raise DomainError("OPERATORS_ONLY", "Only an operator may return a profit share.", status=403)
    line = ShareLine.objects.filter(settlement=settlement).select_related("invoice").first()
    returned = ShareCredit.objects.filter(settlement=settlement).values_list("amount_minor", flat=True)
    left = (line.amount_minor if line is not None else 0) - sum(returned)
    if not 0 < amount_minor <= left:
        message = f"Return more than nothing and at most {written(left, SHARE_CURRENCY)}."
        raise DomainError("RETURN_OUT_OF_RANGE", message, {"field": "amount"})
    facts = {"amount_minor": amount_minor, "reason": reason[:200]}
    credit = ShareCredit.objects.create(settlement=settlement, given_by=operator, created_at=wall_now(), **facts)
    audit(action="profit_share.returned", obj=settlement, actor=operator, after={"amount_minor": amount_minor})
    return credit


@transaction.atomic
def retry_share(*, operator: User, share: ShareInvoice) -> ShareInvoice:
    """Have a refused invoice of profit shares asked for again, as an operator, once what was in its way is mended."""
    return _again(operator, share, "profit_share.retried", is_void=False)


@transaction.atomic
def void_share(*, operator: User, share: ShareInvoice) -> ShareInvoice:
    """Give a refused invoice of profit shares up, as an operator: its settlements go on the next week's."""
    return _again(operator, share, "profit_share.voided", is_void=True)


def _again(operator: User, share: ShareInvoice, action: str, *, is_void: bool) -> ShareInvoice:
    from marketplace.billing.tasks import send_share_invoice

    if not operator.is_staff:
        raise DomainError("OPERATORS_ONLY", "Only an operator decides on a refused invoice.", status=403)
    locked = lock_rows(ShareInvoice.objects.filter(pk=share.pk).select_related("seller"))[0]
    check_mode(locked.seller.mode)
    if locked.state != Work.FAILED:
        raise DomainError("SHARE_NOT_REFUSED", "This invoice was not refused, or is being tried again.", status=409)
    locked.state, locked.problem, locked.due_at, locked.is_void = Work.PENDING, "", wall_now(), is_void
    locked.attempt += 1
    locked.save(update_fields=["state", "problem", "due_at", "is_void", "attempt"])
    lines = locked.lines.filter(settlement__isnull=False).order_by("pk").values_list("settlement", flat=True)
    after = {"amount_minor": locked.amount_minor, "settlements": [str(one) for one in lines]}
    audit(action=action, obj=locked, actor=operator, after=after)
    for finding in Finding.objects.filter(kind=FindingKind.SHARE_REFUSED, object_id=str(locked.pk), settled_at=None):
        settle_finding(operator=operator, finding=finding)
    enqueue(send_share_invoice, str(locked.pk))
    return locked


def send(*, share_id: UUID) -> bool:
    """Have the processor invoice a week's profit shares, or take back what an operator voided.

    What it made already of this row is found there and gone on with: nothing is invoiced twice, however late a repeat.
    """
    return carry_out(ShareInvoice, share_id, _send, _tell_operator)


def _tell_operator(share: ShareInvoice, words: str) -> None:
    facts = {"amount_minor": share.amount_minor, "week": f"{share.week:%Y-%m-%d}", "problem": words}
    note_finding(kind=FindingKind.SHARE_REFUSED, object_id=str(share.pk), user=share.follower, **facts)


def _send(share: ShareInvoice) -> None:
    mode = share.seller.mode
    customer = customer_of(share.follower, mode)
    # (The processor's clock may be behind ours.)
    since = share.created_at - timedelta(days=1)
    found = gateway.made_invoice(mode, customer=customer, since=since, share=share.pk)
    if share.is_void:
        _take_back(share, found)
        return
    key = f"{share.pk}-{share.attempt}" if share.attempt else str(share.pk)
    if found is None:
        found = gateway.create_invoice(mode, row=key, **_params(share, customer))
    if found["status"] == "draft":
        _write_lines(share, key, customer, found["id"])
        found = gateway.finalize_invoice(mode, found["id"], row=key)
    if found["status"] == "open":
        # (A refusal: no card, or one that was declined. It stays open, with a page on which it can be paid.)
        with suppress(Refused):
            gateway.pay_invoice(mode, found["id"], customer=customer)
    invoice = sync_invoice(mode=mode, invoice_id=found["id"])
    ShareInvoice.objects.filter(pk=share.pk).update(state=Work.DONE, invoice=invoice)


def _write_lines(share: ShareInvoice, key: str, customer: str, invoice_id: str) -> None:
    written_down = gateway.keep_made_lines(share.seller.mode, invoice_id)
    facts = {"customer": customer, "invoice": invoice_id, "currency": share.currency}
    for line in share.lines.select_related("settlement", "credit").order_by("pk"):
        if str(line.pk) not in written_down:
            words = {"amount": line.amount_minor, "description": _words(line)}
            gateway.create_invoice_item(share.seller.mode, row=key, line=line.pk, **facts, **words)


def _take_back(share: ShareInvoice, found: Answer | None) -> None:
    """Have nothing be asked for what was voided, and let its settlements and credits go on another week's invoice."""
    invoice = None
    if found is not None:
        if found["status"] != "paid":
            gateway.take_back_invoice(share.seller.mode, found)
        if found["status"] != "draft":
            invoice = sync_invoice(mode=share.seller.mode, invoice_id=found["id"])
    with transaction.atomic():
        lock_rows(User.objects.filter(pk=share.follower_id))
        # Paid meanwhile: then it stands.
        is_paid = invoice is not None and invoice.status == "paid"
        if not is_paid:
            ShareLine.objects.filter(invoice=share).delete()
        done = {"state": Work.DONE, "invoice": invoice, "is_void": not is_paid}
        ShareInvoice.objects.filter(pk=share.pk).update(**done)


def _params(share: ShareInvoice, customer: str) -> dict[str, Any]:
    taxes = {"automatic_tax": {"enabled": True}} if settings.STRIPE_TAX else {}
    return {
        "customer": customer,
        "currency": share.currency,
        "auto_advance": False,
        "collection_method": "charge_automatically",
        "pending_invoice_items_behavior": "exclude",
        "description": f"Profit shares of the week until {share.week:%Y-%m-%d}",
        "metadata": {"share": str(share.pk)},
        "transfer_data": {"destination": share.seller.processor_id},
        "application_fee_amount": share.platform_fee_minor,
        **taxes,
    }


def _words(line: ShareLine) -> str:
    if line.settlement is not None:
        return f"Profit share: {line.settlement.get_cause_display().lower()}, {line.settlement.settled_at:%Y-%m-%d}"
    assert line.credit is not None
    return f"Returned: {line.credit.reason}"
