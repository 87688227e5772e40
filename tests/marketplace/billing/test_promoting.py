"""Promotion codes of leads, prices that end, the card that two people share, taxes and the processor's own pages."""

from __future__ import annotations

import urllib.request
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import User
from common.clock import wall_now
from common.errors import DomainError, NotFound
from marketplace.billing.checks import differences_from_processor
from marketplace.billing.models import Interval, Invoice, Price, Subscription
from marketplace.billing.offers import cheapest_words
from marketplace.billing.promotion_models import DiscountLength, PromotionCode
from marketplace.billing.selectors import is_paid, share_a_card
from marketplace.billing.services.buying import portal_url
from marketplace.billing.services.personal_data import erase_billing
from marketplace.billing.services.pricing import retire_price
from marketplace.billing.services.promoting import create_code, retire_code
from marketplace.billing.services.syncing import sync_invoice
from tests.fixtures_stripe import StripeSandbox
from tests.fixtures_vending import Shop


def code(shop: Shop, name: str = "spring20", percent_off: int = 20, **terms: object) -> PromotionCode:
    with shop.working():
        made = create_code(
            owner=shop.alice,
            listing=shop.listing,
            code=name,
            percent_off=percent_off,
            **terms,  # type: ignore[arg-type]  # a dict of mixed values
        )
    made.refresh_from_db()
    return made


def test_a_leads_code_takes_off_at_the_processor_what_it_says_of_that_listing(shop: Shop, bob: User) -> None:
    monthly = shop.price()
    made = code(shop, length=DiscountLength.FOREVER, most_uses=1)
    # A price that comes later is one of the same product.
    yearly = shop.price("100", Interval.YEAR)
    assert (made.code, made.state, yearly.product_id) == ("SPRING20", "LIVE", monthly.product_id)
    checkout = shop.begin(bob, monthly)
    shop.processor.check_out(checkout.processor_id, code="SPRING20")
    shop.hear()
    assert Invoice.objects.get().paid_minor == 800
    shop.advance(31)
    assert sorted(Invoice.objects.filter(status="paid").values_list("paid_minor", flat=True)) == [800, 800]
    assert differences_from_processor() == []


def test_an_ended_code_is_switched_off_there_and_may_be_made_anew(
    shop: Shop, bob: User, processor: StripeSandbox
) -> None:
    shop.price()
    made = code(shop)
    with pytest.raises(DomainError) as refused:
        code(shop)
    assert refused.value.code == "CODE_TAKEN"
    with shop.working():
        retire_code(actor=shop.alice, code=made)
    made.refresh_from_db()
    assert (made.state, made.is_off_there) == ("RETIRED", True)
    assert processor.client().v1.promotion_codes.retrieve(made.processor_id).active is False
    assert code(shop).state == "LIVE"


def test_a_code_that_was_ended_while_its_making_was_unanswered_is_found_there_and_switched_off(
    shop: Shop, processor: StripeSandbox
) -> None:
    shop.price()
    processor.fault("server_error_after", where="POST /v1/promotion_codes", count=1)
    made = code(shop)
    assert (made.state, made.processor_id, made.coupon_id != "") == ("PENDING", "", True)
    with shop.working():
        retire_code(actor=shop.alice, code=made)
    made.refresh_from_db()
    # Somebody may be making it still: it is not looked for yet.
    assert made.is_off_there is False
    shop.advance(0.01)
    (there,) = processor.client().v1.promotion_codes.list().data
    made.refresh_from_db()
    assert (there.active, made.processor_id, made.is_off_there) == (False, there.id, True)


def test_a_code_ends_within_five_years(shop: Shop) -> None:
    shop.price()
    client = Client()
    client.force_login(shop.alice)
    sent = {"code": "half", "percent_off": "50", "length": "once", "last_day": "9999-12-31"}
    assert b"next five years" in client.post(f"/billing/listings/{shop.listing.pk}/codes/", sent).content
    assert not PromotionCode.objects.exists()


@pytest.mark.parametrize(
    ("terms", "refusal"),
    [
        ({"name": "<b>"}, "CODE_INVALID"),
        ({"name": "AB"}, "CODE_INVALID"),
        ({"percent_off": 0}, "DISCOUNT_OUT_OF_RANGE"),
        ({"percent_off": 101}, "DISCOUNT_OUT_OF_RANGE"),
        ({"most_uses": 0}, "USES_OUT_OF_RANGE"),
    ],
)
def test_an_absurd_code_is_refused(shop: Shop, terms: dict[str, object], refusal: str) -> None:
    shop.price()
    with pytest.raises(DomainError) as refused:
        code(shop, **terms)  # type: ignore[arg-type]  # a dict of mixed values
    assert (refused.value.code, PromotionCode.objects.count()) == (refusal, 0)


def test_codes_are_their_leads_alone_and_need_a_price(shop: Shop, bob: User) -> None:
    with pytest.raises(DomainError) as refused:
        code(shop)
    assert refused.value.code == "PRICE_MISSING"
    shop.price()
    with pytest.raises(NotFound):
        create_code(owner=bob, listing=shop.listing, code="MINE", percent_off=100)
    with pytest.raises(DomainError) as refused:
        code(shop, expires_at=wall_now() - timedelta(seconds=1))
    assert (refused.value.code, PromotionCode.objects.count()) == ("CODE_EXPIRES_IN_PAST", 0)
    client = Client()
    client.force_login(shop.alice)
    page = f"/billing/listings/{shop.listing.pk}/codes/"
    sent = {"code": "half", "percent_off": "50", "length": "once", "last_day": "2030-01-31"}
    assert client.post(page, sent).status_code == 302
    made = PromotionCode.objects.get()
    assert (made.code, made.percent_off, f"{made.expires_at:%Y-%m-%d}") == ("HALF", 50, "2030-02-01")
    assert b"HALF" in client.get(page).content
    client.force_login(bob)
    assert client.get(page).status_code == 404
    assert client.post(f"/billing/codes/{made.pk}/end/").status_code == 404


def test_the_last_price_ends_only_where_its_lead_says_that_all_may_follow_for_nothing(shop: Shop) -> None:
    monthly, yearly = shop.price(), shop.price("100", Interval.YEAR)
    assert cheapest_words([shop.listing.pk]) == {shop.listing.pk: "100.00 USD a year"}
    retire_price(actor=shop.alice, price=yearly)
    assert cheapest_words([shop.listing.pk]) == {shop.listing.pk: "10.00 USD a month"}
    with pytest.raises(DomainError) as refused:
        retire_price(actor=shop.alice, price=monthly)
    assert (refused.value.code, is_paid(shop.listing)) == ("LAST_PRICE", True)
    client = Client()
    client.force_login(shop.alice)
    address = f"/billing/prices/{monthly.pk}/retire/"
    client.post(address)
    assert is_paid(shop.listing)
    client.post(address, {"makes_free": "yes"})
    assert not is_paid(shop.listing)
    # A repeat is a no-op, also without the word.
    retire_price(actor=shop.alice, price=Price.objects.get(pk=monthly.pk))
    assert b"Free" in client.get("/marketplace/").content


def test_a_card_that_both_paid_with_is_seen_whatever_name_is_on_it(shop: Shop, bob: User, charlie: User) -> None:
    price = shop.price()
    shop.subscribe(bob, price)
    shop.subscribe(charlie, price, card="5555555555554444")
    assert not share_a_card(bob.pk, charlie.pk)
    dora = User.objects.create_user("dora@example.org")
    shop.subscribe(dora, price)
    assert (share_a_card(bob.pk, dora.pk), share_a_card(charlie.pk, dora.pk)) == (True, False)
    Subscription.objects.update(status="canceled")
    erase_billing(dora)
    assert not share_a_card(bob.pk, dora.pk)
    # Of somebody who left nothing is remembered when a late message tells of their payment once more.
    User.objects.filter(pk=dora.pk).update(is_active=False)
    sync_invoice(mode="TEST", invoice_id=Invoice.objects.get(user=dora).processor_id)
    assert not share_a_card(bob.pk, dora.pk)


def test_taxes_are_asked_of_the_processor_where_the_switch_is_on(shop: Shop, bob: User, settings: Settings) -> None:
    settings.STRIPE_TAX = True
    checkout = shop.begin(bob, shop.price())
    shop.processor.check_out(checkout.processor_id, country="DE")
    shop.hear()
    paid = Invoice.objects.get()
    # 19 % on top of the price, which is before taxes.
    assert (paid.total_minor, paid.tax_minor, paid.paid_minor) == (1190, 190, 1190)
    assert differences_from_processor() == []


def test_what_a_buyer_does_on_the_processors_own_pages_is_heard_of(
    shop: Shop, bob: User, processor: StripeSandbox
) -> None:
    with pytest.raises(DomainError) as refused:
        portal_url(user=bob)
    assert refused.value.code == "NOT_A_CUSTOMER"
    bought = shop.subscribe(bob, shop.price())
    client = Client()
    client.force_login(bob)
    address = client.get("/billing/portal/").headers["Location"]
    assert address.startswith(f"{processor.base}/portal/")
    with urllib.request.urlopen(address, timeout=30) as page:
        assert "10.00" in page.read().decode()
    form = f"action=cancel&subscription={bought.processor_id}".encode()
    urllib.request.urlopen(urllib.request.Request(address, data=form), timeout=30).close()
    shop.hear()
    bought.refresh_from_db()
    assert (bought.cancels_at_end, bought.right_until) == (True, bought.period_end)


def test_a_test_that_nobody_can_end_any_more_holds_nobody_back(shop: Shop, bob: User, settings: Settings) -> None:
    bought = shop.subscribe(bob, shop.price())
    settings.STRIPE_SECRET_KEY, settings.STRIPE_API_BASE = "sk_live_x", ""
    erase_billing(bob)
    Subscription.objects.filter(pk=bought.pk).update(mode="LIVE")
    # What costs real money holds back whatever the key is.
    for key in ("sk_live_x", "sk_test_x", ""):
        settings.STRIPE_SECRET_KEY = key
        with pytest.raises(DomainError) as refused:
            erase_billing(bob)
        assert refused.value.code == "SUBSCRIPTION_RUNNING"


def test_a_page_of_invoices_asks_as_much_for_many_as_for_one(shop: Shop, bob: User) -> None:
    bought = shop.subscribe(bob, shop.price())
    client = Client()
    client.force_login(bob)

    def asked() -> int:
        with CaptureQueriesContext(connection) as seen:
            page = client.get("/billing/invoices/").content.decode()
        assert page.count("Give it back") == 1
        return len(seen)

    asked()
    once = asked()
    first = Invoice.objects.get()
    for number in range(9):
        later = first.created_at + timedelta(hours=1)
        Invoice.objects.create(
            user=bob,
            seller=first.seller,
            subscription=bought,
            kind="SUBSCRIPTION",
            mode="TEST",
            processor_id=f"in_more_{number}",
            status="paid",
            currency="usd",
            total_minor=1000,
            paid_minor=1000,
            created_at=later,
            paid_at=later,
            fetched_at=later,
        )
    assert asked() == once
