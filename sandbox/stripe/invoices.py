"""Invoices as drafts: for a customer or a subscription, changed, finalised by hand, paid, voided."""

from __future__ import annotations

import copy
from typing import Any

from sandbox.stripe import forms
from sandbox.stripe.call import Call, page
from sandbox.stripe.catalogue import currency_of
from sandbox.stripe.collecting import attempt, collect_when_due, finalize, finalize_when_due, mark_paid
from sandbox.stripe.errors import invalid
from sandbox.stripe.invoice_items import refresh, take_pending
from sandbox.stripe.sums import redeem
from sandbox.stripe.world import DAY, HOUR, PLATFORM, Obj, World, empty_list

OF_PARENT = {"quote_details": None, "type": "subscription_details"}
BLANK: Obj = {
    "account_country": "US",
    "account_name": "Sandbox",
    "amount_due": 0,
    "amount_overpaid": 0,
    "amount_paid": 0,
    "amount_remaining": 0,
    "amount_shipping": 0,
    "application": None,
    "attempt_count": 0,
    "attempted": False,
    "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
    "collection_method": "charge_automatically",
    "default_payment_method": None,
    "description": None,
    "discounts": [],
    "due_date": None,
    "ending_balance": None,
    "footer": None,
    "hosted_invoice_url": None,
    "invoice_pdf": None,
    "last_finalization_error": None,
    "metadata": {},
    "next_payment_attempt": None,
    "number": None,
    "on_behalf_of": None,
    "status": "draft",
    "status_transitions": {"finalized_at": None, "marked_uncollectible_at": None, "paid_at": None, "voided_at": None},
    "subtotal": 0,
    "subtotal_excluding_tax": 0,
    "test_clock": None,
    "total": 0,
    "total_discount_amounts": [],
    "total_excluding_tax": 0,
    "total_taxes": [],
}


def create(call: Call) -> Obj:
    """Create a draft for a customer, with its pending items where that is asked for."""
    customer = call.referred("customer", "customer")
    if customer is None:
        raise invalid("Missing required param: customer.", param="customer", code="parameter_missing")
    subscription = call.referred("subscription", "subscription")
    invoice = draft(
        call.world,
        customer,
        currency_of(call.text("currency") or customer["currency"] or "usd"),
        reason="manual",
        subscription=subscription,
        account=call.account,
        auto_advance=call.flag("auto_advance", False),
    )
    _apply(call, invoice)
    behavior = call.text("pending_invoice_items_behavior", "include" if subscription else "exclude")
    if behavior == "include":
        take_pending(call.world, invoice, subscription["id"] if subscription else None)
    invoice["discounts"] = [one["id"] for one in discounts_of(call.world, call.params.get("discounts"), invoice)]
    refresh(call.world, invoice)
    call.world.emit("invoice.created", invoice)
    _plan(call.world, invoice)
    return invoice


def draft(
    world: World,
    customer: Obj,
    currency: str,
    *,
    reason: str,
    subscription: Obj | None = None,
    account: str = PLATFORM,
    auto_advance: bool = True,
) -> Obj:
    """Create an empty draft."""
    parent = None
    if subscription is not None:
        details = {"metadata": dict(subscription["metadata"]), "subscription": subscription["id"]}
        parent = {**OF_PARENT, "subscription_details": details}
    now = world.now()
    invoice = world.add(
        "invoice",
        "in",
        {
            **copy.deepcopy(BLANK),
            "auto_advance": auto_advance,
            "automatically_finalizes_at": now + HOUR if auto_advance else None,
            "billing_reason": reason,
            "currency": currency,
            "customer": customer["id"],
            "customer_address": customer["address"],
            "customer_email": customer["email"],
            "customer_name": customer["name"],
            "customer_tax_exempt": customer["tax_exempt"],
            "parent": parent,
            "period_end": now,
            "period_start": now,
            "starting_balance": customer["balance"],
        },
        account=account,
    )
    invoice["lines"] = empty_list(f"/v1/invoices/{invoice['id']}/lines")
    world.hidden[invoice["id"]].update(fee=None, transfer=None, lines=[])
    if subscription is not None:
        _inherit(world, invoice, subscription)
    return invoice


def _inherit(world: World, invoice: Obj, subscription: Obj) -> None:
    """Take over what a subscription says about its invoices."""
    invoice["collection_method"] = subscription["collection_method"]
    invoice["discounts"] = list(subscription["discounts"])
    invoice["automatic_tax"]["enabled"] = subscription["automatic_tax"]["enabled"]
    hidden = world.hidden[invoice["id"]]
    hidden["percent"] = subscription["application_fee_percent"]
    hidden["transfer"] = subscription["transfer_data"]


def _apply(call: Call, invoice: Obj) -> None:
    """Put what a request says into a draft."""
    hidden = call.world.hidden[invoice["id"]]
    for name in ("description", "footer", "default_payment_method"):
        if name in call.params:
            invoice[name] = call.text(name)
    if "metadata" in call.params:
        invoice["metadata"] = forms.merged(invoice["metadata"], call.params["metadata"])
    if "application_fee_amount" in call.params:
        hidden["fee"] = call.number("application_fee_amount") if call.text("application_fee_amount") else None
    if "transfer_data" in call.params:
        hidden["transfer"] = forms.dictionary(call.params["transfer_data"], "transfer_data") or None
    if tax := forms.dictionary(call.params.get("automatic_tax"), "automatic_tax"):
        invoice["automatic_tax"]["enabled"] = forms.flag(tax.get("enabled"), "automatic_tax[enabled]")
    if call.text("collection_method") == "send_invoice":
        if not (call.text("days_until_due") or call.text("due_date")):
            raise invalid("You must pass days_until_due or due_date for send_invoice.", param="days_until_due")
        invoice["collection_method"] = "send_invoice"
        invoice["due_date"] = call.number("due_date") or call.world.now() + call.number("days_until_due") * DAY
    if "auto_advance" in call.params:
        invoice["auto_advance"] = call.flag("auto_advance")


def update(call: Call) -> Obj:
    """Change a draft, or the metadata of any invoice."""
    invoice = call.named("invoice")
    if invoice["status"] != "draft" and set(call.params) - {"metadata", "auto_advance", "default_payment_method"}:
        raise invalid("Finalized invoices can't be updated in this way", code="invoice_not_editable")
    _apply(call, invoice)
    if "discounts" in call.params:
        found = discounts_of(call.world, call.params["discounts"], invoice)
        invoice["discounts"] = [one["id"] for one in found]
    if invoice["status"] == "draft":
        refresh(call.world, invoice)
        _plan(call.world, invoice)
    call.world.emit("invoice.updated", invoice, previous={})
    return invoice


def _plan(world: World, invoice: Obj) -> None:
    if invoice["auto_advance"] and invoice["status"] == "draft":
        world.later(invoice["created"] + HOUR, finalize_when_due, invoice["id"])


def finalize_by_hand(call: Call) -> Obj:
    """Finalise a draft; with auto_advance it is collected an hour later."""
    invoice = call.named("invoice")
    if "auto_advance" in call.params:
        invoice["auto_advance"] = call.flag("auto_advance")
    finalize(call.world, invoice)
    if invoice["auto_advance"]:
        call.world.later(call.world.now() + HOUR, collect_when_due, invoice["id"])
    return invoice


def list_lines(call: Call) -> Obj:
    """List an invoice's lines."""
    invoice = call.named("invoice")
    return page(call, invoice["lines"]["data"], f"/v1/invoices/{invoice['id']}/lines")


def discounts_of(world: World, sent: Any, thing: Obj) -> list[Obj]:
    """Create the discounts that a request names for an invoice, a subscription or a session."""
    return [redeem(world, one, thing) for one in forms.listed(sent, "discounts") if one]


def pay_by_hand(call: Call) -> Obj:
    """Pay an open invoice now; a draft is finalised first. 402 where the card is refused."""
    invoice = call.named("invoice")
    if invoice["status"] == "draft":
        finalize(call.world, invoice)
    if invoice["status"] == "paid":
        if invoice["attempt_count"] or invoice["amount_due"]:
            raise invalid("Invoice is already paid", code="invoice_already_paid")
        return invoice
    if invoice["status"] not in {"open", "uncollectible"}:
        raise invalid(f"This invoice can no longer be paid: it is {invoice['status']}.", code="invoice_not_editable")
    if call.flag("paid_out_of_band"):
        invoice["amount_paid_off_stripe"] = invoice["amount_due"]
        invoice["amount_paid"], invoice["amount_remaining"] = invoice["amount_due"], 0
        mark_paid(call.world, invoice)
        return invoice
    return attempt(call.world, invoice, call.text("payment_method"))


def void(call: Call) -> Obj:
    """Void an open invoice: nothing is owed any more."""
    return _close(call, "void", "voided_at", "invoice.voided")


def mark_uncollectible(call: Call) -> Obj:
    """Give an open invoice up."""
    return _close(call, "uncollectible", "marked_uncollectible_at", "invoice.marked_uncollectible")


def _close(call: Call, status: str, moment: str, event: str) -> Obj:
    invoice = call.named("invoice")
    if invoice["status"] not in {"open", "uncollectible"} or invoice["status"] == status:
        raise invalid(f"You can only pass in open invoices. This invoice isn't open: it is {invoice['status']}.")
    invoice["status_transitions"][moment] = call.world.now()
    invoice["next_payment_attempt"] = None
    call.world.change(event, invoice, {"status": status})
    return invoice


def delete_draft(call: Call) -> Obj:
    """Delete a draft; its items wait for the next invoice."""
    invoice = call.named("invoice")
    if invoice["status"] != "draft":
        raise invalid("You can only delete draft invoices.", code="invoice_not_editable")
    for item in call.world.all("invoiceitem", call.account):
        if item["invoice"] == invoice["id"]:
            item["invoice"] = None
    call.world.emit("invoice.deleted", invoice)
    del call.world.tables["invoice"][invoice["id"]]
    return {"id": invoice["id"], "object": "invoice", "deleted": True}


def list_all(call: Call) -> Obj:
    """List invoices of a customer, a subscription, a status."""
    found = call.world.all("invoice", call.account)
    for name in ("customer", "status", "collection_method"):
        if value := call.text(name):
            found = [one for one in found if one[name] == value]
    if wanted := call.text("subscription"):
        found = [
            one for one in found if one["parent"] and one["parent"]["subscription_details"]["subscription"] == wanted
        ]
    return page(call, found, "/v1/invoices")
