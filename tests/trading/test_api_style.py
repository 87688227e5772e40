"""The one style of the API, on orders and fills: keys, tags, fields, expansions, parameters, limits to portfolios, files."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.models import User
from accounts.programs import checking
from accounts.programs.models import KeyedRequest
from accounts.services import issue_token
from accounts.teams.models import Membership, Role
from accounts.teams.services import create_workspace
from portfolios.expansions import portfolios_shown
from portfolios.models import LedgerLine
from portfolios.selectors import ledger_of
from portfolios.serializers import LedgerLineSerializer
from portfolios.services.sharing import give_to_workspace
from tests.fixtures_trading import Pit
from trading.models import Fill, Order, SafetySwitch, Side
from trading.row_reading import FILL_ROWS, ORDER_ROWS
from trading.selectors import fills, orders
from trading.serializers import FillSerializer, OrderSerializer

ORDERS = "/api/v1/orders/"


def _program(user: User, **limits: Any) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {issue_token(user=user, name='bot', **limits)[1]}")
    return client


def _wish(pit: Pit, **change: Any) -> dict[str, Any]:
    wish = {"portfolio": str(pit.lead.pk), "instrument": str(pit.instrument.pk), "side": "BUY", "quantity": "1"}
    return {**wish, **change}


def test_a_post_under_a_key_is_done_once_and_answered_alike(pit: Pit) -> None:
    client = _program(pit.alice)
    answers = [client.post(ORDERS, _wish(pit), format="json", HTTP_IDEMPOTENCY_KEY="first") for _ in range(3)]
    assert [one.status_code for one in answers] == [201, 201, 201]
    assert len({one.json()["id"] for one in answers}) == Order.objects.count() == 1
    assert [one.get("Idempotency-Replayed") for one in answers] == [None, "true", "true"]
    assert answers[1].json() == json.loads(answers[0].content)
    assert answers[1]["Content-Type"] == "application/json"


def test_a_key_with_another_body_is_refused_and_does_nothing(pit: Pit) -> None:
    client = _program(pit.alice)
    client.post(ORDERS, _wish(pit), format="json", HTTP_IDEMPOTENCY_KEY="first")
    other = client.post(ORDERS, _wish(pit, quantity="2"), format="json", HTTP_IDEMPOTENCY_KEY="first")
    assert (other.status_code, other.json()["code"], Order.objects.count()) == (422, "IDEMPOTENCY_KEY_REUSED", 1)
    bad = client.post(ORDERS, _wish(pit), format="json", HTTP_IDEMPOTENCY_KEY="with space")
    assert (bad.status_code, bad.json()["code"], Order.objects.count()) == (400, "IDEMPOTENCY_KEY_INVALID", 1)


def test_a_refusal_is_kept_as_well(pit: Pit) -> None:
    client = _program(pit.alice)
    wish = _wish(pit, quantity="1000")
    first, again = (client.post(ORDERS, wish, format="json", HTTP_IDEMPOTENCY_KEY="big") for _ in range(2))
    assert (first.status_code, first.json()["code"]) == (409, "INSUFFICIENT_BALANCE")
    assert (again.status_code, again.json(), again["Content-Type"]) == (409, first.json(), "application/problem+json")
    assert Order.objects.count() == 0


def test_who_fails_half_way_leaves_nothing_and_may_ask_again(pit: Pit, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash between effect and answer: both are one transaction."""
    client = _program(pit.alice)
    client.raise_request_exception = False
    with monkeypatch.context() as broken:
        broken.setattr("accounts.programs.doors.answer_request", lambda **facts: 1 / 0)
        failed = client.post(ORDERS, _wish(pit), format="json", HTTP_IDEMPOTENCY_KEY="first")
    assert (failed.status_code, Order.objects.count(), KeyedRequest.objects.count()) == (500, 0, 0)
    assert client.post(ORDERS, _wish(pit), format="json", HTTP_IDEMPOTENCY_KEY="first").status_code == 201
    assert Order.objects.count() == 1


def test_lists_by_columns_say_what_the_serializers_say(pit: Pit) -> None:
    pit.buy("1.5")
    pit.sell("0.5")
    Order.objects.filter(pk=Order.objects.order_by("pk")[0].pk).update(code="INSTRUMENT_NOT_TRADABLE")
    client = _program(pit.alice)
    cases: list[tuple[str, Any, Any]] = [
        (ORDERS, OrderSerializer, orders()),
        ("/api/v1/fills/", FillSerializer, fills()),
        (f"/api/v1/portfolios/{pit.lead.pk}/ledger/", LedgerLineSerializer, ledger_of(pit.lead)),
    ]
    for path, serializer, rows in cases:
        told = json.loads(client.get(path).content)["results"]
        assert len(told) >= 2
        assert told == json.loads(json.dumps(serializer(rows, many=True).data, default=str)), path


def test_only_the_fields_that_are_asked_for_are_read(pit: Pit) -> None:
    pit.buy("1")
    client = _program(pit.alice)
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(f"{ORDERS}?fields=quantity,symbol")
    assert answer.json()["results"] == [{"quantity": "1", "symbol": "BTC-USDT"}]
    assert not any("client_order_id" in one["sql"] for one in queries)
    refused = client.get(f"{ORDERS}?fields=quantity,password")
    assert (refused.status_code, refused.json()["code"]) == (400, "UNKNOWN_FIELD")
    assert refused.json()["context"]["unknown"] == ["password"]
    fill = Fill.objects.get()
    assert client.get(f"/api/v1/fills/{fill.pk}/?fields=number").json() == {"number": 1}


def test_related_objects_come_in_the_place_of_their_ids(pit: Pit) -> None:
    pit.buy("1")
    client = _program(pit.alice)
    row = client.get("/api/v1/fills/?expand=instrument,portfolio,order").json()["results"][0]
    assert (row["instrument"]["symbol"], row["portfolio"]["name"], row["order"]["side"]) == ("BTC-USDT", "Lead", "BUY")
    refused = client.get(f"{ORDERS}?expand=owner")
    assert (refused.status_code, refused.json()["code"]) == (400, "UNKNOWN_EXPANSION")


@pytest.mark.parametrize("query", ["protfolio=1", "state=FILLED&sort=price", "cursor=&limit=5"])
def test_a_parameter_that_is_not_known_is_refused(pit: Pit, query: str) -> None:
    answer = _program(pit.alice).get(f"{ORDERS}?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "UNKNOWN_PARAMETER")
    assert set(answer.json()["context"]["known"]) >= {"portfolio", "state", "cursor", "fields"}


def test_what_did_not_change_is_not_sent_again_and_what_did_is_not_overwritten(pit: Pit) -> None:
    client = _program(pit.alice)
    path = f"/api/v1/portfolios/{pit.lead.pk}/costs/"
    told = client.get(path)
    same = client.get(path, HTTP_IF_NONE_MATCH=told["ETag"])
    assert (same.status_code, same.content, same["ETag"]) == (304, b"", told["ETag"])
    costs = {**told.json(), "taker_fee_bps": "3"}
    stale = client.put(path, costs, format="json", HTTP_IF_MATCH='W/"older"')
    assert (stale.status_code, stale.json()["code"]) == (412, "PRECONDITION_FAILED")
    assert client.get(path).json() == told.json()
    assert client.put(path, costs, format="json", HTTP_IF_MATCH=told["ETag"]).status_code == 200
    assert client.get(path, HTTP_IF_NONE_MATCH=told["ETag"]).status_code == 200


def test_a_body_of_fifty_megabytes_is_refused_by_its_length(pit: Pit) -> None:
    class Unread(io.BytesIO):
        def read(self, *args: Any) -> bytes:
            raise AssertionError("it was read")

    extra: dict[str, Any] = {"wsgi.input": Unread()}
    answer = _program(pit.alice).generic(
        "POST", ORDERS, "", CONTENT_LENGTH="50000000", content_type="application/json", **extra
    )
    assert (answer.status_code, answer.json()["code"], Order.objects.count()) == (413, "BODY_TOO_LARGE", 0)


def test_a_token_reaches_the_portfolios_that_it_names_and_no_others(pit: Pit, bob: User) -> None:
    other = pit.portfolio(pit.alice, 1_000, "Other")
    pit.buy("1")
    pit.buy("2", other)
    client = _program(pit.alice, portfolios=[other.pk])
    assert [row["name"] for row in client.get("/api/v1/portfolios/").json()["results"]] == ["Other"]
    for path in (ORDERS, "/api/v1/fills/"):
        assert {row["portfolio"] for row in client.get(path).json()["results"]} == {str(other.pk)}
    hidden = Order.objects.get(portfolio=pit.lead)
    tries = [
        client.get(f"/api/v1/portfolios/{pit.lead.pk}/"),
        client.get(f"{ORDERS}{hidden.pk}/"),
        client.post(ORDERS, _wish(pit), format="json"),
        client.get(f"{ORDERS}?portfolio={pit.lead.pk}"),
    ]
    assert [one.status_code for one in tries] == [404] * 4
    opened = client.post("/api/v1/webhooks/", {"url": "https://example.com/", "events": []}, format="json")
    assert opened.status_code in {400, 403}
    assert Order.objects.filter(portfolio=pit.lead).count() == 1
    assert client.post(ORDERS, _wish(pit, portfolio=str(other.pk)), format="json").status_code == 201
    # Nobody names what is another's.
    foreign = APIClient()
    foreign.force_login(bob)
    asked = {"name": "x", "portfolios": [str(pit.lead.pk)]}
    assert foreign.post("/api/v1/tokens/", asked, format="json").status_code == 404
    checking._known.clear()


def test_a_token_limited_to_portfolios_does_nothing_beyond_them(pit: Pit, operator: User) -> None:
    other = pit.portfolio(pit.alice, 1_000, "Other")
    waiting = pit.place(Side.BUY, 1)
    own, _ = issue_token(user=pit.alice, name="whole")
    client = _program(pit.alice, portfolios=[other.pk])
    assert client.post(f"{ORDERS}cancel/", {}, format="json").status_code == 200
    waiting.refresh_from_db()
    assert waiting.state == "PENDING"
    paths = (
        "notifications/", "notification-settings/", "notification-deliveries/", "push-subscriptions/", "webhooks/",
        "workspaces/", "audit/", "data-archives/", "departure/", "billing/subscriptions/", "billing/invoices/",
        "billing/business/",
    )  # fmt: skip
    told = {path: client.get(f"/api/v1/{path}") for path in paths}
    told["own token"] = client.delete(f"/api/v1/tokens/{own.pk}/")
    refusal = (403, "TOKEN_LIMITED_TO_PORTFOLIOS")
    for path, one in told.items():
        assert (one.status_code, one.json()["code"]) == refusal, path
    own.refresh_from_db()
    assert own.revoked_at is None
    # An operator's token that reaches some portfolios has no more than anybody's.
    box = pit.portfolio(operator, 1_000, "Box")
    limited = _program(operator, portfolios=[box.pk])
    halt = {"level": "HALTED", "reason": "Mine."}
    for path in ("safety/", f"safety/PORTFOLIO/{pit.lead.pk}/"):
        assert limited.put(f"/api/v1/{path}", halt, format="json").status_code in {403, 404}
    assert not SafetySwitch.objects.exists()
    assert limited.put(f"/api/v1/safety/PORTFOLIO/{box.pk}/", halt, format="json").status_code == 200


def test_a_workspaces_member_sees_its_portfolio_in_the_place_of_its_id(pit: Pit, bob: User, charlie: User) -> None:
    team = create_workspace(actor=pit.alice, name="Desk")
    Membership.objects.create(workspace=team, user=bob, role=Role.VIEWER)
    give_to_workspace(actor=pit.alice, portfolio=pit.lead, workspace=team)
    assert portfolios_shown(bob, [pit.lead.pk])[str(pit.lead.pk)]["name"] == pit.lead.name
    assert portfolios_shown(charlie, [pit.lead.pk]) == {}


def test_files_hold_what_lists_hold(pit: Pit, monkeypatch: pytest.MonkeyPatch) -> None:
    # Three parts, so that their seams are crossed.
    monkeypatch.setattr("markets.row_streams.ROWS_AT_ONCE", 2)
    for _ in range(5):
        pit.buy("0.125")
    client = _program(pit.alice)
    rows = json.loads(client.get("/api/v1/fills/").content)["results"]
    lines = client.get("/api/v1/fills/export/?format=ndjson").getvalue().splitlines()
    assert [json.loads(line) for line in lines] == rows
    text = client.get("/api/v1/fills/export/", HTTP_ACCEPT="text/csv")
    assert text["Content-Disposition"] == 'attachment; filename="fills.csv"'
    head, *told = text.getvalue().decode().splitlines()
    assert head == ",".join(FILL_ROWS.names)
    assert [line.split(",")[0] for line in told] == [row["id"] for row in rows]
    table = pa.ipc.open_stream(client.get("/api/v1/fills/export/?format=arrow").getvalue()).read_all()
    assert (table.num_rows, table.column("quantity")[0].as_py()) == (5, Decimal("0.125"))
    ledger = client.get(f"/api/v1/portfolios/{pit.lead.pk}/ledger/export/?format=ndjson&kind=DEPOSIT").getvalue()
    assert len(ledger.splitlines()) == LedgerLine.objects.filter(portfolio=pit.lead, kind="DEPOSIT").count()
    wrong = client.get("/api/v1/orders/export/?format=pdf")
    assert (wrong.status_code, wrong.json()["code"]) == (400, "INVALID_INPUT")
    assert len(client.get("/api/v1/orders/export/?format=arrow").getvalue()) > 100
    assert ORDER_ROWS.names[0] == "id"
