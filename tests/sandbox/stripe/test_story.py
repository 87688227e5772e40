"""One purchase from onboarding to payout, and what the books say to the cent."""

from __future__ import annotations

import urllib.parse
import urllib.request

import stripe

from tests.fixtures_stripe import Receiver, StripeSandbox
from tests.sandbox.stripe.shop import FAILS_LATER, opened, status


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: object) -> None:
        """Follow nothing: where a page sends a person is what a test wants to see."""


def posted(url: str, **form: str) -> tuple[int, str]:
    """Post a page's form; return the status and where the page sends the person."""
    try:
        with urllib.request.build_opener(Stay).open(url, urllib.parse.urlencode(form).encode()) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers.get("Location", "")


def sums(client: stripe.StripeClient, account: str | None = None) -> tuple[int, int]:
    """Return the sum of an account's balance transactions, and what its balance says."""
    options: stripe.RequestOptions = {"stripe_account": account} if account else {}
    booked = client.v1.balance_transactions.list({"limit": 100}, options)
    balance = client.v1.balance.retrieve({}, options)
    held = sum(one.amount for one in balance.available) + sum(one.amount for one in balance.pending)
    return sum(one.net for one in booked.data), held


def test_a_purchase_from_onboarding_to_payout(stripe_sandbox: StripeSandbox, stripe_receiver: Receiver) -> None:
    shop = opened(stripe_sandbox)
    client = shop.client
    bought = shop.subscribe(trial_period_days=7, application_fee_percent=10, transfer_data={"destination": shop.lead})
    assert bought.status == "trialing"
    assert client.v1.invoices.retrieve(str(bought.latest_invoice)).total == 0

    stripe_sandbox.advance(days=7, hours=2)
    renewed = client.v1.subscriptions.retrieve(
        bought.id, {"expand": ["latest_invoice.payments.data.payment.payment_intent"]}
    )
    invoice = renewed.latest_invoice
    assert isinstance(invoice, stripe.Invoice) and invoice.payments is not None
    assert (renewed.status, invoice.status, invoice.amount_paid) == ("active", "paid", 2900)
    intent = invoice.payments.data[0].payment.payment_intent
    assert isinstance(intent, stripe.PaymentIntent)

    refund = client.v1.refunds.create(
        {"payment_intent": intent.id, "amount": 1000, "reverse_transfer": True, "refund_application_fee": True}
    )
    assert (refund.amount, refund.status) == (1000, "succeeded")
    # 29.00 - 1.14 of processor's fee - 29.00 sent on + 2.90 taken; then 10.00 back, of which 10.00 came from the lead, and 1.00 of the fee
    assert sums(client) == (176 - 100, 76)
    assert sums(client, shop.lead) == (2610 - 1000 + 100, 1710)

    stripe_sandbox.dispute(str(intent.latest_charge))
    assert sums(client) == (76 - 1900 - 1500,) * 2
    stripe_sandbox.close_dispute(client.v1.disputes.list().data[0].id, "won")
    assert sums(client) == (76 - 1500,) * 2

    stripe_sandbox.advance(days=4)
    paid = client.v1.payouts.list({}, {"stripe_account": shop.lead}).data
    assert [(one.status, one.amount) for one in paid] == [("paid", 1710)]
    listed = client.v1.balance_transactions.list({"payout": paid[0].id, "limit": 100}, {"stripe_account": shop.lead})
    assert sum(one.net for one in listed.data) == 0
    assert sums(client, shop.lead) == (0, 0)

    stripe_sandbox.drain()
    told = stripe_receiver.events()
    assert [one.id for one in told] == [one["id"] for one in stripe_sandbox.control("GET", "events")]
    assert client.v1.events.retrieve(told[0].id).type == told[0].type
    assert {
        "checkout.session.completed",
        "invoice.paid",
        "charge.refunded",
        "charge.dispute.created",
        "payout.paid",
    } <= {one.type for one in told}


def test_a_card_that_fails_later_is_tried_on_three_days_and_then_the_subscription_ends(
    stripe_sandbox: StripeSandbox,
) -> None:
    shop = opened(stripe_sandbox)
    bought = shop.subscribe(number=FAILS_LATER, trial_period_days=7)
    stripe_sandbox.advance(days=7, hours=2)
    assert status(shop, bought.id) == "past_due"
    for days, attempts in ((3, 2), (2, 3)):
        stripe_sandbox.advance(days=days)
        invoice = shop.client.v1.invoices.list({"subscription": bought.id}).data[0]
        assert (status(shop, bought.id), invoice.status, invoice.attempt_count) == ("past_due", "open", attempts)
    stripe_sandbox.advance(days=2)
    assert status(shop, bought.id) == "canceled"


def test_another_card_mends_a_failed_payment(stripe_sandbox: StripeSandbox) -> None:
    shop = opened(stripe_sandbox)
    bought = shop.subscribe(number=FAILS_LATER, trial_period_days=1)
    stripe_sandbox.advance(days=1, hours=2)
    portal = shop.client.v1.billing_portal.sessions.create({"customer": str(bought.customer)})
    assert posted(portal.url, action="card", number="4242424242424242")[0] == 200
    stripe_sandbox.advance(days=3)
    assert status(shop, bought.id) == "active"


def test_a_declined_card_leaves_the_page_of_checkout_open(stripe_sandbox: StripeSandbox) -> None:
    shop = opened(stripe_sandbox)
    session = shop.client.v1.checkout.sessions.create(
        {
            "mode": "subscription",
            "line_items": [{"price": shop.monthly, "quantity": 1}],
            "success_url": "http://127.0.0.1/done?session={CHECKOUT_SESSION_ID}",
            "cancel_url": "http://127.0.0.1/back",
        }
    )
    assert session.url is not None
    assert posted(session.url, action="cancel") == (303, "http://127.0.0.1/back")
    code, page = posted(session.url, action="pay", number="4000000000000002")
    assert code == 200 and "Your card was declined." in page
    assert shop.client.v1.subscriptions.list().data == []
    done = (303, f"http://127.0.0.1/done?session={session.id}")
    assert posted(session.url, action="pay", number="4242 4242 4242 4242", email="bob@example.com") == done
    assert [one.status for one in shop.client.v1.subscriptions.list().data] == ["active"]


def test_a_lead_is_onboarded_on_the_page_of_its_link_once(stripe_sandbox: StripeSandbox) -> None:
    client = stripe_sandbox.client()
    account = client.v1.accounts.create({"type": "express", "capabilities": {"transfers": {"requested": True}}})
    assert (account.payouts_enabled, account.requirements and bool(account.requirements.currently_due)) == (False, True)
    link = client.v1.account_links.create(
        {
            "account": account.id,
            "type": "account_onboarding",
            "return_url": "http://127.0.0.1/return",
            "refresh_url": "http://127.0.0.1/refresh",
        }
    )
    assert posted(link.url, action="complete") == (303, "http://127.0.0.1/return")
    assert posted(link.url, action="complete") == (303, "http://127.0.0.1/refresh")
    found = client.v1.accounts.retrieve(account.id)
    assert (found.payouts_enabled, found.details_submitted) == (True, True)


def test_another_plan_is_prorated_and_a_cancel_waits_for_the_periods_end(stripe_sandbox: StripeSandbox) -> None:
    shop = opened(stripe_sandbox)
    bought = shop.subscribe()
    item = bought["items"].data[0]
    changed = shop.client.v1.subscriptions.update(
        bought.id, {"items": [{"id": item.id, "price": shop.yearly}], "cancel_at_period_end": True}
    )
    invoice = shop.client.v1.invoices.retrieve(str(changed.latest_invoice))
    assert (invoice.status, invoice.amount_paid) == ("paid", 29000 - 2900)
    assert status(shop, bought.id) == "active"
    stripe_sandbox.advance(days=367)
    assert status(shop, bought.id) == "canceled"


def test_a_refund_takes_back_no_more_than_a_reversal_for_taxes_left_of_the_transfer(
    stripe_sandbox: StripeSandbox,
) -> None:
    """As where a marketplace owes the taxes: it reverses them by an amount, and the application fee stays as it is."""
    shop = opened(stripe_sandbox)
    client = shop.client
    shop.subscribe(application_fee_percent=10, transfer_data={"destination": shop.lead})
    (transfer,) = client.v1.transfers.list().data
    taxes = client.v1.transfers.reversals.create(transfer.id, {"amount": 500, "metadata": {"taken": "1"}})
    assert (taxes.amount, taxes.source_refund, taxes.to_dict()["metadata"]) == (500, None, {"taken": "1"})
    assert client.v1.application_fees.list().data[0].amount_refunded == 0
    # 29.00 less 2.90 of the fee, less 5.00.
    assert sums(client, shop.lead) == (2110, 2110)
    refund = client.v1.refunds.create(
        {"charge": str(transfer.source_transaction), "reverse_transfer": True, "refund_application_fee": True}
    )
    after = client.v1.transfers.retrieve(transfer.id)
    assert (refund.amount, after.amount_reversed, after.reversed) == (2900, 2900, True)
    assert [one.amount for one in client.v1.transfers.reversals.list(transfer.id).data] == [2400, 500]
    assert sums(client, shop.lead) == (0, 0)
