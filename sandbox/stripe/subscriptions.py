"""Subscriptions over time: their start and trial, the turn of each period, payments that fail, and their end."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

from sandbox.stripe import catalogue
from sandbox.stripe.collecting import attempt, finalize, finalize_when_due
from sandbox.stripe.customers import default_method
from sandbox.stripe.errors import StripeError, invalid
from sandbox.stripe.invoice_items import add_line, refresh, take_pending
from sandbox.stripe.invoices import discounts_of, draft
from sandbox.stripe.sums import months_later, rounded, spend
from sandbox.stripe.world import DAY, HOUR, Obj, World, empty_list

LIVE = frozenset({"trialing", "active", "past_due", "unpaid", "incomplete", "paused"})
WARNED_BEFORE = 3 * DAY
EXPIRES_AFTER = 23 * HOUR
BLANK: Obj = {
    "application": None,
    "billing_cycle_anchor_config": None,
    "billing_mode": {"type": "flexible"},
    "billing_thresholds": None,
    "cancel_at": None,
    "cancel_at_period_end": False,
    "canceled_at": None,
    "cancellation_details": {"comment": None, "feedback": None, "reason": None},
    "days_until_due": None,
    "default_source": None,
    "default_tax_rates": [],
    "description": None,
    "ended_at": None,
    "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
    "latest_invoice": None,
    "next_pending_invoice_item_invoice": None,
    "on_behalf_of": None,
    "pause_collection": None,
    "pending_invoice_item_interval": None,
    "pending_setup_intent": None,
    "pending_update": None,
    "schedule": None,
    "test_clock": None,
}


def period_end(anchor: int, turns: int, recurring: Obj) -> int:
    """Return when the period number `turns` after an anchor ends."""
    count = turns * recurring["interval_count"]
    if recurring["interval"] in {"month", "year"}:
        return months_later(anchor, count * (12 if recurring["interval"] == "year" else 1))
    return int(anchor + count * (7 * DAY if recurring["interval"] == "week" else DAY))


def make(world: World, customer: Obj, items: list[Obj], settings: Obj) -> Obj:
    """Store a subscription of items ({"price", "quantity", "metadata"}) and start its trial or first period.

    `settings` are fields of the subscription, and `trial_end`, `discounts` (as sent), `payment_behavior`.
    """
    account = world.owners[customer["id"]]
    prices = [one["price"] for one in items]
    if any(price["recurring"] is None for price in prices):
        raise invalid("The price specified is set to `type=one_time` but this field only accepts recurring prices.")
    if len({(p["currency"], p["recurring"]["interval"], p["recurring"]["interval_count"]) for p in prices}) != 1:
        raise invalid("All prices of a subscription must have one currency and one interval.", param="items")
    if customer["currency"] not in (None, prices[0]["currency"]):
        raise invalid("You cannot combine currencies on a single customer.", param="items")
    now, trial_end = world.now(), settings.pop("trial_end", None)
    discounts, behavior = settings.pop("discounts", None), settings.pop("payment_behavior", None)
    trial = trial_end is not None and trial_end > now
    anchor = trial_end if trial else now
    subscription = world.add(
        "subscription",
        "sub",
        {
            **copy.deepcopy(BLANK),
            "billing_cycle_anchor": anchor,
            "currency": prices[0]["currency"],
            "customer": customer["id"],
            "discounts": [],
            "start_date": now,
            "status": "trialing" if trial else "incomplete",
            "trial_end": trial_end if trial else None,
            "trial_start": now if trial else None,
            **settings,
        },
        account=account,
    )
    end = trial_end if trial else period_end(now, 1, prices[0]["recurring"])
    subscription["items"] = empty_list(f"/v1/subscription_items?subscription={subscription['id']}")
    for one in items:
        subscription["items"]["data"].append(new_item(world, subscription, one, (now, end)))
    subscription["items"]["total_count"] = len(items)
    world.hidden[subscription["id"]].update(anchor=anchor, turns=0 if trial else 1)
    subscription["discounts"] = [one["id"] for one in discounts_of(world, discounts, subscription)]
    customer["currency"] = prices[0]["currency"]
    _begin(world, subscription, str(behavior or "allow_incomplete"))
    return subscription


def new_item(world: World, subscription: Obj, sent: Obj, period: tuple[int, int]) -> Obj:
    """Create an item of a subscription."""
    metered = sent["price"]["recurring"]["usage_type"] == "metered"
    item = world.add(
        "subscription_item",
        "si",
        {
            "billing_thresholds": None,
            "current_period_end": period[1],
            "current_period_start": period[0],
            "discounts": [],
            "metadata": sent.get("metadata") or {},
            "price": copy.deepcopy(sent["price"]),
            "subscription": subscription["id"],
            "tax_rates": [],
            **({} if metered else {"quantity": sent.get("quantity", 1)}),
        },
        account=world.owners[subscription["id"]],
    )
    del item["livemode"]
    return item


def _begin(world: World, subscription: Obj, behavior: str) -> None:
    """Invoice the first period; what the payment's refusal means is said by `payment_behavior`."""
    invoice = invoice_period(world, subscription, "subscription_create")
    world.emit("customer.subscription.created", subscription)
    plan(world, subscription)
    finalize(world, invoice)
    if invoice["status"] == "paid":
        return
    if subscription["collection_method"] == "send_invoice":
        world.change("customer.subscription.updated", subscription, {"status": "active"})
        return
    world.later(world.now() + EXPIRES_AFTER, expire, subscription["id"])
    if behavior == "default_incomplete":
        return
    try:
        attempt(world, invoice)
    except StripeError:
        if behavior == "error_if_incomplete":
            end(world, subscription, "payment_failed")
            raise


def expire(world: World, name: str) -> None:
    """Give a subscription up whose first invoice was not paid within 23 hours."""
    subscription = world.tables["subscription"][name]
    if subscription["status"] == "incomplete":
        changes = {"status": "incomplete_expired", "ended_at": world.now()}
        world.change("customer.subscription.updated", subscription, changes)


def plan(world: World, subscription: Obj) -> None:
    """Have the end of the period, and a word before a trial's end, come when they are due."""
    turns_at = subscription["items"]["data"][0]["current_period_end"]
    world.later(turns_at, turn, subscription["id"], turns_at)
    if subscription["status"] == "trialing":
        world.later(max(world.now(), turns_at - WARNED_BEFORE), warn, subscription["id"], turns_at)
    if subscription["cancel_at"]:
        world.later(subscription["cancel_at"], stop_when_due, subscription["id"], subscription["cancel_at"])


def warn(world: World, name: str, trial_end: int) -> None:
    """Say that a trial ends soon."""
    subscription = world.tables["subscription"][name]
    if subscription["status"] == "trialing" and subscription["trial_end"] == trial_end:
        world.emit("customer.subscription.trial_will_end", subscription)


def stop_when_due(world: World, name: str, planned: int) -> None:
    """End a subscription at the time it was to be cancelled at."""
    subscription = world.tables["subscription"][name]
    if subscription["status"] in LIVE and subscription["cancel_at"] == planned:
        end(world, subscription, "cancellation_requested")


def turn(world: World, name: str, planned: int) -> None:
    """End a period, and with it the subscription where that was wanted; else begin and invoice the next."""
    subscription = world.tables["subscription"][name]
    items = subscription["items"]["data"]
    if subscription["status"] not in LIVE - {"incomplete"} or items[0]["current_period_end"] != planned:
        return
    if subscription["cancel_at_period_end"]:
        end(world, subscription, "cancellation_requested")
        return
    if subscription["status"] == "trialing" and _ends_without_method(world, subscription):
        return
    before = [dict(item) for item in items]
    hidden = world.hidden[name]
    hidden["turns"] += 1
    upto = period_end(hidden["anchor"], hidden["turns"], items[0]["price"]["recurring"])
    for item in items:
        item.update(current_period_start=planned, current_period_end=upto)
    status = "active" if subscription["status"] == "trialing" else subscription["status"]
    previous: Obj = {"items": {"data": before}}
    if status != subscription["status"]:
        previous["status"] = subscription["status"]
    subscription["status"] = status
    invoice = invoice_period(world, subscription, "subscription_cycle", ended=before)
    world.emit("customer.subscription.updated", subscription, previous=previous)
    plan(world, subscription)
    _hold_or_advance(world, subscription, invoice)


def _hold_or_advance(world: World, subscription: Obj, invoice: Obj) -> None:
    paused = (subscription["pause_collection"] or {}).get("behavior")
    if paused == "void":
        finalize(world, invoice)
        world.change("invoice.voided", invoice, {"status": "void"})
    elif paused or subscription["status"] == "unpaid":
        invoice["auto_advance"] = False
    else:
        world.later(world.now() + HOUR, finalize_when_due, invoice["id"])


def _ends_without_method(world: World, subscription: Obj) -> bool:
    """End or pause a trial that has no means of payment, where that was wanted."""
    customer = world.get("customer", subscription["customer"], account=world.owners[subscription["id"]])
    wanted = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
    if wanted == "create_invoice" or default_method(world, customer, subscription["default_payment_method"]):
        return False
    if wanted == "cancel":
        end(world, subscription, "cancellation_requested")
    else:
        subscription["status"] = "paused"
        world.emit("customer.subscription.paused", subscription, previous={"status": "trialing"})
    return True


def invoice_period(world: World, subscription: Obj, reason: str, ended: list[Obj] | None = None) -> Obj:
    """Create the draft for a period that begins; meters are invoiced for the one that `ended`."""
    account = world.owners[subscription["id"]]
    customer = world.get("customer", subscription["customer"], account=account)
    invoice = draft(
        world, customer, subscription["currency"], reason=reason, subscription=subscription, account=account
    )
    for index, item in enumerate(subscription["items"]["data"]):
        _invoice_item(world, subscription, invoice, item, ended[index] if ended else None)
    take_pending(world, invoice, subscription["id"])
    refresh(world, invoice)
    subscription["discounts"] = spend(world, subscription["discounts"])
    subscription["latest_invoice"] = invoice["id"]
    world.emit("invoice.created", invoice)
    return invoice


def _invoice_item(world: World, subscription: Obj, invoice: Obj, item: Obj, ended: Obj | None) -> None:
    price, quantity = item["price"], Decimal(item.get("quantity", 0))
    start, upto = item["current_period_start"], item["current_period_end"]
    if price["recurring"]["usage_type"] == "metered":
        if ended is None:
            return
        start, upto = ended["current_period_start"], ended["current_period_end"]
        meter = world.get("billing.meter", price["recurring"]["meter"])
        quantity = catalogue.usage(world, meter, subscription["customer"], start, upto)
    product = world.get("product", price["product"], account=world.owners[subscription["id"]])
    trial = subscription["status"] == "trialing"
    amount = 0 if trial else rounded(Decimal(price["unit_amount_decimal"]) * quantity)
    words = f"Trial period for {product['name']}" if trial else f"{quantity.normalize():f} × {product['name']}"
    add_line(
        world,
        invoice,
        amount,
        words,
        period={"end": upto, "start": start},
        price=price,
        quantity=int(quantity),
        subscription=subscription["id"],
        parent=item_parent(subscription, item),
    )
    invoice["period_start"], invoice["period_end"] = start, upto


def item_parent(subscription: Obj, item: Obj) -> Obj:
    """Return what an invoice's line says about the subscription's item that it is of."""
    details = {
        "invoice_item": None,
        "proration": False,
        "proration_details": None,
        "subscription": subscription["id"],
        "subscription_item": item["id"],
    }
    return {"invoice_item_details": None, "subscription_item_details": details, "type": "subscription_item_details"}


def payment_made(world: World, subscription: Obj) -> None:
    """Wake a subscription whose invoice was paid."""
    if subscription["status"] in {"incomplete", "past_due", "unpaid"}:
        world.change("customer.subscription.updated", subscription, {"status": "active"})


def payment_failed(world: World, subscription: Obj, invoice: Obj, *, last: bool) -> None:
    """Mark a subscription past due, and end it (or leave it unpaid) when the last attempt failed."""
    if subscription["status"] not in LIVE - {"incomplete"}:
        return
    if last and world.options["after_retries"] == "canceled" and invoice["billing_reason"] != "manual":
        end(world, subscription, "payment_failed")
        return
    status = "unpaid" if last else "past_due"
    world.change("customer.subscription.updated", subscription, {"status": status})


def end(world: World, subscription: Obj, reason: str, details: Obj | None = None) -> Obj:
    """End a subscription now; what is open of it is not collected any more."""
    account = world.owners[subscription["id"]]
    subscription.update(
        status="canceled",
        canceled_at=subscription["canceled_at"] or world.now(),
        ended_at=world.now(),
        cancellation_details={**subscription["cancellation_details"], **(details or {}), "reason": reason},
    )
    for invoice in world.all("invoice", account):
        parent: Any = (invoice["parent"] or {}).get("subscription_details") or {}
        if parent.get("subscription") == subscription["id"] and invoice["status"] in {"draft", "open"}:
            invoice.update(auto_advance=False, next_payment_attempt=None)
    world.emit("customer.subscription.deleted", subscription)
    return subscription
