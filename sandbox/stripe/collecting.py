"""How an invoice is finalised and collected: attempts, what a failure leads to, and the payments that are kept of it."""

from __future__ import annotations

from decimal import Decimal

from sandbox.stripe.call import INCLUDED
from sandbox.stripe.customers import attach_to, default_method, method_named
from sandbox.stripe.errors import StripeError, invalid
from sandbox.stripe.invoice_items import refresh
from sandbox.stripe.payments import LEAST_AMOUNT, Wish, pay
from sandbox.stripe.sums import rounded
from sandbox.stripe.world import DAY, Obj, World, empty_list

# When a failed payment of a subscription is tried again, in days after the first failure.
RETRY_DAYS = (3, 5, 7)


def finalize_when_due(world: World, name: str) -> None:
    """Finalise a draft an hour after its creation and collect it."""
    invoice = world.tables["invoice"].get(name)
    if invoice is not None and invoice["status"] == "draft" and invoice["auto_advance"]:
        finalize(world, invoice)
        collect(world, invoice)


def finalize(world: World, invoice: Obj) -> Obj:
    """Give a draft its number, use up the customer's credit, and leave it open, or paid where nothing is due."""
    if invoice["status"] != "draft":
        raise invalid("This invoice is already finalized, you can't re-finalize a non-draft invoice.")
    refresh(world, invoice)
    customer = world.get("customer", invoice["customer"], account=world.owners[invoice["id"]])
    customer["currency"] = customer["currency"] or invoice["currency"]
    invoice["starting_balance"] = customer["balance"]
    owed = invoice["total"] + customer["balance"]
    due, left = max(0, owed), min(0, owed)
    if 0 < due < LEAST_AMOUNT:  # too little to charge: it waits in the balance, as at Stripe
        due, left = 0, owed
    if left != customer["balance"]:
        world.change("customer.updated", customer, {"balance": left})
    number = f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04d}"
    customer["next_invoice_sequence"] += 1
    invoice.update(
        amount_due=due,
        amount_remaining=due,
        automatically_finalizes_at=None,
        ending_balance=left,
        hosted_invoice_url=f"{world.base}/invoice/{invoice['id']}",
        invoice_pdf=f"{world.base}/invoice/{invoice['id']}/pdf",
        number=number,
        status="open",
    )
    invoice["status_transitions"]["finalized_at"] = world.now()
    world.emit("invoice.finalized", invoice)
    if due == 0:
        mark_paid(world, invoice)
    return invoice


def collect_when_due(world: World, name: str) -> None:
    """Collect an open invoice that nobody paid meanwhile."""
    invoice = world.tables["invoice"][name]
    if invoice["status"] == "open" and not invoice["attempted"]:
        collect(world, invoice)


def collect(world: World, invoice: Obj) -> bool:
    """Try to take what an open invoice asks, and tell whether it is paid; what fails is tried again."""
    if invoice["status"] != "open" or invoice["collection_method"] != "charge_automatically":
        if invoice["status"] == "open":
            world.emit("invoice.sent", invoice)
        return bool(invoice["status"] == "paid")
    try:
        attempt(world, invoice)
    except StripeError:
        return False
    return True


def attempt(world: World, invoice: Obj, method_name: str | None = None) -> Obj:
    """Charge an open invoice once; StripeError where that fails, after telling of it and planning the next time."""
    account = world.owners[invoice["id"]]
    customer = world.get("customer", invoice["customer"], account=account)
    subscription = subscription_of(world, invoice)
    of_subscription = subscription["default_payment_method"] if subscription else None
    method = (
        method_named(world, method_name, account)
        if method_name
        else default_method(world, customer, invoice["default_payment_method"], of_subscription)
    )
    invoice["attempt_count"] += 1
    invoice["attempted"] = True
    try:
        if method is None:
            raise invalid(
                "This customer has no attached payment source or default payment method.", code="resource_missing"
            )
        if method["customer"] is None and method_name and method_name.startswith("pm_card_"):
            attach_to(world, method["id"], customer)
        intent = pay(world, _wish(world, invoice), method)
    except StripeError as error:
        failed = error.extra.get("payment_intent")
        if failed is not None:
            _add_payment(world, invoice, failed, "open")
        _failed(world, invoice)
        raise
    _add_payment(world, invoice, intent, "paid")
    invoice["amount_paid"], invoice["amount_remaining"] = invoice["amount_due"], 0
    mark_paid(world, invoice)
    return invoice


def _wish(world: World, invoice: Obj) -> Wish:
    hidden = world.hidden[invoice["id"]]
    transfer, fee = hidden.get("transfer") or {}, hidden.get("fee")
    if fee is None and hidden.get("percent") is not None:
        fee = rounded(Decimal(invoice["amount_due"]) * Decimal(str(hidden["percent"])) / 100)
    sent = transfer.get("amount")
    if transfer.get("amount_percent"):
        sent = rounded(Decimal(invoice["amount_due"]) * Decimal(str(transfer["amount_percent"])) / 100)
    return Wish(
        invoice["amount_due"],
        invoice["currency"],
        customer=invoice["customer"],
        description=f"Invoice {invoice['number']}",
        metadata={},
        destination=transfer.get("destination"),
        sent=None if sent is None else int(sent),
        fee=fee or None,
        account=world.owners[invoice["id"]],
    )


def _add_payment(world: World, invoice: Obj, intent: Obj, status: str) -> None:
    """Store which payment an invoice was paid, or not paid, by; a later attempt takes the place of a failed one."""
    for old in world.all("invoice_payment", world.owners[invoice["id"]]):
        if old["invoice"] == invoice["id"] and old["status"] == "open":
            old["status"] = "canceled"
    paid = status == "paid"
    payment = world.add(
        "invoice_payment",
        "inpay",
        {
            "amount_paid": invoice["amount_due"] if paid else None,
            "amount_requested": invoice["amount_due"],
            "currency": invoice["currency"],
            "invoice": invoice["id"],
            "is_default": True,
            "payment": {"payment_intent": intent["id"], "type": "payment_intent"},
            "status": status,
            "status_transitions": {"canceled_at": None, "paid_at": world.now() if paid else None},
        },
        account=world.owners[invoice["id"]],
    )
    if paid:
        world.emit("invoice_payment.paid", payment)


def _failed(world: World, invoice: Obj) -> None:
    from sandbox.stripe.subscriptions import payment_failed  # subscriptions know invoices

    subscription = subscription_of(world, invoice)
    hidden = world.hidden[invoice["id"]]
    first = hidden.setdefault("first_failure", world.now())
    upcoming = [first + days * DAY for days in RETRY_DAYS if first + days * DAY > world.now()]
    retried = subscription is not None and invoice["billing_reason"] != "subscription_create" and upcoming
    invoice["next_payment_attempt"] = upcoming[0] if retried else None
    world.emit("invoice.payment_failed", invoice)
    if retried:
        world.later(upcoming[0], retry, invoice["id"], upcoming[0])
    if subscription is not None:
        payment_failed(world, subscription, invoice, last=not upcoming)


def retry(world: World, name: str, planned: int) -> None:
    """Try a failed payment again, where that is still the plan."""
    invoice = world.tables["invoice"][name]
    if invoice["status"] == "open" and invoice["next_payment_attempt"] == planned:
        invoice["next_payment_attempt"] = None
        collect(world, invoice)


def mark_paid(world: World, invoice: Obj) -> None:
    """Close an invoice as paid and tell its subscription."""
    from sandbox.stripe.subscriptions import payment_made  # subscriptions know invoices

    invoice["next_payment_attempt"] = None
    invoice["status_transitions"]["paid_at"] = world.now()
    world.change("invoice.updated", invoice, {"status": "paid", "attempted": True})
    world.emit("invoice.paid", invoice)
    world.emit("invoice.payment_succeeded", invoice)
    if (subscription := subscription_of(world, invoice)) is not None:
        payment_made(world, subscription)


def subscription_of(world: World, invoice: Obj) -> Obj | None:
    """Return the subscription that an invoice is of."""
    if invoice["parent"] is None:
        return None
    return world.tables["subscription"].get(invoice["parent"]["subscription_details"]["subscription"])


def _payments(world: World, invoice: Obj) -> Obj:
    found = [p for p in world.all("invoice_payment", world.owners[invoice["id"]]) if p["invoice"] == invoice["id"]]
    return empty_list(f"/v1/invoice_payments?invoice={invoice['id']}", found)


INCLUDED["invoice", "payments"] = _payments
