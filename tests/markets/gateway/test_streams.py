"""Streams over a real socket: exact, by our names, several at once; they end with our errors and do not reconnect."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from markets.gateway.client import Client
from markets.gateway.errors import BackOff, GatewayError, Retry, Skip
from markets.gateway.protocol import Connection, Level, Side
from markets.gateway.streams import CcxtStreams, merged
from markets.health import venue_metrics
from tests.markets.gateway.fake_venue import FakeVenue

D = Decimal


@pytest.fixture
async def streams(connection: Connection) -> AsyncIterator[CcxtStreams]:
    async with Client(connection, streams=True) as client:
        yield CcxtStreams(client)


def trade(symbol: str, number: int, price: str) -> dict[str, Any]:
    return {"e": "trade", "E": 1700000000200, "s": symbol, "t": number, "p": price, "q": "0.00012345", "T": 1700000000123,
            "m": True, "M": True}  # fmt: skip


async def _next(iterator: AsyncIterator[Any]) -> Any:
    return await asyncio.wait_for(anext(iterator), timeout=5)


async def test_trades_of_several_markets_are_exact(streams: CcxtStreams, venue: FakeVenue) -> None:
    trades = streams.trades(["BTC/USDT", "PEPE/USDT"])
    first = asyncio.ensure_future(_next(trades))
    await venue.subscription("btcusdt@trade")
    await venue.subscription("pepeusdt@trade")
    await venue.tell(trade("BTCUSDT", 1, "64000.000000010000000001"))
    [got] = await first
    assert (got.symbol, got.trade_id, got.side) == ("BTC/USDT", "1", Side.SELL)
    assert (got.price, got.quantity) == (D("64000.000000010000000001"), D("0.00012345"))
    second = asyncio.ensure_future(_next(trades))
    await asyncio.sleep(0.05)
    await venue.tell(trade("PEPEUSDT", 2, "0.00000123"))
    assert [(one.symbol, one.price) for one in await second] == [("PEPE/USDT", D("0.00000123"))]


async def test_what_comes_of_two_markets_in_one_moment_is_heard_of_both(streams: CcxtStreams, venue: FakeVenue) -> None:
    tickers = streams.tickers(["BTC/USDT", "PEPE/USDT"])
    trades = streams.trades(["BTC/USDT", "PEPE/USDT"])
    heard = [asyncio.ensure_future(_next(tickers)), asyncio.ensure_future(_next(trades))]
    for name in ("btcusdt@ticker", "pepeusdt@ticker", "btcusdt@trade", "pepeusdt@trade"):
        await venue.subscription(name)
    last: dict[str, Decimal] = {}
    sold: set[str] = set()  # each comes over both sockets
    for number in range(3):
        for symbol in ("BTCUSDT", "PEPEUSDT"):
            await venue.tell(
                {"e": "24hrTicker", "E": 1700000000000 + number, "s": symbol, "c": str(number + 1), "o": "1"}
            )
            await venue.tell(trade(symbol, number, "1"))
    while last != {"BTC/USDT": D(3), "PEPE/USDT": D(3)}:
        last |= {symbol: one.last for symbol, one in (await heard[0]).items() if one.last is not None}
        heard[0] = asyncio.ensure_future(_next(tickers))
    while len(sold) < 6:
        sold |= {f"{one.symbol} {one.trade_id}" for one in await heard[1]}
        heard[1] = asyncio.ensure_future(_next(trades))
    assert sold == {f"{symbol} {number}" for symbol in ("BTC/USDT", "PEPE/USDT") for number in range(3)}
    for one in heard:
        one.cancel()
    await asyncio.gather(*heard, return_exceptions=True)


async def test_the_forming_candle_comes_as_it_changes(streams: CcxtStreams, venue: FakeVenue) -> None:
    candles = streams.candles(["BTC/USDT"], "1m")
    first = asyncio.ensure_future(_next(candles))
    await venue.subscription("btcusdt@kline_1m")
    kline = {"t": 1700000040000, "T": 1700000099999, "s": "BTCUSDT", "i": "1m", "o": "1.5", "c": "2.5", "h": "3.5",
             "l": "0.5", "v": "7.5", "x": False, "n": 1, "q": "1", "V": "1", "Q": "1", "B": "0"}  # fmt: skip
    await venue.tell({"e": "kline", "E": 1700000041000, "s": "BTCUSDT", "k": kline})
    [(symbol, [candle])] = (await first).items()
    assert (symbol, candle.opened_at) == ("BTC/USDT", 1700000040000)
    assert (candle.open, candle.high, candle.low, candle.close, candle.volume) == (1.5, 3.5, 0.5, 2.5, 7.5)


async def test_a_book_is_kept_from_a_snapshot_and_its_changes(streams: CcxtStreams, venue: FakeVenue) -> None:
    venue.says(
        "GET",
        "/api/v3/depth",
        {"lastUpdateId": 100, "bids": [["64000.10", "1.5"], ["63999.90", "2"]], "asks": [["64000.30", "0.12345678"]]},
    )
    books = streams.order_books(["BTC/USDT"], limit=1)
    first = asyncio.ensure_future(_next(books))
    await venue.subscription("btcusdt@depth@100ms")

    def change(number: int, bids: list[list[str]]) -> dict[str, Any]:
        return {"e": "depthUpdate", "E": 1700000000000 + number, "s": "BTCUSDT", "U": number, "u": number, "b": bids,
                "a": []}  # fmt: skip

    for number in range(99, 103):
        await venue.tell(change(number, [["64000.20", f"0.{number}"]]))
    book = await first
    assert book.asks == (Level(D("64000.30"), D("0.12345678")),)
    assert book.bids[0].price == D("64000.20")
    assert len(book.bids) == 1


async def test_tickers_by_symbol(streams: CcxtStreams, venue: FakeVenue) -> None:
    tickers = streams.tickers(["BTC/USDT"])
    first = asyncio.ensure_future(_next(tickers))
    await venue.subscription("btcusdt@ticker")
    await venue.tell(
        {
            "e": "24hrTicker",
            "E": 1700000000000,
            "s": "BTCUSDT",
            "p": "10",
            "P": "1.5",
            "w": "1",
            "x": "1",
            "c": "64000.00000001",
            "Q": "1",
            "b": "63999.99",
            "B": "1",
            "a": "64000.01",
            "A": "1",
            "o": "1",
            "h": "2",
            "l": "0.5",
            "v": "10",
            "q": "20",
            "O": 1,
            "C": 1700000000000,
            "F": 0,
            "L": 1,
            "n": 2,
        }
    )
    found = await first
    assert list(found) == ["BTC/USDT"]
    assert (found["BTC/USDT"].last, found["BTC/USDT"].change_ratio) == (D("64000.00000001"), D("0.015"))


async def test_a_socket_that_closes_ends_the_stream_with_retry(streams: CcxtStreams, venue: FakeVenue) -> None:
    trades = streams.trades(["BTC/USDT"])
    first = asyncio.ensure_future(_next(trades))
    await venue.subscription("btcusdt@trade")
    await venue.sockets[0].close()
    with pytest.raises(Retry) as ended:
        await first
    assert ended.value.code == "NETWORK"
    with pytest.raises(StopAsyncIteration):
        await _next(trades)
    assert len(venue.sockets) == 1  # nobody connected again


async def test_a_venue_that_is_not_there(connection: Connection, venue: FakeVenue) -> None:
    async with Client(connection, streams=True) as client:
        await client.markets()
        await venue.stop()
        with pytest.raises(GatewayError) as failed:
            await _next(CcxtStreams(client).trades(["BTC/USDT"]))
        assert isinstance(failed.value, Retry | BackOff)
        await venue.start()


async def test_what_a_venue_does_not_stream_is_skipped(connection: Connection) -> None:
    async with Client(replace(connection, venue="coinbase"), streams=True) as client:
        streams = CcxtStreams(client)
        assert not streams.supports("watchOHLCV")
        assert streams.supports("watchTrades")
        client.library.markets = {}
        with pytest.raises(Skip, match="NOT_SUPPORTED"):
            await _next(streams.candles(["BTC/USD"], "1m"))


async def test_a_stream_that_speaks_counts_as_one_success(streams: CcxtStreams, venue: FakeVenue) -> None:
    trades = streams.trades(["BTC/USDT"])
    first = asyncio.ensure_future(_next(trades))
    await venue.subscription("btcusdt@trade")
    for number in range(3):
        await venue.tell(trade("BTCUSDT", number, "1"))
    await first
    [(_, number)] = [one for one in venue_metrics()["venue_requests_total"].items() if 'outcome="OK"' in one[0]]
    assert number == 2  # markets were loaded, and the stream began


async def test_merged_sources_end_together() -> None:
    closed: list[str] = []

    def source(name: str, count: int) -> Any:
        left = [count]

        async def ask() -> str:
            if not left[0]:
                raise Retry("v", name)
            left[0] -= 1
            try:
                await asyncio.sleep(0 if name == "short" else 30)
            except asyncio.CancelledError:
                closed.append(name)
                raise
            return name

        return ask

    stream = merged([source("short", 3), source("long", 3)])
    got = [await _next(stream) for _ in range(3)]
    with pytest.raises(Retry, match="short"):
        await _next(stream)
    assert got == ["short"] * 3
    assert closed == ["long"]
