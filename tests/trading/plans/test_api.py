"""The plans API: what a program sends and gets back."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from accounts.services import issue_token
from engine.plans.kinds import PlanKind
from tests.fixtures_wishes import SETTINGS, Planning
from trading.plans.models import Plan

K = PlanKind


class Program:
    """A program of alice's."""

    def __init__(self, planning: Planning, owner: User) -> None:
        self.planning = planning
        self._headers = {"Authorization": f"Bearer {issue_token(user=owner, name='bot')[1]}"}

    def post(self, path: str, body: Any = None) -> tuple[int, Any]:
        with self.planning.pit.working():
            answer = Client().post(f"/api/v1/plans/{path}", body or {}, "application/json", headers=self._headers)
        self.planning.settle()
        return answer.status_code, answer.json()

    def get(self, path: str = "") -> tuple[int, Any]:
        answer = Client().get(f"/api/v1/plans/{path}", headers=self._headers)
        return answer.status_code, answer.json()

    def wanted(self, kind: PlanKind, **settings: Any) -> dict[str, Any]:
        pit = self.planning.pit
        names = {"portfolio": str(pit.lead.pk), "instrument": str(pit.instrument.pk), "kind": kind}
        return names | {"settings": SETTINGS[kind] | settings}


@pytest.fixture
def program(planning: Planning, alice: User) -> Program:
    return Program(planning, alice)


def test_a_plan_is_seen_begun_watched_and_stopped(program: Program) -> None:
    status, seen = program.post("preview/", program.wanted(K.GRID))
    assert (status, seen["cost"], seen["loss_at"], seen["loss_there"]) == (200, "385", "90", "25")
    first = {"step": "1", "side": "BUY", "price": "90", "quantity": "1", "value": "90", "at": None, "sells_at": "95"}
    assert (seen["steps"][0], Plan.objects.count()) == (first, 0)
    status, begun = program.post("", program.wanted(K.GRID) | {"key": "mine"})
    assert (status, begun["state"], begun["key"], begun["most_cost"]) == (201, "RUNNING", "mine", "385")
    assert begun["settings"] == SETTINGS[K.GRID] | {"rungs": 4}
    assert program.post("", program.wanted(K.GRID) | {"key": "mine"})[1]["id"] == begun["id"]
    _, found = program.get(f"{begun['id']}/")
    assert {name: found[name] for name in ("held", "invested", "average_price", "profit", "fees_paid")} == {
        "held": "2",
        "invested": "200",
        "average_price": "100",
        "profit": "0",
        "fees_paid": "0",
    }
    assert program.post(f"{begun['id']}/pause/")[1]["reason"] == "Paused by its owner."
    assert program.post(f"{begun['id']}/resume/")[1]["state"] == "RUNNING"
    assert program.post(f"{begun['id']}/stop/", {"closes": True})[1]["code"] == "STOPPED_BY_OWNER"
    assert program.get(f"{begun['id']}/")[1]["held"] == "0"
    assert [one["id"] for one in program.get("?state=CANCELED")[1]["results"]] == [begun["id"]]
    assert program.get("?state=RUNNING")[1]["results"] == []
    assert program.get("?state=ODD")[0] == 400


def test_a_moment_is_sent_and_shown_as_one(program: Program) -> None:
    status, begun = program.post("", program.wanted(K.SCHEDULED, at="2026-03-02T12:15:00Z"))
    assert (status, begun["settings"]["at"], begun["due_at"]) == (201, "2026-03-02T12:15:00Z", "2026-03-02T12:15:00Z")
    assert begun["progress"] == "Waits for its time"


@pytest.mark.parametrize(
    ("settings", "status", "code"),
    [
        ({"amount": "NaN"}, 400, "INVALID_INPUT"),
        ({"amount": "1e30"}, 400, "AMOUNT_INVALID"),
        ({"amount": None}, 400, "AMOUNT_REQUIRED"),
        ({"times": "1.5"}, 400, "TIMES_INVALID"),
        ({"side": "BUY"}, 400, "SIDE_NOT_ALLOWED"),
        ({"side": "HOLD"}, 400, "INVALID_INPUT"),
        ({"at": "tomorrow"}, 400, "INVALID_INPUT"),
        ({"amount": "20000"}, 409, "INSUFFICIENT_BALANCE"),
    ],
)
def test_what_is_wrong_has_its_code(program: Program, settings: dict[str, Any], status: int, code: str) -> None:
    got, answer = program.post("", program.wanted(K.DCA, **settings))
    assert (got, answer["code"], Plan.objects.count()) == (status, code, 0)
