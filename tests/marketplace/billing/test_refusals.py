"""What is given back for the asking, what is tried for nothing and who may do it: asked of rows alone, the processor is not needed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from common.clock import wall_now
from common.errors import DomainError, NotFound
from marketplace.billing.models import (
    Finding,
    FindingKind,
    Invoice,
    InvoiceKind,
    Price,
    Refund,
    Seller,
    Subscription,
    Work,
)
from marketplace.billing.selectors import listing_subject, price_for_owner, subscription_for_user
from marketplace.billing.services.buying import begin_checkout
from marketplace.billing.services.refunding import refund_part, refundable, request_refund
from marketplace.models import Listing
from marketplace.services.listings import publish_listing
from tests.fixtures_desk import Desk

DAY = timedelta(days=1)


class Paid:
    """alice's listing with a price and a trial; bob's subscriptions to it, each with invoices that were paid."""

    def __init__(self, listing: Listing) -> None:
        self.listing, self.subject = listing, listing_subject(listing.pk)
        times = {"due_at": wall_now(), "created_at": wall_now()}
        terms = {"interval": "month", "currency": "usd", "amount_minor": 900, "mode": "TEST", "state": "LIVE"}
        self.price = Price.objects.create(listing=listing, subject=self.subject, trial_days=7, **terms, **times)

    def subscription(self, user: User, **facts: Any) -> Subscription:
        count = Subscription.objects.count()
        known = {"processor_id": f"sub_{count}", "status": "active", "started_at": wall_now(), "fetched_at": wall_now()}
        of = {"listing": self.listing, "price": self.price, "subject": self.subject, "mode": "TEST"}
        return Subscription.objects.create(user=user, **of, **known | facts)

    def invoice(self, of: Subscription, age: timedelta, **facts: Any) -> Invoice:
        paid_at, count = wall_now() - age, Invoice.objects.count()
        money = {"currency": "usd", "total_minor": 900, "paid_minor": 900, "kind": InvoiceKind.SUBSCRIPTION}
        times = {"created_at": paid_at, "paid_at": paid_at, "fetched_at": paid_at}
        known = {"processor_id": f"in_{count}", "payment_id": f"pi_{count}", "status": "paid", "mode": "TEST"}
        return Invoice.objects.create(user=of.user, subscription=of, **money | times | known | facts)


@pytest.fixture
def paid(alice: User, desk: Desk, settings: Settings) -> Paid:
    settings.STRIPE_SECRET_KEY = "sk_test_x"
    return Paid(publish_listing(owner=alice, portfolio=desk.portfolio(alice), title="Steady"))


def refused(invoice: Invoice, user: User) -> str:
    """Return why nothing is given back; the page and the service say the same, and nothing was begun."""
    before = Refund.objects.count()
    with pytest.raises(DomainError) as refusal:
        request_refund(user=user, invoice=invoice)
    assert Refund.objects.count() == before
    return refusal.value.code


def test_a_payment_is_given_back_for_seven_days_and_once(paid: Paid, bob: User, charlie: User) -> None:
    bought = paid.subscription(bob)
    late = paid.invoice(bought, 7 * DAY + timedelta(minutes=1))
    assert (refused(late, bob), refundable([late])) == ("REFUND_TOO_LATE", set())
    Invoice.objects.filter(pk=late.pk).update(paid_at=wall_now() - 7 * DAY + timedelta(minutes=1))
    young = Invoice.objects.get()
    assert refundable([young]) == {young.pk}
    with pytest.raises(NotFound):
        request_refund(user=charlie, invoice=young)
    asked = request_refund(user=bob, invoice=young)
    assert (asked.amount_minor, asked.ends_right, asked.state) == (900, True, Work.PENDING)
    assert (refused(young, bob), refundable([young])) == ("REFUNDED_ALREADY", set())


def test_only_the_first_payment_of_a_subscription_is_given_back(paid: Paid, bob: User) -> None:
    bought = paid.subscription(bob)
    paid.invoice(bought, 31 * DAY)
    second = paid.invoice(bought, DAY)
    assert (refused(second, bob), refundable([second])) == ("NOT_THE_FIRST_PAYMENT", set())
    share = paid.invoice(bought, DAY, kind=InvoiceKind.PROFIT_SHARE)
    assert refused(share, bob) == "NOT_REFUNDABLE"


def test_who_had_a_payment_back_once_is_a_sign_of_fraud_the_second_time(paid: Paid, alice: User, bob: User) -> None:
    request_refund(
        user=bob, invoice=paid.invoice(paid.subscription(bob, status="canceled"), 40 * DAY, paid_at=wall_now())
    )
    again = paid.invoice(paid.subscription(bob), DAY)
    assert refused(again, bob) == "REFUND_AFTER_USE"
    found = Finding.objects.get()
    assert (found.kind, found.user, found.object_id) == (FindingKind.REFUND_AFTER_USE, bob, str(again.pk))
    # What the processor refused to give was not had.
    Refund.objects.update(state=Work.FAILED)
    assert request_refund(user=bob, invoice=again).amount_minor == 900


def test_other_amounts_are_given_back_by_operators_and_never_more_than_was_paid(
    paid: Paid, alice: User, bob: User
) -> None:
    invoice = paid.invoice(paid.subscription(bob), 40 * DAY, refunded_minor=300)
    for stranger in (alice, bob):
        with pytest.raises(DomainError, match="OPERATORS_ONLY"):
            refund_part(operator=stranger, invoice=invoice, amount_minor=1)
    olive = User.objects.create_user("olive@example.org", is_staff=True)
    for amount in (0, -1, 601):
        with pytest.raises(DomainError, match="REFUND_OUT_OF_RANGE"):
            refund_part(operator=olive, invoice=invoice, amount_minor=amount)
    assert refund_part(operator=olive, invoice=invoice, amount_minor=600).amount_minor == 600
    with pytest.raises(DomainError, match="REFUND_UNDER_WAY"):
        refund_part(operator=olive, invoice=invoice, amount_minor=1)


def test_a_trial_is_everybodys_once(paid: Paid, alice: User, bob: User, charlie: User) -> None:
    Seller.objects.create(
        user=alice,
        mode="TEST",
        processor_id="acct_1",
        charges_enabled=True,
        details_submitted=True,
        created_at=wall_now(),
        fetched_at=wall_now(),
    )
    paid.subscription(bob, status="canceled")
    assert [begin_checkout(user=one, price=paid.price).has_trial for one in (bob, charlie)] == [False, True]


def test_what_somebody_bought_or_sells_is_nobody_elses(paid: Paid, alice: User, bob: User, charlie: User) -> None:
    bought = paid.subscription(bob)
    invoice = paid.invoice(bought, DAY)
    for stranger in (alice, charlie):
        with pytest.raises(NotFound):
            subscription_for_user(stranger, bought.pk)
        browser = Client()
        browser.force_login(stranger)
        assert browser.post(f"/billing/invoices/{invoice.pk}/refund/").status_code == 404
    for stranger in (bob, charlie):
        with pytest.raises(NotFound):
            price_for_owner(stranger, paid.price.pk)
    assert Refund.objects.count() == 0
    assert price_for_owner(alice, paid.price.pk) == paid.price
