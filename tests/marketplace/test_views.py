"""The marketplace pages: public to read, with the follow form for whoever may follow."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from marketplace.models import Listing, ListingState
from marketplace.services.listings import follow_listing, publish_listing, withdraw_listing
from markets.models import SourceKind
from portfolios.models import EquitySnapshot, Portfolio
from tests.fixtures_desk import NOON, Desk
from trading.copy_terms import TERMS_VERSION


def browser_of(user: User | None) -> Client:
    client = Client()
    if user is not None:
        client.force_login(user)
    return client


def at(name: str, *key: object) -> str:
    return reverse(f"marketplace:{name}", args=key)


@pytest.fixture
def listing(alice: User, desk: Desk) -> Listing:
    title, description = "Steady & calm", "First.\n\n<b>Second.</b>"
    return publish_listing(owner=alice, portfolio=desk.portfolio(alice), title=title, description=description)


def test_an_empty_marketplace_says_so(db: None) -> None:
    assert b"Nothing is published yet" in browser_of(None).get(at("list")).content


def test_everybody_sees_what_is_published_with_its_label(listing: Listing, bob: User) -> None:
    for user in (None, bob, listing.owner):
        page = browser_of(user).get(at("list")).content.decode()
        assert "Steady &amp; calm" in page
        assert "PAPER" in page
        page = browser_of(user).get(at("detail", listing.pk)).content.decode()
        assert "&lt;b&gt;Second.&lt;/b&gt;" in page
        assert f'data-topic="listing:{listing.pk}"' in page
        assert "fees of the venue · slippage 2 bps · no latency" in page


def test_kinds_are_chosen_by_tabs(alice: User, listing: Listing) -> None:
    made = Desk(SourceKind.SIMULATED)
    publish_listing(owner=alice, portfolio=made.portfolio(alice, name="Made"), title="Made up")
    nobody = browser_of(None)
    titles = {
        kind: [one.title for one, *_ in nobody.get(at("list"), {"kind": kind}).context["cards"]]
        for kind in ("PAPER", "SIMULATED", "LIVE")
    }
    assert titles == {
        "PAPER": ["Steady & calm"],
        "SIMULATED": ["Made up"],
        "LIVE": [],
    }
    labels = [(one["label"], one["active"]) for one in nobody.get(at("list"), {"kind": "PAPER"}).context["tabs"]]
    assert labels == [("All", False), ("Paper", True), ("Simulated", False)]


def test_the_chart_gets_the_equity_curve(listing: Listing) -> None:
    EquitySnapshot.objects.create(
        portfolio=listing.portfolio, grain="MINUTE", at=NOON, equity=Decimal("1234.5"), net_deposits=Decimal(1000)
    )
    answer = browser_of(None).get(at("equity", listing.pk)).json()
    assert answer == {"points": [{"time": int(NOON.timestamp()), "value": 1234.5}]}


def test_the_chart_shows_no_change_for_money_that_came_in_is_no_gain(listing: Listing) -> None:
    page = browser_of(None).get(at("detail", listing.pk)).content.decode()
    figure = page[page.index("<figure") : page.index("</figure>")]
    assert "data-plain" in figure


def test_a_portfolio_is_published(alice: User, desk: Desk) -> None:
    browser = browser_of(alice)
    assert b"Nothing to publish" in browser.get(at("publish")).content
    portfolio = desk.portfolio(alice)
    answer = browser.post(at("publish"), {"portfolio": str(portfolio.pk), "title": "Steady", "description": ""})
    listing = Listing.objects.get()
    assert answer.headers["Location"] == at("detail", listing.pk)
    assert listing.portfolio == portfolio
    refused = browser.post(at("publish"), {"portfolio": str(portfolio.pk), "title": ""})
    assert (refused.status_code, sorted(refused.context["form"].errors)) == (400, ["portfolio", "title"])
    assert Listing.objects.count() == 1


def test_its_owner_edits_and_withdraws_it(alice: User, listing: Listing) -> None:
    browser = browser_of(alice)
    page = browser.get(at("detail", listing.pk))
    assert (page.context["is_owner"], b"This is your listing" in page.content) == (True, True)
    browser.post(at("edit", listing.pk), {"title": "Steadier", "description": "New."})
    refused = browser.post(at("edit", listing.pk), {"title": "x" * 81, "description": ""})
    assert (refused.status_code, list(refused.context["form"].errors)) == (400, ["title"])
    browser.post(at("withdraw", listing.pk))
    listing.refresh_from_db()
    assert (listing.title, listing.state) == ("Steadier", ListingState.WITHDRAWN)
    assert b"Publish again" in browser.get(at("detail", listing.pk)).content


@pytest.fixture
def source(bob: User, desk: Desk) -> Portfolio:
    return desk.portfolio(bob)


def test_everybody_else_finds_nothing(
    alice: User, bob: User, charlie: User, desk: Desk, listing: Listing, source: Portfolio
) -> None:
    follow_listing(
        follower=bob,
        accepted_terms=TERMS_VERSION,
        listing=listing,
        source=source,
        amount=Decimal(100),
        multiplier=Decimal(1),
    )
    for user in (bob, charlie):
        browser = browser_of(user)
        assert browser.get(at("edit", listing.pk)).status_code == 404
        assert browser.post(at("edit", listing.pk), {"title": "Mine"}).status_code == 404
        assert browser.post(at("withdraw", listing.pk)).status_code == 404
    nobody = browser_of(None)
    for name in ("edit", "withdraw"):
        address = at(name, listing.pk)
        assert nobody.post(address).headers["Location"] == f"{reverse('account_login')}?next={address}"
    listing.refresh_from_db()
    assert (listing.title, listing.state) == ("Steady & calm", ListingState.PUBLISHED)
    withdraw_listing(actor=alice, listing=listing)
    for reader, status in ((alice, 200), (bob, 200), (charlie, 404), (None, 404)):
        browser = browser_of(reader)
        assert browser.get(at("detail", listing.pk)).status_code == status
        assert browser.get(at("equity", listing.pk)).status_code == status
        assert (b"Steady" in browser.get(at("list")).content) is (reader == alice)


def test_an_operator_takes_a_listing_down(operator: User, listing: Listing) -> None:
    operator.is_superuser = True
    operator.save()
    address = reverse("admin:marketplace_listing_changelist")
    browser = browser_of(operator)
    assert b"Steady" in browser.get(address).content
    browser.post(address, {"action": "take_down", "_selected_action": [str(listing.pk)]})
    listing.refresh_from_db()
    assert listing.state == ListingState.WITHDRAWN
    assert browser.get(reverse("admin:marketplace_listing_change", args=[listing.pk])).status_code == 200
