"""One test for each fault of the switch: what a client meets, and what was really done behind it."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

import aiohttp
import ccxt
import pytest

from common import clock
from sandbox.core.clock import wall_ms
from sandbox.core.keys import ApiKey
from sandbox.core.orders import Order, Side, Status
from sandbox.faults import Fault, FaultKind
from sandbox.server import ServerThread
from tests.fixtures_exchange import client_of, opened
from tests.sandbox.clients import SPOT_ONLY, futures
from tests.sandbox.wire import Wire, heard

D = Decimal
VENUES = {"binance": ("BTC/USDT", "/api/v3/order"), "kraken": ("BTC/USD", "/0/private/AddOrder")}
both = pytest.mark.parametrize("name", list(VENUES))


def switched_on(thread: ServerThread, name: str, fault: Fault) -> Fault:
    return thread.call(lambda: thread.venue(name).faults.switch_on(fault))


def orders_of(thread: ServerThread, name: str, key: ApiKey) -> list[Order]:
    return thread.call(lambda: thread.venue(name).spot.exchange.orders(key.account))


def trader(thread: ServerThread, name: str, key: ApiKey | None = None) -> Any:
    """Return a synchronous client whose markets are loaded."""
    client = client_of(thread, getattr(ccxt, name), key, **(SPOT_ONLY if name == "binance" else {}))
    client.load_markets()
    return client


@both
def test_latency_delays_the_answer(name: str, venue: ServerThread) -> None:
    client = trader(venue, name)
    fault = switched_on(venue, name, Fault(FaultKind.LATENCY, seconds=0.3, count=1))
    before = clock.monotonic()
    client.fetch_time()
    assert clock.monotonic() - before >= 0.3
    client.fetch_time()
    assert fault.struck == 1


@both
def test_a_time_out_after_the_order_was_accepted_leaves_the_order_at_work(name: str, venue: ServerThread) -> None:
    symbol, path = VENUES[name]
    key = opened(venue, name)
    client = trader(venue, name, key)
    client.timeout = 200
    switched_on(venue, name, Fault(FaultKind.TIMEOUT_AFTER_ACCEPT, seconds=1.0, where=f"POST {path}", count=1))
    with pytest.raises(ccxt.RequestTimeout):
        client.create_order(symbol, "limit", "buy", 0.01, 30000, {"clientOrderId": "mine"})
    assert [(o.client_id, o.status) for o in orders_of(venue, name, key)] == [("mine", Status.NEW)]
    client.timeout = 3000
    assert [order["clientOrderId"] for order in client.fetch_open_orders(symbol)] == ["mine"]


@both
def test_a_dropped_response_is_a_network_error_and_the_order_is_at_work(name: str, venue: ServerThread) -> None:
    symbol, path = VENUES[name]
    key = opened(venue, name)
    client = trader(venue, name, key)
    switched_on(venue, name, Fault(FaultKind.DROPPED_RESPONSE, where=f"POST {path}", count=1))
    with pytest.raises(ccxt.NetworkError):
        client.create_order(symbol, "limit", "buy", 0.01, 30000)
    assert [order.status for order in orders_of(venue, name, key)] == [Status.NEW]


@both
@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_server_error_does_nothing(name: str, status: int, venue: ServerThread) -> None:
    symbol, path = VENUES[name]
    key = opened(venue, name)
    client = trader(venue, name, key)
    switched_on(venue, name, Fault(FaultKind.SERVER_ERROR, status=status, where=path, count=1))
    with pytest.raises(ccxt.NetworkError):
        client.create_order(symbol, "limit", "buy", 0.01, 30000)
    assert orders_of(venue, name, key) == []


@both
def test_maintenance_is_said_in_the_venues_words_and_refuses_sockets(name: str, venue: ServerThread) -> None:
    client = trader(venue, name)
    switched_on(venue, name, Fault(FaultKind.MAINTENANCE))
    with pytest.raises((ccxt.ExchangeNotAvailable, ccxt.OperationFailed), match=r"-1001|EService:Unavailable"):
        client.fetch_ticker(VENUES[name][0])

    async def connect() -> None:
        async with Wire(venue.url) as wire:
            await wire.socket({"binance": "/ws", "kraken": "/v2"}[name])

    with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
        asyncio.run(connect())


def test_a_skewed_clock_refuses_what_is_on_time(venue: ServerThread) -> None:
    client = trader(venue, "binance", opened(venue, "binance"))
    client.fetch_balance()
    switched_on(venue, "binance", Fault(FaultKind.CLOCK_SKEW, milliseconds=60_000))
    assert abs(client.fetch_time() - client.milliseconds() - 60_000) < 2000
    with pytest.raises(ccxt.InvalidNonce, match="-1021"):
        client.fetch_balance()
    client.load_time_difference()
    client.fetch_balance()


@both
def test_a_partial_fill_leaves_the_rest_at_work(name: str, venue: ServerThread) -> None:
    symbol, _ = VENUES[name]
    key = opened(venue, name)
    client = trader(venue, name, key)
    venue.call(lambda: setattr(venue.venue(name).spot.market, "is_still", True))
    price = client.fetch_order_book(symbol)["asks"][0][0]
    switched_on(venue, name, Fault(FaultKind.PARTIAL_FILL, ratio=D("0.25"), count=1))
    client.create_order(symbol, "limit", "buy", 0.4, price)
    order = orders_of(venue, name, key)[0]
    assert (order.status, order.filled) == (Status.PARTIALLY_FILLED, D("0.1"))


@both
def test_a_market_order_that_fills_in_part_ends_so(name: str, venue: ServerThread) -> None:
    key = opened(venue, name)
    switched_on(venue, name, Fault(FaultKind.PARTIAL_FILL, ratio=D("0.5"), count=1))
    trader(venue, name, key).create_order(VENUES[name][0], "market", "buy", 0.4)
    order = orders_of(venue, name, key)[0]
    assert (order.status, order.filled) == (Status.EXPIRED, D("0.2"))


@both
def test_a_cancel_loses_against_the_fill(name: str, venue: ServerThread) -> None:
    symbol, _ = VENUES[name]
    key = opened(venue, name)
    client = trader(venue, name, key)
    order = client.create_order(symbol, "limit", "buy", 0.01, 30000)
    switched_on(venue, name, Fault(FaultKind.CANCEL_LOSES, count=1))
    with pytest.raises(ccxt.OrderNotFound):
        client.cancel_order(order["id"], symbol)
    filled = orders_of(venue, name, key)[0]
    assert (filled.status, filled.average_price) == (Status.FILLED, D(30000))


# Streams: one raw socket on trades, whose numbers tell what came twice, late or not at all.

STREAMS = {"binance": "btcusdt@trade", "kraken": "trade BTC/USD"}


async def _listening(wire: Wire, name: str) -> aiohttp.ClientWebSocketResponse:
    if name == "binance":
        return await wire.socket(f"/ws/{STREAMS[name]}")
    socket = await wire.socket("/v2")
    params = {"channel": "trade", "symbol": ["BTC/USD"], "snapshot": False}
    await socket.send_json({"method": "subscribe", "params": params})
    return socket


async def _numbers(socket: aiohttp.ClientWebSocketResponse, count: int) -> list[int]:
    """Return the ids of the next trades."""
    found: list[int] = []
    async with asyncio.timeout(5):
        while len(found) < count:
            told = json.loads(await socket.receive_str())
            if told.get("e") == "trade":
                found.append(told["t"])
            elif told.get("channel") == "trade":
                found += [row["trade_id"] for row in told["data"]]
    return found


@both
async def test_a_duplicated_message_comes_twice(name: str, venue: ServerThread) -> None:
    async with Wire(venue.url) as wire:
        socket = await _listening(wire, name)
        first = (await _numbers(socket, 1))[0]
        switched_on(venue, name, Fault(FaultKind.DUPLICATE_MESSAGE, where=STREAMS[name], count=1))
        numbers = [first]
        # What was under way when the fault was switched on comes first.
        while len(numbers) == len(set(numbers)):
            numbers += await _numbers(socket, 1)
        assert numbers == sorted(numbers)
        assert numbers[-1] == numbers[-2]
        await socket.close()


@both
async def test_a_reordered_message_comes_after_the_next(name: str, venue: ServerThread) -> None:
    async with Wire(venue.url) as wire:
        socket = await _listening(wire, name)
        numbers = await _numbers(socket, 1)
        switched_on(venue, name, Fault(FaultKind.REORDER_MESSAGE, where=STREAMS[name], count=1))
        while numbers == sorted(numbers):
            numbers += await _numbers(socket, 1)
        *before, late = numbers
        assert late == before[-1] - 1
        assert sorted(numbers) == list(range(numbers[0], numbers[0] + len(numbers)))
        await socket.close()


async def test_a_heartbeat_does_not_take_the_place_of_the_message_behind(venue: ServerThread) -> None:
    exchange = venue.venue("kraken").spot.exchange

    def trade() -> None:
        exchange.matcher.print_trade("BTC/USD", D(60_000), D("0.001"), Side.BUY, wall_ms())

    async with Wire(venue.url) as wire:
        socket = await _listening(wire, "kraken")
        await _numbers(socket, 1)
        venue.call(lambda: setattr(venue.venue("kraken").spot.market, "is_still", True))
        switched_on(venue, "kraken", Fault(FaultKind.REORDER_MESSAGE, where=STREAMS["kraken"], count=1))
        venue.call(trade)
        await heard(socket, lambda told: told.get("channel") == "heartbeat")
        await heard(socket, lambda told: told.get("channel") == "heartbeat")
        venue.call(trade)
        late, later = sorted(numbers := await _numbers(socket, 2))
        assert numbers == [later, late]
        await socket.close()


@both
async def test_a_silent_socket_says_nothing_and_stays_open(name: str, venue: ServerThread) -> None:
    async with Wire(venue.url) as wire:
        socket = await _listening(wire, name)
        await _numbers(socket, 1)
        switched_on(venue, name, Fault(FaultKind.SILENT_SOCKET, where=STREAMS[name], count=1))
        with pytest.raises(TimeoutError):
            await _numbers_within(socket, 0.6)
        await socket.ping()
        with pytest.raises(TimeoutError):
            await _numbers_within(socket, 0.2)
        assert not socket.closed
        other = await _listening(wire, name)
        assert len(await _numbers(other, 1)) == 1
        await other.close()
        # A silent venue does not answer a farewell either.
        socket._response.close()


async def _numbers_within(socket: aiohttp.ClientWebSocketResponse, seconds: float) -> None:
    """Read until the time is over; what was under way when the fault struck may still come."""
    async with asyncio.timeout(seconds):
        while True:
            await socket.receive_str()


@both
async def test_a_dropped_connection_ends_without_a_word(name: str, venue: ServerThread) -> None:
    async with Wire(venue.url) as wire:
        socket = await _listening(wire, name)
        await _numbers(socket, 1)
        switched_on(venue, name, Fault(FaultKind.DROP_CONNECTION, where=STREAMS[name], count=1))
        async with asyncio.timeout(3):
            while (message := await socket.receive()).type is aiohttp.WSMsgType.TEXT:
                pass
        assert (message.type, socket.close_code) == (aiohttp.WSMsgType.CLOSED, 1006)


async def test_an_expired_listen_key_says_so_and_closes(venue: ServerThread) -> None:
    key = opened(venue, "binance")
    async with Wire(venue.url, key) as wire:
        headers = {"X-MBX-APIKEY": key.key}
        async with wire.session.post(f"{venue.url}/fapi/v1/listenKey", headers=headers) as response:
            listen_key = (await response.json())["listenKey"]
        socket = await wire.socket(f"/private/ws?listenKey={listen_key}")
        switched_on(venue, "binance", Fault(FaultKind.LISTEN_KEY_EXPIRY, where=f"futures {key.account}", count=1))
        assert (await heard(socket, lambda told: True))["e"] == "listenKeyExpired"
        assert (await socket.receive()).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
        async with wire.session.put(f"{venue.url}/fapi/v1/listenKey", headers=headers) as response:
            assert (await response.json())["code"] == -1125


async def test_the_library_gets_over_an_expired_listen_key_once_it_forgets_the_old_one(venue: ServerThread) -> None:
    key = opened(venue, "binance")
    async with futures(venue, key) as client:
        watching = asyncio.ensure_future(client.watch_orders())
        await asyncio.sleep(0.4)
        switched_on(venue, "binance", Fault(FaultKind.LISTEN_KEY_EXPIRY, where=f"futures {key.account}", count=1))
        with pytest.raises(ccxt.NetworkError):
            await asyncio.wait_for(watching, 3)
        # By itself it would go on with the dead key.
        client.options["linear"] = {}
        again = asyncio.ensure_future(client.watch_orders())
        await asyncio.sleep(0.4)
        order = await client.create_order("BTC/USDT:USDT", "market", "buy", 0.01)
        assert (await asyncio.wait_for(again, 3))[-1]["id"] == order["id"]
