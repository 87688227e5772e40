"""The books of money: append-only, double entry, booked once from what the processor's objects say.

A charge of 10.00 with a platform fee of 2.00 and a processor's fee of 0.59 to a lead: buyers −10.00, the lead +8.00, the
platform +1.41, the processor +0.59. Caller holds the invoice's lock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from common.clock import wall_now
from common.db import bulk_insert
from marketplace.billing.gateway import Answer, reference
from marketplace.billing.models import Account, BookingKind, FindingKind, Invoice, Mode, MoneyLine, Seller
from marketplace.billing.services.findings import note_finding


def at(seconds: int | None) -> datetime | None:
    """Return the processor's moment."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def book(
    *,
    booking: str,
    kind: BookingKind,
    amounts: Mapping[Account, int],
    currency: str,
    mode: str,
    happened_at: datetime,
    seller: Seller | None = None,
    invoice: Invoice | None = None,
) -> bool:
    """Write a booking down unless it is; its amounts sum to zero. Say whether it was new."""
    if sum(amounts.values()):
        raise ValueError(f"The booking {booking} does not sum to zero: {dict(amounts)}")
    shared = {"booking": booking, "kind": kind, "currency": currency, "mode": mode, "invoice": invoice}
    times = {"happened_at": happened_at, "recorded_at": wall_now()}
    lines = [
        MoneyLine(account=account, amount_minor=amount, seller=seller, **shared, **times)
        for account, amount in sorted(amounts.items())
        if amount
    ]
    if not lines:
        return False
    return bool(bulk_insert(MoneyLine, lines, ignore_conflicts=True))


def book_charge(invoice: Invoice, charge: Answer) -> None:
    """Book what a buyer paid: what the lead, the platform and the processor got of it."""
    moved = charge.get("balance_transaction")
    if charge.get("status") != "succeeded" or not isinstance(moved, dict):
        return
    gross, kept = charge["amount"], charge.get("application_fee_amount") or 0
    goes_on = bool(reference(charge, "transfer") or charge.get("transfer_data"))
    to_seller = gross - kept if goes_on and invoice.seller is not None else 0
    fee = moved["fee"]
    if moved["currency"] != charge["currency"]:
        note_finding(
            kind=FindingKind.CURRENCY_MISMATCH,
            object_id=charge["id"],
            user=invoice.user,
            charged=charge["currency"],
            settled=moved["currency"],
        )
        fee = 0
    amounts = {
        Account.BUYER: -gross,
        Account.SELLER: to_seller,
        Account.PLATFORM: gross - to_seller - fee,
        Account.PROCESSOR: fee,
    }
    book(booking=charge["id"], kind=BookingKind.CHARGE, amounts=amounts, **_facts(invoice, charge["created"]))


def book_refunds(invoice: Invoice, charge: Answer, refunds: Sequence[Answer]) -> None:
    """Book what went back to the buyer, oldest first: the lead returns its part, the platform its fee's."""
    kept = charge.get("application_fee")
    returned = kept.get("amount_refunded", 0) if isinstance(kept, dict) else 0
    gross, fee = charge["amount"], charge.get("application_fee_amount") or 0
    booked = _parts_booked(invoice, refunds)
    given = 0
    counted = [one for one in sorted(refunds, key=lambda one: (one["created"], one["id"])) if one["status"] != "failed"]
    fees_before = 0
    for index, one in enumerate(counted):
        given += one["amount"]
        # What the processor returned of the fee is known as a sum only: it falls to the refunds by their amounts.
        # (What was booked stays: the next one makes up for how that was rounded.)
        fees_after = returned if index == len(counted) - 1 else min(returned, fee * given // gross)
        part = booked.get(one["id"], fees_after - fees_before)
        fees_before += part
        back = _given_by_lead(one)
        amounts = {
            Account.BUYER: one["amount"],
            Account.SELLER: part - back,
            Account.PLATFORM: back - part - one["amount"],
        }
        book(booking=one["id"], kind=BookingKind.REFUND, amounts=amounts, **_facts(invoice, one["created"]))
    for one in refunds:
        if one["status"] == "failed":
            undo(booking=one["id"], reason="failed", happened_at=wall_now())


def _given_by_lead(refund: Answer) -> int:
    reversal = refund.get("transfer_reversal")
    return reversal["amount"] if isinstance(reversal, dict) else 0


def _parts_booked(invoice: Invoice, refunds: Sequence[Answer]) -> dict[str, int]:
    """Return how much of the platform's fee came back with each refund that is booked."""
    lines = MoneyLine.objects.filter(invoice=invoice, booking__in=[one["id"] for one in refunds])
    amounts = {(one.booking, one.account): one.amount_minor for one in lines}
    known = {booking for booking, _ in amounts}
    return {
        one["id"]: amounts.get((one["id"], Account.SELLER), 0) + _given_by_lead(one)
        for one in refunds
        if one["id"] in known
    }


def fees_returned(invoice: Invoice, refunds: Sequence[Answer]) -> int:
    """Return how much of the platform's fee came back with the refunds that are booked."""
    return sum(_parts_booked(invoice, [one for one in refunds if one["status"] != "failed"]).values())


def book_dispute(invoice: Invoice, dispute: Answer) -> None:
    """Book what a bank took for a contested charge, and what it gave back."""
    for moved in dispute.get("balance_transactions") or []:
        amounts = {
            Account.BUYER: -moved["amount"],
            Account.PLATFORM: moved["net"],
            Account.PROCESSOR: moved["fee"],
        }
        book(booking=moved["id"], kind=BookingKind.DISPUTE, amounts=amounts, **_facts(invoice, moved["created"]))


def book_reversal(invoice: Invoice, reversal: Answer, *, fee_returned: int) -> None:
    """Book what a lead gave back of a charge that its buyer's bank took away."""
    back = reversal["amount"] - fee_returned
    amounts = {Account.SELLER: -back, Account.PLATFORM: back}
    book(booking=reversal["id"], kind=BookingKind.TRANSFER, amounts=amounts, **_facts(invoice, reversal["created"]))


def book_payout(seller: Seller, payout: Answer) -> None:
    """Book what left a lead's balance for their bank, and its return where the bank refused it."""
    amounts = {Account.SELLER: -payout["amount"], Account.BANK: payout["amount"]}
    facts: dict[str, Any] = {"currency": payout["currency"], "mode": seller.mode, "seller": seller}
    happened_at = at(payout["created"]) or wall_now()
    book(booking=payout["id"], kind=BookingKind.PAYOUT, amounts=amounts, happened_at=happened_at, **facts)
    if payout["status"] in {"failed", "canceled"}:
        undo(booking=payout["id"], reason=payout["status"], happened_at=wall_now())


def undo(*, booking: str, reason: str, happened_at: datetime) -> None:
    """Book the contrary of a booking, once; what was never booked needs none."""
    lines = list(MoneyLine.objects.filter(booking=booking))
    again = {"booking": f"{booking}:{reason}", "happened_at": happened_at, "recorded_at": wall_now()}
    kept = ("kind", "account", "seller_id", "invoice_id", "mode", "currency")
    undone = [
        MoneyLine(amount_minor=-one.amount_minor, **{name: getattr(one, name) for name in kept}, **again)
        for one in lines
    ]
    if undone:
        bulk_insert(MoneyLine, undone, ignore_conflicts=True)


def _facts(invoice: Invoice, created: int) -> dict[str, Any]:
    return {
        "currency": invoice.currency,
        "mode": Mode(invoice.mode),
        "seller": invoice.seller,
        "invoice": invoice,
        "happened_at": at(created) or wall_now(),
    }
