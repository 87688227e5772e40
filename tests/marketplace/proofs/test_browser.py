"""A published backtest in a real browser: a reader has it repeated, sees the same hash, and what the drift meter says."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from common.clock import wall_now
from marketplace.models import Listing
from marketplace.proofs.models import DriftDay, PublishedBacktest, Reproduction
from marketplace.proofs.services.reproducing import publish_backtest, run_reproduction_job
from marketplace.services.listings import publish_listing
from strategies.services.backtests import request_backtest, run_backtest_job
from strategies.services.definitions import save_strategy
from strategies.services.runs import start_run
from tests.fixtures_desk import NOON, Desk
from tests.fixtures_past import CROSSING, Past


@pytest.fixture
def published(transactional_db: None, fresh_counts: None, alice: User) -> PublishedBacktest:
    """alice's listing with a backtest that anybody may repeat."""
    past = Past(Desk())
    portfolio = past.desk.portfolio(alice)
    listing = publish_listing(owner=alice, portfolio=portfolio, title="Steady")
    backtest = request_backtest(owner=alice, terms=past.terms(), face=CROSSING)
    run_backtest_job(backtest_id=backtest.pk)
    backtest.refresh_from_db()
    version = save_strategy(owner=alice, name="Crossing", instruments=[past.instrument], timeframe="5m", face=CROSSING)
    run = start_run(actor=alice, version=version, portfolio=portfolio)
    counts = {"wished": 9, "matched": 7, "missed": 2, "extra": 1, "mispriced_bps": 3.3, "worst_bps": 12.0}
    DriftDay.objects.create(run=run, day=NOON.date(), compared_at=wall_now(), **counts)
    return publish_backtest(owner=alice, listing=listing, backtest=backtest)


def ask(page: Page, url: str, reader: User, listing: Listing) -> Reproduction:
    """Log the reader in, and have them press the button."""
    client = Client()
    client.force_login(reader)
    kept = client.cookies[settings.SESSION_COOKIE_NAME]
    page.context.add_cookies([{"name": kept.key, "value": kept.value, "url": url}])
    page.goto(f"{url}/marketplace/{listing.pk}/")
    page.get_by_role("button", name="Reproduce").click()
    expect(page.locator("#repeated")).to_contain_text("being computed")
    # One is under way: there is no second button.
    expect(page.get_by_role("button", name="Reproduce")).to_have_count(0)
    return Reproduction.objects.latest("asked_at")


def test_a_reader_repeats_a_backtest_and_sees_the_same_hash(
    published: PublishedBacktest, live_server: LiveServer, page: Page, bob: User
) -> None:
    asked = ask(page, live_server.url, bob, published.listing)
    run_reproduction_job(reproduction_id=asked.pk)
    # The page finds out by itself, and shows both hashes.
    repeated = page.locator("#repeated")
    expect(repeated).to_contain_text("the same trades came out")
    expect(repeated.locator("#own-hash")).to_have_text(published.trades_hash)
    expect(page.get_by_role("button", name="Reproduce")).to_be_visible()
    assert Reproduction.objects.get(pk=asked.pk).trades_hash == published.trades_hash
    drift = page.locator("#record .stats")
    for label, value in (("Matched", "7"), ("Missed", "2"), ("Extra", "1"), ("Mispriced", "3.3")):
        expect(drift.locator(".stat", has_text=label)).to_contain_text(value)
    expect(drift).to_contain_text("bps")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_other_trades_than_what_is_published_are_said_with_both_hashes(
    published: PublishedBacktest, live_server: LiveServer, page: Page, bob: User
) -> None:
    PublishedBacktest.objects.update(trades_hash="ab" * 32)
    asked = ask(page, live_server.url, bob, published.listing)
    run_reproduction_job(reproduction_id=asked.pk)
    repeated = page.locator("#repeated")
    expect(repeated).to_contain_text("other trades came out")
    expect(repeated.locator("#own-hash")).to_have_text(published.trades_hash)
