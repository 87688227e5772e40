"""Connecting an account in a real browser, from the log-in with a second factor to the key that works."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from accounts.services import create_person
from sandbox.core.keys import Permission
from sandbox.server import ServerThread
from tests.fixtures_exchange import opened
from tests.fixtures_factor import code_now, with_factor
from tests.fixtures_signer import signer_keys, venue_at
from trading.signer.running import run_signer

PASSWORD = "correct horse"


@pytest.fixture
def anna(transactional_db: None, fresh_counts: None) -> User:
    return with_factor(create_person(email="anna@example.org", password=PASSWORD))


@pytest.fixture
def signer(anna: User) -> Iterator[None]:
    """The signer at work beside the site."""
    stop = threading.Event()
    thread = threading.Thread(target=run_signer, args=(signer_keys(), stop))
    thread.start()
    yield
    stop.set()
    thread.join(30)


def test_from_log_in_to_a_key_that_works(
    page: Page, live_server: LiveServer, anna: User, venue: ServerThread, signer: None
) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)
    # Real money as far as the site knows: the second factor is asked for.
    venue_at(f"{venue.url}/{{host}}", "kraken", is_sandbox=False)
    page.goto(f"{live_server.url}/exchange-accounts/")
    page.get_by_label("Email").fill(anna.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_label("Code").fill(code_now())
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Exchange accounts")).to_be_visible()

    page.get_by_role("link", name="Connect an account").first.click()
    page.get_by_role("link", name="Connect a live account at Kraken-Test").click()
    expect(page.get_by_label("Kind of money")).to_contain_text("LIVE")
    bad = opened(venue, "kraken", permissions=frozenset(Permission))
    page.get_by_label("Name").fill("Savings")
    page.get_by_label("API key").fill(bad.key)
    page.get_by_label("Private key").fill(bad.secret)
    page.get_by_role("button", name="Seal and check the key").click()
    expect(page.get_by_text("This key may withdraw")).to_be_visible()
    expect(page.get_by_role("cell", name="Key may withdraw")).to_be_visible()

    good = opened(venue, "kraken")
    page.get_by_role("link", name="Put another key in").click()
    page.get_by_label("API key").fill(good.key)
    page.get_by_label("Private key").fill(good.secret)
    page.get_by_role("button", name="Seal and check the key").click()
    expect(page.get_by_text("The key works")).to_be_visible()
    assert good.secret not in page.content()

    page.get_by_role("button", name="Revoke").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("No account connected")).to_be_visible()
    # This test's server speaks no WebSocket.
    assert [one for one in complaints if "/ws/live/" not in one] == []
