"""From the first payment to the last: subscribed, followed, renewed, refunded; the books agree with the processor's."""

from __future__ import annotations

from django.core.management import call_command

from accounts.models import User
from marketplace.billing.checks import book_errors, differences_from_processor
from marketplace.billing.models import Account, ChangeKind, Invoice, MoneyLine, Refund, Work
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
