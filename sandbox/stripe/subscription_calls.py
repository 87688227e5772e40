"""What a caller may do with a subscription: create, change with proration, cancel, resume, list."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.stripe import forms
from sandbox.stripe.call import INCLUDED, Call, page
from sandbox.stripe.catalogue import make_price
from sandbox.stripe.collecting import collect, finalize
from sandbox.stripe.customers import default_method
from sandbox.stripe.errors import invalid
from sandbox.stripe.invoice_items import make_item, refresh, take_pending
from sandbox.stripe.invoices import discounts_of, draft
from sandbox.stripe.subscriptions import LIVE, end, invoice_period, make, new_item, period_end, plan, turn
from sandbox.stripe.sums import rounded
from sandbox.stripe.world import DAY, Obj, World, empty_list

PRORATIONS = ("create_prorations", "always_invoice", "none")


def create(call: Call) -> Obj:
    """Create a subscription."""
    customer = call.world.get("customer", call.text("customer"), account=call.account, param="customer")
    items = [_item(call, one, f"items[{n}]") for n, one in enumerate(forms.listed(call.params.get("items"), "items"))]
    if not items:
        raise invalid("Missing required param: items.", param="items", code="parameter_missing")
    settings = settings_of(call.world, call.params)
    if settings["collection_method"] == "charge_automatically":
        found = default_method(call.world, customer, settings["default_payment_method"])
        trial = (settings.get("trial_end") or 0) > call.world.now()
        if found is None and not trial and call.text("payment_behavior") != "default_incomplete":
            raise invalid(
                "This customer has no attached payment source or default payment method.", code="resource_missing"
            )
    settings["payment_behavior"] = call.text("payment_behavior")
    return make(call.world, customer, items, settings)


def settings_of(world: World, params: Obj) -> Obj:
    """Return a subscription's fields from Stripe's parameters, which Checkout has too."""
    days = params.get("trial_period_days")
    trial_end = params.get("trial_end")
    at = world.now() + forms.whole(days, "trial_period_days") * DAY if days else None
    if trial_end not in (None, "", "now"):
        at = forms.whole(trial_end, "trial_end")
    tax = forms.dictionary(params.get("automatic_tax"), "automatic_tax")
    behavior = forms.dictionary(
        forms.dictionary(params.get("trial_settings"), "trial_settings").get("end_behavior"), "trial_settings"
    )
    percent = params.get("application_fee_percent")
    return {
        "application_fee_percent": float(percent) if percent not in (None, "") else None,
        "automatic_tax": {
            "disabled_reason": None,
            "enabled": forms.flag(tax.get("enabled"), "automatic_tax[enabled]"),
            "liability": None,
        },
        "cancel_at": forms.whole(params["cancel_at"], "cancel_at") if params.get("cancel_at") else None,
        "cancel_at_period_end": forms.flag(params.get("cancel_at_period_end"), "cancel_at_period_end"),
        "collection_method": params.get("collection_method") or "charge_automatically",
        "days_until_due": forms.whole(params["days_until_due"], "days_until_due")
        if params.get("days_until_due")
        else None,
        "default_payment_method": params.get("default_payment_method") or None,
        "description": params.get("description") or None,
        "discounts": params.get("discounts"),
        "metadata": forms.merged({}, params.get("metadata", {})),
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        "transfer_data": transfer_of(world, params.get("transfer_data")),
        "trial_end": at,
        "trial_settings": {
            "end_behavior": {"missing_payment_method": behavior.get("missing_payment_method", "create_invoice")}
        },
    }


def transfer_of(world: World, sent: Any) -> Obj | None:
    """Return where a subscription's money goes; the account must be there."""
    if not (transfer := forms.dictionary(sent, "transfer_data")):
        return None
    account = world.get("account", transfer.get("destination"), param="transfer_data[destination]")
    percent = transfer.get("amount_percent")
    return {"amount_percent": float(percent) if percent else None, "destination": account["id"]}


def _item(call: Call, sent: Any, param: str) -> Obj:
    one = forms.dictionary(sent, param)
    if data := forms.dictionary(one.get("price_data"), f"{param}[price_data]"):
        price = make_price(call.world, data, call.account)
    else:
        price = call.world.get("price", one.get("price"), account=call.account, param=f"{param}[price]")
    if not price["active"]:
        raise invalid("The price specified is inactive.", param=f"{param}[price]")
    quantity = forms.whole(one.get("quantity") or 1, f"{param}[quantity]")
    return {"price": price, "quantity": quantity, "metadata": forms.merged({}, one.get("metadata", {}))}


def update(call: Call) -> Obj:
    """Change a subscription; a change of price is prorated as `proration_behavior` says."""
    world, subscription = call.world, call.named("subscription")
    if subscription["status"] not in LIVE:
        if set(call.params) <= {"metadata", "cancellation_details"}:
            _tell(call, subscription, _plain_changes(call, subscription))
            return subscription
        raise invalid("A canceled subscription can only update its cancellation_details and metadata.", param="id")
    behavior = forms.chosen(call.text("proration_behavior", "create_prorations"), "proration_behavior", PRORATIONS)
    changes = _plain_changes(call, subscription)
    _tell(call, subscription, changes)
    if changes.get("cancel_at"):
        plan(world, subscription)
    switched = [one for one in forms.listed(call.params.get("items"), "items") if one.get("id")]
    for index, sent in enumerate(forms.listed(call.params.get("items"), "items")):
        if sent not in switched:
            raise invalid("Pass the id of the item that is to change.", param=f"items[{index}][id]")
        _switch(call, subscription, sent, behavior)
    if call.text("trial_end") == "now" and subscription["status"] == "trialing":
        _end_trial(world, subscription)
    return subscription


def _tell(call: Call, subscription: Obj, changes: Obj) -> None:
    call.world.change("customer.subscription.updated", subscription, changes)


def _plain_changes(call: Call, subscription: Obj) -> Obj:
    params = call.params
    changes: Obj = {
        name: call.text(name)
        for name in ("default_payment_method", "description", "collection_method")
        if name in params
    }
    if "metadata" in params:
        changes["metadata"] = forms.merged(subscription["metadata"], params["metadata"])
    if "cancel_at_period_end" in params:
        ending = call.flag("cancel_at_period_end")
        items = subscription["items"]["data"]
        changes |= {
            "cancel_at_period_end": ending,
            "cancel_at": items[0]["current_period_end"] if ending else None,
            "canceled_at": call.world.now() if ending else None,
            "cancellation_details": {
                **subscription["cancellation_details"],
                "reason": "cancellation_requested" if ending else None,
            },
        }
    if "cancel_at" in params:
        changes["cancel_at"] = call.number("cancel_at") or None
    if details := forms.dictionary(params.get("cancellation_details"), "cancellation_details"):
        changes["cancellation_details"] = {**subscription["cancellation_details"], **details}
    if "application_fee_percent" in params:
        percent = call.text("application_fee_percent")
        changes["application_fee_percent"] = None if percent is None else float(percent)
    if "transfer_data" in params:
        changes["transfer_data"] = transfer_of(call.world, params["transfer_data"])
    if "pause_collection" in params:
        changes["pause_collection"] = params["pause_collection"] or None
    if "discounts" in params:
        changes["discounts"] = [one["id"] for one in discounts_of(call.world, params["discounts"], subscription)]
    return changes


def _end_trial(world: World, subscription: Obj) -> None:
    now = world.now()
    subscription.update(trial_end=now, billing_cycle_anchor=now)
    for item in subscription["items"]["data"]:
        item["current_period_end"] = now
    world.hidden[subscription["id"]].update(anchor=now, turns=0)
    turn(world, subscription["id"], now)


def _switch(call: Call, subscription: Obj, sent: Obj, behavior: str) -> None:
    """Put another price or quantity into an item. Another interval begins a period now and is invoiced at once."""
    world, now = call.world, call.world.now()
    item = next((one for one in subscription["items"]["data"] if one["id"] == sent["id"]), None)
    if item is None:
        raise invalid(f"No such subscription item: '{sent['id']}'", param="items[0][id]", code="resource_missing")
    wanted = _item(call, {"price": item["price"]["id"], "quantity": item.get("quantity", 1), **sent}, "items[0]")
    before = dict(item)
    old, new = item["price"]["recurring"], wanted["price"]["recurring"]
    again = (old["interval"], old["interval_count"]) != (new["interval"], new["interval_count"])
    trial = subscription["status"] == "trialing"
    if behavior != "none" and not trial:
        _prorate(world, subscription, item, None if again else wanted)
    fresh = new_item(world, subscription, wanted, (item["current_period_start"], item["current_period_end"]))
    kept = {"id": item["id"], "created": item["created"]}
    del world.tables["subscription_item"][fresh["id"]]
    item.update({**fresh, **kept})
    if again and not trial:
        world.hidden[subscription["id"]].update(anchor=now, turns=1)
        subscription["billing_cycle_anchor"] = now
        item.update(current_period_start=now, current_period_end=period_end(now, 1, new))
        plan(world, subscription)
    world.emit("customer.subscription.updated", subscription, previous={"items": {"data": [before]}})
    if again and not trial:
        _collect(world, invoice_period(world, subscription, "subscription_update"))
    elif behavior == "always_invoice" and not trial:
        _invoice_now(world, subscription)


def _prorate(world: World, subscription: Obj, item: Obj, wanted: Obj | None) -> None:
    """Credit what is left of the period at the old price, and ask the new one for it (not where a period begins anew)."""
    now, start, upto = world.now(), item["current_period_start"], item["current_period_end"]
    left = Decimal(upto - now) / Decimal(upto - start)
    parts = [(-item["price"]["unit_amount"] * item.get("quantity", 1), item["price"], "Unused time")]
    if wanted is not None:
        parts.append((wanted["price"]["unit_amount"] * wanted["quantity"], wanted["price"], "Remaining time"))
    for amount, price, words in parts:
        product = world.get("product", price["product"], account=world.owners[subscription["id"]])
        made = make_item(
            world,
            subscription["customer"],
            rounded(amount * left),
            subscription["currency"],
            description=f"{words} on {product['name']}",
            period={"end": upto, "start": now},
            price=price,
            subscription=subscription["id"],
            proration=True,
            account=world.owners[subscription["id"]],
        )
        world.emit("invoiceitem.created", made)


def _invoice_now(world: World, subscription: Obj) -> None:
    account = world.owners[subscription["id"]]
    customer = world.get("customer", subscription["customer"], account=account)
    invoice = draft(
        world,
        customer,
        subscription["currency"],
        reason="subscription_update",
        subscription=subscription,
        account=account,
    )
    take_pending(world, invoice, subscription["id"])
    refresh(world, invoice)
    subscription["latest_invoice"] = invoice["id"]
    world.emit("invoice.created", invoice)
    _collect(world, invoice)


def _collect(world: World, invoice: Obj) -> None:
    finalize(world, invoice)
    collect(world, invoice)


def cancel(call: Call) -> Obj:
    """Cancel a subscription now, crediting and invoicing what is left of the period where that is wanted."""
    subscription = call.named("subscription")
    if subscription["status"] not in LIVE:
        raise invalid(f"No such subscription: '{subscription['id']}'", param="id", code="resource_missing")
    if call.flag("prorate") and subscription["status"] != "trialing":
        for item in subscription["items"]["data"]:
            _prorate(call.world, subscription, item, None)
    details = forms.dictionary(call.params.get("cancellation_details"), "cancellation_details")
    end(call.world, subscription, "cancellation_requested", details)
    if call.flag("invoice_now"):
        _invoice_now(call.world, subscription)
    return subscription


def list_all(call: Call) -> Obj:
    """List subscriptions; those that ended only where they are asked for."""
    found = call.world.all("subscription", call.account)
    status = call.text("status")
    if status is None:
        found = [one for one in found if one["status"] in LIVE]
    elif status != "all":
        ended = {"canceled", "incomplete_expired"} if status == "ended" else {status}
        found = [one for one in found if one["status"] in ended]
    if customer := call.text("customer"):
        found = [one for one in found if one["customer"] == customer]
    if price := call.text("price"):
        found = [one for one in found if any(i["price"]["id"] == price for i in one["items"]["data"])]
    return page(call, found, "/v1/subscriptions")


def _of_customer(world: World, customer: Obj) -> Obj:
    live = [
        one
        for one in world.all("subscription", world.owners[customer["id"]])
        if one["customer"] == customer["id"] and one["status"] in LIVE
    ]
    return empty_list(f"/v1/customers/{customer['id']}/subscriptions", live)


INCLUDED["customer", "subscriptions"] = _of_customer
