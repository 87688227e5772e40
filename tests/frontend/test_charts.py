"""charts.js: what is drawn from an answer, what a live message adds, what is said when there is nothing."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.fixtures_stage import Stage

BOOK = "portfolio:0198"
# Longer than a part rests between two fetches (live.js: REFRESH_AGAIN_AFTER_MS).
_SNAPSHOT_MS = 700
START = 1_772_452_800  # 2 March 2026, 12:00 UTC
CANDLES: dict[str, Any] = {
    "candles": [
        {"time": START, "open": "100", "high": "110", "low": "95", "close": "105"},
        {"time": START + 300, "open": "105", "high": "121", "low": "104", "close": "120"},
    ],
    "markers": [
        {"time": START, "side": "buy", "text": "0.5"},
        {"time": START + 300, "side": "sell", "text": "0.2"},
        {"time": START + 300, "side": "sell", "text": "0.3"},
    ],
}
POINTS: dict[str, Any] = {"points": [{"time": START, "value": "10000.00"}, {"time": START + 60, "value": "9000.00"}]}


def _chart(kind: str, url: str, inside: str = "") -> str:
    return f"""<div data-topic="{BOOK}">
      <figure class="chart" data-chart="{kind}" data-url="{url}" data-label="Equity of Main">{inside}</figure></div>"""


def _draw(stage: Stage, page: Page, body: str) -> Locator:
    stage.body = body
    page.goto(stage.url)
    return page.locator("[data-chart]")


def _summary(page: Page) -> list[list[str]]:
    rows: list[list[str]] = page.eval_on_selector_all(
        "[data-chart] tbody tr:has(th)", "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
    )
    return rows


def test_candles_are_drawn_and_told_in_words(stage: Stage, page: Page) -> None:
    stage.json("/candles.json", CANDLES)
    chart = _draw(stage, page, _chart("candles", "/candles.json"))
    expect(chart).to_have_attribute("data-state", "ready")
    assert _summary(page) == [
        ["From", "2 Mar 2026, 12:00 UTC"],
        ["To", "2 Mar 2026, 12:05 UTC"],
        ["First", "100.00"],
        ["Last", "120.00"],
        ["Highest", "121.00"],
        ["Lowest", "95.00"],
        ["Change", "+20.00%"],
        ["Trades", "1 bought, 2 sold"],
    ]
    expect(chart.locator(".chart-legend")).to_have_text("O 105.00H 121.00L 104.00C 120.00+14.29%")
    label = chart.locator("[role=img]").get_attribute("aria-label")
    assert label is not None
    assert label.startswith("Equity of Main. From: 2 Mar 2026, 12:00 UTC. ")


def test_the_canvas_brings_neither_styles_nor_a_logo_of_its_own(stage: Stage, page: Page) -> None:
    stage.json("/candles.json", CANDLES)
    chart = _draw(stage, page, _chart("candles", "/candles.json"))
    expect(chart).to_have_attribute("data-state", "ready")
    assert chart.locator("canvas").count() > 0
    assert page.locator("style, a[href*=tradingview]").count() == 0


def test_live_messages_move_the_last_candle_and_add_new_ones(stage: Stage, page: Page) -> None:
    stage.json("/candles.json", CANDLES)
    chart = _draw(stage, page, _chart("candles", "/candles.json"))
    expect(chart).to_have_attribute("data-state", "ready")
    moved = {"time": START + 300, "open": 105, "high": 121, "low": 84, "close": 84}
    stage.say(BOOK, series={"candle": moved})
    expect(chart.locator(".chart-legend")).to_have_text("O 105.00H 121.00L 84.00C 84.00−20.00%")
    added = {"time": START + 600, "open": 84, "high": 90, "low": 84, "close": 84}
    stage.say(BOOK, series={"candle": [moved, added]})
    expect(chart.locator(".chart-legend")).to_have_text("O 84.00H 90.00L 84.00C 84.000.00%")
    stage.say(BOOK, series={"candle": {**moved, "time": START}})  # older than the newest: too late to tell
    stage.say("portfolio:other", series={"candle": {**added, "close": 1}})
    page.wait_for_timeout(200)
    expect(chart.locator(".chart-legend")).to_have_text("O 84.00H 90.00L 84.00C 84.000.00%")


def test_an_empty_curve_says_so_and_begins_with_its_first_live_point(stage: Stage, page: Page) -> None:
    stage.json("/points.json", {"points": []})
    chart = _draw(stage, page, _chart("equity", "/points.json"))
    expect(chart.locator(".chart-message")).to_have_text("No history yet. It starts with the first snapshot.")
    expect(chart).to_have_attribute("data-state", "empty")
    stage.say(BOOK, series={"equity": {"time": START, "value": "10000.00"}})
    expect(chart).to_have_attribute("data-state", "ready")
    expect(chart.locator(".chart-message")).to_have_text("")
    expect(chart.locator(".chart-legend")).to_have_text("10,000.000.00%")


def test_a_chart_that_fails_offers_another_try(stage: Stage, page: Page) -> None:
    stage.parts["/points.json"] = (500, "text/plain", "broken")
    chart = _draw(stage, page, _chart("equity", "/points.json"))
    expect(chart.locator(".chart-message p")).to_have_text("The chart could not be loaded.")
    stage.json("/points.json", POINTS)
    chart.get_by_role("button", name="Try again").click()
    expect(chart.locator(".chart-legend")).to_have_text("9,000.00−10.00%")


def test_a_range_button_shows_another_address(stage: Stage, page: Page) -> None:
    stage.json("/day.json", POINTS)
    stage.json("/all.json", {"points": [{"time": START, "value": 1}, {"time": START + 60, "value": 1.5}]})
    buttons = """<button data-chart-url="/day.json" aria-pressed="true">1D</button>
      <button data-chart-url="/all.json" aria-pressed="false">All</button>"""
    chart = _draw(stage, page, _chart("equity", "/day.json", buttons))
    expect(chart.locator(".chart-legend")).to_have_text("9,000.00−10.00%")
    chart.get_by_role("button", name="All").click()
    expect(chart.locator(".chart-legend")).to_have_text("1.5000+50.00%")
    expect(chart.get_by_role("button", name="All")).to_have_attribute("aria-pressed", "true")
    expect(chart.get_by_role("button", name="1D")).to_have_attribute("aria-pressed", "false")


def test_a_chart_that_htmx_brings_is_drawn(stage: Stage, page: Page) -> None:
    stage.json("/points.json", POINTS)
    stage.html("/part/", _chart("equity", "/points.json"))
    chart = _draw(stage, page, '<button hx-get="/part/" hx-target="#room">show</button><div id="room"></div>')
    page.get_by_role("button", name="show").click()
    expect(chart).to_have_attribute("data-state", "ready")


def test_new_trades_are_fetched_when_their_part_is_told_to_refresh(stage: Stage, page: Page) -> None:
    stage.json("/candles.json", CANDLES)
    chart = """<figure class="chart" data-chart="candles" data-url="/candles.json" data-label="Price"></figure>"""
    drawn = _draw(stage, page, f'<div data-topic="{BOOK}"><div data-refresh="fills">{chart}</div></div>')
    expect(drawn).to_have_attribute("data-state", "ready")
    # The snapshot has the part fetched as well: what is counted below begins after it.
    expect(page.locator("[data-live-status]")).to_have_attribute("data-state", "live")
    page.wait_for_timeout(_SNAPSHOT_MS)
    bought = {"time": START + 300, "side": "buy", "text": "0.1"}
    fallen = [{"time": START, "open": "1", "high": "1", "low": "1", "close": "1"}]
    stage.json("/candles.json", {"candles": fallen, "markers": [*CANDLES["markers"], bought]})
    stage.say(BOOK, refresh=["fills"])
    expect(drawn.locator("tbody tr:last-child")).to_have_text("Trades2 bought, 2 sold")
    # Only the trades: the picture stays as it was.
    assert _summary(page)[3] == ["Last", "120.00"]
    stage.say(BOOK, refresh=["orders"])
    asked = stage.times_asked("/candles.json")
    page.wait_for_timeout(800)
    assert stage.times_asked("/candles.json") == asked
