"""The pages of strategies and their runs: three faces of one editor, refusals at their field, what only its owner sees."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from engine.strategy.templates import TEMPLATES
from markets.models import Instrument
from strategies.faces import faces_of
from strategies.models import RunState, Strategy, StrategyRun, StrategyVersion
from strategies.services.definitions import save_strategy
from strategies.services.runs import start_run
from tests.fixtures_desk import Desk, Working
from tests.fixtures_past import ema_cross

NEW = "strategies:new"
FORMULA = """
fast = parameter(3, 2, 50, "Fast period")
enter_long = crosses_above(close, ema(close, fast))
exit_long = crosses_below(close, ema(close, fast))
"""


@pytest.fixture
def btc(desk: Desk) -> Instrument:
    return desk.instrument()


@pytest.fixture
def version(alice: User, btc: Instrument) -> StrategyVersion:
    face = ema_cross(2, 3, share="0.125", stop_loss="0.05")
    return save_strategy(owner=alice, name="Crossing", instruments=[btc], timeframe="5m", face=face)


def entered(page: Any, **typed: Any) -> dict[str, Any]:
    """Return what a page's form would send as it stands, with what somebody typed into it."""
    form = page.context["form"]
    shown = {field.name: field.value() for field in form}
    shown["instrument"] = shown["instrument"] or form.fields["instrument"].queryset[0].pk  # what a browser shows first
    return {name: value for name, value in (shown | typed).items() if value not in (None, False, "")}


def as_formula(**typed: Any) -> dict[str, Any]:
    return {"face": "formula", "name": "Own", "timeframe": "5m", "formula": FORMULA, **typed}


def browser_of(user: User | None) -> Client:
    client = Client()
    if user is not None:
        client.force_login(user)
    return client


def test_the_first_visit_says_how_to_begin(alice: User) -> None:
    page = browser_of(alice).get(reverse("strategies:list"))
    assert page.status_code == 200
    assert b"No strategies yet" in page.content


def test_a_new_strategy_begins_with_a_choice_of_templates(alice: User) -> None:
    page = browser_of(alice).get(reverse(NEW)).content.decode()
    for name, template in TEMPLATES.items():
        assert f"?template={name}" in page
        assert template.label in page
    assert page.count("Suits ") == len(TEMPLATES)


def test_a_template_is_filled_in_per_cent_and_saved(alice: User, btc: Instrument) -> None:
    browser = browser_of(alice)
    page = browser.get(reverse(NEW), {"template": "ema_cross"})
    typed = entered(page, name="Crossing", parameter_fast="5", parameter_share="25", exits_stop_loss="2.5")
    answer = browser.post(reverse(NEW), typed)
    saved = StrategyVersion.objects.get()
    assert answer.headers["Location"] == reverse("strategies:detail", args=[saved.strategy_id])
    faces = faces_of(saved.graph)
    values = {"fast": 5, "slow": 26, "share": Decimal("0.25"), "stop_loss": Decimal("0.025")}
    assert (faces.template, dict(faces.values)) == ("ema_cross", values)
    assert (saved.instrument, saved.timeframe) == (btc, "5m")
    for address in (answer.headers["Location"], reverse("strategies:list")):
        assert b"Crossing" in browser.get(address).content


def test_saving_may_lead_straight_to_a_backtest(alice: User, btc: Instrument) -> None:
    answer = browser_of(alice).post(reverse(NEW), as_formula(instrument=str(btc.pk), then="backtest"))
    saved = StrategyVersion.objects.get()
    assert answer.headers["Location"] == reverse("strategies:try", args=[saved.pk])


@pytest.mark.parametrize("template", list(TEMPLATES))
def test_the_faces_turn_into_each_other_and_back(alice: User, btc: Instrument, template: str) -> None:
    browser = browser_of(alice)
    form = browser.get(reverse(NEW), {"template": template})
    graph = json.loads(form.context["form"]["base"].value())
    formula = browser.post(reverse(NEW), entered(form, show="formula"))
    assert faces_of(graph).formula == formula.context["form"]["formula"].value()
    as_json = browser.post(reverse(NEW), entered(formula, show="graph"))
    assert json.loads(as_json.context["form"]["graph"].value()) == graph
    again = browser.post(reverse(NEW), entered(as_json, show="form"))
    assert json.loads(again.context["form"]["base"].value()) == graph
    assert again.context["form"]["name"].value() == TEMPLATES[template].label
    assert Strategy.objects.count() == 0


def test_a_part_of_the_page_is_enough_for_another_face(alice: User, btc: Instrument) -> None:
    browser = browser_of(alice)
    part = {"HX-Target": "editor"}
    answer = browser.post(reverse(NEW), as_formula(show="form", name=""), headers=part)
    assert (answer.status_code, answer.templates[0].name) == (200, "strategies/_editor.html")
    assert answer.context["form"]["parameter_fast"].value() == 3
    refused = browser.post(reverse(NEW), as_formula(show="form", formula="enter_long = clse > 1"), headers=part)
    assert refused.status_code == 422
    assert list(refused.context["form"].errors) == ["formula"]


def test_an_edit_begins_with_what_is_there(alice: User, version: StrategyVersion) -> None:
    browser, address = browser_of(alice), reverse("strategies:edit", args=[version.strategy_id])
    page = browser.get(address)
    form = page.context["form"]
    assert (form["parameter_share"].value(), form["exits_stop_loss"].value()) == (12.5, 5)
    browser.post(address, entered(page, name="Renamed", parameter_share="25"))
    version.refresh_from_db()
    assert (version.strategy.name, version.number) == ("Renamed", 1)
    assert faces_of(version.graph).values["share"] == Decimal("0.25")


@pytest.mark.parametrize(
    ("wrong", "field", "message"),
    [
        ({"parameter_fast": "26"}, "parameter_fast", "Choose a fast period below the slow one."),
        ({"parameter_slow": "501"}, "parameter_slow", "Ensure this value is less than or equal to 500."),
        ({"parameter_share": "101"}, "parameter_share", "Ensure this value is less than or equal to 100."),
        ({"name": " "}, "name", "This field is required."),
        (
            {"instrument": "01890000-0000-7000-8000-000000000000"},
            "instrument",
            "Select a valid choice. That choice is not one of the available choices.",
        ),
    ],
)
def test_what_is_wrong_is_shown_at_its_field(
    alice: User, btc: Instrument, wrong: dict[str, str], field: str, message: str
) -> None:
    browser = browser_of(alice)
    form = browser.get(reverse(NEW), {"template": "ema_cross"})
    page = browser.post(reverse(NEW), entered(form, **wrong))
    assert (page.status_code, page.context["form"].errors) == (400, {field: [message]})
    assert Strategy.objects.count() == 0


@pytest.mark.parametrize(
    ("graph", "said"),
    [
        ("{", "This is not JSON"),
        ("[]", "A graph is a JSON object"),
        ('{"schema": 1, "nodes": []}', "outputs is missing."),
        ("[" * 5000, "This is not JSON"),
    ],
)
def test_json_that_is_no_graph_is_refused_in_words(alice: User, btc: Instrument, graph: str, said: str) -> None:
    typed = {"face": "graph", "name": "Own", "instrument": str(btc.pk), "timeframe": "5m", "graph": graph}
    page = browser_of(alice).post(reverse(NEW), typed)
    assert page.status_code == 400
    [errors] = page.context["form"].errors.values()
    assert errors[0].startswith(said)
    assert Strategy.objects.count() == 0


def test_a_formula_is_checked_as_it_is_typed(alice: User) -> None:
    browser, check = browser_of(alice), reverse("strategies:check")
    fine = browser.post(check, {"formula": FORMULA}).content.decode()
    assert "This is a whole strategy: enter long, exit long; 1 parameter to tune." in fine
    wrong = browser.post(check, {"formula": "enter_long = crosses_abov(close, 3)"}).content.decode()
    assert 'data-fault-line="1" data-fault-column="14"' in wrong
    assert "crosses_above" in wrong  # what would be right
    assert browser.post(check, {"formula": ""}).status_code == 200


def test_every_word_of_the_formula_is_explained(alice: User) -> None:
    page = browser_of(alice).get(reverse(NEW), {"face": "formula"})
    names = {word.name for group in page.context["vocabulary"] for word in group.words}
    assert {"enter_long", "stop_loss", "ema", "crosses_above", "parameter"} <= names
    assert all(word.doc for group in page.context["vocabulary"] for word in group.words)


def test_the_schema_of_graphs_is_published_to_everybody() -> None:
    answer = browser_of(None).get(reverse("strategies:schema"))
    assert answer.headers["Content-Type"] == "application/schema+json"
    assert answer.json()["title"] == "Slipstream strategy"


def test_a_run_is_started_watched_and_stopped(
    alice: User, desk: Desk, version: StrategyVersion, working: Working
) -> None:
    browser, portfolio = browser_of(alice), desk.portfolio(alice)
    start = reverse("strategies:start", args=[version.pk])
    assert b"Main" in browser.get(start).content
    answer = browser.post(start, {"portfolio": str(portfolio.pk)})
    run = StrategyRun.objects.get()
    assert answer.headers["Location"] == reverse("strategies:run", args=[run.pk])
    with working():
        desk.close_candles(version.instrument, [10, 10, 10, 12])
    address = answer.headers["Location"]
    page = browser.get(address)
    assert [one["cause"] for one in page.context["orders"]] == ["Strategy"]
    assert page.context["position"].quantity == Decimal("104.166")  # an eighth of 10,000 at 12
    for part, template in (("run-state", "strategies/_run_state.html"), ("run-orders", "trading/_orders.html")):
        answer = browser.get(address, headers={"HX-Target": part})
        assert answer.templates[0].name == template
    assert browser.post(reverse("strategies:stop", args=[run.pk])).headers["Location"] == address
    run.refresh_from_db()
    assert run.state == RunState.STOPPED
    assert b"Stopped by owner" in browser.get(address).content


def test_a_portfolio_that_does_not_fit_is_not_offered(alice: User, desk: Desk, version: StrategyVersion) -> None:
    elsewhere = Desk().portfolio(alice)
    start = reverse("strategies:start", args=[version.pk])
    assert b"No portfolio fits" in browser_of(alice).get(start).content
    page = browser_of(alice).post(start, {"portfolio": str(elsewhere.pk)})
    assert (page.status_code, list(page.context["form"].errors)) == (400, ["portfolio"])
    assert StrategyRun.objects.count() == 0


def test_everybody_else_finds_nothing(
    alice: User, bob: User, charlie: User, desk: Desk, version: StrategyVersion
) -> None:
    run = start_run(actor=alice, version=version, portfolio=desk.portfolio(alice))
    strategy = version.strategy_id
    pages = [("detail", strategy), ("edit", strategy), ("start", version.pk), ("run", run.pk)]
    for user in (bob, charlie):
        browser = browser_of(user)
        assert [browser.get(reverse(f"strategies:{name}", args=[key])).status_code for name, key in pages] == [404] * 4
        assert browser.post(reverse("strategies:edit", args=[strategy]), as_formula()).status_code == 404
        assert browser.post(reverse("strategies:stop", args=[run.pk])).status_code == 404
        assert b"Crossing" not in browser.get(reverse("strategies:list")).content
    nobody = browser_of(None)
    for name, key in [*pages, ("stop", run.pk)]:
        address = reverse(f"strategies:{name}", args=[key])
        answer = nobody.post(address) if name == "stop" else nobody.get(address)
        assert answer.headers["Location"] == f"{reverse('account_login')}?next={address}"
    run.refresh_from_db()
    version.refresh_from_db()
    assert (run.state, faces_of(version.graph).values["share"]) == (RunState.RUNNING, Decimal("0.125"))
