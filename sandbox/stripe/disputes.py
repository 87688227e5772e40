"""Charges that their payers dispute: opened and closed by control calls, answered with evidence."""

from __future__ import annotations

from sandbox.stripe import forms, money
from sandbox.stripe.call import Call
from sandbox.stripe.errors import invalid
from sandbox.stripe.world import DAY, Obj, World

REASONS = ("fraudulent", "product_not_received", "subscription_canceled", "duplicate", "general")
FEE_WORDS = {"application": None, "description": "Dispute fee", "type": "stripe_fee"}
OPEN = frozenset({"needs_response", "under_review"})


def open_dispute(world: World, charge: Obj, reason: str = "fraudulent") -> Obj:
    """Open a dispute of what is left of a charge: the amount and a fee leave the balance at once."""
    if charge["status"] != "succeeded" or charge["disputed"]:
        raise invalid("Only a charge that succeeded and is not disputed can be disputed.", param="charge")
    account, currency = world.owners[charge["id"]], charge["currency"]
    amount = charge["amount"] - charge["amount_refunded"]
    dispute = world.add(
        "dispute",
        "du",
        {
            "amount": amount,
            "balance_transactions": [],
            "charge": charge["id"],
            "currency": currency,
            "enhanced_eligibility_types": [],
            "evidence": {},
            "evidence_details": {
                "due_by": world.now() + 7 * DAY,
                "has_evidence": False,
                "past_due": False,
                "submission_count": 0,
            },
            "is_charge_refundable": False,
            "metadata": {},
            "payment_intent": charge["payment_intent"],
            "payment_method_details": {
                "card": {"brand": "visa", "case_type": "chargeback", "network_reason_code": "10.4"},
                "type": "card",
            },
            "reason": forms.chosen(reason, "reason", REASONS),
            "status": "needs_response",
        },
        account=account,
    )
    fee = {**FEE_WORDS, "amount": money.DISPUTE_FEE, "currency": currency}
    booked = money.book(world, "adjustment", -amount, currency, dispute["id"], account=account, fees=[fee])
    dispute["balance_transactions"] = [booked]
    charge["disputed"] = True
    world.emit("charge.dispute.created", dispute)
    world.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


def close_dispute(world: World, dispute: Obj, outcome: str) -> Obj:
    """Decide a dispute: won brings the amount back (the fee stays), lost leaves it gone."""
    if dispute["status"] not in OPEN:
        raise invalid("This dispute is already closed.")
    forms.chosen(outcome, "outcome", ("won", "lost"))
    account = world.owners[dispute["id"]]
    if outcome == "won":
        booked = money.book(world, "adjustment", dispute["amount"], dispute["currency"], dispute["id"], account=account)
        booked["reporting_category"] = "dispute_reversal"
        dispute["balance_transactions"].append(booked)
        world.emit("charge.dispute.funds_reinstated", dispute)
    world.change("charge.dispute.closed", dispute, {"status": outcome})
    return dispute


def update_dispute(call: Call) -> Obj:
    """Add evidence; submitting it puts the dispute under review."""
    dispute = call.named("dispute")
    evidence = forms.dictionary(call.params.get("evidence"), "evidence")
    changes: Obj = {"evidence": {**dispute["evidence"], **evidence}}
    if "metadata" in call.params:
        changes["metadata"] = forms.merged(dispute["metadata"], call.params["metadata"])
    if call.flag("submit", True) and evidence:
        changes["status"] = "under_review"
        details = dispute["evidence_details"]
        changes["evidence_details"] = {
            **details,
            "has_evidence": True,
            "submission_count": details["submission_count"] + 1,
        }
    call.world.change("charge.dispute.updated", dispute, changes)
    return dispute


def accept_dispute(call: Call) -> Obj:
    """Accept a dispute as lost."""
    return close_dispute(call.world, call.named("dispute"), "lost")
