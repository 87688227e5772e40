"""chart_overlays.js: volumes and indicators beside candles, chosen by buttons and remembered in the page's address."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.fixtures_stage import Stage

START = 1_772_452_800  # 2 March 2026, 12:00 UTC
TOPIC = "candles:0198"
_ROWS = [
    {"time": START, "open": 100, "high": 110, "low": 95, "close": 105},
    {"time": START + 300, "open": 105, "high": 121, "low": 104, "close": 120},
]
_PLAIN: dict[str, Any] = {"candles": _ROWS, "volumes": [[START, 5], [START + 300, 7]], "indicators": []}
_SMA = {"key": "sma", "label": "SMA 20", "pane": "price", "lines": [{"label": "", "kind": "line", "points": []}]}
_MACD = {
    "key": "macd",
    "label": "MACD 12, 26, 9",
    "pane": "own",
    "lines": [
        {"label": "line", "kind": "line", "points": [[START, 1.5], [START + 300, -2.25]]},
        {"label": "signal", "kind": "line", "points": [[START + 300, 0.5]]},
        {"label": "histogram", "kind": "histogram", "points": [[START + 300, 1]]},
    ],
}


def _buttons(*pressed: str) -> str:
    one = '<button data-chart-indicator="{0}" aria-pressed="{1}">{0}</button>'
    return "".join(one.format(key, str(key in pressed).lower()) for key in ("sma", "macd"))


def _draw(stage: Stage, page: Page, answer: dict[str, Any], *pressed: str) -> Locator:
    stage.json("/candles.json", answer)
    stage.body = f"""<figure class="chart" data-chart="candles" data-url="/candles.json" data-label="Price" data-topic="{TOPIC}"
      data-extras data-series="5m">{_buttons(*pressed)}<button data-chart-url="/candles.json" data-chart-series="1h">1h</button>
      </figure>"""
    page.goto(stage.url)
    chart = page.locator("[data-chart]")
    expect(chart).to_have_attribute("data-state", "ready")
    return chart


def _facts(page: Page) -> dict[str, str]:
    rows = page.eval_on_selector_all(
        "[data-chart] tbody tr:has(th)", "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
    )
    return dict(rows)


def test_what_is_pressed_is_asked_for_and_told_in_words(stage: Stage, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(stage.url)))
    chart = _draw(stage, page, {**_PLAIN, "indicators": [_MACD]}, "macd")
    assert "/candles.json?indicators=macd" in asked
    expect(chart.locator(".chart-legend")).to_contain_text("MACD 12, 26, 9 −2.25 0.5 1")
    assert _facts(page)["MACD 12, 26, 9"] == "−2.25 0.5 1"
    sma = {**_SMA, "lines": [{"label": "", "kind": "line", "points": [[START + 300, 112.5]]}]}
    stage.json("/candles.json", {**_PLAIN, "indicators": [sma, _MACD]})
    chart.get_by_role("button", name="sma").click()
    expect(chart.locator(".chart-legend")).to_contain_text("SMA 20 112.50")
    assert "/candles.json?indicators=sma,macd" in asked
    assert page.url == f"{stage.url}/?indicators=sma%2Cmacd"
    stage.json("/candles.json", _PLAIN)
    chart.get_by_role("button", name="sma").click()
    chart.get_by_role("button", name="macd").click()
    expect(chart.locator(".chart-legend")).not_to_contain_text("MACD")
    chart.get_by_role("button", name="1h").click()
    expect(chart).to_have_attribute("data-state", "ready")
    assert page.url == f"{stage.url}/?timeframe=1h"


def test_a_candle_that_closes_brings_what_is_made_of_it(stage: Stage, page: Page) -> None:
    chart = _draw(stage, page, {**_PLAIN, "indicators": [_MACD]}, "macd")
    moved = [{"label": "line", "kind": "line", "points": [[START + 300, 9.5]]}, *_MACD["lines"][1:]]
    stage.json("/candles.json", {**_PLAIN, "indicators": [{**_MACD, "lines": moved}]})
    forming = {"time": START + 300, "open": 105, "high": 121, "low": 104, "close": 119, "volume": 8}
    stage.say(TOPIC, series={"5m": forming})
    expect(chart.locator(".chart-legend")).to_contain_text("C 119.00")
    expect(chart.locator(".chart-legend")).to_contain_text("−2.25 0.5 1")
    stage.say(TOPIC, series={"5m": {**forming, "time": START + 600, "volume": 1}})
    expect(chart.locator(".chart-legend")).to_contain_text("MACD 12, 26, 9 9.5 0.5 1", timeout=15_000)
