"""Watch lists and alerts in a real browser, by keyboard, and a scanner's filters on a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from accounts.services import create_person
from markets.models import PriceAlert, WatchList
from tests.fixtures_desk import Desk


@pytest.fixture
def reader(transactional_db: None) -> User:
    return create_person(email="reader@example.org", password="correct horse")


@pytest.fixture
def desktop(page: Page, live_server: LiveServer, reader: User) -> Iterator[Page]:
    """The reader's browser, in which no script may fail and nothing may offend the policy."""
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: heard.append(str(error)))
    client = Client()
    client.force_login(reader)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}])
    yield page
    page.close()
    # There is no socket server in this test: live updates are tested elsewhere.
    assert [one for one in heard if "WebSocket" not in one and "/ws/" not in one] == []


def test_a_list_is_filled_and_ordered_and_an_alert_set(desktop: Page, live_server: LiveServer) -> None:
    desk = Desk()
    desk.step({desk.instrument("BTC"): "64000"})
    desk.close_candles(desk.instrument("ETH"), [2900.0, 3000.0])
    desktop.goto(live_server.url + reverse("markets:watch_lists"))
    desktop.get_by_label("Name").fill("Majors")
    desktop.keyboard.press("Enter")
    for coin in ("BTC", "ETH"):
        desktop.get_by_label("Find a market").fill(coin)
        desktop.keyboard.press("Enter")
        desktop.get_by_role("button", name=f"{coin}-USDT · The desk").press("Enter")
    rows = desktop.get_by_role("row")
    expect(rows.nth(2)).to_contain_text("ETH-USDT")
    desktop.get_by_role("button", name="Move ETH-USDT on The desk up").press("Enter")
    expect(rows.nth(1)).to_contain_text("ETH-USDT")
    expect(rows.nth(1)).to_contain_text("3,000.00")
    expect(rows.nth(1)).to_contain_text("+3.45%")
    # On a phone the buttons stand beside the figures, inside the card.
    desktop.set_viewport_size({"width": 390, "height": 800})
    figure, buttons = rows.nth(1).locator("[data-cell=change]").bounding_box(), rows.nth(1).get_by_role("button")
    first, last = buttons.first.bounding_box(), buttons.last.bounding_box()
    assert figure and first and last
    assert figure["x"] + figure["width"] <= first["x"] < last["x"] + last["width"] <= 390
    desktop.set_viewport_size({"width": 1440, "height": 900})
    [made] = WatchList.objects.all()
    assert [str(entry.instrument.market) for entry in made.entries.order_by("position")] == ["ETH-USDT", "BTC-USDT"]
    desktop.get_by_role("link", name="Price alerts").click()
    desktop.get_by_label("Find a market").fill("btc")
    desktop.keyboard.press("Enter")
    desktop.get_by_role("link", name="BTC-USDT · The desk").press("Enter")
    desktop.get_by_role("link", name="Price moves by").press("Enter")
    desktop.get_by_label("Move, %").fill("5")
    desktop.get_by_label("Within").select_option("5 minutes")
    desktop.get_by_role("button", name="Set the alert").press("Enter")
    expect(desktop.get_by_role("table", name="Alerts that wait")).to_contain_text("moves by 5 % within 5 minutes")
    assert PriceAlert.objects.get().window_seconds == 300


def test_filters_act_at_once_and_stand_in_the_address(desktop: Page, live_server: LiveServer) -> None:
    desktop.set_viewport_size({"width": 390, "height": 800})
    desktop.goto(live_server.url + reverse("markets:scanner", args=["movers"]))
    desktop.get_by_label("Look for").select_option("Volume spikes")
    desktop.wait_for_url(re.compile(r"by=volume"))
    desktop.get_by_label("× usual volume").fill("-1")
    desktop.get_by_label("× usual volume").press("Tab")
    expect(desktop.get_by_role("alert")).to_contain_text("greater than or equal to 0")
    assert desktop.evaluate("document.documentElement.scrollWidth") == 390
