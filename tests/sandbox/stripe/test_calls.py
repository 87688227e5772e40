"""Single calls: refusals in Stripe's shape, pages of lists, idempotency, and objects that have only Stripe's fields."""

from __future__ import annotations

from decimal import Decimal

import pytest
import stripe

from tests.fixtures_stripe import StripeSandbox
from tests.sandbox.stripe.shop import opened

# Objects whose classes the SDK names otherwise than by the last part of their kind.
CLASSES: dict[str, type[stripe.StripeObject]] = {
    "billing.meter": stripe.billing.Meter,
    "billing.meter_event": stripe.billing.MeterEvent,
    "billing_portal.session": stripe.billing_portal.Session,
    "checkout.session": stripe.checkout.Session,
    "fee_refund": stripe.ApplicationFeeRefund,
    "invoiceitem": stripe.InvoiceItem,
    "transfer_reversal": stripe.TransferReversal,
}


def test_refusals_come_in_the_shape_that_the_client_reads(stripe_sandbox: StripeSandbox) -> None:
    client = stripe_sandbox.client()
    with pytest.raises(stripe.InvalidRequestError) as gone:
        client.v1.products.retrieve("prod_none")
    assert (gone.value.http_status, gone.value.code, gone.value.param) == (404, "resource_missing", "id")
    with pytest.raises(stripe.InvalidRequestError) as absent:
        client.v1.prices.create({"product": "prod_none"})  # type: ignore[typeddict-item]  # the want of it is the test
    assert (absent.value.http_status, absent.value.code, absent.value.param) == (400, "parameter_missing", "currency")
    with pytest.raises(stripe.InvalidRequestError) as unknown:
        client.v1.products.create({"name": "A", "colour": "red"})  # type: ignore[typeddict-unknown-key]  # the same
    assert (unknown.value.code, unknown.value.param) == ("parameter_unknown", "colour")
    with pytest.raises(stripe.AuthenticationError) as stranger:
        stripe.StripeClient("sk_test_other", base_addresses={"api": stripe_sandbox.base}).v1.products.list()
    assert stranger.value.http_status == 401
    with pytest.raises(stripe.CardError) as card:
        client.v1.payment_intents.create(
            {"amount": 500, "currency": "usd", "confirm": True, "payment_method": "pm_card_chargeDeclined"}
        )
    assert (card.value.http_status, card.value.code) == (402, "card_declined")
    assert card.value.error is not None and card.value.error.decline_code == "generic_decline"
    assert [one.status for one in client.v1.charges.list().data] == ["failed"]


def test_a_refund_is_never_more_than_the_charge(stripe_sandbox: StripeSandbox) -> None:
    client = stripe_sandbox.client()
    paid = client.v1.payment_intents.create(
        {"amount": 500, "currency": "usd", "confirm": True, "payment_method": "pm_card_visa"}
    )
    client.v1.refunds.create({"payment_intent": paid.id, "amount": 200})
    with pytest.raises(stripe.InvalidRequestError) as much:
        client.v1.refunds.create({"payment_intent": paid.id, "amount": 301})
    assert much.value.param == "amount"
    client.v1.refunds.create({"payment_intent": paid.id})
    with pytest.raises(stripe.InvalidRequestError) as again:
        client.v1.refunds.create({"payment_intent": paid.id})
    assert again.value.code == "charge_already_refunded"
    charge = client.v1.charges.retrieve(str(paid.latest_charge), {"expand": ["refunds"]})
    assert charge.refunds is not None
    assert (charge.amount_refunded, [one.amount for one in charge.refunds.data]) == (500, [300, 200])


def test_lists_come_in_pages_newest_first(stripe_sandbox: StripeSandbox) -> None:
    client = stripe_sandbox.client()
    names = [client.v1.customers.create({"name": f"{n}"}).id for n in range(5)]
    first = client.v1.customers.list({"limit": 2})
    assert ([one.id for one in first.data], first.has_more) == ([names[4], names[3]], True)
    rest = client.v1.customers.list({"limit": 3, "starting_after": names[3]})
    assert ([one.id for one in rest.data], rest.has_more) == ([names[2], names[1], names[0]], False)
    assert [one.id for one in first.auto_paging_iter()] == names[::-1]


def test_an_idempotency_key_repeats_its_answer_and_refuses_another_request(stripe_sandbox: StripeSandbox) -> None:
    client = stripe_sandbox.client()
    made = client.v1.customers.create({"name": "bob"}, {"idempotency_key": "one"})
    again = client.v1.customers.create({"name": "bob"}, {"idempotency_key": "one"})
    assert made.id == again.id
    assert made.last_response is not None and again.last_response is not None
    assert "Idempotent-Replayed" not in made.last_response.headers
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    with pytest.raises(stripe.IdempotencyError):
        client.v1.customers.create({"name": "charlie"}, {"idempotency_key": "one"})
    assert len(client.v1.customers.list().data) == 1


def test_coupons_taxes_meters_and_credit_add_up_on_an_invoice(stripe_sandbox: StripeSandbox) -> None:
    client = stripe_sandbox.client()
    customer = client.v1.customers.create(
        {
            "address": {"country": "DE"},
            "payment_method": "pm_card_visa",
            "invoice_settings": {"default_payment_method": "pm_card_visa"},
        }
    )
    client.v1.customers.balance_transactions.create(customer.id, {"amount": -1000, "currency": "usd"})
    coupon = client.v1.coupons.create({"percent_off": 25, "duration": "once"})
    code = client.v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "SAVE"})
    client.v1.invoice_items.create({"customer": customer.id, "amount": 10000, "currency": "usd"})
    draft = client.v1.invoices.create(
        {
            "customer": customer.id,
            "currency": "usd",
            "pending_invoice_items_behavior": "include",
            "automatic_tax": {"enabled": True},
            "discounts": [{"promotion_code": code.id}],
        }
    )
    assert (draft.subtotal, draft.total_excluding_tax, draft.total) == (10000, 7500, 8925)
    client.v1.invoices.finalize_invoice(draft.id)
    paid = client.v1.invoices.pay(draft.id)
    assert (paid.status, paid.amount_due, paid.amount_paid, paid.ending_balance) == ("paid", 7925, 7925, 0)
    assert client.v1.promotion_codes.retrieve(code.id).times_redeemed == 1

    meter = client.v1.billing.meters.create(
        {"display_name": "Calls", "event_name": "calls", "default_aggregation": {"formula": "sum"}}
    )
    product = client.v1.products.create({"name": "Calls"})
    price = client.v1.prices.create(
        {
            "currency": "usd",
            "product": product.id,
            "unit_amount_decimal": Decimal("2.5"),
            "recurring": {"interval": "month", "usage_type": "metered", "meter": meter.id},
        }
    )
    client.v1.subscriptions.create({"customer": customer.id, "items": [{"price": price.id}]})
    for identifier in ("a", "b"):
        client.v1.billing.meter_events.create(
            {
                "event_name": "calls",
                "identifier": identifier,
                "payload": {"stripe_customer_id": customer.id, "value": "101"},
            }
        )
    stripe_sandbox.advance(days=32)
    assert client.v1.invoices.list().data[0].amount_paid == 505


def test_objects_have_only_fields_of_stripe(stripe_sandbox: StripeSandbox) -> None:
    shop = opened(stripe_sandbox)
    bought = shop.subscribe(transfer_data={"destination": shop.lead}, application_fee_percent=10)
    client = shop.client
    charge = client.v1.charges.list().data[0]
    client.v1.refunds.create(
        {"charge": charge.id, "amount": 100, "reverse_transfer": True, "refund_application_fee": True}
    )
    stripe_sandbox.dispute(charge.id)
    client.v1.invoice_items.create({"customer": str(bought.customer), "amount": 100, "currency": "usd"})
    client.v1.billing_portal.sessions.create({"customer": str(bought.customer)})
    client.v1.setup_intents.create({"customer": str(bought.customer)})
    stripe_sandbox.advance(days=3)
    seen: dict[str, set[str]] = {}
    for event in stripe_sandbox.control("GET", "events"):
        seen.setdefault("event", set()).update(event)
        thing = event["data"]["object"]
        seen.setdefault(thing["object"], set()).update(thing)
    for kind in ("products", "prices", "charges", "transfers", "balance_transactions", "refunds", "application_fees"):
        for one in getattr(client.v1, kind).list().data:
            seen.setdefault(one["object"], set()).update(one.to_dict())
    assert len(seen) > 18
    for kind, fields in seen.items():
        found = CLASSES.get(kind) or getattr(stripe, "".join(part.title() for part in kind.split("_")))
        assert fields - set(found.__annotations__) == set(), kind
