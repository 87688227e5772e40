"""Lists whose query is put together once: for everybody the rows that are theirs, page by page, however often they ask."""

from __future__ import annotations

from base64 import b64encode
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.db.models import QuerySet
from rest_framework.test import APIClient

from accounts.models import User
from accounts.services import issue_token
from common import value_rows
from common.clock import wall_now
from tests.fixtures_trading import Pit
from trading.models import Fill, Order
from trading.row_reading import ORDER_ROWS

ORDERS, FILLS = "/api/v1/orders/", "/api/v1/fills/"


def _program(user: User, **limits: Any) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {issue_token(user=user, name='bot', **limits)[1]}")
    return client


def _told(client: APIClient, address: str) -> list[str]:
    answer = client.get(address)
    assert answer.status_code == 200, answer.content
    return [str(row["id"]) for row in answer.json()["results"]]


def _keys(rows: QuerySet[Any]) -> list[str]:
    return [str(one) for one in rows.order_by("-pk").values_list("pk", flat=True)]


@pytest.fixture
def traded(pit: Pit) -> Pit:
    for quantity in ("1", "2", "3"):
        pit.buy(quantity)
    pit.sell("4")
    return pit


def test_pages_go_forward_and_back_through_the_same_rows_and_take_no_other_cursor(traded: Pit) -> None:
    client = _program(traded.alice)
    everything = _keys(Order.objects.filter(portfolio=traded.lead))
    first = client.get(f"{ORDERS}?page_size=2").json()
    second = client.get(first["next"]).json()
    back = client.get(second["previous"]).json()
    pages = [[row["id"] for row in page["results"]] for page in (first, second, back)]
    assert pages == [everything[:2], everything[2:4], everything[:2]]
    mark = first["next"].split("cursor=")[1].split(".")[0]
    # Of no list, of this list without a place, and with places that are no ids.
    made = [f"{mark}.{b64encode(place).decode()}" for place in (b"p=not-an-id", b"p=9" + b"9" * 30)]
    for cursor in ("1.x", "bm90IGFuIGlk", f"{mark}.x", *made):
        answer = client.get(f"{ORDERS}?page_size=2&cursor={quote(cursor)}")
        assert (answer.status_code, answer.json()["code"]) == (400, "CURSOR_INVALID"), cursor


def test_everybody_gets_their_own_from_the_same_statement(
    traded: Pit, bob: User, charlie: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = _keys(Order.objects.filter(portfolio=traded.lead))
    value_rows._statement.cache_clear()
    clients = [_program(traded.alice), _program(charlie), _program(bob), _program(traded.alice)]
    assert [_told(client, ORDERS) for client in clients] == [own, [], [], own]
    assert value_rows._statement.cache_info().misses == 1
    other = traded.desk.portfolio(traded.alice)
    here, elsewhere = (_program(traded.alice, portfolios=[one.pk]) for one in (traded.lead, other))
    assert [_told(one, ORDERS) for one in (here, elsewhere)] == [own, []]
    # Both by the same statement, and what was put together once is not put together again.
    assert value_rows._statement.cache_info().misses == 2
    monkeypatch.setattr(ORDER_ROWS, "read", lambda *given: pytest.fail("it was put together again"))
    assert [_told(one, ORDERS) for one in (here, elsewhere, *clients)] == [own, [], own, [], [], own]


def test_what_narrows_a_list_is_a_value_of_its_time(traded: Pit) -> None:
    client = _program(traded.alice)
    rows, filled = Order.objects.filter(portfolio=traded.lead), Fill.objects.filter(portfolio=traded.lead)
    later = quote((wall_now() + timedelta(days=400)).isoformat())
    for address, asked, found in (
        (ORDERS, "side=BUY", rows.filter(side="BUY")),
        (ORDERS, "side=SELL", rows.filter(side="SELL")),
        (ORDERS, "cause=HAND", rows.filter(cause_kind="HAND")),
        (ORDERS, "cause=LIQUIDATION", rows.none()),
        (ORDERS, f"instrument={traded.instrument.pk}&portfolio={traded.lead.pk}", rows),
        (ORDERS, f"since={later}", rows.none()),
        (ORDERS, f"until={later}", rows),
        (FILLS, "side=SELL", filled.filter(side="SELL")),
        (FILLS, f"order={rows[0].pk}", filled.filter(order=rows[0])),
    ):
        assert _told(client, f"{address}?{asked}") == _keys(found), asked
