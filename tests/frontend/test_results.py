"""curves.js, trades_chart.js, ui/levels.js: what a backtest's result is drawn from, and told in words."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect

from tests.fixtures_stage import Stage

START = 1_772_409_600  # 2 March 2026, 00:00 UTC
DAY = 86_400
CURVES: dict[str, Any] = {
    "unit": "money",
    "curves": [
        {"name": "Strategy", "points": [[START, 10_000], [START + DAY, 10_500], [START + 2 * DAY, 9_975]]},
        {"name": "Buy and hold", "points": [[START, 10_000], [START + DAY, 9_000], [START + 2 * DAY, 9_500]]},
    ],
    "drawdowns": [{"name": "Drawdown", "points": [[START, 0], [START + DAY, 0], [START + 2 * DAY, -0.05]]}],
}
PRICES: dict[str, Any] = {
    "first": START,
    "last": START + 300 * 100,
    "step": 1500,
    "finest": 300,
    "candles": [[START + 1500 * n, 100 + n, 103 + n, 98 + n, 101 + n] for n in range(20)],
    "markers": [
        [START, "long", 1, ""],
        [START + 3000, "won", 1, "Exit signal"],
        [START + 4500, "short", 2, ""],
        [START + 6000, "lost", 2, "Stop loss"],
    ],
}


def _figure(kind: str, url: str, more: str = "") -> str:
    return f"""<figure class="chart" {kind} data-url="{url}" data-label="Result" data-state="loading">
      <div class="chart-toolbar"><div class="chart-legend" data-chart-legend></div>
      <button type="button" data-show-all>Show all</button></div></figure>{more}"""


def test_curves_are_named_with_their_last_values_and_told_in_words(stage: Stage, page: Page) -> None:
    stage.json("/curves.json", CURVES)
    stage.body = _figure("data-curves", "/curves.json")
    page.goto(stage.url)
    expect(page.locator("[data-curves]")).to_have_attribute("data-state", "ready")
    expect(page.locator(".chart-legend")).to_have_text("Strategy 9,975.00Buy and hold 9,500.00Drawdown −5.00%")
    label = page.locator("[role=img]").get_attribute("aria-label") or ""
    assert label.startswith("Result. Strategy: from 10,000.00 to 9,975.00, lowest 9,975.00, highest 10,500.00. ")
    assert "Drawdown: from 0.00% to −5.00%, lowest −5.00%, highest 0.00%" in label


def test_curves_that_fail_say_so_and_can_be_tried_again(stage: Stage, page: Page) -> None:
    stage.parts["/curves.json"] = (500, "text/plain", "no")
    stage.body = _figure("data-curves", "/curves.json")
    page.goto(stage.url)
    expect(page.locator(".chart-message")).to_contain_text("The chart could not be loaded.")
    stage.json("/curves.json", CURVES)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("[data-curves]")).to_have_attribute("data-state", "ready")


def test_entries_are_counted_and_a_trade_is_shown_with_finer_candles(stage: Stage, page: Page) -> None:
    stage.json("/prices.json", PRICES)
    show = f'<button type="button" data-show-trade="{START + 4500},{START + 6000}">Show</button>'
    stage.body = _figure("data-trades-chart", "/prices.json", show)
    page.goto(stage.url)
    chart = page.locator("[data-trades-chart]")
    expect(chart).to_have_attribute("data-state", "ready")
    label = chart.locator("[role=img]").get_attribute("aria-label") or ""
    assert label == ("Result. From 2 Mar 2026, 00:00 to 2 Mar 2026, 07:55 UTC. Highest 122.00, lowest 98.00. 3 entries")
    stage.json("/prices.json", PRICES | {"step": 300})
    page.get_by_role("button", name="Show", exact=True).click()
    expect(chart).to_have_attribute("data-step", "300")
    assert stage.times_asked("/prices.json") == 2


def test_no_candles_are_said_in_words(stage: Stage, page: Page) -> None:
    stage.json("/prices.json", PRICES | {"candles": [], "markers": []})
    stage.body = _figure("data-trades-chart", "/prices.json")
    page.goto(stage.url)
    expect(page.locator(".chart-message")).to_have_text("No candles are left of this time.")


def test_bars_stand_as_high_as_their_level(stage: Stage, page: Page) -> None:
    stage.body = """<ul class="bars"><li><span class="bar" data-level="1.000"></span></li>
      <li data-sign="neg"><span class="bar" data-level="0.250"></span></li></ul>"""
    page.goto(stage.url)
    heights = page.eval_on_selector_all(".bar", "bars => bars.map(bar => bar.getBoundingClientRect().height)")
    assert heights[0] > 100
    assert abs(heights[1] / heights[0] - 0.25) < 0.01
