"""live.js: what a message writes, fetches and leaves alone; what happens when the connection goes."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.fixtures_stage import Stage

BOOK = "portfolio:0198"

_BOOK = f"""
<div data-topic="{BOOK}">
  <b id="equity" data-cell="equity">1,000.00</b>
  <b id="pnl" data-cell="pnl" data-sign="zero">0.00</b>
  <div data-key="position.btc"><b id="price" data-cell="price">100.00</b></div>
  <div data-topic="prices:sim"><b id="other" data-cell="equity">elsewhere</b></div>
</div>
"""
_ORDERS = f"""
<div data-topic="{BOOK}">
  <table><tbody id="orders" data-refresh="orders" hx-get="/orders/" hx-trigger="live">
    <tr id="order-1"><td>first</td></tr>
  </tbody></table>
  <p id="fills" data-refresh="fills" hx-get="/fills/" hx-trigger="live">no fill</p>
</div>
"""


# Counts what the page itself sends and hears, so that a test can wait until nothing is on its way.
_COUNT_FRAMES = """
globalThis.frames = { asked: 0, answered: 0 };
globalThis.WebSocket = class extends WebSocket {
  constructor(...words) {
    super(...words);
    this.addEventListener("message", (event) => {
      frames.answered += ["snapshot", "resumed", "pong"].includes(JSON.parse(event.data).type);
    });
  }
  send(text) {
    const { type, topics } = JSON.parse(text);
    // One answer for each topic; nobody answers an unsubscribe.
    frames.asked += { ping: 1, subscribe: topics?.length }[type] ?? 0;
    super.send(text);
  }
};
"""


def _open(stage: Stage, page: Page) -> None:
    page.goto(stage.url)
    expect(page.locator("[data-live-status]")).to_have_attribute("data-state", "live")


def _subscribed(stage: Stage) -> list[str]:
    return [topic for message in stage.heard if message["type"] == "subscribe" for topic in message["topics"]]


def test_the_snapshot_and_then_updates_are_written_into_the_cells(stage: Stage, page: Page) -> None:
    stage.body = _BOOK
    stage.snapshots[BOOK] = {"cells": {"equity": "1,010.00", "position.btc.price": "101.00"}}
    _open(stage, page)
    expect(page.locator("#equity")).to_have_text("1,010.00")
    expect(page.locator("#price")).to_have_text("101.00")
    stage.say(BOOK, cells={"equity": "1,009.50", "pnl": "−12.30", "position.btc.price": "102.00", "unknown": "1"})
    expect(page.locator("#equity")).to_have_text("1,009.50")
    expect(page.locator("#price")).to_have_text("102.00")
    expect(page.locator("#pnl")).to_have_text("−12.30")
    assert sorted(_subscribed(stage)) == [BOOK, "prices:sim"]


def test_an_update_shows_its_direction_and_sign_but_a_snapshot_does_not_flash(stage: Stage, page: Page) -> None:
    stage.body = _BOOK
    stage.snapshots[BOOK] = {"cells": {"equity": "1,010.00"}}
    _open(stage, page)
    expect(page.locator("#equity")).to_have_text("1,010.00")
    assert page.locator("#equity").get_attribute("data-flash") is None
    stage.say(BOOK, cells={"equity": "1,009.50", "pnl": "−12.30"})
    expect(page.locator("#equity")).to_have_attribute("data-flash", "down")
    expect(page.locator("#pnl")).to_have_attribute("data-sign", "neg")
    stage.say(BOOK, cells={"equity": "1,011.00", "pnl": "+0.10"})
    expect(page.locator("#equity")).to_have_attribute("data-flash", "up")
    expect(page.locator("#pnl")).to_have_attribute("data-sign", "pos")
    assert page.locator("#equity").get_attribute("data-sign") is None


def test_a_cell_hears_only_its_nearest_topic(stage: Stage, page: Page) -> None:
    stage.body = _BOOK
    _open(stage, page)
    stage.say(BOOK, cells={"equity": "2,000.00"})
    expect(page.locator("#equity")).to_have_text("2,000.00")
    expect(page.locator("#other")).to_have_text("elsewhere")
    stage.say("prices:sim", cells={"equity": "7"})
    expect(page.locator("#other")).to_have_text("7")
    expect(page.locator("#equity")).to_have_text("2,000.00")


def test_messages_of_one_moment_fetch_the_named_parts_once_and_mark_what_is_new(stage: Stage, page: Page) -> None:
    stage.body = _ORDERS
    stage.html("/orders/", '<tr id="order-1"><td>first</td></tr>')
    stage.html("/fills/", "no fill")
    with page.expect_response("**/orders/"), page.expect_response("**/fills/"):
        _open(stage, page)  # the snapshot has every part fetched: something may have come since the page was made
    page.wait_for_timeout(600)
    stage.html("/orders/", '<tr id="order-2"><td>second</td></tr><tr id="order-1"><td>first</td></tr>')
    for _ in range(5):
        stage.say(BOOK, refresh=["orders"])
    expect(page.locator("#order-2")).to_have_attribute("data-new", "")
    assert page.locator("#order-1").get_attribute("data-new") is None
    page.wait_for_timeout(700)
    assert (stage.times_asked("/orders/"), stage.times_asked("/fills/")) == (2, 1)


def test_a_part_that_could_not_be_fetched_is_asked_for_again_without_another_message(stage: Stage, page: Page) -> None:
    stage.body = _ORDERS
    stage.html("/orders/", '<tr id="order-1"><td>first</td></tr>')
    stage.html("/fills/", "no fill")
    with page.expect_response("**/fills/"):
        _open(stage, page)
    stage.parts["/orders/"], stage.parts["/fills/"] = (404, "text/plain", "gone"), (503, "text/plain", "away")
    with page.expect_response("**/orders/"), page.expect_response("**/fills/"):
        stage.say(BOOK, refresh=["orders", "fills"])
    stage.html("/fills/", "a fill")
    expect(page.locator("#fills")).to_have_text("a fill")
    # A refusal is not asked for again.
    page.wait_for_timeout(2_500)
    assert stage.times_asked("/orders/") == 2


def test_a_part_in_which_somebody_types_is_left_alone_until_they_are_done(stage: Stage, page: Page) -> None:
    stage.body = f"""<div data-topic="{BOOK}">
      <div data-refresh="orders" hx-get="/orders/" hx-trigger="live"><input id="note"></div></div>
      <button>away</button>"""
    stage.html("/orders/", '<input id="note">')
    page.goto(stage.url)
    page.wait_for_timeout(700)  # the first snapshot has it fetched again, whenever it comes
    page.locator("#note").fill("half a sen")
    stage.html("/orders/", "<i>fresh</i>")
    stage.say(BOOK, refresh=["orders"])
    page.wait_for_timeout(300)
    assert page.locator("#note").input_value() == "half a sen"
    page.get_by_role("button", name="away").focus()
    expect(page.locator("i")).to_have_text("fresh")


def test_after_a_lost_connection_the_page_repairs_itself(stage: Stage, page: Page) -> None:
    stage.body = _BOOK + _ORDERS
    stage.html("/orders/", '<tr id="order-1"><td>first</td></tr>')
    stage.html("/fills/", "no fill")
    _open(stage, page)
    page.wait_for_timeout(700)
    stage.snapshots[BOOK] = {"cells": {"equity": "900.00"}}
    stage.html("/fills/", "a fill while away")
    stage.refusal = 1012  # it stays away until that was seen
    stage.hang_up()
    expect(page.locator("[data-live-status]")).to_have_attribute("data-state", "reconnecting")
    expect(page.locator("[data-live-text]")).to_have_text("Reconnecting")
    stage.refusal = None
    expect(page.locator("#equity")).to_have_text("900.00")
    expect(page.locator("#fills")).to_have_text("a fill while away")
    expect(page.locator("[data-live-text]")).to_have_text("Live")
    assert sorted(_subscribed(stage)) == [BOOK, BOOK, "prices:sim", "prices:sim"]


def test_after_a_moment_away_the_page_goes_on_where_it_was(stage: Stage, page: Page) -> None:
    stage.body = _BOOK + _ORDERS
    stage.html("/orders/", '<tr id="order-1"><td>first</td></tr>')
    stage.html("/fills/", "no fill")
    _open(stage, page)
    page.wait_for_timeout(700)
    stage.say(BOOK, cells={"equity": "1,020.00"})
    expect(page.locator("#equity")).to_have_text("1,020.00")
    fetched, stage.snapshots[BOOK] = stage.times_asked("/fills/"), {"cells": {"equity": "never shown"}}
    stage.hang_up(1001)
    expect(page.locator("[data-live-status]")).to_have_attribute("data-state", "reconnecting")
    expect(page.locator("[data-live-text]")).to_have_text("Live")
    stage.say(BOOK, cells={"equity": "1,030.00"})
    expect(page.locator("#equity")).to_have_text("1,030.00")
    again = {"type": "subscribe", "topics": [BOOK, "prices:sim"], "stream": "one", "since": {BOOK: 1, "prices:sim": 0}}
    assert stage.heard[-1] == again
    assert stage.times_asked("/fills/") == fetched


def test_a_refused_page_does_not_knock_again(stage: Stage, page: Page) -> None:
    stage.body = _BOOK
    stage.refusal = 4401
    page.goto(stage.url)
    expect(page.locator("[data-live-status]")).to_have_attribute("data-state", "offline")
    page.wait_for_timeout(1500)
    assert stage.opened == 1


def test_silence_is_questioned_after_20_seconds_and_given_up_after_45(stage: Stage, page: Page) -> None:
    stage.body = _BOOK
    page.clock.install()
    page.add_init_script(_COUNT_FRAMES)
    _open(stage, page)

    def hear_answers() -> None:
        # The server answers in real time, however busy the machine; the page itself knows what it waits for.
        while stage.answers_pings and page.evaluate("frames.answered < frames.asked"):
            page.wait_for_timeout(20)

    def pass_seconds(seconds: int) -> None:
        for _ in range(seconds // 5):
            page.clock.run_for(5_000)
            hear_answers()

    def pings() -> int:
        return stage.heard.count({"type": "ping"})

    # Silence begins with the last snapshot; from here on the page's time is this test's alone.
    hear_answers()
    page.clock.pause_at(page.evaluate("Date.now() / 1_000") + 1)
    pass_seconds(15)
    assert pings() == 0
    pass_seconds(10)
    assert pings() == 1
    pass_seconds(100)
    assert (pings(), stage.opened) == (5, 1)
    stage.answers_pings = False
    pass_seconds(40)
    page.wait_for_timeout(250)  # a new socket would come in real time as well
    assert stage.opened == 1
    pass_seconds(35)
    for _ in range(100):
        if stage.opened == 1:
            page.wait_for_timeout(50)
    assert stage.opened == 2


def test_topics_come_and_go_with_what_htmx_brings(stage: Stage, page: Page) -> None:
    stage.body = f"""<button hx-get="/more/" hx-target="#room">more</button>
      <div id="room"><div data-topic="{BOOK}"></div></div>"""
    stage.html("/more/", '<div data-topic="listing:7"><b id="equity" data-cell="equity">1</b></div>')
    stage.snapshots["listing:7"] = {"cells": {"equity": "77.00"}}
    _open(stage, page)
    page.get_by_role("button", name="more").click()
    expect(page.locator("#equity")).to_have_text("77.00")
    assert stage.heard == [
        {"type": "subscribe", "topics": [BOOK]},
        {"type": "unsubscribe", "topics": [BOOK]},
        {"type": "subscribe", "topics": ["listing:7"]},
    ]


def test_a_page_without_topics_opens_no_socket(stage: Stage, page: Page) -> None:
    stage.body = "<p>Nothing live here.</p>"
    page.goto(stage.url)
    expect(page.locator("[data-live-status]")).to_have_attribute("data-state", "idle")
    assert stage.opened == 0
