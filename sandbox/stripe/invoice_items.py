"""What stands on an invoice: items that wait for one, and the lines that they and subscriptions become."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.stripe import forms
from sandbox.stripe.call import Call
from sandbox.stripe.catalogue import currency_of, deleted
from sandbox.stripe.errors import invalid
from sandbox.stripe.sums import add_up, rounded
from sandbox.stripe.world import PLATFORM, Obj, World


def create_item(call: Call) -> Obj:
    """Create an invoice item: on a draft that is named, else pending for the customer's next invoice."""
    customer = call.referred("customer", "customer")
    if customer is None:
        raise invalid("Missing required param: customer.", param="customer", code="parameter_missing")
    invoice = call.referred("invoice", "invoice")
    if invoice is not None and invoice["status"] != "draft":
        raise invalid("This invoice is no longer editable", param="invoice", code="invoice_not_editable")
    pricing = forms.dictionary(call.params.get("pricing"), "pricing")
    price = call.world.get("price", pricing["price"], param="pricing[price]") if pricing.get("price") else None
    quantity = call.number("quantity", 1)
    if price is None and call.text("amount") is None and call.text("unit_amount_decimal") is None:
        raise invalid("One of amount, unit_amount_decimal or pricing must be given.", param="amount")
    unit = Decimal(price["unit_amount_decimal"] if price else call.text("unit_amount_decimal") or call.number("amount"))
    currency = price["currency"] if price else currency_of(call.text("currency"))
    amount = call.number("amount") if call.text("amount") else rounded(unit * quantity)
    item = make_item(
        call.world,
        customer["id"],
        amount,
        currency,
        description=call.text("description"),
        period=_period(call),
        price=price,
        quantity=quantity,
        subscription=call.text("subscription"),
        metadata=call.metadata(),
        account=call.account,
    )
    if invoice is not None:
        item["invoice"] = invoice["id"]
        refresh(call.world, invoice)
    call.world.emit("invoiceitem.created", item)
    return item


def _period(call: Call) -> Obj:
    sent = forms.dictionary(call.params.get("period"), "period")
    now = call.world.now()
    return {name: forms.whole(sent[name], f"period[{name}]") if sent.get(name) else now for name in ("end", "start")}


def make_item(
    world: World,
    customer: str,
    amount: int,
    currency: str,
    *,
    description: str | None,
    period: Obj,
    price: Obj | None = None,
    quantity: int = 1,
    subscription: str | None = None,
    metadata: dict[str, str] | None = None,
    proration: bool = False,
    account: str = PLATFORM,
) -> Obj:
    """Create a pending invoice item."""
    item = world.add(
        "invoiceitem",
        "ii",
        {
            "amount": amount,
            "currency": currency,
            "customer": customer,
            "date": world.now(),
            "description": description,
            "discountable": amount > 0 and not proration,
            "discounts": [],
            "invoice": None,
            "metadata": metadata or {},
            "net_amount": amount,
            "parent": {"subscription_details": {"subscription": subscription}, "type": "subscription_details"}
            if subscription
            else None,
            "period": period,
            "pricing": _pricing(price, amount, quantity),
            "proration": proration,
            "quantity": quantity,
            "tax_rates": [],
            "test_clock": None,
        },
        account=account,
    )
    del item["created"]
    return item


def _pricing(price: Obj | None, amount: int, quantity: int) -> Obj:
    unit = price["unit_amount_decimal"] if price else f"{(Decimal(amount) / (quantity or 1)).normalize():f}"
    details = {"price": price["id"], "product": price["product"]} if price else None
    return {"price_details": details, "type": "price_details", "unit_amount_decimal": unit}


def update_item(call: Call) -> Obj:
    """Change an item that no finalised invoice holds."""
    item = call.named("invoiceitem")
    for name in ("description",):
        if name in call.params:
            item[name] = call.text(name)
    if "amount" in call.params:
        item["amount"] = item["net_amount"] = call.number("amount")
    if "metadata" in call.params:
        item["metadata"] = forms.merged(item["metadata"], call.params["metadata"])
    if item["invoice"]:
        refresh(call.world, call.world.get("invoice", item["invoice"], account=call.account))
    return item


def delete_item(call: Call) -> Obj:
    """Delete an item that no finalised invoice holds."""
    item = call.named("invoiceitem")
    invoice = call.world.find(item["invoice"] or "")
    if invoice is not None and invoice["status"] != "draft":
        raise invalid("This invoice is no longer editable", code="invoice_not_editable")
    answer = deleted(call, item)
    if invoice is not None:
        refresh(call.world, invoice)
    return answer


def take_pending(world: World, invoice: Obj, subscription: str | None = None) -> None:
    """Put a customer's pending items of the invoice's currency into a draft."""
    for item in reversed(world.all("invoiceitem", world.owners[invoice["id"]])):
        parent = item["parent"]
        bound = parent["subscription_details"]["subscription"] if parent else None
        same = item["customer"] == invoice["customer"] and item["currency"] == invoice["currency"]
        if same and item["invoice"] is None and bound in (None, subscription):
            item["invoice"] = invoice["id"]


def add_line(world: World, invoice: Obj, amount: int, description: str | None, **more: Any) -> Obj:
    """Put a line of a subscription into a draft; `more`: period, price, quantity, parent."""
    line = _line(world, invoice, amount, description, **more)
    world.hidden[invoice["id"]]["lines"].append(line)
    return line


def _line(world: World, invoice: Obj, amount: int, description: str | None, **more: Any) -> Obj:
    price, quantity, parent = more.get("price"), more.get("quantity", 1), more["parent"]
    return {
        "id": world.new_id("il"),
        "object": "line_item",
        "amount": amount,
        "currency": invoice["currency"],
        "description": description,
        "discount_amounts": [],
        "discountable": more.get("discountable", True),
        "discounts": [],
        "invoice": invoice["id"],
        "livemode": False,
        "metadata": more.get("metadata", {}),
        "parent": parent,
        "period": more["period"],
        "pretax_credit_amounts": [],
        "pricing": _pricing(price, amount, quantity) | ({"price_details": more["priced"]} if "priced" in more else {}),
        "quantity": quantity,
        "subscription": more.get("subscription"),
        "subtotal": amount,
        "taxes": [],
    }


def _item_line(world: World, invoice: Obj, item: Obj) -> Obj:
    parent = item["parent"]
    details = {
        "invoice_item": item["id"],
        "proration": item["proration"],
        "proration_details": None,
        "subscription": parent["subscription_details"]["subscription"] if parent else None,
    }
    return _line(
        world,
        invoice,
        item["amount"],
        item["description"],
        period=item["period"],
        quantity=item["quantity"],
        priced=item["pricing"]["price_details"],
        metadata=dict(item["metadata"]),
        discountable=item["discountable"],
        subscription=details["subscription"],
        parent={"invoice_item_details": details, "subscription_item_details": None, "type": "invoice_item_details"},
    )


def refresh(world: World, invoice: Obj) -> None:
    """Compute a draft's lines and sums anew."""
    items = reversed(world.all("invoiceitem", world.owners[invoice["id"]]))
    known = {
        world_line["parent"]["invoice_item_details"]["invoice_item"]: world_line for world_line in _of_items(invoice)
    }
    lines = list(world.hidden[invoice["id"]]["lines"])
    for item in items:
        if item["invoice"] == invoice["id"]:
            line = _item_line(world, invoice, item)
            line["id"] = known[item["id"]]["id"] if item["id"] in known else line["id"]
            lines.append(line)
    invoice["lines"]["data"] = lines
    invoice["lines"]["total_count"] = len(lines)
    add_up(world, invoice)


def _of_items(invoice: Obj) -> list[Obj]:
    return [line for line in invoice["lines"]["data"] if line["parent"]["type"] == "invoice_item_details"]
