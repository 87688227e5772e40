"""Charges that buyers contested and won: the lead gives back what it got of them."""

from __future__ import annotations

from typing import Any

from django.core.cache import cache
from django.db import transaction
from django.db.models import Q

from accounts.models import User
from common.db import lock_rows
from marketplace.billing import gateway
from marketplace.billing.gateway import Refused, Unanswered, reference
from marketplace.billing.models import BookingKind, Dispute, Invoice, MoneyLine
from marketplace.billing.modes import current_mode
from marketplace.billing.services.books import book_reversal, fees_returned
from marketplace.billing.tax_models import TaxSplit

ASKED_EVERY = 600


def recover_lost() -> int:
    """Take back from leads what their buyers' banks took from the platform; return of how many charges."""
    reversed_ones = MoneyLine.objects.filter(kind=BookingKind.TRANSFER).values("invoice")
    lost = Dispute.objects.filter(~Q(invoice__in=reversed_ones), status="lost", invoice__seller__isnull=False)
    # Of a payment with taxes the lead gives back its share by rows of their own (taxing.py).
    lost = lost.filter(invoice__tax_split=None)
    rows = lost.filter(invoice__mode=current_mode() or "").select_related("invoice").order_by("pk")
    # Of some nothing can be taken back; those are asked about now and then, and hold up no other.
    return sum(_recover(one) for one in rows if cache.add(f"billing-recovery:{one.pk}", 1, timeout=ASKED_EVERY))


def _recover(dispute: Dispute) -> bool:
    invoice = dispute.invoice
    try:
        paid = gateway.payment(invoice.mode, invoice.payment_id)["latest_charge"]
        transfer = reference(paid, "transfer")
        amount = min(dispute.amount_minor, paid["amount"] - paid.get("amount_refunded", 0))
        if not transfer or amount <= 0:
            return False
        # From our books, not from the processor's sum: a repeat after a crash must come to the same.
        before = fees_returned(invoice, list(gateway.refunds(invoice.mode, paid["id"])))
        asked: dict[str, Any] = {"row": dispute.pk, "amount": amount}
        made = gateway.made_reversal(invoice.mode, transfer, **asked)
        # (Since it was chosen a refund of it may have failed: it is shared by rows then.)
        if made is None and TaxSplit.objects.filter(invoice=invoice).exists():
            return False
        reversal = made or gateway.reverse_transfer(invoice.mode, transfer, **asked)
        after = gateway.payment(invoice.mode, invoice.payment_id)["latest_charge"].get("application_fee")
    except (Refused, Unanswered):
        return False
    returned = (after.get("amount_refunded", 0) if isinstance(after, dict) else 0) - before
    with transaction.atomic():
        lock_rows(User.objects.filter(pk=invoice.user_id))
        book_reversal(Invoice.objects.get(pk=invoice.pk), reversal, fee_returned=max(returned, 0))
    return True
