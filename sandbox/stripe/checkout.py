"""Checkout and the billing portal: sessions that send a person to a page of ours, and what comes of it."""

from __future__ import annotations

from typing import Any

from sandbox.stripe import forms
from sandbox.stripe.call import INCLUDED, Call
from sandbox.stripe.catalogue import make_price
from sandbox.stripe.customers import attach_to, card_of, make_customer, make_method, refuse_card
from sandbox.stripe.errors import invalid
from sandbox.stripe.payments import Wish, pay
from sandbox.stripe.subscription_calls import settings_of
from sandbox.stripe.subscriptions import make
from sandbox.stripe.sums import redeem, reduction, tax_of
from sandbox.stripe.world import DAY, Obj, World, empty_list

MODES = ("payment", "subscription", "setup")
BLANK: Obj = {
    "adaptive_pricing": None,
    "after_expiration": None,
    "billing_address_collection": None,
    "client_secret": None,
    "consent": None,
    "consent_collection": None,
    "currency_conversion": None,
    "custom_fields": [],
    "custom_text": {
        "after_submit": None,
        "shipping_address": None,
        "submit": None,
        "terms_of_service_acceptance": None,
    },
    "customer_details": None,
    "invoice": None,
    "invoice_creation": None,
    "locale": None,
    "payment_intent": None,
    "payment_link": None,
    "payment_method_options": {},
    "payment_method_types": ["card"],
    "payment_status": "unpaid",
    "phone_number_collection": {"enabled": False},
    "recovered_from": None,
    "setup_intent": None,
    "shipping_address_collection": None,
    "shipping_cost": None,
    "shipping_options": [],
    "status": "open",
    "submit_type": None,
    "subscription": None,
    "ui_mode": "hosted_page",
}


def create(call: Call) -> Obj:
    """Create a session: a page where a person pays, subscribes or leaves a card."""
    world, params = call.world, call.params
    mode = forms.chosen(params.get("mode"), "mode", MODES)
    customer = call.referred("customer", "customer")
    if not params.get("success_url"):
        raise invalid("Missing required param: success_url.", param="success_url", code="parameter_missing")
    lines = [_line(call, one, n) for n, one in enumerate(forms.listed(params.get("line_items"), "line_items"))]
    if (mode == "setup") == bool(lines):
        raise invalid("Sessions need line_items, except in setup mode.", param="line_items", code="parameter_missing")
    if mode == "subscription" and not any(price["recurring"] for price, _ in lines):
        raise invalid("You must provide at least one recurring price in `subscription` mode.", param="line_items")
    if params.get("discounts") and call.flag("allow_promotion_codes"):
        raise invalid("You may only specify one of these parameters: allow_promotion_codes, discounts.")
    if mode == "subscription":  # a destination that is not there is refused now, not on the page
        settings_of(world, _subscription_data(params))
    tax = forms.dictionary(params.get("automatic_tax"), "automatic_tax")
    if forms.flag(tax.get("enabled"), "automatic_tax[enabled]"):
        _check_address(params, customer)
    session = world.add(
        "checkout.session",
        "cs_test",
        {
            **BLANK,
            "allow_promotion_codes": call.flag("allow_promotion_codes") or None,
            "automatic_tax": {
                "enabled": forms.flag(tax.get("enabled"), "automatic_tax[enabled]"),
                "liability": None,
                "provider": None,
                "status": None,
            },
            "cancel_url": call.text("cancel_url"),
            "client_reference_id": call.text("client_reference_id"),
            "currency": lines[0][0]["currency"] if lines else call.text("currency"),
            "customer": customer and customer["id"],
            "customer_creation": None if customer else "always",
            "customer_email": call.text("customer_email"),
            "discounts": [],
            "expires_at": call.number("expires_at", world.now() + DAY),
            "metadata": call.metadata(),
            "mode": mode,
            "payment_method_collection": call.text("payment_method_collection", "always"),
            "success_url": params["success_url"],
        },
        account=call.account,
    )
    session["url"] = f"{world.base}/pay/{session['id']}"
    world.hidden[session["id"]].update(lines=lines, params=dict(params))
    _price(world, session, params.get("discounts"), None)
    world.later(session["expires_at"], expire_when_due, session["id"])
    return session


def _check_address(params: Obj, customer: Obj | None) -> None:
    """Refuse taxes of a known customer whose address is not known and would not be kept."""
    if customer is not None and not (customer["address"] or {}).get("country") and not _keeps_address(params):
        raise invalid(
            "Automatic tax calculation in Checkout requires a valid address on the Customer. Add a valid address to the"
            " Customer or set either `customer_update[address]` to 'auto' or `customer_update[shipping]` to 'auto' to"
            " save the address entered in Checkout to the Customer.",
            code="customer_tax_location_invalid",
        )


def _keeps_address(params: Obj) -> bool:
    return forms.dictionary(params.get("customer_update"), "customer_update").get("address") == "auto"


def _subscription_data(params: Obj) -> Obj:
    data = dict(forms.dictionary(params.get("subscription_data"), "subscription_data"))
    return {**data, "automatic_tax": params.get("automatic_tax")}


def _line(call: Call, sent: Any, number: int) -> tuple[Obj, int]:
    line = forms.dictionary(sent, f"line_items[{number}]")
    quantity = forms.whole(line.get("quantity") or 1, f"line_items[{number}][quantity]")
    data = dict(forms.dictionary(line.get("price_data"), "price_data"))
    if not data:
        param = f"line_items[{number}][price]"
        price = call.world.get("price", line.get("price"), account=call.account, param=param)
        if not price["active"]:
            raise invalid("The price specified is inactive. This field only accepts active prices.", param=param)
        return price, quantity
    if described := forms.dictionary(data.pop("product_data", None), "product_data"):
        from sandbox.stripe.catalogue import create_product

        data["product"] = create_product(Call(call.world, params=described, account=call.account))["id"]
    return make_price(call.world, data, call.account), quantity


def _price(world: World, session: Obj, discounts: Any, country: str | None) -> None:
    """Compute what a session comes to today; a trial comes to nothing."""
    lines, params = world.hidden[session["id"]]["lines"], world.hidden[session["id"]]["params"]
    trial = session["mode"] == "subscription" and _has_trial(world, params)
    amounts = [
        (0 if trial and price["recurring"] else (price["unit_amount"] or 0) * quantity, price["product"])
        for price, quantity in lines
        if (price["recurring"] or {}).get("usage_type") != "metered"
    ]
    given = [redeem(world, one, session) for one in forms.listed(discounts, "discounts")]
    if given:
        world.hidden[session["id"]]["given"] = given
        session["discounts"] = [
            {"coupon": one["source"]["coupon"], "promotion_code": one["promotion_code"]} for one in given
        ]
    names = [one["id"] for one in world.hidden[session["id"]].get("given", [])]
    subtotal = sum(amount for amount, _ in amounts)
    off = sum(part for _, part in reduction(world, names, amounts))
    tax = tax_of(subtotal - off, country) if session["automatic_tax"]["enabled"] else 0
    if session["mode"] != "setup":
        session.update(amount_subtotal=subtotal, amount_total=subtotal - off + tax)
    session["total_details"] = {"amount_discount": off, "amount_shipping": 0, "amount_tax": tax}


def _has_trial(world: World, params: Obj) -> bool:
    settings = settings_of(world, _subscription_data(params))
    return (settings["trial_end"] or 0) > world.now()


def expire(call: Call) -> Obj:
    """Expire an open session."""
    session = call.named("checkout.session")
    if session["status"] != "open":
        raise invalid(f'Only Checkout Sessions with a status in ["open"] can be expired: it is {session["status"]}.')
    call.world.change("checkout.session.expired", session, {"status": "expired", "url": None})
    return session


def expire_when_due(world: World, name: str) -> None:
    """Expire a session that nobody completed in time."""
    session = world.tables["checkout.session"][name]
    if session["status"] == "open":
        world.change("checkout.session.expired", session, {"status": "expired", "url": None})


def complete(world: World, session: Obj, form: Obj) -> Obj:
    """Do what a person's form on the page says: `number`, `exp_month`, `exp_year`, `email`, `name`, `country`, `code`.

    Raises StripeError (402 where the card is refused); the session stays open then.
    """
    if session["status"] != "open":
        raise invalid("This Checkout Session is no longer open.")
    account = world.owners[session["id"]]
    if code := form.get("code"):
        _enter_code(world, session, code)
    _price(world, session, None, form.get("country"))
    known = session["customer"]
    customer = world.get("customer", known, account=account) if known else None
    method = make_method(world, form.get("number", ""), form, {"name": form.get("name")}, account)
    card = card_of(world, method)
    if not card.attaches or (card.refusal and session["amount_total"]):
        raise refuse_card(card.refusal)
    if customer is None:
        email = form.get("email") or session["customer_email"]
        customer = make_customer(world, {"email": email, "name": form.get("name")}, account)
        world.emit("customer.created", customer)
        session["customer"] = customer["id"]
    # (An address that was entered stays with a customer who was known before only where that was asked for.)
    if form.get("country") and (not known or _keeps_address(world.hidden[session["id"]]["params"])):
        customer["address"] = {**(customer["address"] or {}), "country": form["country"]}
    attach_to(world, method["id"], customer)
    done = {"payment": _pay, "subscription": _subscribe, "setup": _set_up}[session["mode"]]
    done(world, session, customer, method)
    session.update(
        status="complete",
        url=None,
        customer_details={
            "address": customer["address"],
            "email": customer["email"],
            "name": customer["name"],
            "phone": None,
            "tax_exempt": "none",
            "tax_ids": [],
        },
    )
    world.emit("checkout.session.completed", session)
    return session


def _enter_code(world: World, session: Obj, code: str) -> None:
    found = [
        one
        for one in world.all("promotion_code", world.owners[session["id"]])
        if one["code"].upper() == code.strip().upper() and one["active"]
    ]
    if not session["allow_promotion_codes"] or not found:
        raise invalid("This code is invalid.", param="code")
    if not session["discounts"]:
        _price(world, session, [{"promotion_code": found[0]["id"]}], None)


def _pay(world: World, session: Obj, customer: Obj, method: Obj) -> None:
    params = world.hidden[session["id"]]["params"]
    data = forms.dictionary(params.get("payment_intent_data"), "payment_intent_data")
    transfer = forms.dictionary(data.get("transfer_data"), "transfer_data")
    fee = data.get("application_fee_amount")
    wish = Wish(
        session["amount_total"],
        session["currency"],
        customer=customer["id"],
        description=data.get("description"),
        metadata=forms.merged({}, data.get("metadata", {})),
        destination=transfer.get("destination"),
        sent=forms.whole(transfer["amount"], "amount") if transfer.get("amount") else None,
        fee=forms.whole(fee, "application_fee_amount") if fee else None,
        account=world.owners[session["id"]],
    )
    session["payment_intent"] = pay(world, wish, method)["id"]
    session["payment_status"] = "paid"


def _subscribe(world: World, session: Obj, customer: Obj, method: Obj) -> None:
    hidden = world.hidden[session["id"]]
    settings = settings_of(world, _subscription_data(hidden["params"]))
    given = [{"discount": one["id"]} for one in hidden.get("given", [])]
    settings.update(default_payment_method=method["id"], discounts=given, payment_behavior="error_if_incomplete")
    items = [
        {"price": price, "quantity": quantity, "metadata": {}}
        for price, quantity in hidden["lines"]
        if price["recurring"] is not None
    ]
    subscription = make(world, customer, items, settings)
    for one in hidden.get("given", []):
        one.update(subscription=subscription["id"], customer=customer["id"], checkout_session=session["id"])
    session.update(
        subscription=subscription["id"],
        invoice=subscription["latest_invoice"],
        payment_status="paid" if session["amount_total"] else "no_payment_required",
    )


def _set_up(world: World, session: Obj, customer: Obj, method: Obj) -> None:
    intent = world.add(
        "setup_intent",
        "seti",
        {
            "customer": customer["id"],
            "metadata": {},
            "payment_method": method["id"],
            "payment_method_types": ["card"],
            "status": "succeeded",
            "usage": "off_session",
        },
        account=world.owners[session["id"]],
    )
    world.emit("setup_intent.succeeded", intent)
    session.update(setup_intent=intent["id"], payment_status="no_payment_required")


def lines_of(world: World, session: Obj) -> Obj:
    """Return what a session sells."""
    data = [
        {
            "id": f"li_{session['id'][8:]}{index}",
            "object": "item",
            "amount_discount": 0,
            "amount_subtotal": (price["unit_amount"] or 0) * quantity,
            "amount_tax": 0,
            "amount_total": (price["unit_amount"] or 0) * quantity,
            "currency": price["currency"],
            "description": world.get("product", price["product"], account=world.owners[price["id"]])["name"],
            "price": price,
            "quantity": quantity,
        }
        for index, (price, quantity) in enumerate(world.hidden[session["id"]]["lines"])
    ]
    return empty_list(f"/v1/checkout/sessions/{session['id']}/line_items", data)


INCLUDED["checkout.session", "line_items"] = lines_of


def list_lines(call: Call) -> Obj:
    """List what a session sells."""
    return lines_of(call.world, call.named("checkout.session"))


def create_portal(call: Call) -> Obj:
    """Create a session of the billing portal for a customer."""
    customer = call.referred("customer", "customer")
    if customer is None:
        raise invalid("Missing required param: customer.", param="customer", code="parameter_missing")
    session = call.world.add(
        "billing_portal.session",
        "bps",
        {
            "configuration": call.text("configuration", "bpc_sandbox"),
            "customer": customer["id"],
            "flow": None,
            "locale": None,
            "on_behalf_of": None,
            "return_url": call.text("return_url"),
        },
        account=call.account,
    )
    session["url"] = f"{call.world.base}/portal/{session['id']}"
    return session


def change_card(world: World, session: Obj, form: Obj) -> None:
    """Make another card the customer's and its subscriptions' own."""
    account = world.owners[session["id"]]
    customer = world.get("customer", session["customer"], account=account)
    method = attach_to(world, make_method(world, form.get("number", ""), form, account=account)["id"], customer)
    settings = {**customer["invoice_settings"], "default_payment_method": method["id"]}
    world.change("customer.updated", customer, {"invoice_settings": settings})
    for subscription in world.all("subscription", account):
        if subscription["customer"] == customer["id"] and subscription["default_payment_method"]:
            world.change("customer.subscription.updated", subscription, {"default_payment_method": method["id"]})
