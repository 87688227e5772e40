"""The payment processor, by its own SDK: the only file that speaks to it. Never called inside a transaction.

Every call names the mode of what it acts on. Answers are plain dicts of the processor's objects. `Refused` is its no;
`Unanswered` says nothing about whether it was done: ask again with the same idempotency key.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any, TypeAlias

import stripe
from django.conf import settings

from marketplace.billing.modes import check_mode

Answer: TypeAlias = dict[str, Any]
# A page waits for some of these calls, a worker for the others.
TIMEOUT_SECONDS = 10
# The processor's own tolerance: older messages are replays.
WEBHOOK_TOLERANCE_SECONDS = 300


class Refused(Exception):
    """The processor's definite no. `words` may be shown; `code` is the processor's."""

    def __init__(self, words: str, code: str = "") -> None:
        super().__init__(f"{code}: {words}")
        self.words, self.code = words, code


class Unanswered(Exception):
    """No answer, or one that may change: too many requests, an error of the processor's, a key in use."""


class BadSignature(Exception):
    """A message that the processor did not sign, or signed too long ago."""


@cache
def _client(key: str, base: str) -> stripe.StripeClient:
    addresses = stripe._base_address.BaseAddresses(api=base) if base else None
    http = stripe.RequestsClient(timeout=TIMEOUT_SECONDS)
    return stripe.StripeClient(key, base_addresses=addresses, http_client=http, max_network_retries=0)


def _ask(mode: str, call: str, /, *args: Any, key: str = "", acting_for: str = "", **params: Any) -> Answer:
    """Call one method of the SDK ("invoices.pay") and return its answer."""
    check_mode(mode)
    method: Any = _client(settings.STRIPE_SECRET_KEY, settings.STRIPE_API_BASE).v1
    for name in call.split("."):
        method = getattr(method, name)
    options: dict[str, str] = {}
    if key:
        options["idempotency_key"] = key
    if acting_for:
        options["stripe_account"] = acting_for
    try:
        found = method(*args, params, options)
    except (stripe.APIConnectionError, stripe.RateLimitError, stripe.IdempotencyError) as error:
        raise Unanswered(type(error).__name__) from None
    except stripe.StripeError as error:
        if error.http_status is None or error.http_status >= 500 or error.http_status in {401, 403, 409, 429}:
            # (A key that is refused is an operator's to mend: what waits for it goes on then.)
            raise Unanswered(f"{type(error).__name__} {error.http_status}") from None
        raise Refused(str(error.user_message or "The payment processor refused."), error.code or "") from None
    # (The body as it came: the SDK's objects would have to be written out and read again.)
    return dict(found.last_response.data)


def _pages(mode: str, call: str, /, *args: Any, acting_for: str = "", **params: Any) -> Iterator[Answer]:
    """Yield all objects of a list, page by page."""
    after: dict[str, str] = {}
    while True:
        page = _ask(mode, call, *args, acting_for=acting_for, limit=100, **params, **after)
        yield from page["data"]
        if not page.get("has_more") or not page["data"]:
            return
        after = {"starting_after": page["data"][-1]["id"]}


def _marked(found: Iterable[Answer], name: str, row: object) -> Answer | None:
    """Return the object that says of itself which row of ours it was made of.

    Idempotency keys are forgotten after a day: whoever asks again later looks for what was made first.
    """
    return next((one for one in found if (one.get("metadata") or {}).get(name) == str(row)), None)


# --- messages -------------------------------------------------------------------------------------------------------
def verified_event(body: bytes, signature: str) -> Answer:
    """Return a webhook's message after one of our secrets was found to have signed it."""
    for secret in settings.STRIPE_WEBHOOK_SECRETS:
        try:
            stripe.WebhookSignature.verify_header(body.decode(), signature, secret, WEBHOOK_TOLERANCE_SECONDS)
            event = json.loads(body)
        except (stripe.SignatureVerificationError, ValueError):
            continue
        if isinstance(event, dict) and event.get("object") == "event":
            return event
    raise BadSignature


# --- what is sold ---------------------------------------------------------------------------------------------------
def create_product(mode: str, *, row: object, name: str) -> Answer:
    return _ask(mode, "products.create", key=f"product-{row}", name=name, metadata={"price": str(row)})


def create_price(mode: str, *, row: object, product: str, currency: str, amount: int, interval: str) -> Answer:
    recurring = {"interval": interval}
    facts: Answer = {"product": product, "currency": currency, "unit_amount": amount, "recurring": recurring}
    return _ask(mode, "prices.create", key=f"price-{row}", **facts, metadata={"price": str(row)})


# --- buyers ---------------------------------------------------------------------------------------------------------
def create_customer(mode: str, *, row: object, user: object, email: str) -> Answer:
    return _ask(mode, "customers.create", key=f"customer-{row}", email=email, metadata={"user": str(user)})


def create_checkout(mode: str, /, *, row: object, **params: Any) -> Answer:
    return _ask(mode, "checkout.sessions.create", key=f"checkout-{row}", **params)


def expire_checkout(mode: str, session: str) -> Answer:
    return _ask(mode, "checkout.sessions.expire", session)


def checkout(mode: str, session: str) -> Answer:
    return _ask(mode, "checkout.sessions.retrieve", session)


def create_coupon(mode: str, *, row: object, products: list[str], percent_off: int, duration: str, name: str) -> Answer:
    facts: Answer = {"percent_off": percent_off, "duration": duration, "name": name, "metadata": {"code": str(row)}}
    return _ask(mode, "coupons.create", key=f"coupon-{row}", applies_to={"products": products}, **facts)


def create_promotion_code(mode: str, *, row: object, coupon: str, code: str, **limits: Any) -> Answer:
    facts: Answer = {"promotion": {"type": "coupon", "coupon": coupon}, "code": code, "metadata": {"code": str(row)}}
    return _ask(mode, "promotion_codes.create", key=f"promotion-{row}", **facts, **limits)


def made_promotion_code(mode: str, *, row: object, code: str) -> Answer | None:
    """Return the promotion code that was made of a row, if it was."""
    return _marked(_pages(mode, "promotion_codes.list", code=code), "code", row)


def switch_off_promotion_code(mode: str, promotion_code: str) -> Answer:
    return _ask(mode, "promotion_codes.update", promotion_code, active=False)


def create_portal(mode: str, *, customer: str, return_url: str) -> Answer:
    return _ask(mode, "billing_portal.sessions.create", customer=customer, return_url=return_url)


# --- subscriptions --------------------------------------------------------------------------------------------------
def subscription(mode: str, subscription_id: str) -> Answer:
    return _ask(mode, "subscriptions.retrieve", subscription_id)


def subscriptions(mode: str) -> Iterator[Answer]:
    return _pages(mode, "subscriptions.list", status="all")


def update_subscription(mode: str, subscription_id: str, *, row: object, **params: Any) -> Answer:
    return _ask(mode, "subscriptions.update", subscription_id, key=f"change-{row}", **params)


def cancel_subscription(mode: str, subscription_id: str) -> Answer:
    return _ask(mode, "subscriptions.cancel", subscription_id)


# --- invoices, charges, refunds -------------------------------------------------------------------------------------
def invoice(mode: str, invoice_id: str) -> Answer:
    return _ask(mode, "invoices.retrieve", invoice_id, expand=["payments"])


def invoices(mode: str) -> Iterator[Answer]:
    return _pages(mode, "invoices.list")


def create_invoice(mode: str, *, row: object, **params: Any) -> Answer:
    return _ask(mode, "invoices.create", key=f"invoice-{row}", **params)


def made_invoice(mode: str, *, customer: str, since: datetime, share: object) -> Answer | None:
    """Return the invoice that was made of a profit share since a moment, if one was."""
    found = _pages(mode, "invoices.list", customer=customer, created={"gte": int(since.timestamp())})
    return _marked(found, "share", share)


def create_invoice_item(mode: str, *, row: object, line: object, **params: Any) -> Answer:
    return _ask(mode, "invoice_items.create", key=f"line-{row}-{line}", metadata={"line": str(line)}, **params)


def keep_made_lines(mode: str, invoice_id: str) -> set[str]:
    """Return the lines of ours that a draft has items for, after those that name none are gone from it.

    An earlier release made such: nobody can tell which lines they are for, and so they are made anew.
    """
    lines = set()
    for one in list(_pages(mode, "invoice_items.list", invoice=invoice_id)):
        if line := (one.get("metadata") or {}).get("line"):
            lines.add(line)
        else:
            _ask(mode, "invoice_items.delete", one["id"])
    return lines


def finalize_invoice(mode: str, invoice_id: str, *, row: object) -> Answer:
    return _ask(mode, "invoices.finalize_invoice", invoice_id, key=f"finalize-{row}", auto_advance=True)


def take_back_invoice(mode: str, found: Mapping[str, Any]) -> None:
    """Have an unpaid invoice ask for nothing any more; the processor refuses where it was paid."""
    if found["status"] == "draft":
        # Its items first: left alone they would stand on the customer's next invoice.
        for one in list(_pages(mode, "invoice_items.list", invoice=found["id"])):
            _ask(mode, "invoice_items.delete", one["id"])
        _ask(mode, "invoices.delete", found["id"])
    elif found["status"] != "void":
        _ask(mode, "invoices.void_invoice", found["id"])


def pay_invoice(mode: str, invoice_id: str, *, customer: str) -> Answer:
    """Charge an invoice to the card that its customer used last; the processor refuses where there is none."""
    cards = _ask(mode, "payment_methods.list", customer=customer, type="card", limit=1)["data"]
    return _ask(mode, "invoices.pay", invoice_id, **({"payment_method": cards[0]["id"]} if cards else {}))


def payment(mode: str, payment_id: str) -> Answer:
    """Return a payment intent with its newest charge, its fees and its transfer."""
    return _ask(
        mode,
        "payment_intents.retrieve",
        payment_id,
        expand=["latest_charge.balance_transaction", "latest_charge.application_fee", "payment_method"],
    )


def charge(mode: str, charge_id: str) -> Answer:
    return _ask(mode, "charges.retrieve", charge_id)


def refunds(mode: str, charge_id: str) -> Iterator[Answer]:
    expand = ["data.balance_transaction", "data.transfer_reversal"]
    return _pages(mode, "refunds.list", charge=charge_id, expand=expand)


def all_refunds(mode: str) -> Iterator[Answer]:
    return _pages(mode, "refunds.list")


def has_come_to_nothing(refund: Mapping[str, Any]) -> bool:
    """Say whether a refund gave its buyer nothing in the end."""
    return refund["status"] in {"failed", "canceled"}


def refund(mode: str, refund_id: str) -> Answer:
    return _ask(mode, "refunds.retrieve", refund_id)


def made_refund(mode: str, *, payment: str, row: object) -> Answer | None:
    """Return the refund of a payment that was made of a row, if one was."""
    return _marked(_pages(mode, "refunds.list", payment_intent=payment), "refund", row)


def create_refund(mode: str, *, row: object, payment: str, amount: int, returns_transfer: bool) -> Answer:
    shared: Answer = {"reverse_transfer": True, "refund_application_fee": True} if returns_transfer else {}
    facts: Answer = {"payment_intent": payment, "amount": amount, "metadata": {"refund": str(row)}}
    return _ask(mode, "refunds.create", key=f"refund-{row}", **facts, **shared)


def dispute(mode: str, dispute_id: str) -> Answer:
    return _ask(mode, "disputes.retrieve", dispute_id)


def made_reversal(mode: str, transfer: str, *, row: object, amount: int) -> Answer | None:
    """Return what was taken back of a transfer for a row, if it was.

    An earlier release did not mark it: then it is the one of that amount which no refund brought about.
    """
    found = list(_pages(mode, "transfers.reversals.list", transfer))
    unmarked = (one for one in found if not (one.get("metadata") or one.get("source_refund")))
    return _marked(found, "dispute", row) or next((one for one in unmarked if one["amount"] == amount), None)


def reverse_transfer(mode: str, transfer: str, *, row: object, amount: int) -> Answer:
    facts: Answer = {"amount": amount, "refund_application_fee": True, "metadata": {"dispute": str(row)}}
    return _ask(mode, "transfers.reversals.create", transfer, key=f"reverse-{row}", **facts)


def transfers(mode: str) -> Iterator[Answer]:
    return _pages(mode, "transfers.list")


def made_taking(mode: str, transfer: str, *, row: object) -> Answer | None:
    """Return what was reversed of a transfer for a row of ours, if it was."""
    return _marked(_pages(mode, "transfers.reversals.list", transfer), "taken", row)


def take_of_transfer(mode: str, transfer: str, *, key: str, row: object, amount: int) -> Answer:
    """Reverse an amount of a transfer and nothing of the fee: the amount is what the lead is to give, fee left out."""
    facts: Answer = {"amount": amount, "metadata": {"taken": str(row)}}
    return _ask(mode, "transfers.reversals.create", transfer, key=f"take-{key}", **facts)


def reversed_beside_rows(mode: str, transfer: str) -> int:
    """Return how much of a transfer was reversed by refunds, in proportion to them, or for lost disputes before there were rows."""
    found = _pages(mode, "transfers.reversals.list", transfer)
    return sum(one["amount"] for one in found if one.get("source_refund") or (one.get("metadata") or {}).get("dispute"))


def left_of_transfer(mode: str, transfer: str) -> int:
    """Return how much of a transfer was not reversed."""
    found = _ask(mode, "transfers.retrieve", transfer)
    return int(found["amount"] - found["amount_reversed"])


def made_transfer(mode: str, *, row: object) -> Answer | None:
    """Return what was transferred to a lead for a row of ours, if it was."""
    return next(iter(_pages(mode, "transfers.list", transfer_group=f"returned-{row}")), None)


def create_transfer(mode: str, *, key: str, row: object, amount: int, currency: str, destination: str) -> Answer:
    facts: Answer = {"amount": amount, "currency": currency, "destination": destination}
    marked: Answer = {"transfer_group": f"returned-{row}", "metadata": {"returned": str(row)}}
    return _ask(mode, "transfers.create", key=f"return-{key}", **facts, **marked)


# --- leads ----------------------------------------------------------------------------------------------------------
def create_account(mode: str, *, row: object, user: object, email: str) -> Answer:
    capabilities = {"card_payments": {"requested": True}, "transfers": {"requested": True}}
    facts: Answer = {"type": "express", "email": email, "capabilities": capabilities, "metadata": {"user": str(user)}}
    return _ask(mode, "accounts.create", key=f"account-{row}", **facts)


def account(mode: str, account_id: str) -> Answer:
    return _ask(mode, "accounts.retrieve", account_id)


def hold_payouts(mode: str, account_id: str, *, is_held: bool) -> Answer:
    schedule = {"interval": "manual" if is_held else "daily"}
    return _ask(mode, "accounts.update", account_id, settings={"payouts": {"schedule": schedule}})


def create_account_link(mode: str, account_id: str, *, refresh_url: str, return_url: str) -> Answer:
    urls = {"refresh_url": refresh_url, "return_url": return_url}
    return _ask(mode, "account_links.create", account=account_id, type="account_onboarding", **urls)


def create_login_link(mode: str, account_id: str) -> Answer:
    return _ask(mode, "accounts.login_links.create", account_id)


def payout(mode: str, payout_id: str, *, account: str) -> Answer:
    return _ask(mode, "payouts.retrieve", payout_id, acting_for=account)


def balance_transactions(mode: str, *, account: str = "") -> Iterator[Answer]:
    """Yield what moved a balance at the processor: the platform's, or a connected account's."""
    return _pages(mode, "balance_transactions.list", acting_for=account)


def reference(found: Mapping[str, Any], name: str) -> str:
    """Return the id that a field refers to, whether the object stands there or its id alone; empty for none."""
    held = found.get(name)
    return str(held["id"] if isinstance(held, dict) else held or "")
