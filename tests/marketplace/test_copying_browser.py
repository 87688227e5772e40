"""Following thought through in a real browser: the forecast beside the form, the sliders, and the account of a follow."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from accounts.services import create_person
from marketplace.models import Listing
from marketplace.services.copy_records import refresh_copy_records
from marketplace.services.listings import follow_listing, publish_listing
from portfolios.services.cash import withdraw
from portfolios.services.equity import take_snapshots
from tests.fixtures_desk import NOON
from tests.fixtures_trading import Pit
from trading.copy_accounts.services.settling import settle_due
from trading.copy_terms import TERMS_VERSION
from trading.models import Follow, LeadEvent

PASSWORD = "correct horse"
D = Decimal


@pytest.fixture
def listing(transactional_db: None, fresh_counts: None, pit: Pit, alice: User) -> Listing:
    return publish_listing(owner=alice, portfolio=pit.lead, title="Steady and calm", description="Slow.")


@pytest.fixture
def bert(listing: Listing) -> User:
    return create_person(email="bert@example.org", password=PASSWORD)


def followed(pit: Pit, follower: User, listing: Listing) -> Follow:
    """Let somebody follow through a week of trading that earns something and skips something."""
    with pit.working():
        follow = follow_listing(
            follower=follower,
            accepted_terms=TERMS_VERSION,
            listing=listing,
            source=pit.portfolio(follower, 400, "Savings"),
            amount=D(400),
            multiplier=D(1),
        )
    for day, (quantity, price) in enumerate([("10", 130), ("1", 90), ("20", 125), ("0.5", 100), ("15", 112)]):
        pit.price(100)
        pit.buy(quantity)
        at = NOON + timedelta(days=day)
        pit.desk.step({pit.instrument: price}, at)
        take_snapshots(namespace=pit.desk.namespace, at=at)
        pit.sell(quantity)
    take_snapshots(namespace=pit.desk.namespace, at=pit.desk.at + timedelta(hours=1))
    withdraw(actor=follower, portfolio=follow.portfolio, amount=D(10))
    settle_due(namespace=pit.desk.namespace, until=pit.desk.at)
    LeadEvent.objects.update(recorded_at=NOON)
    refresh_copy_records()
    return follow


def log_in(page: Page, url: str, address: str) -> None:
    page.goto(f"{url}{address}")
    page.get_by_label("Email").fill("bert@example.org")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()


def test_sliders_and_forecast_answer_without_a_reload(
    page: Page, live_server: LiveServer, pit: Pit, listing: Listing, bert: User, charlie: User
) -> None:
    followed(pit, charlie, listing)
    pit.portfolio(bert, 5_000, "Own")
    page.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)
    log_in(page, live_server.url, f"/accounts/login/?next=/marketplace/{listing.pk}/")
    result = page.locator("#what-if-result")
    expect(result).to_contain_text("500 USDT × 1 from")
    page.evaluate("window.kept = true")
    # A slider says what it stands at before anybody has computed anything.
    expect(page.locator("output[for=what-if-amount]")).to_have_text("500")
    page.get_by_label("Amount (USDT)").fill("1000")
    expect(page.locator("output[for=what-if-amount]")).to_have_text("1000")
    expect(result).to_contain_text("1,000 USDT × 1 from")
    assert page.evaluate("window.kept") is True
    expect(page.get_by_text("all money together")).to_be_visible()
    expect(page.get_by_role("list", name="Copies by execution time")).to_be_visible()


def test_a_follow_begins_in_three_steps_and_back_keeps_them(
    page: Page, live_server: LiveServer, pit: Pit, listing: Listing, bert: User, charlie: User
) -> None:
    followed(pit, charlie, listing)
    pit.portfolio(bert, 5_000, "Own")
    page.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)
    log_in(page, live_server.url, f"/accounts/login/?next=/marketplace/{listing.pk}/follow/")
    steps = page.get_by_role("list", name="Steps")
    amount = page.get_by_label("Amount", exact=True)
    amount.fill("20")
    # Told while it is typed: too little for this lead.
    expect(page.locator("#fit")).to_contain_text("Smallest amount that fits")
    expect(page.locator("#fit")).to_contain_text("Too little for this lead")
    expect(page.get_by_label("Fixed amount", exact=True)).to_be_hidden()
    page.get_by_label("A fixed amount").check()
    page.get_by_label("Fixed amount", exact=True).fill("15")
    page.get_by_role("button", name="Next: guards").click()
    expect(steps.locator("[aria-current]")).to_have_text("Guards")
    page.get_by_label("Copy stop optional").fill("99")
    page.get_by_role("button", name="Next: forecast and terms").click()
    expect(page.get_by_text("Set the copy stop from 5% to 95%")).to_be_visible()
    page.get_by_label("Copy stop optional").fill("30")
    page.get_by_role("button", name="Next: forecast and terms").click()
    expect(page.get_by_text("becomes one of 15 USDT")).to_be_visible()
    expect(page.get_by_text("Too small to copy")).to_be_visible()
    page.get_by_role("link", name="Back", exact=True).click()
    expect(page.get_by_label("Copy stop optional")).to_have_value("30")
    page.get_by_role("button", name="Back", exact=True).click()
    expect(amount).to_have_value("20")
    page.go_back()
    page.go_back()
    expect(page.get_by_text("becomes one of 15 USDT")).to_be_visible()
    page.get_by_role("button", name="Follow with 20 USDT").click()
    expect(page.get_by_text("Accept the terms to follow")).to_be_visible()
    page.get_by_label("I have read this, and accept it.").check()
    page.get_by_role("button", name="Follow with 20 USDT").click()
    expect(page.get_by_text("You follow “Steady and calm” from its next trade on.")).to_be_visible()


def test_a_follow_accounts_for_the_gap_to_its_lead(
    page: Page, live_server: LiveServer, pit: Pit, listing: Listing, bert: User
) -> None:
    follow = followed(pit, bert, listing)
    page.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)
    log_in(page, live_server.url, f"/accounts/login/?next=/portfolios/{follow.portfolio_id}/")
    account = page.get_by_role("table", name="The way from the lead's return to yours")
    for part in ("A perfect copy", "Spread and slippage", "Skipped", "Profit share", "You"):
        expect(account.get_by_role("rowheader", name=part, exact=True)).to_be_visible()
    settled = page.get_by_role("table", name="Settlements of the profit share")
    expect(settled).to_contain_text("Money taken out")
    expect(page.get_by_text("No real money trades here")).to_be_visible()
