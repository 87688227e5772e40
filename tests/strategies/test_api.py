"""The strategies API: a program writes a strategy, starts and stops it; everybody else finds nothing."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from accounts.teams.models import Membership, Role
from accounts.teams.services import create_workspace
from common.ids import new_id
from engine.strategy.encode import to_json
from engine.strategy.formula import write_formula
from portfolios.services.sharing import give_to_workspace
from strategies.faces import Face, graph_of
from strategies.models import RunState, Strategy, StrategyRun, StrategyVersion
from strategies.selectors.runs import acting_run, is_halted
from strategies.services.definitions import save_strategy
from strategies.services.runs import start_run
from tests.fixtures_desk import NOON, Desk
from trading.models import SafetyLevel, ScopeKind
from trading.services.safety import set_safety

VALUES = {"fast": "5", "slow": "20", "share": "0.25", "stop_loss": "0.05"}
GIVEN = {**VALUES, "fast": 5, "slow": 20}
FACE = Face(template="ema_cross", values=GIVEN)


def program_of(user: User | None) -> APIClient:
    client = APIClient()
    if user is not None:
        client.force_authenticate(user)
    return client


@pytest.fixture
def body(desk: Desk) -> dict[str, Any]:
    return {
        "name": "Crossing",
        "instruments": [str(desk.instrument().pk)],
        "timeframe": "5m",
        "template": "ema_cross",
        "values": GIVEN,
    }


@pytest.fixture
def version(alice: User, desk: Desk) -> StrategyVersion:
    return save_strategy(owner=alice, name="Crossing", instruments=[desk.instrument()], timeframe="5m", face=FACE)


def post(user: User | None, name: str, body: Any = None, *key: object) -> Any:
    return program_of(user).post(reverse(f"strategies_api:{name}", args=key), body, format="json")


def test_an_unknown_template_is_refused(alice: User, body: dict[str, Any]) -> None:
    answer = post(alice, "strategies", body | {"template": "crystal_ball"})
    assert (answer.status_code, answer.json()["code"]) == (400, "TEMPLATE_UNKNOWN")
    assert answer.json()["context"] == {"field": "template", "place": "template"}
    assert not Strategy.objects.exists()


def test_a_strategy_is_saved_and_read_back(alice: User, body: dict[str, Any]) -> None:
    answer = post(alice, "strategies", body)
    assert answer.status_code == 201
    version = StrategyVersion.objects.get()
    shown = {
        "id": str(version.pk),
        "strategy": str(version.strategy_id),
        "number": 1,
        "instrument": body["instruments"][0],
        "symbol": "BTC-USDT",
        "instruments": body["instruments"],
        "timeframe": "5m",
        "faces": {
            "template": "ema_cross",
            "values": VALUES,
            "formula": write_formula(graph_of(FACE)),
            "graph": to_json(graph_of(FACE)),
        },
        "graph_hash": version.graph_hash,
        "created_at": answer.json()["created_at"],
    }
    assert answer.json() == shown
    listed = program_of(alice).get(reverse("strategies_api:strategies")).json()["results"]
    assert [(one["name"], one["template"], one["running"], one["versions"]) for one in listed] == [
        ("Crossing", "ema_cross", 0, [shown])
    ]
    one = program_of(alice).get(reverse("strategies_api:strategy", args=[version.strategy_id])).json()
    assert one == listed[0]


def test_what_is_left_out_has_its_default(alice: User, body: dict[str, Any]) -> None:
    del body["values"]
    values = {"fast": "12", "slow": "26", "share": "0.2", "stop_loss": None}
    assert post(alice, "strategies", body).json()["faces"]["values"] == values


@pytest.mark.parametrize(
    ("wrong", "status", "code"),
    [
        ({"values": {"fast": 20, "slow": 20}}, 400, "FAST_NOT_BELOW_SLOW"),
        ({"values": {**GIVEN, "share": "1.5"}}, 400, "SHARE_OUT_OF_RANGE"),
        ({"values": {**GIVEN, "stop_loss": "0.6"}}, 400, "STOP_LOSS_OUT_OF_RANGE"),
        ({"values": {"fast": "many", "slow": 20}}, 400, "PERIOD_OUT_OF_RANGE"),
        ({"values": [1, 2]}, 400, "INVALID_INPUT"),
        ({"formula": "enter_long = close > open"}, 400, "STRATEGY_GIVEN_TWICE"),
        ({"graph": "{}"}, 400, "STRATEGY_GIVEN_TWICE"),
        ({"timeframe": "7m"}, 400, "INVALID_INPUT"),
        ({"instruments": ["BTC-USDT"]}, 400, "INVALID_INPUT"),
        ({"instruments": []}, 400, "INVALID_INPUT"),
        ({"instruments": [str(new_id())]}, 404, "NOT_FOUND"),
        ({"name": ""}, 400, "INVALID_INPUT"),
    ],
)
def test_what_is_wrong_is_refused_and_nothing_saved(
    alice: User, body: dict[str, Any], wrong: dict[str, Any], status: int, code: str
) -> None:
    answer = post(alice, "strategies", body | wrong)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert Strategy.objects.count() == 0


def test_an_edit_of_what_ran_makes_the_next_version(alice: User, desk: Desk, version: StrategyVersion) -> None:
    start_run(actor=alice, version=version, portfolio=desk.portfolio(alice))
    address = reverse("strategies_api:strategy", args=[version.strategy_id])
    body = {
        "name": "Crossing",
        "instruments": [str(version.instrument_id)],
        "timeframe": "1h",
        "formula": "enter_long = close > open",
    }
    answer = program_of(alice).put(address, body, format="json")
    assert (answer.status_code, answer.json()["number"], answer.json()["timeframe"]) == (200, 2, "1h")
    shown = program_of(alice).get(address).json()
    assert ([one["number"] for one in shown["versions"]], shown["running"]) == ([2, 1], 1)


def test_a_run_is_started_watched_and_stopped(alice: User, desk: Desk, version: StrategyVersion) -> None:
    portfolio = desk.portfolio(alice)
    answer = post(alice, "runs", {"version": str(version.pk), "portfolio": str(portfolio.pk)})
    run = StrategyRun.objects.get()
    assert (answer.status_code, answer.json()) == (
        201,
        {
            "id": str(run.pk),
            "strategy": str(version.strategy_id),
            "strategy_name": "Crossing",
            "version": str(version.pk),
            "version_number": 1,
            "portfolio": str(portfolio.pk),
            "instrument": str(version.instrument_id),
            "symbol": "BTC-USDT",
            "timeframe": "5m",
            "state": "RUNNING",
            "stop_code": "",
            "decided_until": "2026-03-02T11:55:00Z",
            "started_at": "2026-03-02T12:00:00Z",
            "stopped_at": None,
        },
    )
    assert program_of(alice).get(reverse("strategies_api:run", args=[run.pk])).json() == answer.json()
    stopped = post(alice, "stop_run", None, run.pk).json()
    assert (stopped["state"], stopped["stop_code"], stopped["stopped_at"]) == (
        "STOPPED",
        "STOPPED_BY_OWNER",
        "2026-03-02T12:00:00Z",
    )
    listed = program_of(alice).get(reverse("strategies_api:runs")).json()["results"]
    assert listed == [stopped]


def test_a_strangers_strategy_is_not_there(
    alice: User, bob: User, charlie: User, desk: Desk, version: StrategyVersion
) -> None:
    run = start_run(actor=alice, version=version, portfolio=desk.portfolio(alice))
    edit = {
        "name": "Mine",
        "instruments": [str(version.instrument_id)],
        "timeframe": "1h",
        "template": "ema_cross",
        "values": GIVEN,
    }
    for user, status in ((bob, 404), (charlie, 404), (None, 401)):
        client = program_of(user)
        strategy = reverse("strategies_api:strategy", args=[version.strategy_id])
        assert client.get(strategy).status_code == status
        assert client.put(strategy, edit, format="json").status_code == status
        assert client.get(reverse("strategies_api:run", args=[run.pk])).status_code == status
        assert post(user, "stop_run", None, run.pk).status_code == status
        own = desk.portfolio(user) if user else run.portfolio
        assert post(user, "runs", {"version": str(version.pk), "portfolio": str(own.pk)}).status_code == status
    for user in (bob, charlie):
        for name in ("strategies", "runs"):
            assert program_of(user).get(reverse(f"strategies_api:{name}")).json()["results"] == []
    for name in ("strategies", "runs"):
        assert program_of(None).get(reverse(f"strategies_api:{name}")).status_code == 401
    version.refresh_from_db()
    assert (version.timeframe, version.strategy.name) == ("5m", "Crossing")
    assert list(StrategyRun.objects.values_list("pk", "state")) == [(run.pk, RunState.RUNNING)]


def test_a_strangers_portfolio_is_not_there(alice: User, charlie: User, desk: Desk, version: StrategyVersion) -> None:
    theirs = desk.portfolio(charlie, 100)
    answer = post(alice, "runs", {"version": str(version.pk), "portfolio": str(theirs.pk)})
    assert (answer.status_code, StrategyRun.objects.count()) == (404, 0)
    assert desk.at == NOON


def test_a_run_in_a_workspace_is_for_its_roles_alone(
    alice: User, bob: User, desk: Desk, version: StrategyVersion
) -> None:
    """Alice brought the portfolio and is a viewer now: bob, its trader, stops the run, and she does not."""
    book = desk.portfolio(alice)
    team = create_workspace(actor=alice, name="Desk")
    give_to_workspace(actor=alice, portfolio=book, workspace=team)
    book.refresh_from_db()
    run = start_run(actor=alice, version=version, portfolio=book)
    Membership.objects.create(workspace=team, user=bob, role=Role.TRADER)
    Membership.objects.filter(user=alice).update(role=Role.VIEWER)
    answer = post(alice, "stop_run", None, run.pk)
    assert (answer.status_code, answer.json()["code"]) == (403, "ROLE_FORBIDS")
    set_safety(actor=alice, scope=ScopeKind.USER, scope_id=str(alice.pk), level=SafetyLevel.HALTED, reason="mine alone")
    assert is_halted(acting_run(run.pk)) is False
    for person in (alice, bob):
        shown = program_of(person).get(reverse("strategies_api:runs")).json()["results"]
        assert [one["id"] for one in shown] == [str(run.pk)]
    assert post(bob, "stop_run", None, run.pk).json()["state"] == "STOPPED"
    Membership.objects.filter(user=alice).delete()
    assert post(alice, "stop_run", None, run.pk).status_code == 404
