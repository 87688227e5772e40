"""The sandbox's own endpoints, and addresses that carry a venue's host or a mount."""

from __future__ import annotations

import pytest

from sandbox.server import ServerThread, pointed_at, split_host
from tests.sandbox.wire import Wire


async def test_faults_are_switched_on_listed_and_off(venue: ServerThread) -> None:
    async with Wire(venue.url) as wire:
        made = await wire.control(
            "POST", "faults", {"venue": "kraken", "kind": "server_error", "status": 502, "count": 1}
        )
        assert made["kraken"]["status"] == 502
        async with wire.session.get(f"{venue.url}/0/public/Time") as response:
            assert response.status == 502
        listed = await wire.control("GET", "faults")
        assert [(fault["kind"], fault["struck"]) for fault in listed["kraken"]] == [("server_error", 1)]
        assert listed["binance"] == []
        assert await wire.control("DELETE", "faults", {"id": made["kraken"]["id"]}) == {"binance": 0, "kraken": 1}
        assert (await wire.control("GET", "faults"))["kraken"] == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"kind": "earthquake"}, "is not a valid FaultKind"),
        ({"kind": "latency", "venue": "nowhere"}, "There is no venue 'nowhere'"),
        ({"kind": "latency", "minutes": 3}, "A fault has no minutes"),
    ],
)
async def test_what_is_no_fault_is_refused(body: dict[str, object], said: str, venue: ServerThread) -> None:
    async with Wire(venue.url) as wire:
        assert said in (await wire.control("POST", "faults", body))["error"]
        assert (await wire.control("GET", "faults")) == {"binance": [], "kraken": []}


async def test_an_account_is_opened_with_keys_that_work(venue: ServerThread) -> None:
    async with Wire(venue.url) as wire:
        body = {"account": "carol", "venue": "kraken", "spot": {"USD": "12.5"}, "permissions": ["READ"]}
        made = (await wire.control("POST", "accounts", body))["kraken"]
        wire.key = venue.call(lambda: venue.venue("kraken").keys[made["key"]])
        assert wire.key.secret == made["secret"]
        assert (await wire.kraken("Balance"))["result"] == {"ZUSD": "12.5000000000"}
        assert (await wire.kraken("AddOrder", pair="XBTUSD"))["error"] == ["EGeneral:Permission denied"]
        refused = await wire.control("POST", "accounts", {"spot": {"USD": "-1"}})
        assert refused == {"error": "Amounts are numbers from 0 on."}


async def test_a_key_bound_to_addresses_works_from_them_alone(venue: ServerThread) -> None:
    async with Wire(venue.url) as wire:
        for addresses, works in ((["10.0.0.7"], False), (["10.0.0.7", "127.0.0.1"], True)):
            made = await wire.control("POST", "accounts", {"account": "dora", "addresses": addresses})
            wire.key = venue.call(lambda made=made: venue.venue("binance").keys[made["binance"]["key"]])  # type: ignore[misc]
            answer = await wire.binance("GET /sapi/v1/account/apiRestrictions")
            assert answer.get("ipRestrict", answer.get("code")) == (True if works else -2015)
            wire.key = venue.call(lambda made=made: venue.venue("kraken").keys[made["kraken"]["key"]])  # type: ignore[misc]
            answer = await wire.kraken("GetApiKeyInfo")
            assert answer["error"] == ([] if works else ["EGeneral:Permission denied"])
            assert not works or answer["result"]["ipAllowlist"] == sorted(addresses)


async def test_the_status_names_prices_and_times(venue: ServerThread) -> None:
    async with Wire(venue.url) as wire:
        status = await wire.control("GET", "status?venue=kraken")
        assert set(status) == {"kraken"}
        assert set(status["kraken"]["prices"]) == {"BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD", "BTC/USDT", "ETH/BTC"}


@pytest.mark.parametrize(
    ("path", "split"),
    [
        ("/api.binance.com/api/v3/time", ("api.binance.com", "/api/v3/time")),
        ("/stream.binance.com:9443/ws/0", ("stream.binance.com", "/ws/0")),
        ("/binance/stream/api/v3/time", ("stream.binance.com", "/api/v3/time")),
        ("/binanceusdm/ws/0", ("fstream.binance.com", "/ws/0")),
        ("/kraken/0/public/Time", ("ws.kraken.com", "/0/public/Time")),
        ("/api/v3/time", ("", "/api/v3/time")),
        ("/0/public/Time", ("", "/0/public/Time")),
    ],
)
async def test_an_address_may_carry_the_venues_host_or_a_mount(
    path: str, split: tuple[str, str], venue: ServerThread
) -> None:
    assert split_host(path) == split
    if path.endswith("ime"):
        async with Wire(venue.url) as wire:
            assert (await wire.get(path))[0] == 200


def test_every_address_of_a_client_is_moved() -> None:
    theirs = {"rest": {"public": "https://api.x.com/v1"}, "ws": "wss://s.x.com:9443/ws", "other": None, "name": "x"}
    assert pointed_at("http://127.0.0.1:81", theirs) == {
        "rest": {"public": "http://127.0.0.1:81/api.x.com/v1"},
        "ws": "ws://127.0.0.1:81/s.x.com:9443/ws",
        "other": None,
        "name": "x",
    }
