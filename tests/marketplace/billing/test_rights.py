"""What the processor's word gives, and what lapses with it: dunning, disputes, one's own listing, two clicks."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.selectors import limit
from common.errors import DomainError
from common.ids import new_id
from marketplace.billing.checks import differences_from_processor
from marketplace.billing.models import (
    ChangeKind,
    Checkout,
    Dispute,
    Finding,
    FindingKind,
    Interval,
    Invoice,
    MoneyLine,
    Price,
    ProcessorEvent,
    Seller,
    Subscription,
)
from marketplace.billing.selectors import has_right
from marketplace.billing.services.buying import begin_checkout
from marketplace.billing.services.changing import choose_stop_mode, request_change
from marketplace.billing.services.pricing import set_price
from marketplace.models import Listing, Offer, Source
from marketplace.publishing.models import ListingVersion
from marketplace.services.listings import follow_listing, publish_listing, use_listing, withdraw_listing
from strategies.grants.models import StrategyGrant
from strategies.services.definitions import save_strategy
from tests.fixtures_past import CROSSING
from tests.fixtures_stripe import StripeSandbox
from tests.fixtures_vending import Shop
from trading.copy_terms import TERMS_VERSION
from trading.follow_models import StopMode
from trading.models import Follow, FollowState


def follow(shop: Shop, user: User) -> Follow:
    source = shop.pit.portfolio(user, 1_000, f"Purse {new_id().hex[-6:]}")
    with shop.working():
        return follow_listing(
            follower=user,
            listing=shop.listing,
            source=source,
            amount=Decimal(1_000),
            accepted_terms=TERMS_VERSION,
        )


def test_following_takes_a_subscription_and_ends_with_it_as_its_owner_chose(shop: Shop, bob: User) -> None:
    price = shop.price()
    with pytest.raises(DomainError) as refused:
        follow(shop, bob)
    assert (refused.value.code, Follow.objects.count()) == ("SUBSCRIPTION_MISSING", 0)
    bought = shop.subscribe(bob, price)
    followed = follow(shop, bob)
    choose_stop_mode(user=bob, subscription=bought, mode=StopMode.KEEP)
    with shop.working():
        request_change(user=bob, subscription=bought, kind=ChangeKind.CANCEL_NOW)
    followed.refresh_from_db()
    assert (followed.state, followed.stop_mode, followed.state_code) == (
        FollowState.STOPPED,
        StopMode.KEEP,
        "SUBSCRIPTION_ENDED",
    )


def test_a_failed_renewal_leaves_the_right_for_the_days_of_grace(shop: Shop, bob: User) -> None:
    bought = shop.subscribe(bob, shop.price(trial_days=7), card="4000000000000341")
    shop.advance(7.5)
    bought.refresh_from_db()
    assert (bought.status, has_right(bob, shop.subject)) == ("past_due", True)
    assert bought.period_start is not None and bought.right_until is not None
    assert (bought.right_until - bought.period_start).days == 7
    shop.advance(7)
    bought.refresh_from_db()
    assert (has_right(bob, shop.subject), bought.is_lapsed) == (False, True)


def test_a_dispute_ends_the_right_holds_payouts_and_when_lost_is_borne_by_the_lead(
    shop: Shop, bob: User, processor: StripeSandbox
) -> None:
    shop.subscribe(bob, shop.price())
    payment = Invoice.objects.get().payment_id
    charge = processor.client().v1.payment_intents.retrieve(payment).latest_charge
    assert isinstance(charge, str)
    opened = processor.dispute(charge)
    shop.hear()
    assert not has_right(bob, shop.subject)
    assert Seller.objects.get().is_held_there
    assert Finding.objects.get(kind=FindingKind.CHARGEBACK).user == bob
    processor.close_dispute(opened["id"], "lost")
    shop.hear()
    assert Dispute.objects.get().status == "lost"
    assert not Seller.objects.get().is_held
    shop.hear()
    assert differences_from_processor() == []


def test_two_quick_clicks_meet_in_one_checkout_and_a_second_subscription_is_refused(shop: Shop, bob: User) -> None:
    price, yearly = shop.price(), shop.price("100", Interval.YEAR)
    first, again = shop.begin(bob, price), shop.begin(bob, price)
    assert first.pk == again.pk
    other = shop.begin(bob, yearly)
    first.refresh_from_db()
    # The page that was open before was closed there, too.
    assert (first.state, first.url, other.state) == ("EXPIRED", "", "OPEN")
    shop.processor.check_out(other.processor_id)
    shop.hear()
    with pytest.raises(DomainError) as refused:
        begin_checkout(user=bob, price=price)
    assert refused.value.code == "ALREADY_SUBSCRIBED"
    assert (Subscription.objects.count(), Checkout.objects.count()) == (1, 2)


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [
        ("0.00001", "usd", "PRICE_OUT_OF_RANGE"),
        ("0.49", "usd", "PRICE_OUT_OF_RANGE"),
        ("1000000000000", "usd", "PRICE_OUT_OF_RANGE"),
        ("1.005", "usd", "AMOUNT_TOO_FINE"),
        ("NaN", "usd", "PRICE_OUT_OF_RANGE"),
        ("10", "xyz", "CURRENCY_UNKNOWN"),
        ("10", "eur", "CURRENCY_MISMATCH"),
    ],
)
def test_an_absurd_price_is_refused(shop: Shop, amount: str, currency: str, code: str) -> None:
    shop.price("100", Interval.YEAR)
    terms = {"interval": Interval.MONTH, "amount": Decimal(amount), "currency": currency}
    with pytest.raises(DomainError) as refused:
        set_price(owner=shop.alice, listing=shop.listing, **terms)  # type: ignore[arg-type]  # a dict of mixed values
    assert refused.value.code == code


def test_nobody_buys_their_own_and_nobody_sells_without_a_finished_account(shop: Shop, bob: User, alice: User) -> None:
    price = shop.price()
    with pytest.raises(DomainError) as refused:
        begin_checkout(user=alice, price=price)
    assert refused.value.code == "OWN_LISTING"
    Seller.objects.update(details_submitted=False, requirements=["individual.first_name"])
    with pytest.raises(DomainError) as refused:
        set_price(owner=alice, listing=shop.listing, interval=Interval.YEAR, amount=Decimal(9), currency="usd")
    assert (refused.value.code, refused.value.message) == (
        "SELLER_UNFINISHED",
        "The payment processor still needs of your payout account: individual first name.",
    )


def test_a_paid_plan_raises_limits_and_its_end_takes_only_them_back(shop: Shop, bob: User) -> None:
    User.objects.create_user("olive@example.org", is_staff=True)
    browser, plans = Client(), reverse("billing:plans")
    browser.force_login(bob)
    assert "No other plan is on sale." in browser.get(plans).content.decode()
    assert f'href="{plans}"' in browser.get(reverse("billing:subscriptions")).content.decode()
    with shop.working():
        call_command("offer_plan", "pro", "--by", "olive@example.org", "--month", "19", "--limit", "follows=7")
    with pytest.raises(CommandError, match="everybody's"):
        call_command("offer_plan", "free", "--by", "olive@example.org", "--month", "19")
    price = Price.objects.get()
    page = browser.get(plans)
    assert [(plan.name, len(offers)) for plan, offers in page.context["columns"]] == [("Free", 0), ("Pro", 1)]
    said = dict(page.context["limits"])
    assert (said["portfolios"], said["follows"], said["API requests a minute, of each token"]) == (
        [20, 100],
        [50, 7],
        [600, 6_000],
    )
    assert all(words in page.content.decode() for words in ("19.00 USD a month", "yours", "6,000"))
    bought = shop.subscribe(bob, price)
    assert (limit(bob, "portfolios"), limit(bob, "follows")) == (100, 7)
    with shop.working():
        request_change(user=bob, subscription=bought, kind=ChangeKind.CANCEL_NOW)
    assert limit(bob, "portfolios") == 20


def test_a_lapsed_right_ends_the_use_of_a_strategy(shop: Shop, bob: User) -> None:
    saved = save_strategy(
        owner=shop.alice, name="Waves", instruments=[shop.pit.instrument], timeframe="5m", face=CROSSING
    )
    Listing.objects.update(offer=Offer.DEFINITION, version=saved, source=Source.VISIBLE)
    ListingVersion.objects.update(strategy_version=saved)
    shop.listing.refresh_from_db()
    price = shop.price()
    with pytest.raises(DomainError) as refused:
        use_listing(user=bob, listing=shop.listing)
    assert (refused.value.code, StrategyGrant.objects.count()) == ("SUBSCRIPTION_MISSING", 0)
    bought = shop.subscribe(bob, price)
    grant = use_listing(user=bob, listing=shop.listing)
    with shop.working():
        request_change(user=bob, subscription=bought, kind=ChangeKind.CANCEL_NOW)
    grant.refresh_from_db()
    assert grant.revoked_at is not None
    with pytest.raises(DomainError):
        use_listing(user=bob, listing=shop.listing)


def test_a_paid_listing_is_not_published_while_its_leads_account_is_unfinished(shop: Shop, alice: User) -> None:
    shop.price()
    withdraw_listing(actor=alice, listing=shop.listing)
    Seller.objects.update(charges_enabled=False)
    with pytest.raises(DomainError) as refused:
        publish_listing(owner=alice, portfolio=shop.pit.lead, title="Steady")
    shop.listing.refresh_from_db()
    assert (refused.value.code, shop.listing.state) == ("SELLER_UNFINISHED", "WITHDRAWN")
    Seller.objects.update(charges_enabled=True)
    assert publish_listing(owner=alice, portfolio=shop.pit.lead, title="Steady").state == "PUBLISHED"


def test_operators_see_money_in_the_admin_and_change_nothing(shop: Shop, bob: User, admin_client: Client) -> None:
    shop.subscribe(bob, shop.price())
    for model in (Subscription, Invoice, MoneyLine, ProcessorEvent):
        row = model._default_manager.all()[0]
        listed = reverse(f"admin:marketplace_{model.__name__.lower()}_changelist")
        assert admin_client.get(listed).status_code == 200
        detail = reverse(f"admin:marketplace_{model.__name__.lower()}_change", args=[row.pk])
        assert (admin_client.get(detail).status_code, admin_client.post(detail, {}).status_code) == (200, 403)
