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
from trading.row_reading import FILL_ROWS

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


def test_pages_go_forward_and_back_through_the_same_rows(traded: Pit) -> None:
    client = _program(traded.alice)
    everything = _keys(Order.objects.filter(portfolio=traded.lead))
    first = client.get(f"{ORDERS}?page_size=2").json()
    second = client.get(first["next"]).json()
    back = client.get(second["previous"]).json()
    pages = [[row["id"] for row in page["results"]] for page in (first, second, back)]
    assert pages == [everything[:2], everything[2:4], everything[:2]]


@pytest.mark.parametrize("asked", ["cursor=1.x", "cursor=%00", "cursor=bm90IGFuIGlk"])
def test_a_cursor_that_is_none_is_refused(traded: Pit, asked: str) -> None:
    answer = _program(traded.alice).get(f"{ORDERS}?{asked}")
    assert (answer.status_code, answer.json()["code"]) == (400, "CURSOR_INVALID")


@pytest.mark.parametrize("address", [ORDERS, FILLS])
@pytest.mark.parametrize("place", ["p=not-an-id", "p=9" + "9" * 30])
def test_a_cursor_with_a_place_that_is_no_id_is_refused(traded: Pit, address: str, place: str) -> None:
    client = _program(traded.alice)
    following = client.get(f"{address}?page_size=1").json()["next"]
    mark = following.split("cursor=")[1].split(".")[0]
    cursor = f"{mark}.{b64encode(place.encode()).decode()}"
    answer = client.get(f"{address}?page_size=1&cursor={quote(cursor)}")
    if answer.status_code == 200:
        # A number beyond every key is a place as good as any: all rows are before it.
        assert address == FILLS and len(answer.json()["results"]) == 1
    else:
        assert (answer.status_code, answer.json()["code"]) == (400, "CURSOR_INVALID")


def test_everybody_gets_their_own_from_the_same_statement(traded: Pit, bob: User, charlie: User) -> None:
    own = _keys(Order.objects.filter(portfolio=traded.lead))
    value_rows._statement.cache_clear()
    clients = [_program(traded.alice), _program(charlie), _program(bob), _program(traded.alice)]
    assert [_told(client, f"{ORDERS}?page_size=4") for client in clients] == [own, [], [], own]
    assert value_rows._statement.cache_info().misses == 1


def test_a_program_sees_the_portfolios_that_it_may_reach(traded: Pit) -> None:
    other = traded.desk.portfolio(traded.alice)
    here, elsewhere = (_program(traded.alice, portfolios=[one.pk]) for one in (traded.lead, other))
    assert _told(here, FILLS) == _keys(Fill.objects.filter(portfolio=traded.lead))
    assert _told(elsewhere, FILLS) == []


def test_what_narrows_a_list_is_a_value_of_its_time(traded: Pit) -> None:
    client = _program(traded.alice)
    rows = Order.objects.filter(portfolio=traded.lead)
    for asked, found in (
        ("side=BUY", rows.filter(side="BUY")),
        ("side=SELL", rows.filter(side="SELL")),
        ("cause=HAND", rows.filter(cause_kind="HAND")),
        ("cause=LIQUIDATION", rows.none()),
        (f"instrument={traded.instrument.pk}&portfolio={traded.lead.pk}", rows),
        (f"since={quote((wall_now() + timedelta(days=400)).isoformat())}", rows.none()),
        (f"until={quote((wall_now() + timedelta(days=400)).isoformat())}", rows),
    ):
        assert _told(client, f"{ORDERS}?{asked}") == _keys(found), asked


def test_a_list_that_is_asked_for_again_puts_nothing_together(traded: Pit, monkeypatch: pytest.MonkeyPatch) -> None:
    client = _program(traded.alice)
    first = _told(client, f"{FILLS}?side=BUY&fields=id")
    monkeypatch.setattr(FILL_ROWS, "read", lambda *given: pytest.fail("it was put together again"))
    assert _told(client, f"{FILLS}?side=BUY&fields=id") == first
