"""Taking money: payment intents, their charges, and refunds."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.stripe import forms, money
from sandbox.stripe.call import INCLUDED, Call
from sandbox.stripe.catalogue import MOST_AMOUNT, currency_of
from sandbox.stripe.customers import attach_to, card_of, method_named, refuse_card
from sandbox.stripe.disputes import open_dispute
from sandbox.stripe.errors import invalid
from sandbox.stripe.world import PLATFORM, Obj, World, empty_list

LEAST_AMOUNT = 50


@dataclass(slots=True)
class Wish:
    """A payment as somebody wants it; `destination` is a connected account, `sent` what it gets (None: all of it)."""

    amount: int
    currency: str
    customer: str | None = None
    description: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    destination: str | None = None
    sent: int | None = None
    fee: int | None = None
    account: str = PLATFORM


def wish_of(call: Call) -> Wish:
    """Return the payment that a request describes; what it sends on is checked."""
    amount, currency = call.number("amount"), currency_of(call.text("currency"))
    customer = call.referred("customer", "customer")
    transfer = forms.dictionary(call.params.get("transfer_data"), "transfer_data")
    fee = call.number("application_fee_amount") if call.text("application_fee_amount") else None
    wish = Wish(
        amount,
        currency,
        customer=customer["id"] if customer else None,
        description=call.text("description"),
        metadata=call.metadata(),
        destination=transfer.get("destination"),
        sent=forms.whole(transfer["amount"], "transfer_data[amount]") if transfer.get("amount") else None,
        fee=fee,
        account=call.account,
    )
    check(call.world, wish)
    return wish


def check(world: World, wish: Wish) -> None:
    """Refuse amounts that Stripe refuses, and destinations that cannot take money."""
    if wish.amount < LEAST_AMOUNT:
        raise invalid(
            f"Amount must be at least 50 {wish.currency} in minor units", param="amount", code="amount_too_small"
        )
    if wish.amount > MOST_AMOUNT:
        raise invalid("Amount must be no more than $999,999.99", param="amount", code="amount_too_large")
    if wish.fee is not None and (wish.destination is None or not 0 <= wish.fee <= wish.amount):
        raise invalid(
            "The application fee must fit the charge, and needs a destination.", param="application_fee_amount"
        )
    if wish.destination is not None:
        account = world.get("account", wish.destination, param="transfer_data[destination]")
        if account["capabilities"].get("transfers") != "active":
            raise invalid(
                "Your destination account needs to have at least one of the following capabilities enabled: transfers",
                code="insufficient_capabilities_for_transfer",
                param="transfer_data[destination]",
            )


def create_intent(call: Call) -> Obj:
    """Create a payment intent, and confirm it where that is asked for."""
    intent = make_intent(call.world, wish_of(call))
    if call.flag("confirm"):
        confirm(call.world, intent, call.text("payment_method") or "")
    return intent


def make_intent(world: World, wish: Wish) -> Obj:
    """Create a payment intent that waits for a payment method."""
    transfer = None
    if wish.destination is not None:
        transfer = {"destination": wish.destination, **({"amount": wish.sent} if wish.sent is not None else {})}
    intent = world.add(
        "payment_intent",
        "pi",
        {
            "amount": wish.amount,
            "amount_capturable": 0,
            "amount_received": 0,
            "application": None,
            "application_fee_amount": wish.fee,
            "automatic_payment_methods": {"allow_redirects": "always", "enabled": True},
            "canceled_at": None,
            "cancellation_reason": None,
            "capture_method": "automatic_async",
            "confirmation_method": "automatic",
            "currency": wish.currency,
            "customer": wish.customer,
            "description": wish.description,
            "last_payment_error": None,
            "latest_charge": None,
            "metadata": dict(wish.metadata),
            "next_action": None,
            "payment_method": None,
            "payment_method_types": ["card"],
            "setup_future_usage": None,
            "status": "requires_payment_method",
            "transfer_data": transfer,
            "transfer_group": None,
        },
        account=wish.account,
    )
    intent["client_secret"] = f"{intent['id']}_secret_{world.new_id('s')[2:]}"
    world.emit("payment_intent.created", intent)
    return intent


def confirm(world: World, intent: Obj, method_name: str) -> Obj:
    """Charge a payment method; a refusal is told, kept in the intent, and raised as 402."""
    if intent["status"] not in {"requires_payment_method", "requires_confirmation"}:
        raise invalid(
            f"This PaymentIntent's status is {intent['status']}; it cannot be confirmed.",
            code="payment_intent_unexpected_state",
        )
    if not method_name:
        raise invalid(
            "You cannot confirm this PaymentIntent because it's missing a payment method.", param="payment_method"
        )
    method = method_named(world, method_name, world.owners[intent["id"]])
    card = card_of(world, method)
    charge = _make_charge(world, intent, method, refusal=card.refusal)
    if card.refusal:
        refusal = refuse_card(card.refusal, {"charge": charge["id"], "payment_method": method})
        intent.update(status="requires_payment_method", last_payment_error=refusal.as_json()["error"])
        intent["latest_charge"] = charge["id"]
        world.emit("charge.failed", charge)
        world.emit("payment_intent.payment_failed", intent)
        refusal.extra["payment_intent"] = intent
        raise refusal
    intent.update(
        status="succeeded", amount_received=intent["amount"], latest_charge=charge["id"], payment_method=method["id"]
    )
    intent["last_payment_error"] = None
    _move_money(world, intent, charge, at_once=card.at_once)
    world.emit("charge.succeeded", charge)
    world.emit("payment_intent.succeeded", intent)
    if card.disputed:
        open_dispute(world, charge, "fraudulent")
    return charge


def _make_charge(world: World, intent: Obj, method: Obj, refusal: str) -> Obj:
    refused = bool(refusal)
    account = world.owners[intent["id"]]
    charge = world.add(
        "charge",
        "ch",
        {
            "amount": intent["amount"],
            "amount_captured": 0 if refused else intent["amount"],
            "amount_refunded": 0,
            "application": None,
            "application_fee": None,
            "application_fee_amount": intent["application_fee_amount"],
            "balance_transaction": None,
            "billing_details": method["billing_details"],
            "calculated_statement_descriptor": "SANDBOX",
            "captured": not refused,
            "currency": intent["currency"],
            "customer": intent["customer"],
            "description": intent["description"],
            "disputed": False,
            "failure_balance_transaction": None,
            "failure_code": refuse_card(refusal).code if refused else None,
            "failure_message": refuse_card(refusal).message if refused else None,
            "fraud_details": {},
            "metadata": dict(intent["metadata"]),
            "on_behalf_of": None,
            "outcome": {
                "network_status": "declined_by_network" if refused else "approved_by_network",
                "reason": refusal or None,
                "risk_level": "normal",
                "seller_message": "The bank did not return any further details." if refused else "Payment complete.",
                "type": "issuer_declined" if refused else "authorized",
            },
            "paid": not refused,
            "payment_intent": intent["id"],
            "payment_method": method["id"],
            "payment_method_details": {"card": dict(method["card"]), "type": "card"},
            "receipt_email": None,
            "receipt_number": None,
            "refunded": False,
            "review": None,
            "source_transfer": None,
            "status": "failed" if refused else "succeeded",
            "transfer_data": intent["transfer_data"],
            "transfer_group": intent["transfer_group"],
        },
        account=account,
    )
    charge["receipt_url"] = f"{world.base}/receipt/{charge['id']}"
    return charge


def _move_money(world: World, intent: Obj, charge: Obj, *, at_once: bool) -> None:
    """Book a charge, and what a destination charge sends on and takes as a fee."""
    amount, currency, account = intent["amount"], intent["currency"], world.owners[intent["id"]]
    fees = [money.fee_of("stripe_fee", money.processor_fee(amount), currency)]
    booked = money.book(
        world,
        "charge",
        amount,
        currency,
        charge["id"],
        account=account,
        fees=fees,
        at_once=at_once,
        description=charge["description"],
    )
    charge["balance_transaction"] = booked["id"]
    if not intent["transfer_data"]:
        return
    destination = intent["transfer_data"]["destination"]
    fee = None
    if taken := intent["application_fee_amount"]:
        fee = money.take_fee(world, taken, currency, destination, charge["id"])
        charge["application_fee"] = fee["id"]
    sent = intent["transfer_data"].get("amount", amount)
    transfer = money.send(world, sent, currency, destination, source=charge["id"], fee=fee)
    charge["transfer"] = transfer["id"]
    group = intent["transfer_group"] or f"group_{intent['id']}"
    for thing in (transfer, charge, intent):
        thing["transfer_group"] = group


def confirm_intent(call: Call) -> Obj:
    """Confirm a payment intent."""
    intent = call.named("payment_intent")
    confirm(call.world, intent, call.text("payment_method") or intent["payment_method"] or "")
    return intent


def cancel_intent(call: Call) -> Obj:
    """Cancel a payment intent that took no money."""
    intent = call.named("payment_intent")
    if intent["status"] in {"succeeded", "canceled"}:
        raise invalid(
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}.",
            code="payment_intent_unexpected_state",
        )
    changes = {
        "status": "canceled",
        "canceled_at": call.world.now(),
        "cancellation_reason": call.text("cancellation_reason"),
    }
    call.world.change("payment_intent.canceled", intent, changes)
    return intent


def pay(world: World, wish: Wish, method: Obj, *, keep: bool = False) -> Obj:
    """Take a payment in one step and return its intent; 402 where the card is refused."""
    check(world, wish)
    if keep and wish.customer:
        attach_to(world, method["id"], world.get("customer", wish.customer, account=wish.account))
    intent = make_intent(world, wish)
    confirm(world, intent, method["id"])
    return intent


def create_refund(call: Call) -> Obj:
    """Give back a charge, whole or in part; a destination charge's transfer and fee where that is asked for."""
    world = call.world
    charge = _charge_to_refund(call)
    left = charge["amount"] - charge["amount_refunded"]
    amount = call.number("amount", left)
    if charge["refunded"] or left == 0:
        raise invalid(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    if charge["disputed"]:
        raise invalid("This charge has been charged back and cannot be refunded.", code="charge_disputed")
    if amount < 1:
        raise invalid("Invalid positive integer", param="amount", code="parameter_invalid_integer")
    if amount > left:
        raise invalid(f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})", param="amount")
    refund = world.add(
        "refund",
        "re",
        {
            "amount": amount,
            "balance_transaction": None,
            "charge": charge["id"],
            "currency": charge["currency"],
            "destination_details": {"card": {"reference_status": "pending", "type": "refund"}, "type": "card"},
            "metadata": call.metadata(),
            "payment_intent": charge["payment_intent"],
            "payment_method": charge["payment_method"],
            "reason": call.text("reason"),
            "receipt_number": None,
            "source_transfer_reversal": None,
            "status": "succeeded",
            "transfer_reversal": None,
        },
        account=call.account,
    )
    del refund["livemode"]
    booked = money.book(world, "refund", -amount, charge["currency"], refund["id"], account=call.account)
    refund["balance_transaction"] = booked["id"]
    _take_back(call, charge, refund)
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    world.emit("refund.created", refund)
    world.emit("charge.refunded", charge)
    return refund


def fail_refund(world: World, refund: Obj, reason: str = "expired_or_canceled_card") -> Obj:
    """Have a bank refuse a refund that had succeeded: the amount is the platform's again.

    What was reversed of a transfer for it, and returned of a fee, stays where it is, as at Stripe.
    """
    if refund["status"] in {"failed", "canceled"}:
        raise invalid("This refund gave nothing already.", param="refund")
    charge = world.get("charge", refund["charge"], account=world.owners[refund["id"]])
    back = money.book(world, "refund_failure", refund["amount"], refund["currency"], refund["id"])
    charge["amount_refunded"] -= refund["amount"]
    charge["refunded"] = False
    changes = {"status": "failed", "failure_reason": reason, "failure_balance_transaction": back["id"]}
    world.change("refund.failed", refund, changes)
    world.emit("charge.refund.updated", refund)
    return refund


def _charge_to_refund(call: Call) -> Obj:
    charge = call.referred("charge", "charge")
    if charge is not None:
        return charge
    intent = call.referred("payment_intent", "payment_intent")
    if intent is None:
        raise invalid("One of the following params should be provided for this request: payment_intent or charge.")
    if intent["status"] != "succeeded":
        raise invalid(f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.")
    return call.world.get("charge", intent["latest_charge"], account=call.account)


def _take_back(call: Call, charge: Obj, refund: Obj) -> None:
    """Reverse the transfer and the fee in proportion to what is refunded."""
    amount, whole = refund["amount"], charge["amount"]
    last = charge["amount_refunded"] + amount == whole
    if call.flag("reverse_transfer"):
        if not charge.get("transfer"):
            raise invalid("The charge has no transfer to reverse.", param="reverse_transfer")
        transfer = call.world.get("transfer", charge["transfer"])
        left = transfer["amount"] - transfer["amount_reversed"]
        part = left if last else min(left, transfer["amount"] * amount // whole)
        if part:
            refund["transfer_reversal"] = money.reverse(call.world, transfer, part, refund["id"])["id"]
    if call.flag("refund_application_fee"):
        if not charge["application_fee"]:
            raise invalid("The charge has no application fee to refund.", param="refund_application_fee")
        fee = call.world.get("application_fee", charge["application_fee"])
        left = fee["amount"] - fee["amount_refunded"]
        part = left if last else min(left, fee["amount"] * amount // whole)
        if part:
            money.refund_fee(call.world, fee, part)


def _refunds(world: World, charge: Obj) -> Obj:
    found = [one for one in world.all("refund", world.owners[charge["id"]]) if one["charge"] == charge["id"]]
    return empty_list(f"/v1/charges/{charge['id']}/refunds", found)


INCLUDED["charge", "refunds"] = _refunds
