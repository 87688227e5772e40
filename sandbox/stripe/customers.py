"""Who pays, and with what: customers, test cards as payment methods, setup intents."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from sandbox.stripe import forms
from sandbox.stripe.call import Call, page
from sandbox.stripe.catalogue import currency_of, deleted
from sandbox.stripe.errors import StripeError, declined, invalid
from sandbox.stripe.world import PLATFORM, Obj, World


@dataclass(frozen=True, slots=True)
class TestCard:
    """One of Stripe's test cards: `attaches` to a customer or not, then `refusal` is why charging it fails."""

    brand: str = "visa"
    refusal: str = ""
    attaches: bool = True
    disputed: bool = False
    at_once: bool = False


CARDS = {
    "4242424242424242": TestCard(),
    "5555555555554444": TestCard("mastercard"),
    "4000000000000077": TestCard(at_once=True),
    "4000000000000259": TestCard(disputed=True),
    "4000000000000341": TestCard(refusal="generic_decline"),
    "4000000000000002": TestCard(refusal="generic_decline", attaches=False),
    "4000000000009995": TestCard(refusal="insufficient_funds", attaches=False),
    "4000000000000069": TestCard(refusal="expired_card", attaches=False),
    "4000000000000127": TestCard(refusal="incorrect_cvc", attaches=False),
}
# Stripe's names for ready-made payment methods and tokens (pm_card_visa, tok_visa).
READY = {
    "visa": "4242424242424242",
    "mastercard": "5555555555554444",
    "bypassPending": "4000000000000077",
    "createDispute": "4000000000000259",
    "chargeCustomerFail": "4000000000000341",
    "chargeDeclined": "4000000000000002",
    "visa_chargeDeclined": "4000000000000002",
    "chargeDeclinedInsufficientFunds": "4000000000009995",
    "visa_chargeDeclinedInsufficientFunds": "4000000000009995",
}
REASONS = {
    "generic_decline": "Your card was declined.",
    "insufficient_funds": "Your card has insufficient funds.",
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
}


def create_customer(call: Call) -> Obj:
    """Create a customer."""
    method = call.text("payment_method")
    customer = make_customer(call.world, call.params, call.account)
    if method:
        attached, settings = attach_to(call.world, method, customer), customer["invoice_settings"]
        if settings["default_payment_method"] == method:
            settings["default_payment_method"] = attached["id"]
    call.world.emit("customer.created", customer)
    return customer


def make_customer(world: World, params: Obj, account: str = PLATFORM) -> Obj:
    """Create a customer from Stripe's parameters, and tell nobody yet."""
    settings = forms.dictionary(params.get("invoice_settings"), "invoice_settings")
    return world.add(
        "customer",
        "cus",
        {
            "address": forms.dictionary(params.get("address"), "address") or None,
            "balance": forms.whole(params.get("balance") or 0, "balance"),
            "currency": None,
            "default_source": None,
            "delinquent": False,
            "description": params.get("description") or None,
            "email": params.get("email") or None,
            "invoice_prefix": world.new_id("x")[-8:].upper(),
            "invoice_settings": {
                "custom_fields": None,
                "default_payment_method": settings.get("default_payment_method") or None,
                "footer": None,
                "rendering_options": None,
            },
            "metadata": forms.merged({}, params.get("metadata", {})),
            "name": params.get("name") or None,
            "next_invoice_sequence": 1,
            "phone": params.get("phone") or None,
            "preferred_locales": [],
            "shipping": None,
            "tax_exempt": params.get("tax_exempt") or "none",
            "test_clock": None,
        },
        account=account,
    )


def update_customer(call: Call) -> Obj:
    """Change a customer."""
    customer = call.named("customer")
    changes: Obj = {
        name: call.text(name) for name in ("description", "email", "name", "phone", "tax_exempt") if name in call.params
    }
    if "address" in call.params:
        changes["address"] = forms.dictionary(call.params["address"], "address") or None
    if "balance" in call.params:
        changes["balance"] = call.number("balance")
    if "metadata" in call.params:
        changes["metadata"] = forms.merged(customer["metadata"], call.params["metadata"])
    settings = forms.dictionary(call.params.get("invoice_settings"), "invoice_settings")
    if method := settings.get("default_payment_method"):
        found = call.world.get("payment_method", method, account=call.account, param="invoice_settings")
        if found["customer"] != customer["id"]:
            raise invalid("The customer does not have a payment method with this ID.", param="invoice_settings")
        changes["invoice_settings"] = {**customer["invoice_settings"], "default_payment_method": method}
    call.world.change("customer.updated", customer, changes)
    return customer


def delete_customer(call: Call) -> Obj:
    """Delete a customer; what it was subscribed to ends."""
    from sandbox.stripe.subscriptions import LIVE, end  # subscriptions know customers

    customer = call.named("customer")
    for subscription in call.world.all("subscription", call.account):
        if subscription["customer"] == customer["id"] and subscription["status"] in LIVE:
            end(call.world, subscription, "cancellation_requested")
    return deleted(call, customer)


def credit_customer(call: Call) -> Obj:
    """Add to a customer's balance: a negative amount is a credit that the next invoices use up."""
    customer, amount = call.named("customer"), call.number("amount")
    ending = customer["balance"] + amount
    call.world.change("customer.updated", customer, {"balance": ending})
    return call.world.add(
        "customer_balance_transaction",
        "cbtxn",
        {
            "amount": amount,
            "credit_note": None,
            "currency": currency_of(call.text("currency")),
            "customer": customer["id"],
            "description": call.text("description"),
            "ending_balance": ending,
            "invoice": None,
            "metadata": call.metadata(),
            "type": "adjustment",
        },
        account=call.account,
    )


def list_credits(call: Call) -> Obj:
    """List what was added to a customer's balance."""
    customer = call.named("customer")["id"]
    found = [one for one in call.world.all("customer_balance_transaction", call.account) if one["customer"] == customer]
    return page(call, found, f"/v1/customers/{customer}/balance_transactions")


def create_method(call: Call) -> Obj:
    """Create a payment method from a card's number or a token."""
    if call.text("type", "card") != "card":
        raise invalid("This processor knows cards only.", param="type")
    card = forms.dictionary(call.params.get("card"), "card")
    number = str(card.get("number") or READY.get(str(card.get("token", "")).removeprefix("tok_"), ""))
    return make_method(call.world, number, card, call.params.get("billing_details"), call.account)


def make_method(world: World, number: str, card: Obj, billing: Any = None, account: str = PLATFORM) -> Obj:
    """Create a payment method for a test card; what it will do stands in its number."""
    number = "".join(character for character in number if character.isdigit())
    known = CARDS.get(number)
    if known is None:
        raise declined("test_mode_live_card", "Your card number is not one of the test cards.")
    details = forms.dictionary(billing, "billing_details")
    method = world.add(
        "payment_method",
        "pm",
        {
            "allow_redisplay": "unspecified",
            "billing_details": {
                "address": details.get("address"),
                "email": details.get("email") or None,
                "name": details.get("name") or None,
                "phone": None,
                "tax_id": None,
            },
            "card": {
                "brand": known.brand,
                "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
                "country": "US",
                "display_brand": known.brand,
                "exp_month": forms.whole(card.get("exp_month") or 12, "card[exp_month]"),
                "exp_year": forms.whole(card.get("exp_year") or 2034, "card[exp_year]"),
                "fingerprint": hashlib.sha256(number.encode()).hexdigest()[:16],
                "funding": "credit",
                "last4": number[-4:],
                "networks": {"available": [known.brand], "preferred": None},
                "three_d_secure_usage": {"supported": True},
                "wallet": None,
            },
            "customer": None,
            "metadata": {},
            "type": "card",
        },
        account=account,
    )
    world.hidden[method["id"]]["number"] = number
    return method


def method_named(world: World, name: str, account: str = PLATFORM, param: str = "payment_method") -> Obj:
    """Return a payment method; pm_card_visa and its like make a fresh one, as at Stripe."""
    number = READY.get(name.removeprefix("pm_card_")) if name.startswith("pm_card_") else None
    if number is not None:
        return make_method(world, number, {}, account=account)
    return world.get("payment_method", name, account=account, param=param)


def card_of(world: World, method: Obj) -> TestCard:
    """Return what a payment method's card does."""
    return CARDS[world.hidden[method["id"]]["number"]]


def refuse_card(refusal: str, extra: Obj | None = None) -> StripeError:
    """Return the words in which a card is refused."""
    return declined(refusal, REASONS[refusal], extra)


def attach_to(world: World, name: str, customer: Obj) -> Obj:
    """Attach a payment method to a customer; a card that is declined at once is not taken."""
    method = method_named(world, name, world.owners[customer["id"]])
    if method["customer"] not in (None, customer["id"]):
        raise invalid("The payment method you provided has already been attached to a customer.")
    card = card_of(world, method)
    if not card.attaches:
        raise refuse_card(card.refusal)
    if method["customer"] is None:
        method["customer"] = customer["id"]
        world.emit("payment_method.attached", method)
    return method


def attach_method(call: Call) -> Obj:
    """Attach a payment method to the customer that is named."""
    customer = call.world.get("customer", call.text("customer"), account=call.account, param="customer")
    return attach_to(call.world, call.path[0], customer)


def detach_method(call: Call) -> Obj:
    """Take a payment method from its customer."""
    method = call.named("payment_method")
    if method["customer"] is None:
        raise invalid("The payment method you provided is not attached to a customer so detachment is impossible.")
    customer = call.world.get("customer", method["customer"], account=call.account)
    if customer["invoice_settings"]["default_payment_method"] == method["id"]:
        customer["invoice_settings"]["default_payment_method"] = None
    call.world.change("payment_method.detached", method, {"customer": None})
    return method


def list_methods(call: Call) -> Obj:
    """List a customer's payment methods."""
    customer = call.path[0] if call.path else call.text("customer")
    found = [one for one in call.world.all("payment_method", call.account) if one["customer"] == customer]
    return page(call, found, "/v1/payment_methods")


def default_method(world: World, customer: Obj, *names: str | None) -> Obj | None:
    """Return the first payment method that is named and there, else the customer's own."""
    for name in (*names, customer["invoice_settings"]["default_payment_method"]):
        found = world.tables.get("payment_method", {}).get(name or "")
        if found is not None and found["customer"] == customer["id"]:
            return found
    return None


def create_setup(call: Call) -> Obj:
    """Create a setup intent, and confirm it where that is asked for."""
    customer = call.referred("customer", "customer")
    intent = call.world.add(
        "setup_intent",
        "seti",
        {
            "cancellation_reason": None,
            "client_secret": call.world.new_id("seti_secret"),
            "customer": customer and customer["id"],
            "description": call.text("description"),
            "last_setup_error": None,
            "latest_attempt": None,
            "metadata": call.metadata(),
            "next_action": None,
            "payment_method": None,
            "payment_method_types": ["card"],
            "status": "requires_payment_method",
            "usage": call.text("usage", "off_session"),
        },
        account=call.account,
    )
    call.world.emit("setup_intent.created", intent)
    if call.flag("confirm"):
        confirm_setup(call.world, intent, call.text("payment_method") or "")
    return intent


def confirm_setup(world: World, intent: Obj, method_name: str) -> Obj:
    """Attach a payment method through a setup intent."""
    customer = world.get("customer", intent["customer"], account=world.owners[intent["id"]])
    method = attach_to(world, method_name, customer)
    intent.update(status="succeeded", payment_method=method["id"])
    world.emit("setup_intent.succeeded", intent)
    return method
