"""Taxes where the switch is on, and the processor's own pages for buyers; what is sold to nobody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db.models import Sum
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from common.errors import DomainError
from marketplace.billing.checks import differences_from_processor
from marketplace.billing.models import Account, Checkout, Invoice, MoneyLine, Subscription
from marketplace.billing.services.buying import begin_checkout, portal_url
from marketplace.billing.services.sharing import invoice_shares
from marketplace.models import Listing, ListingState
from tests.fixtures_stripe import StripeSandbox
from tests.fixtures_vending import Shop, real_now
from trading.copy_accounts.models import ProfitShareSettlement
from trading.copy_accounts.services.settling import open_account

FIGURES = ("unrealized_pnl", "fees", "high_before", "equity", "realized_pnl", "profit", "high_after")


@pytest.fixture
def bought(shop: Shop, bob: User, settings: Settings) -> Subscription:
    """bob's subscription for 10 USD a month, bought in Germany with taxes switched on."""
    settings.STRIPE_TAX = True
    checkout = shop.begin(bob, shop.price())
    shop.processor.check_out(checkout.processor_id, country="DE")
    shop.hear()
    return Subscription.objects.get()


def test_every_renewal_is_taxed_where_its_buyer_lives_and_the_books_agree(shop: Shop, bought: Subscription) -> None:
    """The address that was entered at first stays with the buyer: without it no renewal could be taxed."""
    shop.advance(32)
    paid = list(Invoice.objects.order_by("created_at").values_list("total_minor", "tax_minor", "paid_minor"))
    assert paid == [(1190, 190, 1190)] * 2
    # The processor sends on a part of the taxes, too, which is taken back (test_taxing.py).
    sold = MoneyLine.objects.filter(invoice__tax_minor=190, account=Account.SELLER).order_by("invoice", "pk")
    assert list(sold.values_list("amount_minor", flat=True)) == [952, -152, 952, -152]
    assert differences_from_processor() == []


@pytest.mark.parametrize(("is_on", "total", "tax"), [(True, 1468, 234), (False, 1234, 0)])
def test_a_profit_share_is_taxed_as_the_switch_says(
    shop: Shop, bob: User, bought: Subscription, settings: Settings, is_on: bool, total: int, tax: int
) -> None:
    settings.STRIPE_TAX = is_on
    now = real_now()
    at = datetime(now.year, now.month, now.day, tzinfo=UTC) - timedelta(days=now.weekday(), hours=5)
    ProfitShareSettlement.objects.create(
        account=open_account(follow=shop.pit.follow(bob)),
        number=1,
        cause="WEEK",
        key="a week",
        ratio=Decimal("0.1"),
        due=Decimal("12.345"),
        platform_fee=Decimal("1.2345"),
        is_hypothetical=False,
        settled_at=at,
        recorded_at=at,
        **dict.fromkeys(FIGURES, Decimal(0)),
    )
    with shop.working():
        assert invoice_shares() == 1
    shop.hear()
    share = Invoice.objects.get(kind="PROFIT_SHARE")
    assert (share.status, share.total_minor, share.tax_minor) == ("paid", total, tax)
    # A tenth of the shares alone is the platform's, rounded down, and all of the taxes.
    lead = MoneyLine.objects.filter(invoice=share, account=Account.SELLER).aggregate(total=Sum("amount_minor"))
    assert lead["total"] == 1234 - 123
    held = MoneyLine.objects.filter(invoice=share, account=Account.TAX).aggregate(total=Sum("amount_minor"))
    assert (held["total"] or 0) == tax
    assert differences_from_processor() == []


def test_nobody_gets_to_the_pages_of_somebody_elses_cards(shop: Shop, bought: Subscription, charlie: User) -> None:
    client = Client()
    client.force_login(charlie)
    refused = client.get("/billing/portal/")
    assert (refused.status_code, "bought nothing yet" in refused.content.decode()) == (409, True)
    assert Client().get("/billing/portal/").headers["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("status", [500, 400])
def test_a_processor_that_opens_no_page_is_told_of_in_words(
    shop: Shop, bob: User, bought: Subscription, processor: StripeSandbox, status: int
) -> None:
    processor.fault("server_error", where="billing_portal", status=status)
    try:
        with pytest.raises(DomainError) as refused:
            portal_url(user=bob)
    finally:
        processor.no_faults()
    assert refused.value.code == ("PROCESSOR_SILENT" if status == 500 else "PROCESSOR_REFUSED")
    assert portal_url(user=bob).startswith(f"{processor.base}/portal/")


@pytest.mark.parametrize("state", [state for state in ListingState if state != ListingState.PUBLISHED])
def test_what_is_not_public_is_not_sold(shop: Shop, bob: User, state: ListingState) -> None:
    price = shop.price()
    Listing.objects.update(state=state)
    with pytest.raises(DomainError) as refused:
        begin_checkout(user=bob, price=price)
    assert (refused.value.code, Checkout.objects.count()) == ("LISTING_WITHDRAWN", 0)
