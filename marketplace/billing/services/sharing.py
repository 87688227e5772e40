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
from marketplace.billing.gateway import Refused
from marketplace.billing.models import Seller, ShareCredit, ShareInvoice, ShareLine, Work
from marketplace.billing.modes import current_mode
from marketplace.billing.services.buying import customer_of
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


def send(*, share_id: UUID) -> bool:
    """Have the processor invoice a week's profit shares; by its idempotency keys nothing is invoiced twice."""
    return carry_out(ShareInvoice, share_id, _send)


def _send(share: ShareInvoice) -> None:
    mode = share.seller.mode
    customer = customer_of(share.follower, mode)
    found = gateway.create_invoice(mode, row=share.pk, **_params(share, customer))
    for line in share.lines.select_related("settlement", "credit").order_by("pk"):
        facts = {"customer": customer, "invoice": found["id"], "currency": share.currency}
        words = {"amount": line.amount_minor, "description": _words(line)}
        gateway.create_invoice_item(mode, row=f"{share.pk}-{line.pk}", **facts, **words)
    gateway.finalize_invoice(mode, found["id"], row=share.pk)
    # (A refusal: no card, or one that was declined. It stays open, with a page on which it can be paid.)
    with suppress(Refused):
        gateway.pay_invoice(mode, found["id"], customer=customer)
    invoice = sync_invoice(mode=mode, invoice_id=found["id"])
    ShareInvoice.objects.filter(pk=share.pk).update(state=Work.DONE, invoice=invoice)


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
