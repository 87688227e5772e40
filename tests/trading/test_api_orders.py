"""Orders of every kind through the API: placed, changed, canceled and closed, by their owner alone."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from tests.fixtures_books import Unchanged
from tests.fixtures_trading import Pit
from tests.fixtures_waiting import Waiting, told
from trading.kinds import OrderKind
from trading.models import Order, OrderState, Side

ORDERS = "/api/v1/orders/"
CLOSE = "/api/v1/positions/close/"


def program(user: User | None) -> APIClient:
    client = APIClient()
    if user is not None:
        client.force_authenticate(user)
    return client


def wanted(pit: Pit, **change: Any) -> dict[str, Any]:
    facts = {"portfolio": str(pit.lead.pk), "instrument": str(pit.instrument.pk), "side": "BUY", "quantity": "1"}
    return facts | change


def post(pit: Pit, path: str, body: dict[str, Any] | None = None, user: User | None = None) -> Any:
    with pit.working():
        return program(user or pit.alice).post(path, body or {}, format="json")


@pytest.fixture
def resting(waiting: Waiting) -> Order:
    return waiting.ask(Side.BUY, 2, OrderKind.LIMIT, limit_price="90")


@pytest.mark.parametrize(
    ("terms", "shown"),
    [
        ({"kind": "LIMIT", "limit_price": "95.00", "post_only": True}, {"limit_price": "95", "post_only": True}),
        ({"kind": "STOP", "trigger_price": "105"}, {"trigger_price": "105"}),
        ({"kind": "TRAILING_STOP", "trail_bps": "50"}, {"trail_bps": "50", "peak_price": "100"}),
        (
            {"kind": "LIMIT", "limit_price": "95", "time_in_force": "GTD", "expires_at": "2026-03-03T00:00:00Z"},
            {"time_in_force": "GTD", "expires_at": "2026-03-03T00:00:00Z"},
        ),
        (
            {"kind": "LIMIT", "limit_price": "95", "stop_price": "90", "target_price": "120"},
            {"stop_price": "90", "target_price": "120", "group_role": "ENTRY"},
        ),
    ],
)
def test_an_order_of_any_kind_comes_to_rest(pit: Pit, terms: dict[str, Any], shown: dict[str, Any]) -> None:
    answer = post(pit, ORDERS, wanted(pit, **terms))
    assert answer.status_code == 201
    order = program(pit.alice).get(f"{ORDERS}{answer.json()['id']}/").json()
    assert (order["state"], order["kind"]) == ("OPEN", terms["kind"])
    assert {name: order[name] for name in shown} == shown


def test_a_request_repeated_after_a_time_out_is_one_order(pit: Pit) -> None:
    body = wanted(pit, kind="LIMIT", limit_price="95", key="mine")
    first, second = post(pit, ORDERS, body), post(pit, ORDERS, body)
    assert (first.status_code, second.status_code) == (201, 201)
    assert (first.json()["id"], second.json()["state"]) == (second.json()["id"], "OPEN")
    assert Order.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"kind": "ICEBERG"}, 400, "INVALID_INPUT"),
        ({"kind": "LIMIT"}, 400, "LIMIT_PRICE_REQUIRED"),
        ({"kind": "LIMIT", "limit_price": "NaN"}, 400, "INVALID_INPUT"),
        ({"kind": "LIMIT", "limit_price": "1e30"}, 400, "LIMIT_PRICE_INVALID"),
        ({"kind": "LIMIT", "limit_price": "95.001"}, 400, "LIMIT_PRICE_OFF_TICK"),
        ({"kind": "LIMIT", "limit_price": "95", "quantity": "1." + "0" * 39 + "1"}, 400, "QUANTITY_OFF_STEP"),
        ({"kind": "LIMIT", "limit_price": "95", "quantity": "105.264"}, 409, "INSUFFICIENT_BALANCE"),
        ({"kind": "LIMIT", "limit_price": "95", "time_in_force": "GTD"}, 400, "EXPIRES_AT_REQUIRED"),
    ],
)
def test_what_cannot_be_is_refused_by_name(
    pit: Pit, unchanged: Unchanged, change: dict[str, Any], status: int, code: str
) -> None:
    with unchanged():
        answer = post(pit, ORDERS, wanted(pit, **change))
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_an_order_is_changed_and_canceled(waiting: Waiting, resting: Order) -> None:
    api, path = program(waiting.pit.alice), f"{ORDERS}{resting.pk}/"
    changed = api.patch(path, {"limit_price": "91.50", "quantity": "3"}, format="json")
    assert (changed.status_code, changed.json()["limit_price"], changed.json()["quantity"]) == (200, "91.5", "3")
    for _ in range(2):
        canceled = api.post(f"{path}cancel/")
        assert (canceled.status_code, canceled.json()["state"]) == (200, "CANCELED")
    refused = api.patch(path, {"limit_price": "92"}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (409, "ORDER_HAS_ENDED")


def test_nobody_else_changes_cancels_or_closes(
    waiting: Waiting, resting: Order, bob: User, charlie: User, operator: User, unchanged: Unchanged
) -> None:
    waiting.pit.buy(1)
    path, body = f"{ORDERS}{resting.pk}/", {"portfolio": str(waiting.pit.lead.pk)}
    with unchanged():
        for person, status in ((bob, 404), (charlie, 404), (operator, 404), (None, 401)):
            api = program(person)
            answers = [
                api.patch(path, {"limit_price": "91"}, format="json"),
                api.post(f"{path}cancel/"),
                api.post(f"{ORDERS}cancel/", body, format="json"),
                api.post(f"{ORDERS}pairs/", wanted(waiting.pit, limit_price="90", stop_price="110"), format="json"),
                api.post(CLOSE, body, format="json"),
            ]
            assert [one.status_code for one in answers] == [status] * 5
        # Of one's own there is nothing.
        assert program(charlie).post(f"{ORDERS}cancel/").json() == []


def test_a_pair_is_placed_and_all_is_canceled(pit: Pit) -> None:
    pit.buy(1)
    body = wanted(pit, side="SELL", limit_price="110", stop_price="90", key="pair")
    first, second = post(pit, f"{ORDERS}pairs/", body), post(pit, f"{ORDERS}pairs/", body)
    assert (first.status_code, [one["kind"] for one in first.json()]) == (201, ["LIMIT", "STOP"])
    assert [one["id"] for one in first.json()] == [one["id"] for one in second.json()]
    assert first.json()[0]["group"] == first.json()[1]["group"]
    canceled = post(pit, f"{ORDERS}cancel/", {"portfolio": str(pit.lead.pk)})
    assert [one["state"] for one in canceled.json()] == ["CANCELED", "CANCELED"]


@pytest.mark.parametrize("whole", [True, False])
def test_a_position_is_closed(waiting: Waiting, resting: Order, whole: bool) -> None:
    pit = waiting.pit
    pit.buy(3)
    body = {"portfolio": str(pit.lead.pk), "key": "out"} | ({} if whole else {"instrument": str(pit.instrument.pk)})
    first, second = post(pit, CLOSE, body), post(pit, CLOSE, body)
    assert (first.status_code, second.status_code) == (201, 201)
    assert [one["id"] for one in first.json()] == [one["id"] for one in second.json()]
    assert pit.held(pit.lead) == "0"
    # Closing everything leaves nothing that would open again.
    assert told(resting)[0] == (OrderState.CANCELED if whole else OrderState.OPEN)
