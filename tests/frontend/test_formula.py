"""ui/formula.js: line numbers, the mark at a fault, words that are searched and inserted."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.fixtures_stage import Stage

FORMULA = "fast = 12\nenter_long = crosses_abov(close, 3)"
BODY = f"""
<div class="code" data-code hx-post="/check" hx-trigger="input changed delay:50ms from:find textarea" hx-target="#check">
  <textarea aria-label="Formula">{FORMULA}</textarea></div>
<div id="check"></div>
<input type="search" aria-label="Search" data-filter="words">
<div id="words">
  <details data-filter-group><summary>Averages</summary>
    <div data-filtered="ema exponential average"><button type="button" data-insert="ema(close, 12)">Insert ema</button></div></details>
  <details data-filter-group><summary>Volume</summary>
    <div data-filtered="obv volume"><button type="button" data-insert="obv()">Insert obv</button></div></details>
  <p data-filter-none hidden>No word like this.</p>
</div>"""
FAULT = """<div data-fault-line="2" data-fault-column="14"><p>There is no crosses_abov.</p>
  <button type="button" data-go-line="2" data-go-column="14">Line 2, column 14</button></div>"""


@pytest.fixture
def editor(stage: Stage, page: Page) -> Page:
    stage.body = BODY
    stage.html("/check", FAULT)
    page.goto(stage.url)
    return page


def test_lines_are_numbered_as_they_are_typed(editor: Page) -> None:
    expect(editor.locator(".code-gutter span")).to_have_text(["1", "2"])
    editor.get_by_label("Formula").press("Control+End")
    editor.get_by_label("Formula").press("Enter")
    expect(editor.locator(".code-gutter span")).to_have_text(["1", "2", "3"])


def test_a_fault_is_marked_at_its_word_until_something_is_typed(editor: Page, stage: Stage) -> None:
    area = editor.get_by_label("Formula")
    area.press("Control+End")
    area.type(" ")
    expect(editor.locator(".code-backdrop mark")).to_have_text("crosses_abov")
    expect(editor.locator(".code-gutter [data-faulty]")).to_have_text("2")
    # The field lies above the mark, which would hide the word.
    box = editor.locator(".code-backdrop mark").bounding_box()
    assert box is not None
    on_top = editor.evaluate("([x, y]) => document.elementFromPoint(x, y).tagName", [box["x"] + 4, box["y"] + 4])
    assert on_top == "TEXTAREA"
    assert area.evaluate("area => getComputedStyle(area).zIndex") == "1"
    editor.get_by_role("button", name="Line 2, column 14").click()
    chosen = area.evaluate("area => area.value.slice(area.selectionStart, area.selectionEnd)")
    assert chosen == "crosses_abov"
    stage.html("/check", "<p>fine</p>")
    area.type("crosses_above")
    expect(editor.locator(".code-backdrop mark")).to_have_count(0)
    expect(editor.locator("#check")).to_have_text("fine")
    assert area.input_value().startswith("fast = 12\nenter_long = crosses_above(close, 3)")


def test_words_are_found_and_inserted_at_the_caret(editor: Page) -> None:
    editor.get_by_label("Search").fill("volu")
    expect(editor.get_by_role("button", name="Insert obv")).to_be_visible()
    expect(editor.get_by_text("Averages")).to_be_hidden()
    area = editor.get_by_label("Formula")
    area.evaluate("area => area.setSelectionRange(7, 9)")
    editor.get_by_role("button", name="Insert obv").click()
    expect(area).to_have_value(FORMULA.replace("12", "obv()"))
    expect(area).to_be_focused()


def test_a_search_without_result_says_so(editor: Page) -> None:
    editor.get_by_label("Search").fill("nothing of it")
    expect(editor.get_by_text("No word like this.")).to_be_visible()
