"""The risk API: limits, what is used of them, the log, switches by scope, closing everything; and who may."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from tests.fixtures_books import Unchanged
from tests.fixtures_trading import Pit
from trading.models import SafetySwitch
from trading.risk.models import RiskProfile


def asked_by(user: User | None) -> APIClient:
    api = APIClient()
    api.force_authenticate(user)
    return api


def risk_of(pit: Pit) -> str:
    return f"/api/v1/portfolios/{pit.lead.pk}/risk/"


def test_limits_are_set_read_and_taken_off(pit: Pit) -> None:
    api = asked_by(pit.alice)
    nothing: dict[str, Any] = {
        "profile": None,
        "limits": {},
        "usages": [],
        "level": "ACTIVE",
        "switch": None,
        "above": None,
    }
    assert api.get(risk_of(pit)).json() == nothing
    pit.buy(10)
    answer = api.put(risk_of(pit), {"limits": {"max_instrument_share": "0.25"}}, format="json")
    usage = {"name": "max_instrument_share", "unit": "SHARE", "limit": "0.25", "used": "0.1", "part": "0.4"}
    assert answer.json() == nothing | {
        "profile": "CUSTOM",
        "limits": {"max_instrument_share": "0.25"},
        "usages": [usage],
    }
    assert api.put(risk_of(pit), {"profile": "BALANCED"}, format="json").json()["limits"]["max_daily_loss"] == "0.05"
    assert api.delete(risk_of(pit)).status_code == 204
    assert api.get(risk_of(pit)).json() == nothing


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"limits": {"max_order_share": "1.01"}}, "LIMIT_INVALID"),
        ({"limits": {"max_order_share": 0.5}}, "LIMIT_INVALID"),
        ({"limits": {"nothing": "1"}}, "LIMIT_INVALID"),
        ({"profile": "CUSTOM"}, "INVALID_INPUT"),
        ({"profile": "BALANCED", "limits": {}}, "INVALID_INPUT"),
        ({}, "INVALID_INPUT"),
    ],
)
def test_limits_that_cannot_be_are_refused(pit: Pit, body: dict[str, Any], code: str) -> None:
    answer = asked_by(pit.alice).put(risk_of(pit), body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert answer["Content-Type"] == "application/problem+json"
    assert RiskProfile.objects.count() == 0


def test_a_refused_order_tells_its_figures_and_stands_in_the_log(pit: Pit) -> None:
    api = asked_by(pit.alice)
    api.put(risk_of(pit), {"limits": {"max_order_share": "0.1"}}, format="json")
    wanted = {"portfolio": str(pit.lead.pk), "instrument": str(pit.instrument.pk), "side": "BUY", "quantity": "30"}
    answer = api.post("/api/v1/orders/", wanted, format="json").json()
    assert (answer["code"], answer["context"]["value"], answer["context"]["limit"]) == (
        "ORDER_SHARE_LIMIT",
        "30",
        "10",
    )
    [row] = api.get(f"{risk_of(pit)}decisions/").json()["results"]
    assert {name: row[name] for name in ("symbol", "order", "code", "asked", "allowed", "value", "limit")} == {
        "symbol": "BTC-USDT",
        "order": None,
        "code": "ORDER_SHARE_LIMIT",
        "asked": "30",
        "allowed": "0",
        "value": "30",
        "limit": "10",
    }
    assert row["reason"].startswith("A larger share of equity")


def test_scopes_are_switched_by_those_whose_they_are(pit: Pit, bob: User, operator: User) -> None:
    follow = pit.follow(bob)
    mine = [
        (pit.alice, "PORTFOLIO", pit.lead.pk),
        (pit.alice, "USER", pit.alice.pk),
        (bob, "FOLLOW", follow.pk),
        (operator, "LEAD", pit.lead.pk),
        (operator, "VENUE", pit.desk.exchange.code),
    ]
    for user, scope, key in mine:
        address = f"/api/v1/safety/{scope}/{key}/"
        assert asked_by(user).get(address).json()["level"] == "ACTIVE"
        answer = asked_by(user).put(address, {"level": "REDUCING", "reason": "Careful."}, format="json").json()
        assert (answer["scope"], answer["level"], answer["reason"]) == (scope, "REDUCING", "Careful.")
    assert SafetySwitch.objects.filter(level="REDUCING").count() == len(mine)


def test_strangers_and_nobody_get_nowhere(pit: Pit, charlie: User, unchanged: Unchanged) -> None:
    pit.buy(1)
    close = {"scope": "PORTFOLIO", "scope_id": str(pit.lead.pk)}
    halt = {"level": "HALTED"}
    asked: list[tuple[str, str, Any]] = [
        ("get", risk_of(pit), None),
        ("put", risk_of(pit), {"profile": "BALANCED"}),
        ("delete", risk_of(pit), None),
        ("get", f"{risk_of(pit)}decisions/", None),
        ("put", f"/api/v1/safety/PORTFOLIO/{pit.lead.pk}/", halt),
        ("put", f"/api/v1/safety/USER/{pit.alice.pk}/", halt),
        ("put", f"/api/v1/safety/VENUE/{pit.desk.exchange.code}/", halt),
        ("put", "/api/v1/safety/NOWHERE/x/", halt),
        ("put", "/api/v1/safety/PORTFOLIO/none/", halt),
        ("post", "/api/v1/close-all/", close),
    ]
    with unchanged():
        for method, address, body in asked:
            assert getattr(asked_by(charlie), method)(address, body, format="json").status_code == 404, address
            assert getattr(asked_by(None), method)(address, body, format="json").status_code == 401, address
        refused = asked_by(charlie).post("/api/v1/close-all/", {"scope": "PLATFORM"}, format="json")
        assert (refused.status_code, refused.json()["code"]) == (403, "OPERATORS_ONLY")
    assert (SafetySwitch.objects.count(), RiskProfile.objects.count()) == (0, 0)


@pytest.mark.parametrize(
    "scope", ["PORTFOLIO/none", "USER/1", "VENUE/%00", "VENUE/" + "x" * 65, "PLATFORM/x", "NOWHERE/x"]
)
def test_an_operator_names_what_there_can_be(pit: Pit, operator: User, scope: str) -> None:
    api = asked_by(operator)
    address = f"/api/v1/safety/{scope}/"
    answers = (api.get(address), api.put(address, {"level": "HALTED"}, format="json"))
    assert [(one.status_code, one.json()["code"]) for one in answers] == [(404, "NOT_FOUND")] * 2
    assert SafetySwitch.objects.count() == 0


def test_everything_is_closed_and_reported(pit: Pit) -> None:
    pit.buy(3)
    with pit.working():
        body = {"scope": "PORTFOLIO", "scope_id": str(pit.lead.pk)}
        answer = asked_by(pit.alice).post("/api/v1/close-all/", body, format="json").json()
    assert (len(answer["orders"]), answer["opens_under_way"]) == (1, 0)
    order = asked_by(pit.alice).get(f"/api/v1/orders/{answer['orders'][0]}/").json()
    assert (order["state"], order["cause"], order["side"], order["filled_quantity"]) == (
        "FILLED",
        "CLOSE_ALL",
        "SELL",
        "3",
    )
    assert pit.held(pit.lead) == "0"
