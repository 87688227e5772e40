"""ccxt's kraken against the sandbox, REST and WebSocket v2."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from itertools import pairwise
from typing import Any

import ccxt
import pytest

from sandbox.core.keys import Permission
from sandbox.core.orders import Side
from sandbox.kraken import shapes
from sandbox.server import ServerThread, running
from sandbox.venue import Setup
from tests.fixtures_exchange import another_key, client_of, opened
from tests.sandbox.clients import SUBSCRIBED_SECONDS, kraken
from tests.sandbox.wire import Wire, heard

D = Decimal
BTC = "BTC/USD"


async def test_markets_and_public_data_are_read(venue: ServerThread) -> None:
    async with kraken(venue) as client:
        market = (await client.load_markets())[BTC]
        assert (market["id"], market["precision"]["price"], market["limits"]["amount"]["min"]) == (
            "XXBTZUSD",
            0.1,
            0.00005,
        )
        assert (market["maker"], market["taker"]) == (0.0025, 0.004)
        ticker, book = await client.fetch_ticker(BTC), await client.fetch_order_book(BTC, 5)
        assert ticker["low"] <= ticker["last"] <= ticker["high"]
        assert len(book["bids"]) == len(book["asks"]) == 5
        assert len(await client.fetch_tickers([BTC, "ETH/BTC"])) == 2
        assert len(await client.fetch_trades(BTC, limit=3)) == 3


async def test_candles_of_every_timeframe_are_read(venue: ServerThread) -> None:
    async with kraken(venue) as client:
        for timeframe in client.timeframes:
            candle = (await client.fetch_ohlcv(BTC, timeframe))[-1]
            assert candle[3] <= min(candle[1], candle[4]) <= max(candle[1], candle[4]) <= candle[2]
        minutes = [candle[0] for candle in await client.fetch_ohlcv(BTC, "1m")]
        assert len(minutes) >= 31
        assert {later - earlier for earlier, later in pairwise(minutes)} == {60_000}


async def test_an_order_lives_from_placing_to_cancelling(venue: ServerThread) -> None:
    async with kraken(venue, opened(venue, "kraken")) as client:
        order = await client.create_order(BTC, "limit", "buy", 0.01, 30000, {"clientOrderId": "mine"})
        found = await client.fetch_order(order["id"], BTC)
        assert (found["status"], found["clientOrderId"], found["price"]) == ("open", "mine", 30000.0)
        assert (await client.fetch_balance())["USD"]["used"] == 301.2
        await client.cancel_order(None, BTC, {"clientOrderId": "mine"})
        assert await client.fetch_open_orders(BTC) == []
        assert [each["status"] for each in await client.fetch_closed_orders(BTC)] == ["canceled"]


async def test_a_market_order_fills_and_pays_in_dollars(venue: ServerThread) -> None:
    async with kraken(venue, opened(venue, "kraken")) as client:
        order = await client.create_order(BTC, "market", "buy", 0.5)
        found = await client.fetch_order(order["id"], BTC)
        trades = await client.fetch_my_trades(BTC)
        assert (found["status"], found["filled"]) == ("closed", 0.5)
        assert {(trade["order"], trade["fee"]["currency"]) for trade in trades} == {(order["id"], "USD")}
        balance = await client.fetch_balance()
        assert balance["BTC"]["total"] == 2.5
        spent = sum(trade["cost"] + trade["fee"]["cost"] for trade in trades)
        assert balance["USD"]["total"] == pytest.approx(100_000 - spent, abs=0.0001)


async def test_stops_and_post_only(venue: ServerThread) -> None:
    async with kraken(venue, opened(venue, "kraken")) as client:
        stop = await client.create_order(BTC, "limit", "sell", 0.1, 29000, {"stopLossPrice": 30000})
        found = await client.fetch_order(stop["id"], BTC)
        assert (found["info"]["descr"]["ordertype"], found["stopLossPrice"], found["price"]) == (
            "stop-loss-limit",
            30000,
            29000,
        )
        with pytest.raises(ccxt.ExchangeError, match="EOrder:Post only order"):
            await client.create_order(BTC, "limit", "buy", 0.1, 200000, {"postOnly": True})
        await client.cancel_all_orders()
        assert await client.fetch_open_orders() == []


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"price": "30000.01"}, "EOrder:Invalid price"),
        ({"volume": "0.00001"}, "EOrder:Order minimum not met"),
        ({"volume": "0.00005", "price": "1"}, "EOrder:Cost minimum not met"),
        ({"volume": "100"}, "EOrder:Insufficient funds"),
        ({"pair": "NOPE"}, "EQuery:Unknown asset pair"),
        ({"ordertype": "wish"}, "EGeneral:Invalid arguments:ordertype"),
        ({"volume": "much"}, "EGeneral:Invalid arguments:volume"),
        ({"volume": ""}, "EGeneral:Invalid arguments:quantity"),
    ],
)
async def test_refusals_have_krakens_words(change: dict[str, str], text: str, venue: ServerThread) -> None:
    key = opened(venue, "kraken")
    order = {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "price": "40000", "volume": "0.01"}
    async with Wire(venue.url, key) as wire:
        assert (await wire.kraken("AddOrder", **(order | change)))["error"] == [text]
    assert venue.call(lambda: venue.venue("kraken").spot.exchange.orders(key.account)) == []


async def test_signature_nonce_key_and_permission_are_checked(venue: ServerThread) -> None:
    key = opened(venue, "kraken", permissions=frozenset((Permission.READ,)))
    async with Wire(venue.url, key) as wire:
        assert (await wire.kraken("Balance", nonce=5))["error"] == []
        assert (await wire.kraken("Balance", nonce=5))["error"] == ["EAPI:Invalid nonce"]
        for method in ("AddOrder", "WithdrawMethods"):
            assert (await wire.kraken(method))["error"] == ["EGeneral:Permission denied"]
        assert (await wire.kraken("GetApiKeyInfo"))["result"]["permissions"] == [
            "query-funds", "query-open-trades", "query-closed-trades",
        ]  # fmt: skip
        wire.key = another_key(venue, "kraken", key, frozenset(Permission))
        assert (await wire.kraken("WithdrawMethods"))["result"] == []
    wrong = client_of(venue, ccxt.kraken, key)
    wrong.secret = "AAAA"
    with pytest.raises(ccxt.BaseError, match="EAPI:Invalid signature"):
        wrong.private_post_balance()
    wrong.apiKey = "unknown"
    with pytest.raises(ccxt.AuthenticationError, match="EAPI:Invalid key"):
        wrong.private_post_balance()


async def test_too_many_calls_are_refused() -> None:
    with running(Setup(history_minutes=1, kraken_counter=3)) as thread:
        async with Wire(thread.url, opened(thread, "kraken")) as wire:
            answers = [(await wire.kraken("Balance"))["error"] for _ in range(4)]
            assert answers == [[], [], [], ["EAPI:Rate limit exceeded"]]


async def test_public_channels_are_streamed(venue: ServerThread) -> None:
    async with kraken(venue) as client:
        ticker, trades, candles = await asyncio.gather(
            client.watch_ticker(BTC), client.watch_trades(BTC), client.watch_ohlcv(BTC, "1m")
        )
        assert ticker["bid"] < ticker["ask"]
        assert trades[-1]["symbol"] == BTC
        assert candles[-1][0] % 60_000 == 0


async def test_a_book_kept_from_updates_matches_every_checksum(venue: ServerThread) -> None:
    instrument = venue.venue("kraken").spot.exchange.instrument(BTC)
    sides: dict[str, dict[Decimal, Decimal]] = {"bids": {}, "asks": {}}
    async with Wire(venue.url) as wire:
        socket = await wire.socket("/v2")
        await socket.send_json({"method": "subscribe", "params": {"channel": "book", "symbol": [BTC], "depth": 10}})
        for _ in range(15):
            told = (await heard(socket, lambda message: message.get("channel") == "book"))["data"][0]
            bids, asks = _kept(sides, told)
            assert shapes.checksum(instrument, bids, asks) == told["checksum"]
        await socket.close()


def _kept(sides: dict[str, dict[Decimal, Decimal]], told: dict[str, Any]) -> list[list[tuple[Decimal, Decimal]]]:
    """Take a message into a book of ten levels and return its (bids, asks), best first."""
    for name, levels in sides.items():
        for row in told[name]:
            levels[D(str(row["price"]))] = D(str(row["qty"]))
        left = sorted(((p, q) for p, q in levels.items() if q), reverse=name == "bids")[:10]
        sides[name] = dict(left)
    return [list(sides["bids"].items()), list(sides["asks"].items())]


async def test_executions_and_balances_are_streamed_to_their_owner(venue: ServerThread) -> None:
    async with kraken(venue, opened(venue, "kraken")) as alice, kraken(venue, opened(venue, "kraken", "bob")) as bob:
        watching = asyncio.gather(alice.watch_orders(), alice.watch_my_trades())
        stranger = asyncio.ensure_future(bob.watch_my_trades())
        balance = (await alice.watch_balance())["BTC"]["total"]
        later = asyncio.ensure_future(alice.watch_balance())
        await asyncio.sleep(SUBSCRIBED_SECONDS)
        order = await alice.create_order(BTC, "market", "sell", 0.1)
        orders, trades = await watching
        assert (orders[-1]["id"], trades[-1]["order"], trades[-1]["amount"]) == (order["id"], order["id"], 0.1)
        assert (balance, (await later)["BTC"]["total"]) == (2.0, 1.9)
        assert not stranger.done()
        stranger.cancel()


async def test_orders_can_be_placed_and_cancelled_over_the_socket(venue: ServerThread) -> None:
    key = opened(venue, "kraken")
    async with kraken(venue, key) as client:
        order = await client.create_order_ws(BTC, "limit", "buy", 0.01, 30000.5)
        resting = venue.call(lambda: venue.venue("kraken").spot.exchange.orders(key.account, open_only=True))
        assert [(each.side, each.price, each.quantity) for each in resting] == [(Side.BUY, D("30000.5"), D("0.01"))]
        assert (await client.cancel_order_ws(order["id"]))["success"] is True
        with pytest.raises(ccxt.OrderNotFound):
            await client.cancel_order_ws(order["id"])


async def test_heartbeats_pongs_and_refusals(venue: ServerThread) -> None:
    async with Wire(venue.url) as wire:
        socket = await wire.socket("/v2")
        assert (await heard(socket, lambda told: True))["channel"] == "status"
        await heard(socket, lambda told: told.get("channel") == "heartbeat")
        await socket.send_json({"method": "ping", "req_id": 3})
        assert (await heard(socket, lambda told: told.get("method") == "pong"))["req_id"] == 3
        for params, error in (
            ({"channel": "trade", "symbol": ["NO/PE"]}, "Currency pair not supported NO/PE"),
            ({"channel": "book", "symbol": [BTC], "depth": 7}, "Subscription depth not supported"),
            ({"channel": "gossip", "symbol": [BTC]}, "Subscription name invalid"),
            ({"channel": "executions", "token": "guessed"}, "ESession:Invalid session"),
        ):
            await socket.send_json({"method": "subscribe", "params": params})
            assert (await heard(socket, lambda told: "success" in told))["error"] == error
        await socket.close()
