"""The pages of plans: a form per kind with its preview, the list, one plan as it goes on, and what its owner presses."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from engine.plans.kinds import SETTINGS as ALL_SETTINGS
from engine.plans.kinds import PlanKind, Unit
from tests.fixtures_wishes import SETTINGS, Planning
from trading.plans.models import Plan

K = PlanKind
SCALES = {Unit.SECONDS: 60, Unit.BPS: 100}


@pytest.fixture
def browser(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def typed(planning: Planning, kind: PlanKind, **changes: Any) -> dict[str, str]:
    """Return a kind's settings as somebody types them: minutes, per cent, a moment."""
    settings = SETTINGS[kind] | changes
    found = {"instrument": str(planning.pit.instrument.pk), "key": "once"}
    for one in ALL_SETTINGS[kind]:
        if one.name in settings:
            value = settings[one.name]
            scale = SCALES.get(one.unit)
            found[one.name] = str(Decimal(value) / scale) if scale else str(value)
    if kind == K.SCHEDULED:
        found["at"] = "2026-03-02T12:15"
    return found


@pytest.mark.parametrize("kind", K)
def test_a_form_begins_the_plan_that_it_previews(planning: Planning, browser: Client, kind: PlanKind) -> None:
    page = f"/portfolios/{planning.pit.lead.pk}/plans"
    empty = browser.get(f"{page}/new/{kind.lower()}/")
    assert (empty.status_code, list(empty.context["form"].errors)) == (200, [])
    seen = browser.get(f"{page}/preview/{kind.lower()}/", typed(planning, kind))
    assert seen.context["seen"].steps
    assert Plan.objects.count() == 0
    with planning.pit.working():
        answer = browser.post(f"{page}/new/{kind.lower()}/", typed(planning, kind))
    plan = Plan.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/plans/{plan.pk}/")
    assert {name: Decimal(value) for name, value in plan.settings.items() if name != "side"} == {
        name: Decimal(value) for name, value in SETTINGS[kind].items() if name != "side"
    }
    planning.settle()
    shown = browser.get(f"/plans/{plan.pk}/")
    assert shown.context["standing"].plan == planning.again(plan)
    # Every setting has a name and a figure.
    assert len(shown.context["settings"]) == len(plan.settings)
    assert (plan.key, browser.get(f"{page}/").context["rows"][0][0].plan) == ("once", plan)


def test_a_preview_says_what_is_wrong_and_nothing_of_an_empty_form(planning: Planning, browser: Client) -> None:
    page = f"/portfolios/{planning.pit.lead.pk}/plans/preview/grid/"
    assert b"what it would do stands here" in browser.get(page).content
    wrong = browser.get(page, typed(planning, K.GRID, lower="120"))
    assert wrong.context["refusal"] == "The lower price must be above 0 and below the upper one."


@pytest.mark.parametrize(
    ("kind", "changes", "field"),
    [
        (K.GRID, {"lower": "120"}, "lower"),
        (K.GRID, {"quantity": "30"}, "quantity"),
        (K.MARTINGALE, {"most_spent": "99"}, "most_spent"),
        (K.MARTINGALE, {"step_bps": "0"}, "step_bps"),
        (K.DCA, {"amount": "20000"}, "amount"),
        (K.DCA, {"interval_seconds": "59"}, "interval_seconds"),
        (K.TWAP, {"side": "SELL"}, "quantity"),
        (K.ICEBERG, {"visible": "9"}, "visible"),
    ],
)
def test_what_is_refused_stands_at_its_field(
    planning: Planning, browser: Client, kind: PlanKind, changes: dict[str, str], field: str
) -> None:
    page = f"/portfolios/{planning.pit.lead.pk}/plans/new/{kind.lower()}/"
    answer = browser.post(page, typed(planning, kind, **changes))
    assert (answer.status_code, list(answer.context["form"].errors), Plan.objects.count()) == (400, [field], 0)


def test_a_plan_is_paused_resumed_and_stopped_on_its_page(planning: Planning, browser: Client) -> None:
    plan = planning.begin(K.GRID)
    panel = browser.get(f"/plans/{plan.pk}/panel/").content
    assert b"0 sold at a gain" in panel and b"/pause/" in panel
    for act, body, state in (
        ("pause", {}, "PAUSED"),
        ("resume", {}, "RUNNING"),
        ("stop", {"mode": "CLOSE"}, "CANCELED"),
    ):
        with planning.pit.working():
            assert browser.post(f"/plans/{plan.pk}/{act}/", body).status_code == 302
        planning.settle()
        assert planning.again(plan).state == state
    assert planning.told(plan)[2] == "0"
    panel = browser.get(f"/plans/{plan.pk}/panel/").content
    assert b"Stopped by its owner." in panel and b"/pause/" not in panel


def test_a_stop_without_a_choice_is_refused(planning: Planning, browser: Client) -> None:
    plan = planning.begin(K.DCA)
    assert browser.post(f"/plans/{plan.pk}/stop/", {"mode": "ODD"}).status_code == 400
    assert planning.again(plan).state == "RUNNING"


def test_an_unknown_kind_is_nowhere(planning: Planning, browser: Client) -> None:
    for name in ("new", "preview"):
        assert browser.get(f"/portfolios/{planning.pit.lead.pk}/plans/{name}/odd/").status_code == 404


def test_a_portfolios_page_leads_to_every_kind(planning: Planning, browser: Client) -> None:
    page = browser.get(f"/portfolios/{planning.pit.lead.pk}/").content.decode()
    assert all(f"/plans/new/{kind.lower()}/" in page for kind in K)
