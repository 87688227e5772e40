"""The list of markets in a real browser: filters and headings swap the table and stand in the address; without scripts too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from markets.models import Instrument
from tests.fixtures_desk import Desk
from tests.markets.real_venue import networked, perpetual, put_day


@pytest.fixture
def market(transactional_db: None) -> Desk:
    desk = Desk()
    made = [desk.instrument("BTC"), desk.instrument("ETH"), perpetual(desk, "SOL")]
    networked(desk)
    found = Instrument.objects.select_related("exchange", "market").in_bulk([one.pk for one in made])
    for one, change in zip(made, ("0.01", "0.05", "-0.02"), strict=True):
        put_day(found[one.pk], "100.00", change)
    return desk


@pytest.fixture
def visitor(page: Page, live_server: LiveServer, market: Desk) -> Iterator[Page]:
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.goto(f"{live_server.url}/markets/?sort=name")
    yield page
    page.close()
    assert [one for one in heard if "WebSocket" not in one and "/ws/" not in one] == []


def _names(page: Page) -> list[str]:
    return page.locator("#markets tbody th a").all_inner_texts()


def test_filters_and_headings_swap_the_table_and_stand_in_the_address(visitor: Page, market: Desk) -> None:
    assert _names(visitor) == ["BTC-USDT", "ETH-USDT", "SOL-USDT-PERP"]
    visitor.get_by_role("link", name="24 h", exact=True).click()
    expect(visitor.locator("#markets tbody th a").first).to_have_text("ETH-USDT")
    expect(visitor.locator("th[aria-sort=descending]")).to_contain_text("24 h")
    visitor.get_by_label("Kind").select_option("SPOT")
    expect(visitor.locator("#markets-count")).to_have_text("2 markets")
    assert _names(visitor) == ["ETH-USDT", "BTC-USDT"]
    visitor.get_by_label("Search markets").press_sequentially("btc")
    expect(visitor.locator("#markets-count")).to_have_text("1 market")
    assert {part for part in visitor.url.partition("?")[2].split("&") if not part.endswith("=")} == {
        "q=btc",
        "kind=SPOT",
        "sort=-change",
    }
    visitor.get_by_label("Search markets").fill("nothing")
    expect(visitor.get_by_text("No market found")).to_be_visible()
    visitor.reload()
    expect(visitor.get_by_text("No market found")).to_be_visible()


def test_on_a_phone_and_without_scripts_all_of_it_works(
    browser: Browser, live_server: LiveServer, market: Desk
) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{live_server.url}/markets/")
    page.get_by_label("Sort by").select_option("change")
    page.get_by_label("Kind").select_option("SPOT")
    page.get_by_role("button", name="Show").click()
    assert _names(page) == ["BTC-USDT", "ETH-USDT"]
    page.get_by_label("Venue").select_option(market.exchange.code)
    page.get_by_role("button", name="Show").click()
    assert "venue=" + market.exchange.code in page.url
    assert "sort=change" in page.url
    context.close()
