"""A person follows, watches, pauses, changes and stops a lead in a browser, in each of the three ways to stop."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from common.ids import seeded_random
from common.tasks import InlineQueue, inline_tasks
from marketplace.models import Listing
from marketplace.services.listings import follow_listing, publish_listing
from tests.fixtures_trading import Pit, failed_checks
from trading.copy_terms import TERMS_VERSION
from trading.models import Follow, FollowState
from trading.selectors import follow_of

LOG = "What the lead did and what you did"


class Watcher:
    """Bob at his browser; what his clicks set off is done by `work`."""

    def __init__(self, page: Page, site: str, queue: InlineQueue) -> None:
        self.page, self._site, self._queue = page, site, queue

    def visit(self, path: str) -> None:
        answer = self.page.goto(f"{self._site}{path}")
        assert answer is not None and answer.ok

    def press(self, name: str) -> None:
        self.page.locator("main").get_by_role("button", name=name, exact=True).click()

    def stop(self, follow: Follow, way: str) -> None:
        self.visit(f"/portfolios/{follow.portfolio_id}/")
        self.press("Stop…")
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_label(way).check()
        dialog.get_by_role("button", name="Stop following").click()
        expect(self.page.get_by_text(re.compile("The follow (has ended|is ending)"))).to_be_visible()
        self._queue.drain()

    def log(self, follow: Follow) -> list[list[str]]:
        """Return the lines of the event log, the newest first: what the lead did, what bob did, why the two differ."""
        self.visit(reverse("portfolios:follow_log", args=[follow.portfolio_id]))
        rows = self.page.get_by_role("table", name=LOG).locator("tbody tr")
        return [[" ".join(cell.split()) for cell in row.locator("th, td").all_inner_texts()] for row in rows.all()]


@pytest.fixture
def listing(transactional_db: None, fresh_counts: None, pit: Pit, alice: User) -> Listing:
    return publish_listing(owner=alice, portfolio=pit.lead, title="Steady and calm", description="Slow.")


@pytest.fixture
def watcher(page: Page, live_server: LiveServer, listing: Listing, bob: User) -> Iterator[Watcher]:
    client = Client()
    client.force_login(bob)
    kept = client.cookies[settings.SESSION_COOKIE_NAME]
    page.context.add_cookies([{"name": kept.key, "value": kept.value, "url": live_server.url}])
    with inline_tasks(seeded_random("browser")) as queue:
        yield Watcher(page, live_server.url, queue)


def shares(account: Locator) -> dict[str, Decimal]:
    """Return the parts of the account as percent of what was paid in."""
    # The last row: what is told live may have the account drawn anew.
    expect(account.get_by_role("rowheader", name="You", exact=True)).to_be_visible()
    found = {}
    for row in account.locator("tbody tr").all():
        name, share = row.locator("th").inner_text(), row.locator("td").last.inner_text()
        found[name] = Decimal(share.replace("−", "-").replace("%", "").strip())
    return found


def test_a_follow_is_begun_watched_paused_changed_and_sold_out(
    watcher: Watcher, pit: Pit, listing: Listing, bob: User
) -> None:
    pit.portfolio(bob, 1_000, "Savings")
    page = watcher.page
    watcher.visit(f"/marketplace/{listing.pk}/follow/")
    page.get_by_label("Amount", exact=True).fill("1000")
    watcher.press("Next: guards")
    watcher.press("Next: forecast and terms")
    page.get_by_label("I have read this, and accept it.").check()
    watcher.press("Follow with 1,000 USDT")
    expect(page.get_by_text("You follow “Steady and calm” from its next trade on.")).to_be_visible()
    follow = Follow.objects.get(follower=bob)

    pit.buy(10)
    assert watcher.log(follow)[0][0].startswith("BTC: bought 10")
    watcher.visit(f"/portfolios/{follow.portfolio_id}/")
    watcher.press("Pause")
    pit.buy(10)
    assert "paused" in watcher.log(follow)[0][2].lower()

    watcher.visit(f"/portfolios/{follow.portfolio_id}/")
    page.get_by_role("link", name="Resume…").click()
    watcher.press("Resume with the next trade")
    page.get_by_role("link", name="Settings", exact=True).click()
    page.get_by_label("Price cap").fill("2")
    watcher.press("Keep these settings")
    expect(page.get_by_text("Kept. Positions that are open keep the settings of their opening.")).to_be_visible()

    pit.price(110)
    watcher.stop(follow, "Sell everything now")
    follow.refresh_from_db()
    assert (follow.state, pit.held(follow), failed_checks()) == (FollowState.STOPPED, "0", {})
    watcher.visit(f"/portfolios/{follow.portfolio_id}/")
    parts = shares(page.get_by_role("table", name="The way from the lead's return to yours"))
    whole = parts.pop("You")
    # Each is rounded to a hundredth of a percent as it is shown.
    assert abs(sum(parts.values()) - whole) <= Decimal("0.01") * len(parts)
    assert abs(whole - (Decimal(pit.cash(follow)) - 1_000) / 10) <= Decimal("0.01")


@pytest.mark.parametrize(
    ("way", "left", "state"),
    [("Go out with the lead", "0.5", FollowState.STOPPING), ("Keep what it holds", "1", FollowState.STOPPED)],
)
def test_the_gentler_ways_to_stop(
    watcher: Watcher, pit: Pit, listing: Listing, bob: User, way: str, left: str, state: FollowState
) -> None:
    source = pit.portfolio(bob, 1_000, "Savings")
    with pit.working():
        follow = follow_listing(
            follower=bob,
            accepted_terms=TERMS_VERSION,
            listing=listing,
            source=source,
            amount=Decimal(1_000),
            multiplier=Decimal(1),
        )
    pit.buy(10)
    held = Decimal(pit.held(follow))
    watcher.stop(follow, way)
    follow.refresh_from_db()
    pit.buy(5)
    pit.sell("7.5")
    found = follow_of(follow.portfolio)
    assert found is not None
    assert (found.state, Decimal(pit.held(follow))) == (state, held * Decimal(left))
    if state == FollowState.STOPPING:
        assert watcher.log(follow)[0][1].startswith("sold")
        pit.sell("7.5")
        found.refresh_from_db()
        assert (found.state, pit.held(follow)) == (FollowState.STOPPED, "0")
    watcher.visit(f"/portfolios/{follow.portfolio_id}/")
    expect(watcher.page.get_by_text("Stopped").first).to_be_visible()
    assert failed_checks() == {}
