"""What an invoice comes to: discounts that were redeemed, tax of the customer's country, totals."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal

from sandbox.stripe.catalogue import usable
from sandbox.stripe.errors import invalid
from sandbox.stripe.world import Obj, World

# What the fake's tax office asks, in percent by country; elsewhere nothing.
TAX_PERCENT = {"AT": 20, "DE": 19, "ES": 21, "FR": 20, "GB": 20, "IE": 23, "IT": 22, "NL": 21}


def rounded(amount: Decimal) -> int:
    """Return minor units, rounded half up."""
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))


def months_later(moment: int, months: int) -> int:
    """Return the same day of a later month, or its last day where it is shorter."""
    at = datetime.fromtimestamp(moment, UTC)
    year, month = divmod(at.year * 12 + at.month - 1 + months, 12)
    for day in range(at.day, 27, -1):
        try:
            return int(at.replace(year=year, month=month + 1, day=day).timestamp())
        except ValueError:
            continue
    return int(at.replace(year=year, month=month + 1).timestamp())


def redeem(world: World, sent: Obj, thing: Obj) -> Obj:
    """Create the discount that a coupon, a promotion code or an earlier discount gives to a thing."""
    account = world.owners[thing["id"]]
    code = None
    if sent.get("promotion_code"):
        code = world.get("promotion_code", sent["promotion_code"], account=account, param="discounts[promotion_code]")
        if not usable(world, code):
            raise invalid("This promotion code cannot be redeemed.", param="discounts", code="coupon_expired")
    name = code["promotion"]["coupon"] if code else sent.get("coupon")
    if name is None and sent.get("discount"):
        return world.get("discount", sent["discount"], account=account, param="discounts[discount]")
    coupon = world.get("coupon", name, account=account, param="discounts[coupon]")
    if not usable(world, coupon):
        raise invalid(f"Coupon expired: {coupon['id']}", param="discounts", code="coupon_expired")
    months = coupon["duration_in_months"]
    discount = world.add(
        "discount",
        "di",
        {
            "checkout_session": None,
            "customer": thing["customer"],
            "end": months_later(world.now(), months) if months else None,
            "invoice": thing["id"] if thing["object"] == "invoice" else None,
            "invoice_item": None,
            "promotion_code": code and code["id"],
            "source": {"coupon": coupon["id"], "type": "coupon"},
            "start": world.now(),
            "subscription": thing["id"] if thing["object"] == "subscription" else None,
            "subscription_item": None,
        },
        account=account,
    )
    del discount["created"], discount["livemode"]
    # A copy, as at Stripe: a coupon that is deleted later still counts where it was given.
    world.hidden[discount["id"]].update(coupon=dict(coupon), products=world.hidden[coupon["id"]]["products"])
    for one in (coupon, code):
        if one is not None:
            one["times_redeemed"] += 1
    return discount


def reduction(world: World, discounts: list[str], amounts: list[tuple[int, str | None]]) -> list[tuple[str, int]]:
    """Return what each discount takes of amounts, given with their products; together never more than there is."""
    taken, found = 0, []
    whole = sum(amount for amount, _ in amounts)
    for name in discounts:
        hidden = world.hidden[name]
        coupon, products = hidden["coupon"], hidden["products"]
        base = sum(amount for amount, product in amounts if amount > 0 and (not products or product in products))
        if coupon["percent_off"] is not None:
            part = rounded(Decimal(base) * Decimal(str(coupon["percent_off"])) / 100)
        else:
            part = min(coupon["amount_off"], base)
        part = min(part, max(0, whole - taken))
        taken += part
        found.append((name, part))
    return found


def tax_of(amount: int, country: str | None) -> int:
    """Return the tax on an amount in a country, rounded half up."""
    return rounded(Decimal(max(0, amount)) * TAX_PERCENT.get(country or "", 0) / 100)


def add_up(world: World, invoice: Obj) -> None:
    """Compute a draft's sums from its lines."""
    lines = invoice["lines"]["data"]
    subtotal = sum(line["amount"] for line in lines)
    amounts = [
        (line["amount"], (line["pricing"]["price_details"] or {}).get("product"))
        for line in lines
        if line["discountable"]
    ]
    taken = reduction(world, invoice["discounts"], amounts)
    net = subtotal - sum(part for _, part in taken)
    tax, country = 0, None
    if invoice["automatic_tax"]["enabled"]:
        country = (invoice["customer_address"] or {}).get("country")
        invoice["automatic_tax"]["status"] = "complete" if country else "requires_location_inputs"
        tax = tax_of(net, country) if invoice["customer_tax_exempt"] == "none" else 0
    total = net + tax
    invoice.update(
        subtotal=subtotal,
        subtotal_excluding_tax=subtotal,
        total_discount_amounts=[{"amount": part, "discount": name} for name, part in taken],
        total_excluding_tax=net,
        total_taxes=[_tax_line(tax, net)] if tax else [],
        total=total,
        amount_due=max(0, total),
        amount_remaining=max(0, total),
    )


def _tax_line(amount: int, taxable: int) -> Obj:
    return {
        "amount": amount,
        "tax_behavior": "exclusive",
        "tax_rate_details": {"tax_rate": "txr_sandbox"},
        "taxability_reason": "standard_rated",
        "taxable_amount": taxable,
        "type": "tax_rate_details",
    }


def spend(world: World, discounts: list[str]) -> list[str]:
    """Return the discounts that still count after an invoice: those given once, or too long ago, do not."""
    return [
        name
        for name in discounts
        if world.hidden[name]["coupon"]["duration"] == "forever"
        or (
            world.hidden[name]["coupon"]["duration"] == "repeating"
            and (world.tables["discount"][name]["end"] or 0) > world.now()
        )
    ]
