"""What a POST under an Idempotency-Key keeps, and what its transaction must not undo."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from accounts.notifying.models import Reach
from accounts.programs.models import KeyedRequest
from accounts.services import issue_token
from accounts.teams.models import Membership, Role
from accounts.teams.services import create_workspace
from common.clock import wall_now
from portfolios.services.sharing import give_to_workspace
from portfolios.services.subaccounts import set_approval
from tests.fixtures_trading import Pit
from trading.approvals.models import OrderApproval
from trading.approvals.services import approve
from trading.models import Order, SafetySwitch
from trading.risk.models import RiskDecision

ORDERS = "/api/v1/orders/"


def _program(user: User) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {issue_token(user=user, name='bot')[1]}")
    return client


def _wish(pit: Pit, quantity: int) -> dict[str, Any]:
    return {
        "portfolio": str(pit.lead.pk),
        "instrument": str(pit.instrument.pk),
        "side": "BUY",
        "quantity": str(quantity),
    }


def test_an_order_that_waits_for_approval_waits_under_a_key_as_well(pit: Pit, bob: User) -> None:
    team = create_workspace(actor=pit.alice, name="Desk")
    Membership.objects.create(workspace=team, user=bob, role=Role.TRADER)
    give_to_workspace(actor=pit.alice, portfolio=pit.lead, workspace=team)
    pit.lead.refresh_from_db()
    set_approval(actor=pit.alice, portfolio=pit.lead, above=Decimal(150), minutes=30)
    client = _program(bob)
    first, again = (client.post(ORDERS, _wish(pit, 2), format="json", HTTP_IDEMPOTENCY_KEY="big") for _ in range(2))
    waiting = OrderApproval.objects.get()
    assert (first.status_code, first.json()["code"]) == (202, "APPROVAL_WAITING")
    assert first.json()["context"]["approval"] == str(waiting.pk)
    assert (again.status_code, again.json(), again["Content-Type"]) == (202, first.json(), first["Content-Type"])
    (placed,) = approve(actor=pit.alice, approval=waiting)
    assert (placed.requested_quantity, Order.objects.count()) == (Decimal(2), 1)


def test_what_risk_refuses_under_a_key_stands_in_the_log_once(pit: Pit) -> None:
    client = _program(pit.alice)
    limits = {"limits": {"max_order_share": "0.1"}}
    client.put(f"/api/v1/portfolios/{pit.lead.pk}/risk/", limits, format="json")
    for _ in range(2):
        refused = client.post(ORDERS, _wish(pit, 30), format="json", HTTP_IDEMPOTENCY_KEY="large")
        assert (refused.status_code, refused.json()["code"]) == (409, "ORDER_SHARE_LIMIT")
    assert list(RiskDecision.objects.values_list("code", "asked", "value")) == [
        ("ORDER_SHARE_LIMIT", Decimal(30), Decimal(30))
    ]


def test_a_halt_stands_though_closing_fails_and_its_key_is_not_free_again(
    pit: Pit, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = _program(pit.alice)
    client.raise_request_exception = False
    monkeypatch.setattr("trading.services.closing._write_exits", lambda *facts: 1 / 0)
    asked = {"scope": "PORTFOLIO", "scope_id": str(pit.lead.pk)}
    failed, again = (
        client.post("/api/v1/close-all/", asked, format="json", HTTP_IDEMPOTENCY_KEY="out") for _ in range(2)
    )
    assert (failed.status_code, again.status_code, again.json()["code"]) == (500, 409, "IDEMPOTENCY_KEY_IN_USE")
    assert SafetySwitch.objects.get(scope="PORTFOLIO").level == "HALTED"
    assert KeyedRequest.objects.get().status is None


def test_a_wrong_code_of_a_phone_counts_under_a_key(alice: User) -> None:
    Reach.objects.create(
        user=alice, phone="+491701234567", phone_code_salt="salt", phone_code_until=wall_now() + timedelta(minutes=5)
    )
    client = _program(alice)
    for key in ("one", "two"):
        answer = client.post("/api/v1/phone/verification/", {"code": "wrong"}, format="json", HTTP_IDEMPOTENCY_KEY=key)
        assert (answer.status_code, answer.json()["code"]) == (400, "CODE_WRONG")
    assert Reach.objects.get().phone_code_tries == 2


def test_not_now_is_not_kept(alice: User) -> None:
    client = _program(alice)
    answers = [client.post("/api/v1/notifications/test/", HTTP_IDEMPOTENCY_KEY=f"key-{key}") for key in range(4)]
    assert [one.status_code for one in answers] == [201, 201, 201, 429]
    assert list(KeyedRequest.objects.values_list("status", flat=True)) == [201, 201, 201]
