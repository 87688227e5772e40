"""What happens while a page is open is said at once, and what happened before is not."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.fixtures_stage import Stage


def _news(*titles: str) -> list[dict[str, str]]:
    return [{"title": title} for title in titles]


def test_a_notification_that_comes_is_a_toast_and_a_snapshot_is_not(page: Page, stage: Stage) -> None:
    stage.body = '<div data-topic="user:1"><b data-cell="unread">0</b></div><div data-topic="other:1"></div>'
    stage.snapshots["user:1"] = {"cells": {"unread": "1"}, "notifications": _news("From yesterday")}
    page.goto(stage.url)
    expect(page.locator("[data-cell=unread]")).to_have_text("1")
    stage.say("other:1", notifications=_news("Not for me"))
    stage.say("user:1", cells={"unread": "2"}, notifications=_news("BTC-USDT rose to <b>64,000</b>"))
    toasts = page.locator("#toasts .toast")
    expect(toasts).to_have_text(["BTC-USDT rose to <b>64,000</b>"])
    expect(toasts).to_have_attribute("role", "status")
    # A burst is left to the bell, and what was read elsewhere says nothing.
    stage.say("user:1", cells={"unread": "5"}, notifications=_news("One", "Two", "Three"))
    stage.say("user:1", cells={"unread": "0"}, notifications=[])
    expect(page.locator("[data-cell=unread]")).to_have_text("0")
    expect(toasts).to_have_count(1)
