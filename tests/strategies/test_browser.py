"""Somebody who cannot program, in a real browser: from "New strategy" to a result that says what it is worth."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from accounts.services import create_person
from strategies.models import Backtest, StrategyVersion
from strategies.selectors import sweeps_of
from strategies.services.backtests import run_backtest_job
from strategies.services.sweeps import Search, request_sweep, run_chunk_job
from tests.fixtures_desk import Desk
from tests.fixtures_past import CROSSING, Past


@pytest.fixture
def author(transactional_db: None) -> User:
    return create_person(email="author@example.org", password="correct horse")


@pytest.fixture
def desktop(page: Page, live_server: LiveServer, author: User) -> Iterator[Page]:
    """The author's browser, in which no script may fail and nothing may offend the policy."""
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: heard.append(str(error)))
    client = Client()
    client.force_login(author)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}])
    yield page
    page.close()
    # There is no socket server in this test: live updates are tested elsewhere.
    assert [one for one in heard if "WebSocket" not in one and "/ws/" not in one] == []


def test_from_a_template_to_a_trusted_result(desktop: Page, live_server: LiveServer, author: User) -> None:
    Past(Desk(), count=3000)
    desktop.goto(f"{live_server.url}/strategies/")
    desktop.get_by_role("link", name="New strategy").first.click()
    desktop.get_by_role("link", name="EMA crossover").click()
    desktop.get_by_label("Name").fill("My first")
    desktop.get_by_label("Fast period").fill("5")
    # A look at the same thing as a formula; a slip is marked where it is, and mended.
    desktop.get_by_role("button", name="Formula").click()
    formula = desktop.get_by_label("Formula", exact=True)
    expect(formula).to_have_value(re.compile(r'fast = parameter\(5, 2, 500, "Fast period"\)'))
    text = formula.input_value()
    formula.fill(text.replace("crosses_above", "crosses_abov"))
    expect(desktop.locator(".code-backdrop mark")).to_have_text("crosses_abov")
    expect(desktop.locator("#check")).to_contain_text("crosses_above")
    formula.fill(text)
    expect(desktop.locator("#check")).to_contain_text("This is a whole strategy")
    desktop.get_by_role("button", name="Form", exact=True).click()
    expect(desktop.get_by_label("Fast period")).to_have_value("5")
    desktop.get_by_role("button", name="Save and backtest").click()
    expect(desktop.get_by_text("about 3,000 candles of 5m")).to_be_visible()
    desktop.get_by_label("All there is").check()
    desktop.get_by_role("button", name="Run backtest").click()
    expect(desktop.locator("#backtest")).to_contain_text("You may leave this page")
    run_backtest_job(backtest_id=Backtest.objects.get().pk)
    # The waiting page turns into the result by itself.
    expect(desktop.locator("#backtest")).to_have_attribute("data-state", "DONE")
    verdict = Backtest.objects.get().result.summary["verdict"]
    expect(desktop.get_by_role("heading", name=verdict["headline"])).to_be_visible()
    expect(desktop.locator("[data-curves]")).to_have_attribute("data-state", "ready")
    expect(desktop.locator("[data-trades-chart]")).to_have_attribute("data-state", "ready")
    sharpe = desktop.locator("[aria-describedby=about-sharpe_ratio]")
    sharpe.focus()
    expect(desktop.locator("#about-sharpe_ratio")).to_be_visible()
    desktop.locator("#filter-result").select_option("won")
    expect(desktop.locator("#trade-table tbody [data-sign=neg]")).to_have_count(0)
    desktop.get_by_role("button", name="Show trade").first.click()
    expect(desktop.locator("[data-trades-chart]")).to_have_attribute("data-step", "300")
    saved = StrategyVersion.objects.get()
    assert (saved.strategy.name, saved.graph["parameters"][0]["value"]) == ("My first", 5)


def test_a_sweep_s_page_fits_a_phone_and_can_be_forgotten(desktop: Page, live_server: LiveServer, author: User) -> None:
    past = Past(Desk(), count=3000)
    grid = {"fast": [3, 4], "slow": list(range(10, 40, 2))}
    sweep = request_sweep(owner=author, terms=past.terms(), face=CROSSING, search=Search(grid=grid))
    run_chunk_job(chunk_id=sweep.chunks.get().pk)
    desktop.set_viewport_size({"width": 390, "height": 844})
    desktop.goto(f"{live_server.url}/strategies/sweeps/{sweep.pk}/?across=slow&down=fast&measure=profit_factor")
    expect(desktop.locator(".heatmap td")).to_have_count(30)
    # The heat map scrolls within itself.
    assert desktop.evaluate("document.documentElement.scrollWidth") == 390
    desktop.get_by_role("button", name="Forget this sweep").click()
    desktop.get_by_role("dialog").get_by_role("button", name="Forget").click()
    expect(desktop.get_by_text("The sweep is forgotten.")).to_be_visible()
    assert sweeps_of(author).count() == 0
