"""What programs read of real venues: books, trades, funding, days as told, how venues are doing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from markets.boards import put_funding
from markets.gateway.protocol import FundingRate
from markets.models import Instrument, Interest
from markets.selectors import instrument_by_id
from tests.fixtures_desk import NOON, Desk
from tests.markets.real_venue import networked, perpetual, put_book, put_day, put_tape, wall_at, watched


@pytest.fixture
def api(charlie: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(charlie)
    return client


@pytest.fixture
def real(desk: Desk) -> Iterator[Instrument]:
    made = desk.instrument()
    networked(desk)
    with wall_at():
        yield instrument_by_id(made.id)


def _ask(api: APIClient, name: str, instrument: Instrument, **query: Any) -> Any:
    return api.get(reverse(f"markets_api:{name}", args=[instrument.id]), query)


def _fields(refused: Any) -> list[str]:
    assert (refused.status_code, refused.json()["code"]) == (400, "INVALID_INPUT")
    return list(refused.json()["context"]["fields"])


def test_a_book_comes_exactly_as_deep_as_asked(api: APIClient, real: Instrument) -> None:
    nothing: dict[str, Any] = {"instrument_id": str(real.id), "at": None, "bids": [], "asks": []}
    assert _ask(api, "book", real).json() == nothing
    put_book(real, [("0.000000012", "1"), ("0.00000001", "2")], [("5", "3"), ("6", "4")])
    assert _ask(api, "book", real, depth=1).json() == {
        "instrument_id": str(real.id),
        "at": "2026-03-02T12:00:00+00:00",
        "bids": [["0.000000012", "1"]],
        "asks": [["5", "3"]],
    }
    assert len(_ask(api, "book", real).json()["asks"]) == 2
    assert watched(real) == {("BOOK", "api")}
    assert [_fields(_ask(api, "book", real, depth=depth)) for depth in (0, 21, "x")] == [["depth"]] * 3


def test_the_newest_trades_come_oldest_first(api: APIClient, real: Instrument) -> None:
    assert _ask(api, "trades", real).json() == []
    put_tape(real, "1", "2", "3")
    assert [one["price"] for one in _ask(api, "trades", real).json()] == ["1", "2", "3"]
    assert _ask(api, "trades", real, limit=1).json() == [
        {"id": "t2", "at": "2026-03-02T12:00:00+00:00", "side": "buy", "price": "3", "quantity": "0.5"}
    ]
    assert watched(real) == {("TRADES", "api")}
    assert [_fields(_ask(api, "trades", real, limit=limit)) for limit in (0, 51)] == [["limit"]] * 2


def test_funding_is_for_perpetuals(api: APIClient, desk: Desk, real: Instrument) -> None:
    refused = _ask(api, "funding", real)
    assert (refused.status_code, refused.json()["code"]) == (400, "NOT_A_PERPETUAL")
    bitcoin = perpetual(desk)
    untold = {"instrument_id": str(bitcoin.id), "rate": None, "at": None, "mark_price": None}
    assert _ask(api, "funding", bitcoin).json() == untold
    put_funding(
        desk.exchange.code,
        {bitcoin.id: FundingRate("x", NOON + timedelta(hours=4), Decimal("0.00010"), Decimal("64001.20"))},
    )
    assert _ask(api, "funding", bitcoin).json() == {
        "instrument_id": str(bitcoin.id),
        "rate": "0.0001",
        "at": "2026-03-02T16:00:00Z",
        "mark_price": "64001.2",
    }


def test_the_day_is_told_by_the_venue(api: APIClient, real: Instrument) -> None:
    put_day(real, "110.00", "0.1", "5500")
    [found] = api.get(reverse("markets_api:tickers"), {"exchange": real.exchange.code}).json()
    assert {name: found[name] for name in found if name.startswith(("price", "day"))} == {
        "price": "110",
        "day_open": "100",
        "day_high": "120",
        "day_low": "100",
        "day_volume": 5.0,
        "day_turnover": 5500.0,
        "day_change_ratio": 0.1,
    }


def test_venues_are_told_without_their_words(api: APIClient, real: Instrument) -> None:
    [found] = api.get(reverse("markets_api:venues")).json()
    assert (found["exchange"], found["state"], found["breaker"], found["instruments"]) == (
        real.exchange.code,
        "NEVER",
        "CLOSED",
        1,
    )


def test_a_program_that_looks_at_what_is_made_here_has_nothing_watched(api: APIClient, desk: Desk) -> None:
    bitcoin = desk.instrument()
    assert [_ask(api, name, bitcoin).status_code for name in ("book", "trades")] == [200, 200]
    assert not Interest.objects.exists()
