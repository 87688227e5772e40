"""The public half of the adapter, over HTTP against a venue that says what it is told to: exact, paged, by our names."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web

from markets.gateway.account import CcxtAccount
from markets.gateway.adapter import CcxtMarketData
from markets.gateway.client import Client
from markets.gateway.errors import Skip
from markets.gateway.protocol import (
    AccountAccess,
    Connection,
    Level,
    MarketData,
    MarketInfo,
    PublicTrade,
    Side,
    Streams,
)
from markets.gateway.streams import CcxtStreams
from markets.models import MarketKind
from tests.markets.gateway.fake_venue import FakeVenue

D = Decimal
BTC_PERP, ETH_PERP = "BTC/USDT:USDT", "ETH/USDT:USDT"
AT = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)  # 1700000000000


@pytest.fixture
def data(client: Client) -> CcxtMarketData:
    return CcxtMarketData(client)


async def test_markets_come_with_exact_rules(data: CcxtMarketData) -> None:
    found = {one.symbol: one for one in await data.load_markets()}
    assert sorted(found) == ["BTC/USDT", "ETH/USDT", "PEPE/USDT"]
    assert found["BTC/USDT"] == MarketInfo(
        symbol="BTC/USDT",
        venue_symbol="BTCUSDT",
        kind=MarketKind.SPOT,
        base="BTC",
        quote="USDT",
        settle="",
        contract="",
        contract_size=D(1),
        tick_size=D("0.01"),
        lot_step=D("0.00001"),
        min_quantity=D("0.00001"),
        min_notional=D(5),
        maker_fee_bps=D(10),
        taker_fee_bps=D(10),
        is_active=True,
    )
    assert found["ETH/USDT"].is_active is False
    assert (found["PEPE/USDT"].tick_size, found["PEPE/USDT"].lot_step) == (D("0.00000001"), D(1))
    assert not found["BTC/USDT"].is_inverse


async def test_a_book_keeps_every_digit(data: CcxtMarketData, venue: FakeVenue) -> None:
    venue.says(
        "GET",
        "/api/v3/depth",
        {
            "lastUpdateId": 77,
            "bids": [["64000.10", "12345678901234.12345678"], ["64000.00", "0.3"], ["63999", "1"]],
            "asks": [["64000.30", "0.1"], ["64000.20", "0.10000000000000000001"]],
        },
    )
    book = await data.order_book("BTC/USDT", limit=2)
    assert book.bids == (Level(D("64000.10"), D("12345678901234.12345678")), Level(D(64000), D("0.3")))
    assert book.asks == (Level(D("64000.20"), D("0.10000000000000000001")), Level(D("64000.30"), D("0.1")))
    assert book.nonce == 77


async def test_trades_keep_every_digit(data: CcxtMarketData, venue: FakeVenue) -> None:
    row = {"a": 26129, "p": "0.000000010000000001", "q": "4.70443515", "f": 1, "l": 1, "T": 1700000000123, "m": True}
    venue.says("GET", "/api/v3/aggTrades", [row | {"M": True}])
    assert await data.trades("BTC/USDT") == [
        PublicTrade(
            "BTC/USDT",
            "26129",
            AT + timedelta(milliseconds=123),
            Side.SELL,
            D("0.000000010000000001"),
            D("4.70443515"),
        )
    ]


async def test_tickers_are_those_asked_for(data: CcxtMarketData, venue: FakeVenue) -> None:
    def row(symbol: str) -> dict[str, Any]:
        return {
            "symbol": symbol,
            "priceChange": "-94.99999800",
            "priceChangePercent": "-1.250",
            "weightedAvgPrice": "0.29628482",
            "prevClosePrice": "0.10002000",
            "lastPrice": "64000.00000001",
            "lastQty": "200.00000000",
            "bidPrice": "63999.99",
            "bidQty": "1",
            "askPrice": "64000.01",
            "askQty": "1",
            "openPrice": "99.00000000",
            "highPrice": "100.00000000",
            "lowPrice": "0.10000000",
            "volume": "8913.30000000",
            "quoteVolume": "15.30000000",
            "openTime": 1699913600000,
            "closeTime": 1700000000000,
            "count": 76,
        }

    venue.says("GET", "/api/v3/ticker/24hr", [row("BTCUSDT"), row("PEPEUSDT")])
    found = await data.tickers(["BTC/USDT"])
    assert list(found) == ["BTC/USDT"]
    btc = found["BTC/USDT"]
    assert (btc.last, btc.bid, btc.ask) == (D("64000.00000001"), D("63999.99"), D("64000.01"))
    assert (btc.change_ratio, btc.base_volume, btc.at) == (D("-0.0125"), D("8913.3"), AT)


async def _klines(request: web.Request) -> web.Response:
    """One-minute candles from 22:14 on, but none from 22:17 to 22:18; the venue has no more than two a page here."""
    start, limit = int(request.query["startTime"]), int(request.query["limit"])
    minutes = [at for at in (1700000040000 + 60_000 * number for number in range(8)) if at != 1700000220000]
    chosen = [at for at in minutes if at >= start][:limit]
    return web.json_response(
        [[at, "1.1", "1.3", "1.0", "1.2", "5.5", at + 59_999, "6.6", 9, "2.2", "2.3", "0"] for at in chosen]
    )


async def test_pages_of_candles_hold_each_once_up_to_the_end(
    data: CcxtMarketData, venue: FakeVenue, client: Client
) -> None:
    venue.answers["GET", "/api/v3/klines"] = _klines
    client.venue = replace(client.venue, candles_per_page=2)
    first = datetime(2023, 11, 14, 22, 14, tzinfo=UTC)
    pages = [
        page.opened_at.tolist()
        async for page in data.candle_pages("BTC/USDT", "1m", since=first, until=first + timedelta(minutes=7))
    ]
    minutes = [(at - 1700000040000) // 60_000 for page in pages for at in page]
    assert minutes == [0, 1, 2, 4, 5, 6]
    assert [len(page) for page in pages] == [2, 2, 2]


async def test_a_stretch_without_candles_does_not_end_the_pages(
    data: CcxtMarketData, venue: FakeVenue, client: Client
) -> None:
    async def only_in_window(request: web.Request) -> web.Response:
        start, limit = int(request.query["startTime"]), int(request.query["limit"])
        at = 1700000040000 + 9 * 60_000
        rows = [[at, "1", "1", "1", "1", "0", 0, "0", 0, "0", "0", "0"]] if start <= at < start + limit * 60_000 else []
        return web.json_response(rows)

    venue.answers["GET", "/api/v3/klines"] = only_in_window
    client.venue = replace(client.venue, candles_per_page=3)
    first = datetime(2023, 11, 14, 22, 14, tzinfo=UTC)
    pages = [
        page.opened_at.tolist()
        async for page in data.candle_pages("BTC/USDT", "1m", since=first, until=first + timedelta(minutes=11))
    ]
    assert pages == [[1700000040000 + 9 * 60_000]]


async def test_an_unknown_symbol_is_skipped_without_asking(data: CcxtMarketData, venue: FakeVenue) -> None:
    with pytest.raises(Skip) as skipped:
        await data.order_book("NO/SUCH")
    assert (skipped.value.code, skipped.value.venue[:5]) == ("SYMBOL_UNKNOWN", "test-")
    assert venue.count("GET", "/api/v3/depth") == 0


async def test_the_adapter_keeps_the_protocol(client: Client) -> None:
    # The type checker compares every signature; here it is only that all of them are there.
    halves: tuple[MarketData, AccountAccess, Streams] = (
        CcxtMarketData(client),
        CcxtAccount(client),
        CcxtStreams(client),
    )
    for half, protocol in zip(halves, (MarketData, AccountAccess, Streams), strict=True):
        assert not {name for name in vars(protocol) if not name.startswith("_")} - set(dir(half))


@pytest.mark.parametrize(
    ("code", "asked"),
    [
        ("bybit", [("fetch_leverage_tiers", [BTC_PERP, ETH_PERP])]),
        ("bitget", [("fetch_market_leverage_tiers", BTC_PERP), ("fetch_market_leverage_tiers", ETH_PERP)]),
        ("okx", []),
        ("hyperliquid", []),
    ],
)
async def test_tiers_are_asked_for_as_a_venue_tells_them_to_everybody(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, code: str, asked: list[Any]
) -> None:
    rows = [{"minNotional": "50", "maintenanceMarginRate": "0.02", "maxLeverage": "10"},
            {"minNotional": "0", "maintenanceMarginRate": "0.01", "maxLeverage": "20"}]  # fmt: skip
    calls: list[Any] = []

    async def call(method: str, what: Any) -> Any:
        calls.append((method, what))
        return dict.fromkeys(what, rows) if isinstance(what, list) else rows

    async with Client(replace(connection, venue=code)) as client:
        client.library.markets = {BTC_PERP: {}, ETH_PERP: {}}
        monkeypatch.setattr(client, "call", call)
        found = await CcxtMarketData(client).public_tiers([BTC_PERP, ETH_PERP, "GONE/USDT:USDT"])
    assert calls == asked
    assert {symbol: [one.max_leverage for one in tiers] for symbol, tiers in found.items()} == (
        {BTC_PERP: [20, 10], ETH_PERP: [20, 10]} if asked else {}
    )
