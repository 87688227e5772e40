"""src/ui: theme, questions before acts, forms that cannot be sent twice, toasts, menus, ended sessions."""

from __future__ import annotations

from playwright.sync_api import Page, Route, expect

from tests.fixtures_stage import Stage

_THEMES = """
<button type="button" data-theme-set="system">system</button>
<button type="button" data-theme-set="dark">dark</button>
"""
_GROUND = "getComputedStyle(document.documentElement).backgroundColor"
_LIGHT, _DARK = "rgb(246, 247, 249)", "rgb(11, 13, 17)"


def test_a_chosen_theme_is_kept_and_the_system_decides_otherwise(stage: Stage, page: Page) -> None:
    stage.body = _THEMES
    page.emulate_media(color_scheme="light")
    page.goto(stage.url)
    assert page.evaluate(_GROUND) == _LIGHT
    page.get_by_role("button", name="dark").click()
    assert page.evaluate(_GROUND) == _DARK
    page.reload()
    assert page.evaluate(_GROUND) == _DARK
    expect(page.get_by_role("button", name="dark")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="system").click()
    assert page.evaluate(_GROUND) == _LIGHT
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(_GROUND) == _DARK


def test_the_theme_is_set_before_the_first_paint(stage: Stage, page: Page) -> None:
    stage.body = _THEMES
    page.add_init_script("localStorage.setItem('theme', 'dark')")
    # Deferred scripts run after parsing; what the parser sees at the end of the body was there before them.
    page.add_init_script(
        "new MutationObserver(() => { if (document.querySelector('main')) window.seen ??= "
        "document.documentElement.dataset.theme }).observe(document, {childList: true, subtree: true})"
    )
    page.goto(stage.url)
    assert page.evaluate("window.seen") == "dark"


def test_a_question_stands_before_the_act(stage: Stage, page: Page) -> None:
    stage.body = """<form action="/stop/" method="post">
      <button name="how" value="now" data-confirm="Stop following?" data-confirm-label="Stop">Stop</button></form>"""
    stage.html("/stop/", "stopped")
    page.goto(stage.url)
    page.get_by_role("button", name="Stop").click()
    dialog = page.get_by_role("dialog", name="Are you sure?")
    expect(dialog.locator("[data-confirm-text]")).to_have_text("Stop following?")
    dialog.get_by_role("button", name="Go back").click()
    expect(dialog).to_be_hidden()
    assert stage.times_asked("/stop/") == 0
    page.get_by_role("button", name="Stop").click()
    with page.expect_request("**/stop/") as request:
        dialog.get_by_role("button", name="Stop").click()
    assert request.value.post_data == "how=now"
    expect(page.locator("body")).to_have_text("stopped")
    assert stage.times_asked("/stop/") == 1


def test_htmx_asks_in_the_same_dialog(stage: Stage, page: Page) -> None:
    stage.body = """<button hx-post="/pause/" hx-confirm="Pause it?" hx-target="#state">Pause</button>
      <p id="state">running</p>"""
    stage.html("/pause/", "paused")
    page.goto(stage.url)
    page.get_by_role("button", name="Pause").click()
    page.keyboard.press("Escape")
    expect(page.locator("#state")).to_have_text("running")
    assert stage.times_asked("/pause/") == 0
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("#state")).to_have_text("paused")


def test_a_form_is_sent_once_however_often_its_button_is_pressed(stage: Stage, page: Page) -> None:
    stage.body = '<form hx-post="/order/" hx-target="#answer"><button>Buy</button></form><p id="answer"></p>'
    stage.html("/order/", "bought")
    waiting: list[Route] = []

    def hold(route: Route) -> None:
        waiting.append(route)  # answered only when both clicks have been

    page.route("**/order/", hold)
    page.goto(stage.url)
    page.eval_on_selector("button", "button => { button.click(); setTimeout(() => button.click()) }")
    expect(page.get_by_role("button", name="Buy")).to_be_disabled()
    while not waiting:  # the button is held before the request is out
        page.wait_for_timeout(20)
    for route in waiting:
        route.continue_()
    expect(page.locator("#answer")).to_have_text("bought")
    expect(page.get_by_role("button", name="Buy")).to_be_enabled()
    assert stage.times_asked("/order/") == 1


def test_an_answer_that_overtakes_the_holding_leaves_the_form_usable(stage: Stage, page: Page) -> None:
    stage.body = '<form hx-post="/order/" hx-swap="none"><button>Buy</button></form>'
    page.route("**/order/", lambda route: None)  # no other answer comes and releases it
    page.goto(stage.url)
    answered = "new CustomEvent('htmx:afterRequest', {bubbles: true, detail: {}})"
    page.eval_on_selector("form", f"form => {{ form.requestSubmit(); form.dispatchEvent({answered}) }}")
    page.wait_for_timeout(50)
    expect(page.get_by_role("button", name="Buy")).to_be_enabled(timeout=1)


def test_a_refusal_and_a_response_header_make_toasts(stage: Stage, page: Page) -> None:
    stage.body = '<button hx-post="/no/">no</button><button hx-post="/yes/">yes</button>'
    stage.parts["/no/"] = (409, "application/problem+json", '{"detail": "Trading is halted."}')
    trigger = {"HX-Trigger": '{"toast": {"message": "Deposited.", "level": "success"}}'}
    stage.parts["/yes/"] = (204, "text/html", "", trigger)
    page.goto(stage.url)
    with page.expect_request("**/no/") as request:
        page.get_by_role("button", name="no").click()
    assert request.value.headers["accept"] == "text/html, application/json;q=0.5"
    expect(page.get_by_role("alert")).to_contain_text("Trading is halted.")
    page.get_by_role("button", name="yes").click()
    expect(page.locator(".toast[data-level=success]")).to_contain_text("Deposited.")
    page.get_by_role("alert").get_by_role("button", name="Dismiss").click()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_part_that_answers_with_the_log_in_page_sends_the_whole_page_there(stage: Stage, page: Page) -> None:
    stage.body = '<button hx-get="/orders/" hx-target="#room">orders</button><div id="room"></div>'
    stage.parts["/orders/"] = (302, "text/html", "", {"Location": "/log-in/?next=/orders/"})
    stage.html("/log-in/", "<h1>Log in</h1>")
    page.goto(f"{stage.url}/")
    page.get_by_role("button", name="orders").click()
    page.wait_for_url("**/log-in/?next=%2F")


def test_menus_close_on_escape_and_elsewhere(stage: Stage, page: Page) -> None:
    stage.body = """<details class="menu"><summary>More</summary>
      <div class="menu-panel"><button class="menu-item">Edit</button></div></details><p>elsewhere</p>"""
    page.goto(stage.url)
    menu, edit = page.locator("details.menu"), page.get_by_role("button", name="Edit")
    page.locator("summary").click()
    expect(edit).to_be_visible()
    page.keyboard.press("Escape")
    expect(edit).to_be_hidden()
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    page.locator("summary").click()
    page.get_by_text("elsewhere").click()
    expect(menu).not_to_have_attribute("open", "")


def test_a_row_leads_where_it_says_except_through_its_own_buttons(stage: Stage, page: Page) -> None:
    stage.body = """<table><tr data-href="/order/7/"><td>BTC-USDT</td>
      <td><button type="button">Cancel</button></td></tr></table>"""
    stage.html("/order/7/", "order 7")
    page.goto(stage.url)
    page.get_by_role("button", name="Cancel").click()
    assert stage.times_asked("/order/7/") == 0
    page.get_by_text("BTC-USDT").click()
    expect(page.locator("body")).to_have_text("order 7")


def test_a_value_is_copied(stage: Stage, page: Page) -> None:
    stage.body = '{% include "components/copy.html" with value="0198a3f2" label="the id" only %}'
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(stage.url)
    page.get_by_role("button", name="Copy the id").click()
    expect(page.locator("[data-copied]")).to_have_count(1)
    assert page.evaluate("navigator.clipboard.readText()") == "0198a3f2"
