"""ccxt.pro's binance and binanceusdm against the sandbox's sockets."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from sandbox.core.orders import Side
from sandbox.server import ServerThread
from tests.fixtures_exchange import opened
from tests.sandbox.clients import SUBSCRIBED_SECONDS, futures, spot
from tests.sandbox.wire import Wire, heard

D = Decimal


async def test_trades_tops_and_candles_are_streamed(venue: ServerThread) -> None:
    async with spot(venue) as client:
        trades, candles, tops = await asyncio.gather(
            client.watch_trades("BTC/USDT"), client.watch_ohlcv("BTC/USDT", "1m"), client.watch_bids_asks(["ETH/USDT"])
        )
        assert trades[0]["symbol"] == "BTC/USDT"
        assert candles[-1][0] % 60_000 == 0
        assert tops["ETH/USDT"]["bid"] < tops["ETH/USDT"]["ask"]


async def test_tickers_are_streamed(venue: ServerThread) -> None:
    async with spot(venue) as client:
        ticker = await client.watch_ticker("BTC/USDT")
        assert ticker["low"] <= ticker["last"] <= ticker["high"]


@pytest.mark.parametrize("make", [spot, futures])
async def test_a_watched_book_is_the_venues_book(make: Any, venue: ServerThread) -> None:
    inside = venue.venue("binance")
    place = inside.spot if make is spot else inside.futures
    async with make(venue) as client:
        name = "BTC/USDT" if make is spot else "BTC/USDT:USDT"
        book = await client.watch_order_book(name)
        for _ in range(6):
            await client.watch_order_book(name)
        # The market stands still, the last difference arrives: then both are the same.
        venue.call(lambda: setattr(place.market, "is_still", True))
        await asyncio.sleep(0.15)
        for side, rows in ((Side.BUY, book["bids"]), (Side.SELL, book["asks"])):
            levels = venue.call(partial(place.exchange.book("BTCUSDT").levels, side, 20))
            assert [(D(str(price)), D(str(quantity))) for price, quantity in rows[:20]] == levels


async def test_orders_trades_and_balances_are_streamed_to_their_owner(venue: ServerThread) -> None:
    async with spot(venue, opened(venue, "binance")) as alice, spot(venue, opened(venue, "binance", "bob")) as bob:
        watching = asyncio.gather(alice.watch_orders(), alice.watch_balance(), alice.watch_my_trades())
        stranger = asyncio.ensure_future(bob.watch_orders())
        await asyncio.sleep(SUBSCRIBED_SECONDS)
        order = await alice.create_order("BTC/USDT", "market", "buy", 0.1)
        orders, balance, trades = await watching
        assert (orders[-1]["id"], trades[-1]["order"]) == (order["id"], order["id"])
        assert balance["BTC"]["total"] == 2.0999
        assert not stranger.done()
        stranger.cancel()


async def test_futures_orders_positions_and_balances_are_streamed(venue: ServerThread) -> None:
    async with futures(venue, opened(venue, "binance")) as client:
        watching = asyncio.gather(client.watch_orders(), client.watch_positions(), client.watch_balance())
        await asyncio.sleep(SUBSCRIBED_SECONDS)
        order = await client.create_order("BTC/USDT:USDT", "market", "buy", 0.1)
        orders, positions, balance = await watching
        assert orders[-1]["id"] == order["id"]
        assert positions[-1]["contracts"] == 0.1
        assert 9_990 < balance["USDT"]["total"] < 10_000


async def test_orders_can_be_placed_over_the_socket(venue: ServerThread) -> None:
    async with spot(venue, opened(venue, "binance")) as client:
        order = await client.create_order_ws("BTC/USDT", "limit", "buy", 0.01, 30000)
        assert order["status"] == "open"
        assert (await client.cancel_order_ws(order["id"], "BTC/USDT"))["status"] == "canceled"


async def test_combined_streams_unsubscribing_and_unknown_streams(venue: ServerThread) -> None:
    async with Wire(venue.url) as wire:
        socket = await wire.socket("/stream?streams=btcusdt@trade/ethusdt@trade")
        assert (await heard(socket, lambda told: "stream" in told))["data"]["e"] == "trade"
        await socket.send_json({"method": "UNSUBSCRIBE", "params": ["btcusdt@trade"], "id": 2})
        assert await heard(socket, lambda told: told.get("id") == 2) == {"result": None, "id": 2}
        assert (await heard(socket, lambda told: "stream" in told))["stream"] == "ethusdt@trade"
        await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 3})
        assert (await heard(socket, lambda told: told.get("id") == 3))["result"] == ["ethusdt@trade"]
        await socket.send_json({"method": "SUBSCRIBE", "params": ["nopeusdt@trade"], "id": 4})
        assert (await heard(socket, lambda told: told.get("id") == 4))["error"]["code"] == 2
        await socket.send_str("{")
        assert (await heard(socket, lambda told: "code" in told))["code"] == 3
        await socket.close()


async def test_a_candle_closes_once_and_the_next_begins(venue: ServerThread) -> None:
    async with Wire(venue.url) as wire:
        socket = await wire.socket("/ws/btcusdt@kline_1s")
        closed = [await heard(socket, lambda told: told["k"]["x"]) for _ in range(2)]
        assert closed[1]["k"]["t"] - closed[0]["k"]["t"] == 1000
        await socket.close()
