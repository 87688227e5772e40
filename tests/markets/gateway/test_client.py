"""The dressed client: addresses of one's own, limits that all share, the venue's word on when to come back, its clock."""

from __future__ import annotations

import ast
import asyncio
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, getcontext
from pathlib import Path
from typing import Any

import pytest
import redis
from aiohttp import web

from common import clock, ids
from common.limiter import limiter
from markets.gateway.adapter import CcxtMarketData
from markets.gateway.client import Client, Gate, library_client, moved, next_nonce, retry_after
from markets.gateway.errors import BackOff, Retry, Skip, Stop
from markets.gateway.protocol import Connection, Credentials, TimeInForce
from markets.gateway.venues import VENUES
from markets.health import BreakerState, venue_health, venue_metrics
from markets.models import MarketKind
from tests.markets.gateway.conftest import KEYS
from tests.markets.gateway.fake_venue import FakeVenue

BOOK, TIME = ("GET", "/api/v3/depth"), ("GET", "/api/v3/time")


def test_the_library_is_imported_only_when_a_client_is_made() -> None:
    importing = [
        str(path)
        for path in sorted(Path("markets").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Import) and any(one.name.startswith("ccxt") for one in node.names))
        or (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ccxt"))
        or (isinstance(node, ast.Constant) and str(node.value).startswith("ccxt."))
    ]
    assert importing == ["markets/gateway/client.py"] * 2  # inside library_client: for requests, and for streams


def test_an_address_of_one_s_own_replaces_host_and_scheme_everywhere() -> None:
    tree = {"public": "https://api.{hostname}/api/v3", "ws": {"spot": "wss://stream.example.com:9443/ws"}, "n": None}
    assert moved(tree, "http://127.0.0.1:8080/venue/") == {
        "public": "http://127.0.0.1:8080/venue/api/v3",
        "ws": {"spot": "ws://127.0.0.1:8080/venue/ws"},
        "n": None,
    }
    assert moved(tree, "http://127.0.0.1:8080/{host}")["ws"]["spot"] == (
        "ws://127.0.0.1:8080/stream.example.com:9443/ws"
    )
    assert moved("https://a.b/c", "https://mine.example") == "https://mine.example/c"
    assert moved("wss://a.b/c", "https://mine.example") == "wss://mine.example/c"


def _holds(options: Any, wanted: Any) -> bool:
    """Return whether the library took our options over, beside those of its own."""
    if isinstance(wanted, Mapping):
        return all(name in options and _holds(options[name], one) for name, one in wanted.items())
    return bool(options == wanted)


@pytest.mark.parametrize("code", sorted(VENUES))
async def test_every_venue_of_the_table_is_one_of_the_library(code: str) -> None:
    for streams in (False, True):
        client = library_client(Connection(code, base_url="http://127.0.0.1:1"), KEYS, streams=streams)
        addresses = [client.urls["api"]]
        while addresses:
            one = addresses.pop()
            if isinstance(one, dict):
                addresses += one.values()
            else:
                assert one.startswith(("http://127.0.0.1:1", "ws://127.0.0.1:1")), one
        assert _holds(client.options, VENUES[code].options)
        assert client.has["fetchOHLCV"]
        needed = {name for name, is_needed in client.requiredCredentials.items() if is_needed}
        ours = {"apiKey": "api_key", "secret": "secret", "password": "password",
                "walletAddress": "wallet_address", "privateKey": "private_key"}  # fmt: skip
        assert {ours[name] for name in needed} <= set(VENUES[code].credentials)
        await client.close()


@pytest.mark.parametrize("code", sorted(VENUES))
async def test_the_sandbox_switch(code: str) -> None:
    if VENUES[code].has_sandbox:
        usual, client = library_client(Connection(code), None), library_client(Connection(code, is_sandbox=True), None)
        assert client.isSandboxModeEnabled or client.options["sandboxMode"]
        assert client.urls["api"] != usual.urls["api"] or client.options.get("sandboxMode")
        await usual.close()
        await client.close()
    else:
        with pytest.raises(Stop, match="NO_SANDBOX"):
            library_client(Connection(code, is_sandbox=True), None)


def test_a_wrong_setting_says_so() -> None:
    with pytest.raises(Stop, match="VENUE_UNKNOWN"):
        Client(Connection("mtgox"))
    for wrong in ("ftp://127.0.0.1", "127.0.0.1:8080", "http://"):
        with pytest.raises(Stop, match="BASE_URL_NOT_VALID"):
            library_client(Connection("binance", base_url=wrong), None)


def test_credentials_show_nothing() -> None:
    assert repr(Credentials("a key", "a secret", "a word", "a wallet", "a private key")) == "Credentials()"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("17", 17.0), ("Mon, 02 Mar 2026 12:00:30 GMT", 30.0), ("Mon, 02 Mar 2026 11:00:00 GMT", 0.0), ("soon", None)],
)
def test_retry_after_is_a_number_or_a_date(text: str, seconds: float | None) -> None:
    clock.use_wall_clock(lambda: datetime(2026, 3, 2, 12, tzinfo=UTC))
    try:
        assert retry_after({"retry-AFTER": text}) == seconds
        assert retry_after({"Date": text}) is None
    finally:
        clock.use_wall_clock(None)


@pytest.mark.parametrize("status", [429, 418])
async def test_retry_after_holds_every_client_of_the_venue(
    connection: Connection, venue: FakeVenue, status: int
) -> None:
    venue.says(*BOOK, {"code": -1003, "msg": "Too many requests."}, status, Retry_After="47")
    async with Client(connection) as first, Client(replace(connection, account="bob")) as second:
        await first.markets()
        with pytest.raises(BackOff) as told:
            await CcxtMarketData(first).order_book("BTC/USDT")
        assert (told.value.code, told.value.retry_after) == ("RATE_LIMITED", 47)
        second.share_markets(first)
        with pytest.raises(BackOff) as held:
            await CcxtMarketData(second).order_book("BTC/USDT")
    assert held.value.retry_after == pytest.approx(47, abs=1)
    assert venue.count(*BOOK) == 1
    assert venue_health([connection.code])[connection.code].state == BreakerState.CLOSED


async def test_requests_wait_for_their_turn_by_weight(connection: Connection, venue: FakeVenue) -> None:
    venue.says(*BOOK, {"lastUpdateId": 1, "bids": [], "asks": []})
    async with Client(connection) as client:
        await client.markets()
        gate = Gate(client.connection, client.venue, 20)
        client.library.gate = gate
        key, rate, burst = gate._key, gate._per_second, gate._burst
        assert (rate, burst) == (18.0, 120.0)
        limiter().take(key, per_second=rate, burst=burst, weight=burst, patience=60)  # nothing is left
        started = clock.monotonic()
        await CcxtMarketData(client).order_book("BTC/USDT", 1000)  # the library's weight of it: 10 of 20 a second
        assert 0.4 < clock.monotonic() - started < 1.2


async def test_limits_count_by_account_where_the_venue_does() -> None:
    alice, bob = Connection("kucoin", account="alice"), Connection("kucoin", account="bob")
    keys = {Gate(one, VENUES["kucoin"], 1)._key for one in (alice, bob, Connection("kucoin"))}
    assert len(keys) == 3
    address = {Gate(replace(one, venue="binance"), VENUES["binance"], 1)._key for one in (alice, bob)}
    assert len(address) == 1


async def test_without_redis_each_process_keeps_to_the_limits_by_itself(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Away:
        def take(self, *_: object, **__: object) -> float:
            raise redis.ConnectionError("away")

        pause = take

    monkeypatch.setattr("markets.gateway.client.limiter", Away)
    gate = Gate(connection, VENUES["binance"], 20)
    await gate.wait(120)
    started = clock.monotonic()
    await gate.wait(5)
    assert 0.2 < clock.monotonic() - started < 1
    await gate.pause(40)
    with pytest.raises(BackOff):
        await gate.wait(1)


async def test_orders_are_counted_beside_requests(connection: Connection) -> None:
    gate = Gate(connection, VENUES["binance"], 20)
    waits = [limiter().take(gate._orders_key, per_second=5, burst=5, patience=1) for _ in range(7)]
    assert waits[:5] == [0] * 5
    assert waits[6] == pytest.approx(0.4, abs=0.05)
    await asyncio.wait_for(gate.wait_for_order(), timeout=2)


def test_nonces_grow_for_a_key_whoever_asks() -> None:
    clock.use_wall_clock(lambda: datetime(2026, 3, 2, 12, tzinfo=UTC))
    try:
        name = ids.new_token(6)
        first = 1772452800000000
        assert [next_nonce(name, "key") for _ in range(3)] == [first, first + 1, first + 2]
        assert next_nonce(name, "other") == first
        clock.use_wall_clock(lambda: datetime(2026, 3, 2, 11, tzinfo=UTC))
        assert next_nonce(name, "key") == first + 3  # also when the clock steps back
    finally:
        clock.use_wall_clock(None)


async def test_a_wrong_clock_is_set_before_the_next_request(connection: Connection, venue: FakeVenue) -> None:
    venue.says("GET", "/api/v3/account", {"code": -1021, "msg": "Timestamp for this request was 1000ms ahead."}, 400)
    async with Client(connection, KEYS) as client:
        await client.markets()
        venue.says("GET", "/api/v3/time", {"serverTime": 1600000000000})
        with pytest.raises(Retry, match="CLOCK_SKEWED"):
            await client.call("fetch_balance")
        venue.says("GET", "/api/v3/account", {"balances": []})
        await client.call("fetch_balance")
    assert int(venue.last("GET", "/api/v3/account")["timestamp"]) // 10_000 == 160000000


@pytest.mark.parametrize("code", sorted(VENUES))
async def test_what_a_venue_lacks_of_times_in_force_is_what_the_library_says(code: str) -> None:
    client = library_client(Connection(code), None)
    kind = "spot" if MarketKind.SPOT in VENUES[code].kinds else "swap"
    offered = client.features["spot"] if kind == "spot" else client.features["swap"]["linear"]
    told = offered["createOrder"]["timeInForce"]
    assert {one for one in TimeInForce if one != TimeInForce.GTC and not told[one]} == VENUES[code].lacks
    await client.close()


async def test_a_failing_venue_is_left_alone_and_tried_again(connection: Connection, venue: FakeVenue) -> None:
    venue.says(*BOOK, "bad gateway", 502)
    async with Client(connection) as client:
        data = CcxtMarketData(client)
        await client.markets()
        for _ in range(5):
            with pytest.raises(Retry, match="NOT_AVAILABLE"):
                await data.order_book("BTC/USDT")
        with pytest.raises(BackOff, match="BREAKER_OPEN"):
            await data.order_book("BTC/USDT")
        assert venue.count(*BOOK) == 5
        venue.says(*BOOK, {"lastUpdateId": 1, "bids": [], "asks": []})
        later = clock.wall_now() + timedelta(seconds=6)
        clock.use_wall_clock(lambda: later)
        try:
            await data.order_book("BTC/USDT")
        finally:
            clock.use_wall_clock(None)
    assert venue_health([connection.code])[connection.code].state == BreakerState.CLOSED
    counted = venue_metrics()["venue_requests_total"]
    assert counted[f'venue="{connection.code}",outcome="NOT_AVAILABLE"'] == 5
    assert counted[f'venue="{connection.code}",outcome="DENIED_BY_BREAKER"'] == 1


@pytest.fixture
def own_clock() -> Iterator[None]:
    yield
    clock.use_wall_clock(None)


async def _left_alone(client: Client, venue: FakeVenue) -> None:
    """Let the venue fail until it is left alone, and the pause go by."""
    venue.says(*BOOK, "bad gateway", 502)
    await client.markets()
    for _ in range(5):
        with pytest.raises(Retry):
            await CcxtMarketData(client).order_book("BTC/USDT")
    later = clock.wall_now() + timedelta(seconds=6)
    clock.use_wall_clock(lambda: later)


async def test_a_try_that_is_cancelled_keeps_nobody_waiting(
    connection: Connection, venue: FakeVenue, own_clock: None
) -> None:
    async with Client(connection) as client:
        await _left_alone(client, venue)
        asked, data = asyncio.Event(), CcxtMarketData(client)

        async def hangs(_: web.Request) -> web.StreamResponse:
            asked.set()
            await asyncio.Event().wait()
            raise AssertionError

        venue.answers[BOOK] = hangs
        trying = asyncio.create_task(data.order_book("BTC/USDT"))
        await asked.wait()
        with pytest.raises(BackOff, match="BREAKER_OPEN"):
            await data.order_book("BTC/USDT")
        trying.cancel()
        with pytest.raises(asyncio.CancelledError):
            await trying
        venue.says(*BOOK, {"lastUpdateId": 1, "bids": [], "asks": []})
        await data.order_book("BTC/USDT")


async def test_streams_are_let_through_by_a_request_that_was_answered(
    connection: Connection, venue: FakeVenue, own_clock: None
) -> None:
    async with Client(connection) as client, Client(connection, streams=True) as streaming:
        await _left_alone(client, venue)
        asked = venue.count(*TIME)
        for _ in range(2):
            await streaming.admit_streams()
            assert venue.count(*TIME) == asked + 1
    assert venue_health([connection.code])[connection.code].state == BreakerState.CLOSED


async def test_a_refusal_of_ours_is_no_outage(connection: Connection, venue: FakeVenue) -> None:
    venue.says(*BOOK, {"code": -1100, "msg": "Illegal characters found in a parameter."}, 400)
    async with Client(connection) as client:
        for _ in range(7):
            with pytest.raises(Skip):
                await CcxtMarketData(client).order_book("BTC/USDT")
    assert venue.count(*BOOK) == 7
    assert venue_health([connection.code])[connection.code].state == BreakerState.CLOSED


async def test_the_decimal_context_of_others_stays(client: Client) -> None:
    await client.markets()
    getcontext().rounding = ROUND_HALF_EVEN  # a test before this one may have used the library by itself
    before = getcontext().copy()
    client.library.amount_to_precision("BTC/USDT", "0.5")  # outside of `call` it would be changed
    assert getcontext().rounding != ROUND_HALF_EVEN
    getcontext().rounding, getcontext().traps = before.rounding, before.traps
    await client.call("fetch_time")
    assert getcontext().rounding == ROUND_HALF_EVEN


async def test_a_closed_client_opens_no_session_for_what_resumes_later(connection: Connection) -> None:
    async with Client(connection, streams=True) as client:
        client.library.open()
        assert client.library.session is not None
    with pytest.raises(Exception, match="closed by the user"):
        await client.library.watch("ws://127.0.0.1:9/", "late")
    assert client.library.session is None


async def test_clients_trust_by_the_same_certificates_read_once(connection: Connection) -> None:
    """Each would read them anew: of a signer that starts with hundreds of accounts that was two thirds of its time."""
    async with Client(connection) as one, Client(connection, streams=True) as other:
        one.library.open()
        other.library.open()
        assert one.library.ssl_context is other.library.ssl_context
        assert one.library.ssl_context.verify_mode == ssl.CERT_REQUIRED
