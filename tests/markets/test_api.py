"""The markets API: instruments, closed candles, tickers; exact numbers as text."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from common.ids import new_id
from markets.models import Instrument, Interest, SourceKind
from markets.services import retire_instrument
from tests.fixtures_desk import NOON, Desk


@pytest.fixture
def api(charlie: User) -> APIClient:
    """A program of charlie's: market data is for every member."""
    client = APIClient()
    client.force_authenticate(charlie)
    return client


def _candles(instrument: Instrument) -> str:
    return reverse("markets_api:candles", args=[instrument.id])


def _bases(answer: Any) -> list[str]:
    return [found["base"] for found in answer.json()["results"]]


def test_an_instrument_shows_its_rules_exactly(api: APIClient, db: None) -> None:
    desk = Desk(SourceKind.SIMULATED)
    bitcoin = desk.instrument(tick_size=Decimal("0.000000000000000001"), min_notional=Decimal("5.50"))
    answer = api.get(reverse("markets_api:instrument", args=[bitcoin.id]))
    assert answer.json() == {
        "id": str(bitcoin.id),
        "exchange": desk.exchange.code,
        "symbol": "BTC-USDT",
        "namespace": desk.namespace,
        "kind": "SPOT",
        "base": "BTC",
        "quote": "USDT",
        "contract": "",
        "source_kind": "SIMULATED",
        "is_sandbox": False,
        "state": "ACTIVE",
        "is_delisted": False,
        "contract_size": "1",
        "tick_size": "0.000000000000000001",
        "lot_step": "0.001",
        "min_quantity": "0",
        "min_notional": "5.5",
        "maker_fee_bps": "10",
        "taker_fee_bps": "10",
    }


def test_instruments_are_listed_newest_first_and_chosen_by_what_they_are(api: APIClient, db: None) -> None:
    here, there = Desk(), Desk()
    for base in ("BTC", "ETH"):
        here.instrument(base)
    there.instrument("BTC")
    retire_instrument(instrument=there.instrument("SOL"))
    address = reverse("markets_api:instruments")
    assert _bases(api.get(address)) == ["SOL", "BTC", "ETH", "BTC"]
    assert _bases(api.get(address, {"namespace": here.namespace})) == ["ETH", "BTC"]
    assert _bases(api.get(address, {"exchange": there.exchange.code, "state": "ACTIVE"})) == ["BTC"]
    assert _bases(api.get(address, {"base": "ETH", "quote": "USDT", "kind": "SPOT"})) == ["ETH"]
    assert _bases(api.get(address, {"base": "DOGE"})) == []
    assert _bases(api.get(address, {"search": "btc usdt", "exchange": here.exchange.code})) == ["BTC"]
    assert _bases(api.get(address, {"search": "no such"})) == []
    refused = api.get(address, {"state": "SLEEPING"})
    assert (refused.status_code, list(refused.json()["context"]["fields"])) == (400, ["state"])


def test_pages_of_instruments_follow_each_other(api: APIClient, desk: Desk) -> None:
    for base in ("BTC", "ETH", "SOL"):
        desk.instrument(base)
    first = api.get(reverse("markets_api:instruments"), {"page_size": 2})
    second = api.get(first.json()["next"])
    assert (_bases(first), _bases(second), second.json()["next"]) == (["SOL", "ETH"], ["BTC"], None)


def test_candles_are_the_newest_closed_ones_oldest_first(api: APIClient, desk: Desk) -> None:
    bitcoin = desk.instrument()
    desk.close_candles(bitcoin, [100.0, 101.5, 103.0], "5m")
    desk.step({bitcoin: "99"}, at=NOON + timedelta(minutes=19))
    answer = api.get(_candles(bitcoin), {"timeframe": "5m", "limit": "2"})
    assert answer.json() == [
        {
            "opened_at": f"2026-03-02T12:{minute}:00Z",
            **dict.fromkeys(("open", "high", "low", "close"), price),
            "volume": 1,
        }
        for minute, price in (("05", 101.5), ("10", 103.0))
    ]


def test_candles_between_two_times(api: APIClient, desk: Desk) -> None:
    bitcoin = desk.instrument()
    desk.close_candles(bitcoin, [100.0, 101.0, 102.0, 103.0], "5m")
    query: dict[str, str] = {
        "timeframe": "5m",
        "start": "2026-03-02T12:05:00Z",
        "end": "2026-03-02T12:15:00Z",
    }
    assert [found["close"] for found in api.get(_candles(bitcoin), query).json()] == [101.0, 102.0]
    elsewhere = query | {"start": "2026-03-02T13:05:00+01:00"}
    assert [found["close"] for found in api.get(_candles(bitcoin), elsewhere).json()] == [101.0, 102.0]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({}, "timeframe"),
        ({"timeframe": "7m"}, "timeframe"),
        ({"timeframe": "5m", "limit": "0"}, "limit"),
        ({"timeframe": "5m", "limit": "1001"}, "limit"),
        ({"timeframe": "5m", "limit": "1100001", "format": "arrow"}, "limit"),
        ({"timeframe": "7m", "format": "parquet"}, "timeframe"),
        ({"timeframe": "5m", "format": "csv"}, "format"),
        ({"timeframe": "5m", "limit": "many"}, "limit"),
        ({"timeframe": "5m", "start": "yesterday"}, "start"),
        ({"timeframe": "5m", "start": "2026-03-02T12:00:00Z", "end": "2026-03-02T12:00:00Z"}, "end"),
        ({"timeframe": "5m", "start": "0001-01-01T00:00:00Z"}, "start"),
        ({"timeframe": "5m", "end": "9999-12-31T23:59:59Z"}, "end"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(
    api: APIClient, desk: Desk, query: dict[str, str], field: str
) -> None:
    refused = api.get(_candles(desk.instrument()), query)
    assert (refused.status_code, refused.json()["code"]) == (400, "INVALID_INPUT")
    assert list(refused.json()["context"]["fields"]) == [field]


def test_tickers_have_the_day_and_nothing_where_there_is_no_price(api: APIClient, desk: Desk) -> None:
    bitcoin, ether = desk.instrument("BTC"), desk.instrument("ETH")
    desk.close_candles(bitcoin, [100.0, 125.0], "5m")
    answer = api.get(reverse("markets_api:tickers"), {"namespace": desk.namespace})
    known = {"exchange": desk.exchange.code}
    assert answer.json() == [
        {
            "instrument_id": str(bitcoin.id),
            "symbol": "BTC-USDT",
            **known,
            "price": "125",
            "at": "2026-03-02T12:10:00Z",
            "day_open": "100",
            "day_high": "125",
            "day_low": "100",
            "day_volume": 2.0,
            "day_turnover": 250.0,
            "day_change_ratio": 0.25,
        },
        {
            "instrument_id": str(ether.id),
            "symbol": "ETH-USDT",
            **known,
            **dict.fromkeys(
                ("price", "at", "day_open", "day_high", "day_low", "day_volume", "day_turnover", "day_change_ratio")
            ),
        },
    ]
    assert len(api.get(reverse("markets_api:tickers")).json()) == 2
    for query, count in (
        ({"namespace": "nowhere"}, 0),
        ({"exchange": desk.exchange.code}, 2),
        ({"exchange": "nowhere"}, 0),
        ({"kind": "PERPETUAL"}, 0),
    ):
        assert len(api.get(reverse("markets_api:tickers"), query).json()) == count
    for name, value in (("kind", "FUTURE"), ("namespace", "")):
        refused = api.get(reverse("markets_api:tickers"), {name: value})
        assert (refused.status_code, list(refused.json()["context"]["fields"])) == (400, [name])


def test_an_unknown_instrument_is_not_found(api: APIClient) -> None:
    for name in ("instrument", "candles", "book", "trades", "funding"):
        query = {"timeframe": "5m"} if name == "candles" else {}
        refused = api.get(reverse(f"markets_api:{name}", args=[new_id()]), query)
        assert (refused.status_code, refused.json()["code"]) == (404, "NOT_FOUND")


def test_nobody_gets_nothing(desk: Desk) -> None:
    bitcoin = desk.instrument()
    for address in (
        reverse("markets_api:instruments"),
        reverse("markets_api:instrument", args=[bitcoin.id]),
        _candles(bitcoin),
        *(reverse(f"markets_api:{name}", args=[bitcoin.id]) for name in ("book", "trades", "funding")),
        reverse("markets_api:tickers"),
        reverse("markets_api:venues"),
    ):
        assert APIClient().get(address).status_code == 401
    assert not Interest.objects.exists()


def test_the_api_is_for_reading(api: APIClient, desk: Desk) -> None:
    address = reverse("markets_api:instrument", args=[desk.instrument().id])
    for method in (api.post, api.patch, api.delete):
        assert method(address).status_code == 405
    assert Instrument.objects.get().state == "ACTIVE"
