"""From the first payment to the last: subscribed, followed, renewed, refunded; the books agree with the processor's."""

from __future__ import annotations

import json

import pytest
from django.core.management import call_command

from accounts.models import User
from accounts.services.personal_data import erase_person
from accounts.webhooks.models import WebhookDelivery
from accounts.webhooks.services import collect_facts, create_endpoint
from common.errors import DomainError
from marketplace.billing.checks import book_errors, differences_from_processor
from marketplace.billing.models import Account, ChangeKind, Interval, Invoice, MoneyLine, Payout, Refund, Work
from marketplace.billing.selectors import has_right
from marketplace.billing.services.changing import request_change
from marketplace.billing.services.reconciling import reconcile
from marketplace.billing.services.refunding import refund_part, request_refund
from marketplace.entitlements import is_entitled
from tests.fixtures_vending import Shop


def test_a_subscription_is_paid_renewed_and_given_back_in_part_to_the_cent(shop: Shop, bob: User) -> None:
    operator = User.objects.create_user("olive@example.org", is_staff=True)
    price = shop.price("10.01", trial_days=7)
    assert not is_entitled(bob, shop.listing)
    bought = shop.subscribe(bob, price)
    assert bought.status == "trialing"
    assert is_entitled(bob, shop.listing)
    shop.advance(8)
    bought.refresh_from_db()
    assert bought.status == "active"
    paid = Invoice.objects.get(status="paid", paid_minor=1001)
    assert paid.pdf_url
    lines = dict(MoneyLine.objects.filter(invoice=paid).values_list("account", "amount_minor"))
    # 20 % to the platform, 2.9 % + 30 cents to the processor.
    assert lines == {Account.BUYER: -1001, Account.SELLER: 801, Account.PLATFORM: 141, Account.PROCESSOR: 59}
    with shop.working():
        refund_part(operator=operator, invoice=paid, amount_minor=333)
    shop.hear()
    paid.refresh_from_db()
    assert paid.refunded_minor == 333
    assert Refund.objects.get().state == Work.DONE
    shop.advance(31)
    assert Invoice.objects.filter(status="paid", paid_minor=1001).count() == 2
    assert (book_errors(), differences_from_processor()) == ([], [])
    assert reconcile() == 0
    call_command("check_billing")


def test_the_first_payment_is_given_back_within_a_week_and_the_right_ends(shop: Shop, bob: User) -> None:
    shop.subscribe(bob, shop.price())
    paid = Invoice.objects.get(status="paid")
    with shop.working():
        request_refund(user=bob, invoice=paid)
    paid.refresh_from_db()
    assert (paid.refunded_minor, has_right(bob, shop.subject)) == (1000, False)
    shop.hear()
    assert differences_from_processor() == []


def test_a_cancelled_subscription_stands_until_its_period_ends(shop: Shop, bob: User) -> None:
    bought = shop.subscribe(bob, shop.price())
    with shop.working():
        request_change(user=bob, subscription=bought, kind=ChangeKind.CANCEL_AT_END)
    bought.refresh_from_db()
    assert (bought.cancels_at_end, bought.right_until) == (True, bought.period_end)
    assert has_right(bob, shop.subject)
    shop.advance(32)
    bought.refresh_from_db()
    assert (bought.status, bought.is_lapsed, has_right(bob, shop.subject)) == ("canceled", True, False)


def test_refunds_in_parts_are_booked_as_the_processor_rounds_them(shop: Shop, bob: User) -> None:
    operator = User.objects.create_user("olive@example.org", is_staff=True)
    shop.subscribe(bob, shop.price("10.01"))
    paid = Invoice.objects.get(status="paid")
    for amount in (333, 334, 333):
        with shop.working():
            refund_part(operator=operator, invoice=paid, amount_minor=amount)
        shop.hear()
    assert (book_errors(), differences_from_processor()) == ([], [])


def test_a_switch_to_yearly_takes_over_price_and_period(shop: Shop, bob: User) -> None:
    bought = shop.subscribe(bob, shop.price())
    yearly = shop.price("100", Interval.YEAR)
    with shop.working():
        request_change(user=bob, subscription=bought, kind=ChangeKind.SWITCH, price=yearly)
    shop.hear()
    bought.refresh_from_db()
    assert bought.period_start is not None and bought.period_end is not None
    assert (bought.price, (bought.period_end - bought.period_start).days in {365, 366}) == (yearly, True)
    assert has_right(bob, shop.subject)
    assert differences_from_processor() == []
    with pytest.raises(DomainError) as refused:
        request_change(user=bob, subscription=bought, kind=ChangeKind.SWITCH, price=yearly)
    assert refused.value.code == "SAME_PRICE"


def test_a_payout_stands_in_the_books_and_its_lead_hears_of_it(shop: Shop, bob: User) -> None:
    endpoint, _ = create_endpoint(user=shop.alice, url="https://example.com/", events=["payout.sent", "payout.failed"])
    create_endpoint(user=bob, url="https://example.com/", events=["payout.sent"])
    collect_facts()
    shop.subscribe(bob, shop.price())
    shop.advance(4)
    payout = Payout.objects.get()
    lines = dict(MoneyLine.objects.filter(booking=payout.processor_id).values_list("account", "amount_minor"))
    assert (payout.status, lines) == ("paid", {Account.SELLER: -800, Account.BANK: 800})
    assert differences_from_processor() == []
    assert (collect_facts(), collect_facts()) == (1, 0)
    told = WebhookDelivery.objects.get()
    assert (told.endpoint_id, told.event) == (endpoint.pk, "payout.sent")
    facts = {"payout": payout.processor_id, "amount_minor": 800, "currency": "usd", "mode": "TEST"}
    assert json.loads(told.body)["data"] == facts


def test_a_coupon_of_the_processors_lowers_what_is_charged_and_booked(shop: Shop, bob: User) -> None:
    api = shop.processor.client().v1
    coupon = api.coupons.create({"percent_off": 50, "duration": "once"})
    api.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "HALF"})
    checkout = shop.begin(bob, shop.price())
    shop.processor.check_out(checkout.processor_id, number="4242424242424242", code="HALF")
    shop.hear()
    assert Invoice.objects.get().paid_minor == 500
    assert has_right(bob, shop.subject)
    assert differences_from_processor() == []


def test_nobody_is_erased_while_they_would_go_on_being_charged(shop: Shop, bob: User) -> None:
    bought = shop.subscribe(bob, shop.price())
    with pytest.raises(DomainError) as refused:
        erase_person(user=bob)
    assert refused.value.code == "SUBSCRIPTION_RUNNING"
    bob.refresh_from_db()
    assert bob.email == "bob@example.org"
    with shop.working():
        request_change(user=bob, subscription=bought, kind=ChangeKind.CANCEL_NOW)
    erase_person(user=bob)
    assert Invoice.objects.get().pdf_url == ""
