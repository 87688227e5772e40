"""Where money lies: balance transactions with the processor's fee, balances, transfers, application fees, payouts."""

from __future__ import annotations

from sandbox.stripe import forms
from sandbox.stripe.call import Call, page
from sandbox.stripe.catalogue import currency_of
from sandbox.stripe.errors import StripeError, invalid
from sandbox.stripe.world import DAY, PLATFORM, Obj, World, empty_list

SETTLES_AFTER = 2 * DAY
ARRIVES_AFTER = DAY
DISPUTE_FEE = 1500
CATEGORIES = {
    "application_fee": "platform_earning",
    "application_fee_refund": "platform_earning_refund",
    "payment": "charge",
    "payment_refund": "refund",
    "transfer_refund": "transfer_reversal",
    "adjustment": "dispute",
}


def processor_fee(amount: int) -> int:
    """Return what the processor takes of a charge, in minor units: 2.9 % rounded half up, and 30."""
    return (amount * 29 + 500) // 1000 + 30


def book(
    world: World,
    kind: str,
    amount: int,
    currency: str,
    source: str,
    *,
    account: str = PLATFORM,
    fees: list[Obj] | None = None,
    at_once: bool = True,
    description: str | None = None,
) -> Obj:
    """Book an amount in an account's balance; what a charge brings is available two days later."""
    fee = sum(one["amount"] for one in fees or [])
    available_on = world.now() if at_once else world.now() + SETTLES_AFTER
    booked = world.add(
        "balance_transaction",
        "txn",
        {
            "amount": amount,
            "available_on": available_on,
            "balance_type": "payments",
            "currency": currency,
            "description": description,
            "exchange_rate": None,
            "fee": fee,
            "fee_details": fees or [],
            "net": amount - fee,
            "reporting_category": CATEGORIES.get(kind, kind),
            "source": source,
            "status": "available" if at_once else "pending",
            "type": kind,
        },
        account=account,
    )
    del booked["livemode"]
    if not at_once:
        world.later(available_on, settle, booked["id"], account)
    return booked


def fee_of(kind: str, amount: int, currency: str, application: str | None = None) -> Obj:
    """Return a line of a balance transaction's fee."""
    words = {"stripe_fee": "Stripe processing fees", "application_fee": "Application fee"}
    return {
        "amount": amount,
        "application": application,
        "currency": currency,
        "description": words[kind],
        "type": kind,
    }


def settle(world: World, name: str, account: str) -> None:
    """Make a booking available; what else settles at this moment does so before the account is paid out."""
    booked = world.get("balance_transaction", name, account=account)
    booked["status"] = "available"
    world.later(world.now(), pay_out_when_due, account, booked["currency"])


def pay_out_when_due(world: World, account: str, currency: str) -> None:
    """Pay an account out where it wants that automatically and something is there."""
    if _automatic(world, account) and (amount := available(world, account, currency)) > 0:
        pay_out(world, account, amount, currency, automatic=True)


def _automatic(world: World, account: str) -> bool:
    if account == PLATFORM:
        return world.options.get("platform_payouts", "daily") != "manual"
    found = world.get("account", account)
    return bool(found["payouts_enabled"] and found["settings"]["payouts"]["schedule"]["interval"] != "manual")


def available(world: World, account: str, currency: str) -> int:
    """Return what may be paid out of an account in a currency."""
    return _sums(world, account, "available").get(currency, 0)


def _sums(world: World, account: str, status: str) -> dict[str, int]:
    sums: dict[str, int] = {}
    for one in world.all("balance_transaction", account):
        if one["status"] == status:
            sums[one["currency"]] = sums.get(one["currency"], 0) + one["net"]
    return sums


def balance(call: Call) -> Obj:
    """Return an account's balance."""
    world, account = call.world, call.account
    seen = {one["currency"] for one in world.all("balance_transaction", account)} or {"usd"}
    rows = {
        status: [
            {"amount": _sums(world, account, status).get(currency, 0), "currency": currency, "source_types": {}}
            for currency in sorted(seen)
        ]
        for status in ("available", "pending")
    }
    return {"object": "balance", "livemode": False, **rows}


def list_bookings(call: Call) -> Obj:
    """List balance transactions, also those of one payout, source, type or currency."""
    found = call.world.all("balance_transaction", call.account)
    if payout := call.text("payout"):
        names = call.world.hidden[call.world.get("payout", payout, account=call.account)["id"]]["booked"]
        found = [one for one in found if one["id"] in names]
    for name in ("source", "type", "currency"):
        if value := call.text(name):
            found = [one for one in found if one[name] == value]
    if isinstance(span := call.params.get("created"), dict):
        least, most = span.get("gte", 0), span.get("lt", 1 << 62)
        found = [one for one in found if int(least) <= one["created"] < int(most)]
    return page(call, found, "/v1/balance_transactions")


def create_transfer(call: Call) -> Obj:
    """Send money from the platform to a connected account."""
    amount, currency = call.number("amount"), currency_of(call.text("currency"))
    source = call.referred("charge", "source_transaction")
    account = call.world.get("account", call.text("destination"), param="destination")
    if source is None and amount > available(call.world, PLATFORM, currency):
        raise StripeError(
            400, "invalid_request_error", "You have insufficient available funds.", code="balance_insufficient"
        )
    transfer = send(call.world, amount, currency, account["id"], source=source["id"] if source else None)
    transfer.update(
        description=call.text("description"), metadata=call.metadata(), transfer_group=call.text("transfer_group")
    )
    return transfer


def send(
    world: World, amount: int, currency: str, destination: str, *, source: str | None, fee: Obj | None = None
) -> Obj:
    """Book a transfer on both sides; `fee` is what the platform takes of the payment that arrives."""
    if amount < 1:
        raise invalid("This value must be greater than or equal to 1.", param="amount")
    waits = source is not None
    payment = world.new_id("py")
    transfer = world.add(
        "transfer",
        "tr",
        {
            "amount": amount,
            "amount_reversed": 0,
            "balance_transaction": None,
            "currency": currency,
            "description": None,
            "destination": destination,
            "destination_payment": payment,
            "metadata": {},
            "reversed": False,
            "source_transaction": source,
            "source_type": "card",
            "transfer_group": None,
        },
    )
    transfer["reversals"] = empty_list(f"/v1/transfers/{transfer['id']}/reversals")
    booked = book(world, "transfer", -amount, currency, transfer["id"], at_once=not waits)
    transfer["balance_transaction"] = booked["id"]
    fees = [] if fee is None else [fee_of("application_fee", fee["amount"], currency, fee["application"])]
    arrived = book(world, "payment", amount, currency, payment, account=destination, fees=fees, at_once=not waits)
    world.add(
        "charge",
        "py",
        {
            "id": payment,
            "amount": amount,
            "amount_captured": amount,
            "amount_refunded": 0,
            "application_fee": fee and fee["id"],
            "application_fee_amount": fee and fee["amount"],
            "balance_transaction": arrived["id"],
            "captured": True,
            "currency": currency,
            "metadata": {},
            "paid": True,
            "refunded": False,
            "source_transfer": transfer["id"],
            "status": "succeeded",
        },
        account=destination,
    )
    world.emit("transfer.created", transfer)
    return transfer


def take_fee(world: World, amount: int, currency: str, account: str, charge: str) -> Obj:
    """Create the application fee of a charge and book it for the platform."""
    fee = world.add(
        "application_fee",
        "fee",
        {
            "account": account,
            "amount": amount,
            "amount_refunded": 0,
            "application": "ca_sandbox",
            "balance_transaction": None,
            "charge": charge,
            "currency": currency,
            "fee_source": {"charge": charge, "type": "charge"},
            "originating_transaction": charge,
            "refunded": False,
        },
    )
    fee["refunds"] = empty_list(f"/v1/application_fees/{fee['id']}/refunds")
    fee["balance_transaction"] = book(world, "application_fee", amount, currency, fee["id"], at_once=False)["id"]
    world.emit("application_fee.created", fee)
    return fee


def refund_fee(world: World, fee: Obj, amount: int, metadata: dict[str, str] | None = None) -> Obj:
    """Give back a part of an application fee to the connected account."""
    if not 0 < amount <= fee["amount"] - fee["amount_refunded"]:
        raise invalid("Refund amount is greater than unrefunded amount on fee.", param="amount")
    refund = world.add(
        "fee_refund",
        "fr",
        {"amount": amount, "currency": fee["currency"], "fee": fee["id"], "metadata": metadata or {}},
    )
    del refund["livemode"]
    booked = book(world, "application_fee_refund", -amount, fee["currency"], refund["id"])
    refund["balance_transaction"] = booked["id"]
    returned = book(world, "adjustment", amount, fee["currency"], refund["id"], account=fee["account"])
    returned["reporting_category"] = "other_adjustment"
    fee["amount_refunded"] += amount
    fee["refunded"] = fee["amount_refunded"] == fee["amount"]
    fee["refunds"]["data"].insert(0, refund)
    world.emit("application_fee.refunded", fee)
    return refund


def create_fee_refund(call: Call) -> Obj:
    """Give back an application fee, whole or in part."""
    fee = call.named("application_fee")
    left = fee["amount"] - fee["amount_refunded"]
    return refund_fee(call.world, fee, call.number("amount", left), call.metadata())


def reverse(world: World, transfer: Obj, amount: int, refund: str | None = None) -> Obj:
    """Take a transfer back, whole or in part."""
    if not 0 < amount <= transfer["amount"] - transfer["amount_reversed"]:
        raise invalid("Reversal amount is greater than the unreversed amount on the transfer.", param="amount")
    account, currency = transfer["destination"], transfer["currency"]
    returned = world.new_id("pyr")
    reversal = world.add(
        "transfer_reversal",
        "trr",
        {
            "amount": amount,
            "currency": currency,
            "destination_payment_refund": returned,
            "metadata": {},
            "source_refund": refund,
            "transfer": transfer["id"],
        },
    )
    del reversal["livemode"]
    reversal["balance_transaction"] = book(world, "transfer_refund", amount, currency, reversal["id"])["id"]
    book(world, "payment_refund", -amount, currency, returned, account=account)
    transfer["amount_reversed"] += amount
    transfer["reversed"] = transfer["amount_reversed"] == transfer["amount"]
    transfer["reversals"]["data"].insert(0, reversal)
    payment = world.get("charge", transfer["destination_payment"], account=account)
    payment["amount_refunded"] += amount
    payment["refunded"] = payment["amount_refunded"] == payment["amount"]
    world.emit("transfer.reversed", transfer)
    return reversal


def create_reversal(call: Call) -> Obj:
    """Take a transfer back, and where that is wanted as large a part of the fee that was taken of its charge."""
    transfer = call.named("transfer")
    left = transfer["amount"] - transfer["amount_reversed"]
    amount = call.number("amount", left)
    reversal = reverse(call.world, transfer, amount)
    reversal["metadata"] = call.metadata()
    charge = call.world.find(transfer["source_transaction"] or "")
    if call.flag("refund_application_fee") and charge is not None and charge["application_fee"]:
        fee = call.world.get("application_fee", charge["application_fee"])
        unreturned = fee["amount"] - fee["amount_refunded"]
        part = unreturned if amount == left else min(unreturned, fee["amount"] * amount // transfer["amount"])
        if part:
            refund_fee(call.world, fee, part)
    return reversal


def list_reversals(call: Call) -> Obj:
    """List what was taken back of a transfer."""
    transfer = call.named("transfer")
    return page(call, transfer["reversals"]["data"], f"/v1/transfers/{transfer['id']}/reversals")


def create_payout(call: Call) -> Obj:
    """Pay an account's available money out to its bank."""
    amount, currency = call.number("amount"), currency_of(call.text("currency"))
    if call.account and not call.world.get("account", call.account)["payouts_enabled"]:
        raise invalid("Payouts are not enabled on this account.", code="payouts_not_allowed")
    if amount > available(call.world, call.account, currency):
        raise StripeError(
            400,
            "invalid_request_error",
            "You have insufficient funds in your Stripe account for this transfer.",
            code="balance_insufficient",
            param="amount",
        )
    payout = pay_out(call.world, call.account, amount, currency)
    payout.update(description=call.text("description"), metadata=call.metadata())
    return payout


def pay_out(world: World, account: str, amount: int, currency: str, *, automatic: bool = False) -> Obj:
    """Start a payout; it arrives a day later."""
    if amount < 1:
        raise invalid("This value must be greater than or equal to 1.", param="amount")
    arrival = world.now() + ARRIVES_AFTER
    payout = world.add(
        "payout",
        "po",
        {
            "amount": amount,
            "arrival_date": arrival,
            "automatic": automatic,
            "currency": currency,
            "description": "STRIPE PAYOUT" if automatic else None,
            "destination": "ba_sandbox" if account == PLATFORM else f"ba_{account[5:]}",
            "failure_balance_transaction": None,
            "failure_code": None,
            "failure_message": None,
            "metadata": {},
            "method": "standard",
            "original_payout": None,
            "reconciliation_status": "in_progress" if automatic else "not_applicable",
            "reversed_by": None,
            "source_type": "card",
            "statement_descriptor": None,
            "status": "in_transit",
            "type": "bank_account",
        },
        account=account,
    )
    unpaid = _unpaid(world, account, currency) if automatic else []
    booked = book(world, "payout", -amount, currency, payout["id"], account=account)
    payout["balance_transaction"] = booked["id"]
    world.hidden[payout["id"]]["booked"] = {booked["id"], *(one["id"] for one in unpaid)}
    for one in unpaid:
        world.hidden[one["id"]]["payout"] = payout["id"]
    world.emit("payout.created", payout)
    world.later(arrival, arrive, payout["id"], account)
    return payout


def _unpaid(world: World, account: str, currency: str) -> list[Obj]:
    return [
        one
        for one in world.all("balance_transaction", account)
        if one["status"] == "available"
        and one["currency"] == currency
        and one["type"] != "payout"
        and "payout" not in world.hidden[one["id"]]
    ]


def arrive(world: World, name: str, account: str) -> None:
    """Let a payout arrive, or fail where a control call wants that of this account."""
    payout = world.get("payout", name, account=account)
    if payout["status"] != "in_transit":
        return
    if world.hidden.get(account, {}).pop("payout_fails", False):
        returned = book(world, "payout_failure", payout["amount"], payout["currency"], name, account=account)
        changes = {
            "status": "failed",
            "failure_code": "account_closed",
            "failure_message": "The bank account has been closed.",
            "failure_balance_transaction": returned["id"],
        }
        world.change("payout.failed", payout, changes)
        return
    done = {"reconciliation_status": "completed"} if payout["automatic"] else {}
    world.change("payout.paid", payout, {"status": "paid", **done})


def cancel_payout(call: Call) -> Obj:
    """Cancel a payout that has not arrived."""
    payout = call.named("payout")
    if payout["status"] != "in_transit" or payout["automatic"]:
        raise invalid("Payouts can only be canceled while they are pending.")
    back = book(call.world, "payout_cancel", payout["amount"], payout["currency"], payout["id"], account=call.account)
    call.world.change("payout.canceled", payout, {"status": "canceled", "failure_balance_transaction": back["id"]})
    return payout


def update_metadata(call: Call, kind: str) -> Obj:
    """Change the metadata of something that has nothing else to change."""
    thing = call.named(kind)
    if "metadata" in call.params:
        thing["metadata"] = forms.merged(thing["metadata"], call.params["metadata"])
    return thing
