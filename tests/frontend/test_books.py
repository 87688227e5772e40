"""books.js: what a message does to an order book's rows and to the tape of trades, as the site's own templates draw them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.template.loader import render_to_string
from playwright.sync_api import Locator, Page, expect

from markets.depth import ladder
from markets.models import Exchange, Instrument
from tests.fixtures_stage import Stage

KEY = "0198c0de-0000-7000-8000-000000000001"
BOOK, TRADES = f"book:{KEY}", f"trades:{KEY}"
AT = "2026-03-02T12:00:00+00:00"


def _draw(stage: Stage, page: Page, template: str, **facts: Any) -> None:
    tick = Decimal("0.01")
    instrument = Instrument(id=KEY, exchange=Exchange(name="Kraken"), symbol="BTC-USDT", tick_size=tick)
    stage.body = render_to_string(f"markets/{template}.html", {"instrument": instrument, "precision": "2", **facts})
    page.goto(stage.url)
    expect(page.locator("[data-live-status]")).to_have_attribute("data-state", "live")


def _cells(rows: Locator) -> list[list[str]]:
    found: list[list[str]] = rows.evaluate_all("rows => rows.map(row => [...row.cells].map(cell => cell.textContent))")
    return found


def test_a_book_comes_to_life_with_its_totals_bars_and_spread(stage: Stage, page: Page) -> None:
    stage.snapshots[BOOK] = {"book": {"at": None, "bids": [], "asks": []}}
    _draw(stage, page, "_book", ladder=ladder(None))
    expect(page.get_by_text("Waiting for the order book of Kraken.")).to_be_visible()
    book = {"at": AT, "bids": [["63999.90", "1"], ["63999.80", "2.5"]], "asks": [["64000.10", "4"], ["64000.2", "3"]]}
    stage.say(BOOK, book=book)
    bids, asks = (page.locator(f"[data-side={side}] tbody tr:visible") for side in ("bids", "asks"))
    expect(bids).to_have_count(2)
    assert _cells(bids) == [["1", "1", "63,999.90"], ["3.5", "2.5", "63,999.80"]]
    assert _cells(asks) == [["64,000.10", "4", "4"], ["64,000.20", "3", "7"]]
    assert bids.last.evaluate("row => row.style.getPropertyValue('--level')") == "0.5000"
    expect(page.locator(".ladder-spread")).to_have_text("Spread 0.20 0.03 bps as of 12:00:00 UTC")
    # A level that goes takes its row with it; a book of one side has no spread.
    stage.say(BOOK, book={**book, "bids": []})
    expect(bids).to_have_count(0)
    expect(page.locator("[data-book-spread]")).to_have_text("–")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def _trade(number: int, side: str = "buy", price: str = "64000.5") -> dict[str, str]:
    at = f"2026-03-02T12:00:{number:02}+00:00"
    return {"id": f"t{number}", "at": at, "side": side, "price": price, "quantity": "0.5"}


def test_the_tape_takes_new_trades_on_top_once_and_drops_the_oldest(stage: Stage, page: Page) -> None:
    stage.snapshots[TRADES] = {"trades": [_trade(1), _trade(2, "sell", "63999")]}
    _draw(stage, page, "_trades", trades=[None] * 3)
    rows = page.locator(".tape-table tbody tr:visible")
    expect(rows).to_have_count(2)
    assert _cells(rows) == [["12:00:02", "Sell", "0.5", "63,999.00"], ["12:00:01", "Buy", "0.5", "64,000.50"]]
    stage.say(TRADES, trades=[_trade(2, "sell", "63999"), _trade(3, ""), _trade(4)])
    expect(rows).to_have_count(3)
    assert [cells[:2] for cells in _cells(rows)] == [["12:00:04", "Buy"], ["12:00:03", "–"], ["12:00:02", "Sell"]]


def test_how_venues_are_doing_is_fetched_again_when_one_changes(stage: Stage, page: Page) -> None:
    stage.html("/venues/", "<p>Live</p>")
    stage.body = """<div data-topic="venues:all">
      <div id="venues" data-refresh="venues" hx-get="/venues/" hx-trigger="live">before</div></div>"""
    page.goto(stage.url)
    expect(page.locator("#venues")).to_have_text("Live")  # every snapshot has it fetched
    stage.html("/venues/", "<p>Cannot be reached</p>")
    stage.say("venues:all", venues={"kraken": {"state": "DOWN"}})
    expect(page.locator("#venues")).to_have_text("Cannot be reached")
