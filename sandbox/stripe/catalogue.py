"""What is sold: products, prices, coupons, promotion codes and meters."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.stripe import forms
from sandbox.stripe.call import INCLUDED, Call, page
from sandbox.stripe.errors import StripeError, invalid, missing
from sandbox.stripe.world import Obj, World

CURRENCIES = frozenset(
    [
        "aud",
        "brl",
        "cad",
        "chf",
        "czk",
        "dkk",
        "eur",
        "gbp",
        "hkd",
        "jpy",
        "mxn",
        "nok",
        "nzd",
        "pln",
        "sek",
        "sgd",
        "usd",
    ]
)
INTERVALS = ("day", "week", "month", "year")
# 999,999.99 in a currency of two decimals.
MOST_AMOUNT = 99_999_999


def currency_of(value: Any, param: str = "currency") -> str:
    """Return a currency's code; they come in any case."""
    code = str(value or "").lower()
    if code not in CURRENCIES:
        raise invalid(f"Invalid currency: {value}. Stripe currently supports these currencies: …", param=param)
    return code


def create_product(call: Call) -> Obj:
    """Create a product, and its default price where one is described."""
    product = call.world.add(
        "product",
        "prod",
        {
            "id": call.text("id"),
            "active": call.flag("active", True),
            "default_price": None,
            "description": call.text("description"),
            "images": forms.listed(call.params.get("images"), "images"),
            "marketing_features": [],
            "metadata": call.metadata(),
            "name": call.text("name"),
            "package_dimensions": None,
            "shippable": None,
            "statement_descriptor": call.text("statement_descriptor"),
            "tax_code": call.text("tax_code"),
            "type": "service",
            "unit_label": call.text("unit_label"),
            "updated": call.world.now(),
            "url": call.text("url"),
        },
        account=call.account,
    )
    if data := forms.dictionary(call.params.get("default_price_data"), "default_price_data"):
        product["default_price"] = make_price(call.world, {**data, "product": product["id"]}, call.account)["id"]
    call.world.emit("product.created", product)
    return product


def update_product(call: Call) -> Obj:
    """Change a product."""
    product = call.named("product")
    changes: Obj = {
        name: call.text(name)
        for name in ("default_price", "description", "name", "tax_code", "unit_label", "url")
        if name in call.params
    }
    if "active" in call.params:
        changes["active"] = call.flag("active")
    if "metadata" in call.params:
        changes["metadata"] = forms.merged(product["metadata"], call.params["metadata"])
    if call.world.change("product.updated", product, changes):
        product["updated"] = call.world.now()
    return product


def delete_product(call: Call) -> Obj:
    """Delete a product that has no price."""
    product = call.named("product")
    if any(price["product"] == product["id"] for price in call.world.all("price", call.account)):
        raise invalid("This product cannot be deleted because it has one or more user-created prices.", param="id")
    return deleted(call, product)


def deleted(call: Call, thing: Obj) -> Obj:
    """Take an object away and tell of it."""
    call.world.emit(f"{thing['object']}.deleted", thing)
    del call.world.tables[thing["object"]][thing["id"]]
    return {"id": thing["id"], "object": thing["object"], "deleted": True}


def create_price(call: Call) -> Obj:
    """Create a price of a product that is there or is described."""
    params = dict(call.params)
    if data := forms.dictionary(params.pop("product_data", None), "product_data"):
        product = create_product(Call(call.world, params=data, account=call.account))
        params["product"] = product["id"]
    return make_price(call.world, params, call.account)


def make_price(world: World, params: Obj, account: str) -> Obj:
    """Create a price from Stripe's parameters."""
    if not params.get("product"):
        raise invalid("You must specify either `product` or `product_data` when creating a price.", param="product")
    product = world.get("product", params["product"], account=account, param="product")
    amount, decimal = _unit_amount(params)
    recurring = _recurring(world, params.get("recurring"))
    price = world.add(
        "price",
        "price",
        {
            "active": forms.flag(params.get("active", True), "active"),
            "billing_scheme": "per_unit",
            "currency": currency_of(params.get("currency")),
            "custom_unit_amount": None,
            "lookup_key": params.get("lookup_key") or None,
            "metadata": forms.merged({}, params.get("metadata", {})),
            "nickname": params.get("nickname") or None,
            "product": product["id"],
            "recurring": recurring,
            "tax_behavior": params.get("tax_behavior") or "unspecified",
            "tiers_mode": None,
            "transform_quantity": None,
            "type": "recurring" if recurring else "one_time",
            "unit_amount": amount,
            "unit_amount_decimal": decimal,
        },
        account=account,
    )
    world.emit("price.created", price)
    return price


def _unit_amount(params: Obj) -> tuple[int | None, str]:
    if params.get("unit_amount_decimal") not in (None, ""):
        try:
            exact = Decimal(params["unit_amount_decimal"])
        except InvalidOperation:
            raise invalid("Invalid decimal", param="unit_amount_decimal") from None
        whole = int(exact) if exact == exact.to_integral_value() else None
        return whole, f"{exact.normalize():f}"
    if params.get("unit_amount") in (None, ""):
        raise invalid(
            "Prices require an `unit_amount` or `unit_amount_decimal` parameter to be set.", param="unit_amount"
        )
    amount = forms.whole(params["unit_amount"], "unit_amount")
    if amount < 0:
        raise invalid("This value must be greater than or equal to 0.", param="unit_amount")
    if amount > MOST_AMOUNT:
        raise invalid("Amount must be no more than $999,999.99", param="unit_amount", code="amount_too_large")
    return amount, str(amount)


def _recurring(world: World, sent: Any) -> Obj | None:
    if not (recurring := forms.dictionary(sent, "recurring")):
        return None
    if meter := recurring.get("meter") or None:
        world.get("billing.meter", meter, param="recurring[meter]")
    usage = recurring.get("usage_type") or ("metered" if meter else "licensed")
    if usage == "metered" and not meter:
        raise invalid("Metered prices must be backed by meters.", param="recurring[meter]")
    return {
        "interval": forms.chosen(recurring.get("interval"), "recurring[interval]", INTERVALS),
        "interval_count": forms.whole(recurring.get("interval_count", 1), "recurring[interval_count]"),
        "meter": meter,
        "trial_period_days": None,
        "usage_type": usage,
    }


def update_price(call: Call) -> Obj:
    """Change what may change of a price: never its amount."""
    price = call.named("price")
    changes: Obj = {name: call.text(name) for name in ("lookup_key", "nickname", "tax_behavior") if name in call.params}
    if "active" in call.params:
        changes["active"] = call.flag("active")
    if "metadata" in call.params:
        changes["metadata"] = forms.merged(price["metadata"], call.params["metadata"])
    call.world.change("price.updated", price, changes)
    return price


def create_coupon(call: Call) -> Obj:
    """Create a coupon of a percentage or an amount."""
    percent, amount = call.text("percent_off"), call.text("amount_off")
    if (percent is None) == (amount is None):
        raise invalid("You must pass one of `percent_off` or `amount_off`.", param="percent_off")
    duration = forms.chosen(call.text("duration", "once"), "duration", ("once", "repeating", "forever"))
    if duration == "repeating" and not call.number("duration_in_months"):
        raise invalid("You must pass `duration_in_months` for a repeating coupon.", param="duration_in_months")
    name = call.text("id")
    if name and name in call.world.tables.get("coupon", {}):
        raise invalid("Coupon already exists.", param="id", code="resource_already_exists")
    coupon = call.world.add(
        "coupon",
        "coup",
        {
            "id": name,
            "amount_off": None if amount is None else forms.whole(amount, "amount_off"),
            "currency": None if amount is None else currency_of(call.text("currency")),
            "duration": duration,
            "duration_in_months": call.number("duration_in_months") or None,
            "max_redemptions": call.number("max_redemptions") or None,
            "metadata": call.metadata(),
            "name": call.text("name"),
            "percent_off": None if percent is None else float(percent),
            "redeem_by": call.number("redeem_by") or None,
            "times_redeemed": 0,
            "valid": True,
        },
        account=call.account,
    )
    products = forms.dictionary(call.params.get("applies_to"), "applies_to").get("products", [])
    call.world.hidden[coupon["id"]]["products"] = products
    call.world.emit("coupon.created", coupon)
    return coupon


INCLUDED["coupon", "applies_to"] = lambda world, coupon: {"products": world.hidden[coupon["id"]]["products"]}


def update_coupon(call: Call) -> Obj:
    """Change a coupon's name or metadata."""
    coupon = call.named("coupon")
    changes: Obj = {"name": call.text("name")} if "name" in call.params else {}
    if "metadata" in call.params:
        changes["metadata"] = forms.merged(coupon["metadata"], call.params["metadata"])
    call.world.change("coupon.updated", coupon, changes)
    return coupon


def delete_coupon(call: Call) -> Obj:
    """Delete a coupon; discounts that were given stay."""
    return deleted(call, call.named("coupon"))


def create_promotion_code(call: Call) -> Obj:
    """Create a code that customers enter for a coupon."""
    promotion = forms.dictionary(call.params.get("promotion"), "promotion")
    coupon = call.world.get("coupon", promotion.get("coupon", ""), account=call.account, param="promotion[coupon]")
    code = call.text("code") or call.world.new_id("C")[-8:].upper()
    if any(one["code"] == code and one["active"] for one in call.world.all("promotion_code", call.account)):
        raise invalid("An active promotion code with this code already exists.", param="code")
    promotion_code = call.world.add(
        "promotion_code",
        "promo",
        {
            "active": call.flag("active", True),
            "code": code,
            "customer": call.text("customer"),
            "expires_at": call.number("expires_at") or None,
            "max_redemptions": call.number("max_redemptions") or None,
            "metadata": call.metadata(),
            "promotion": {"coupon": coupon["id"], "type": "coupon"},
            "restrictions": {"first_time_transaction": False, "minimum_amount": None, "minimum_amount_currency": None},
            "times_redeemed": 0,
        },
        account=call.account,
    )
    call.world.emit("promotion_code.created", promotion_code)
    return promotion_code


def update_promotion_code(call: Call) -> Obj:
    """Switch a promotion code on or off."""
    code = call.named("promotion_code")
    changes: Obj = {"active": call.flag("active")} if "active" in call.params else {}
    if "metadata" in call.params:
        changes["metadata"] = forms.merged(code["metadata"], call.params["metadata"])
    call.world.change("promotion_code.updated", code, changes)
    return code


def usable(world: World, thing: Obj) -> bool:
    """Tell whether a coupon or a promotion code may still be redeemed."""
    end = thing.get("redeem_by") or thing.get("expires_at")
    spent = thing["max_redemptions"] is not None and thing["times_redeemed"] >= thing["max_redemptions"]
    return bool(thing.get("valid", thing.get("active"))) and not spent and (end is None or end > world.now())


def create_meter(call: Call) -> Obj:
    """Create a meter; an event name belongs to one active meter."""
    name = call.text("event_name")
    if any(one["event_name"] == name and one["status"] == "active" for one in call.world.all("billing.meter")):
        raise invalid("A meter with this event_name already exists.", param="event_name")
    aggregation = forms.dictionary(call.params.get("default_aggregation"), "default_aggregation")
    settings = forms.dictionary(call.params.get("value_settings"), "value_settings")
    return call.world.add(
        "billing.meter",
        "mtr_test",
        {
            "customer_mapping": {"event_payload_key": "stripe_customer_id", "type": "by_id"},
            "default_aggregation": {
                "formula": forms.chosen(
                    aggregation.get("formula"), "default_aggregation[formula]", ("sum", "count", "last")
                )
            },
            "display_name": call.text("display_name"),
            "event_name": name,
            "event_time_window": call.text("event_time_window"),
            "status": "active",
            "status_transitions": {"deactivated_at": None},
            "updated": call.world.now(),
            "value_settings": {"event_payload_key": settings.get("event_payload_key", "value")},
        },
    )


def record_usage(call: Call) -> Obj:
    """Store a meter event; an identifier that came within the last day is refused, as Stripe refuses it."""
    name, identifier = call.text("event_name"), call.text("identifier") or call.world.new_id("ident")
    meters = [one for one in call.world.all("billing.meter") if one["event_name"] == name and one["status"] == "active"]
    if not meters:
        raise missing("meter with this event name", str(name), "event_name")
    payload = forms.dictionary(call.params.get("payload"), "payload")
    call.world.get("customer", payload.get("stripe_customer_id"), param="payload[stripe_customer_id]")
    value = payload.get(meters[0]["value_settings"]["event_payload_key"], "1")
    try:
        Decimal(value)
    except InvalidOperation:
        raise invalid("The value of a meter event must be numeric.", param="payload[value]") from None
    if identifier in call.world.tables.get("billing.meter_event", {}):
        raise StripeError(
            400,
            "invalid_request_error",
            f"An event already exists with identifier {identifier}.",
            code="resource_already_exists",
            param="identifier",
        )
    event = call.world.add(
        "billing.meter_event",
        "",
        {
            "id": identifier,
            "event_name": name,
            "identifier": identifier,
            "payload": payload,
            "timestamp": call.number("timestamp", call.world.now()),
        },
    )
    return {key: value for key, value in event.items() if key != "id"}


def usage(world: World, meter: Obj, customer: str, start: int, end: int) -> Decimal:
    """Return what a customer used of a meter from `start` until before `end`."""
    key = meter["value_settings"]["event_payload_key"]
    values = [
        Decimal(event["payload"].get(key, "1"))
        for event in world.tables.get("billing.meter_event", {}).values()
        if event["event_name"] == meter["event_name"]
        and event["payload"]["stripe_customer_id"] == customer
        and start <= event["timestamp"] < end
    ]
    formula = meter["default_aggregation"]["formula"]
    if formula == "last":
        return values[-1] if values else Decimal(0)
    return Decimal(len(values)) if formula == "count" else sum(values, Decimal(0))


def list_usage(call: Call) -> Obj:
    """Return one summary of a customer's usage of a meter between two times."""
    meter = call.named("billing.meter")
    customer, start, end = call.text("customer") or "", call.number("start_time"), call.number("end_time")
    summary = {
        "id": call.world.new_id("mtrusg_test"),
        "object": "billing.meter_event_summary",
        "aggregated_value": float(usage(call.world, meter, customer, start, end)),
        "end_time": end,
        "livemode": False,
        "meter": meter["id"],
        "start_time": start,
    }
    return page(call, [summary], f"/v1/billing/meters/{meter['id']}/event_summaries")
