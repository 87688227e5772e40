"""A review in a real browser: written, changed and answered on the pages, and read by somebody who is not logged in."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from marketplace.models import Listing
from marketplace.services.listings import publish_listing
from tests.fixtures_desk import NOON
from tests.fixtures_trading import Pit
from trading.models import Follow


@pytest.fixture
def listing(transactional_db: None, fresh_counts: None, pit: Pit, bob: User) -> Listing:
    made = publish_listing(owner=pit.lead.owner, portfolio=pit.lead, title="Steady")
    Follow.objects.filter(pk=pit.follow(bob).pk).update(started_at=NOON - timedelta(days=20))
    return made


def be(context: BrowserContext, url: str, person: User) -> None:
    """Log somebody in without the form, in the place of whoever was."""
    client = Client()
    client.force_login(person)
    kept = client.cookies[settings.SESSION_COOKIE_NAME]
    context.add_cookies([{"name": kept.key, "value": kept.value, "url": url}])


def test_a_review_is_written_changed_answered_and_read_by_strangers(
    listing: Listing, live_server: LiveServer, page: Page, pit: Pit, bob: User
) -> None:
    address = f"{live_server.url}/marketplace/{listing.pk}/"
    be(page.context, live_server.url, bob)
    page.goto(address)
    for stars, text, shown in (
        ("Poor", "Nervous.", "2 of 5 stars"),
        ("Good", "Calm <b>after all</b>.", "4 of 5 stars"),
    ):
        page.get_by_role("link", name="Write a review").click()
        page.get_by_text(stars, exact=True).click()
        page.get_by_label("What was it like?").fill(text)
        page.get_by_role("button", name="Publish review").click()
        review = page.get_by_role("article")
        expect(review.get_by_role("img", name=shown)).to_be_visible()
        expect(review.get_by_text(text)).to_be_visible()
    be(page.context, live_server.url, pit.lead.owner)
    page.goto(address)
    page.get_by_role("link", name="Answer", exact=True).click()
    page.get_by_label("Your answer").fill("Thank you.")
    page.get_by_role("button", name="Send").click()
    page.context.clear_cookies()
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(address)
    review = page.get_by_role("article")
    expect(review).to_contain_text("Followed 20 days")
    expect(review).to_contain_text("Thank you.")
    expect(page.get_by_role("link", name="Write a review")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
