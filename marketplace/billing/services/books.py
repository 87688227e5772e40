"""The books of money: append-only, double entry, booked once from what the processor's objects say.

A charge of 10.00 with a platform fee of 2.00 and a processor's fee of 0.59 to a lead: buyers −10.00, the lead +8.00, the
platform +1.41, the processor +0.59. With 1.90 of taxes on top: buyers −11.90, the lead +9.52, taxes +1.90, the platform
−0.17, the processor +0.65; and what is taken back of the lead, 1.52, goes to the platform. Caller holds the invoice's lock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db.models import Sum

from common.clock import wall_now
from common.db import bulk_insert
from marketplace.billing.gateway import Answer, has_come_to_nothing, reference
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
    if MoneyLine.objects.filter(booking=booking).exists():
        # (As it was written: a release that knows one account more adds nothing to it.)
        return False
    lines = [
        MoneyLine(account=account, amount_minor=amount, seller=seller, **shared, **times)
        for account, amount in sorted(amounts.items())
        if amount
    ]
    if not lines:
        return False
    return bool(bulk_insert(MoneyLine, lines, ignore_conflicts=True))


def part_of(whole: int, amount: int, of: int) -> int:
    """Return as large a part of a whole as an amount is of another, rounded half up."""
    return (2 * whole * amount + of) // (2 * of) if of else 0


def charged_tax(invoice: Invoice, paid: int) -> int:
    """Return the taxes in what was charged: where a buyer's credit paid a part of the invoice, as large a part of them."""
    return part_of(invoice.tax_minor, min(paid, invoice.total_minor), invoice.total_minor)


def book_charge(invoice: Invoice, charge: Answer) -> bool:
    """Book what a buyer paid: what the lead, the platform and the processor got of it. Say whether it was new."""
    moved = charge.get("balance_transaction")
    if charge.get("status") != "succeeded" or not isinstance(moved, dict):
        return False
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
    tax = charged_tax(invoice, gross)
    amounts = {
        Account.BUYER: -gross,
        Account.SELLER: to_seller,
        Account.TAX: tax,
        Account.PLATFORM: gross - to_seller - tax - fee,
        Account.PROCESSOR: fee,
    }
    return book(booking=charge["id"], kind=BookingKind.CHARGE, amounts=amounts, **_facts(invoice, charge["created"]))


def book_refunds(invoice: Invoice, charge: Answer, refunds: Sequence[Answer]) -> None:
    """Book what went back to the buyer, oldest first: the lead returns its part, the platform its fee's."""
    kept = charge.get("application_fee")
    returned = kept.get("amount_refunded", 0) if isinstance(kept, dict) else 0
    gross, fee = charge["amount"], charge.get("application_fee_amount") or 0
    booked = _parts_booked(invoice, refunds)
    asked = given = fees_before = taxes = 0
    tax = _tax_booked([charge["id"]])
    ordered = sorted(refunds, key=lambda one: (one["created"], one["id"]))
    for index, one in enumerate(ordered):
        asked += one["amount"]
        # What the processor returned of the fee is known as a sum only: it falls to the refunds by their amounts.
        # (What was booked stays: the next one makes up for how that was rounded.)
        fees_after = returned if index == len(ordered) - 1 else min(returned, fee * asked // gross)
        part = booked.get(one["id"], fees_after - fees_before)
        fees_before += part
        back = _given_by_lead(one)
        is_gone = has_come_to_nothing(one)
        given += 0 if is_gone else one["amount"]
        of_tax = -_tax_booked([one["id"]]) if one["id"] in booked or is_gone else part_of(tax, given, gross) - taxes
        taxes += 0 if is_gone else of_tax
        amounts = {
            Account.BUYER: one["amount"],
            Account.SELLER: part - back,
            Account.TAX: -of_tax,
            Account.PLATFORM: back - part - one["amount"] + of_tax,
        }
        book(booking=one["id"], kind=BookingKind.REFUND, amounts=amounts, **_facts(invoice, one["created"]))
        if is_gone:
            # The platform has it back, and holds its taxes again. What the lead gave is not the lead's by that: a
            # transfer pays it back (returning.py).
            amounts = {
                Account.BUYER: -one["amount"],
                Account.TAX: of_tax,
                Account.PLATFORM: one["amount"] - of_tax,
            }
            facts = _facts(invoice, one["created"]) | {"happened_at": wall_now()}
            book(booking=failure_of(one["id"]), kind=BookingKind.REFUND, amounts=amounts, **facts)


def failure_of(refund_id: str) -> str:
    """Return the booking of a refund's failure after it had succeeded."""
    return f"{refund_id}:failed"


def _tax_booked(bookings: list[str]) -> int:
    lines = MoneyLine.objects.filter(booking__in=bookings, account=Account.TAX)
    return int(lines.aggregate(total=Sum("amount_minor"))["total"] or 0)


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
    # (With one that failed, too: the processor does not take the fee again by that.)
    return sum(_parts_booked(invoice, refunds).values())


def book_dispute(invoice: Invoice, dispute: Answer) -> None:
    """Book what a bank took for a contested charge, and what it gave back."""
    for moved in dispute.get("balance_transactions") or []:
        amounts = {
            Account.BUYER: -moved["amount"],
            Account.PLATFORM: moved["net"],
            Account.PROCESSOR: moved["fee"],
        }
        book(booking=moved["id"], kind=BookingKind.DISPUTE, amounts=amounts, **_facts(invoice, moved["created"]))


def book_lost_tax(invoice: Invoice, dispute: Answer) -> None:
    """Book that taxes which a bank gave back to a buyer for good are held no more: they pay for a part of what it took."""
    lines = MoneyLine.objects.filter(invoice=invoice, account=Account.TAX)
    charged, held = (
        int(rows.aggregate(total=Sum("amount_minor"))["total"] or 0)
        for rows in (lines.filter(kind=BookingKind.CHARGE), lines)
    )
    paid = invoice.lines.filter(kind=BookingKind.CHARGE, account=Account.BUYER).aggregate(total=Sum("amount_minor"))
    whole = -int(paid["total"] or 0)
    gone = min(whole, invoice.refunded_minor + dispute["amount"])
    part = held - (charged - part_of(charged, gone, whole))
    amounts = {Account.TAX: -part, Account.PLATFORM: part}
    facts = _facts(invoice, dispute["created"])
    book(booking=f"{dispute['id']}:tax", kind=BookingKind.DISPUTE, amounts=amounts, **facts)


def book_taken(invoice: Invoice, reversal: Answer, *, kind: BookingKind) -> bool:
    """Book what a lead gave back of the transfer of a payment: the platform has it. Say whether it was new."""
    amounts = {Account.SELLER: -reversal["amount"], Account.PLATFORM: reversal["amount"]}
    return book(booking=reversal["id"], kind=kind, amounts=amounts, **_facts(invoice, reversal["created"]))


def book_returned(invoice: Invoice, transfer: Answer) -> None:
    """Book what a lead was paid back by a transfer of the platform's."""
    amounts = {Account.SELLER: transfer["amount"], Account.PLATFORM: -transfer["amount"]}
    facts = _facts(invoice, transfer["created"])
    book(booking=transfer["id"], kind=BookingKind.REFUND, amounts=amounts, **facts)


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
