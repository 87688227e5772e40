"""Recorded messages of real venues, through the library's parsers and ours: every figure comes out as the venue wrote it.

The recordings lie beside the conformance cases (CONFORMANCE_DIR); without them nothing is read here. That the test
exchange speaks in the same shapes is proven in tests/sandbox/test_recorded.py.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.timeframes import milliseconds, moment
from markets.gateway import normalise
from markets.gateway.client import library_client
from markets.gateway.protocol import Connection, Side
from tests.environment import conformance_dir

D = Decimal
AT = moment(1)
Library = Callable[..., Any]
# How each venue is asked about: its library, whether for streams, and the market of the message (id, symbol).
SPOT = ("BTCUSDT", "BTC/USDT")
SWAP = ("BTCUSDT", "BTC/USDT:USDT")


@pytest.fixture(scope="module")
def recordings() -> Path:
    folder = conformance_dir()
    found = folder.parent / "data" if folder else None
    if found is None or not (found / "exchange_messages").is_dir():
        pytest.skip("CONFORMANCE_DIR has no recordings")
    return found


@pytest.fixture
def message(recordings: Path) -> Callable[[str], Any]:
    return lambda name: json.loads((recordings / "exchange_messages" / f"{name}.json").read_text())


@pytest.fixture
async def library() -> AsyncIterator[Library]:
    """Give a dressed client of the library by its venue, for requests or streams."""
    made: list[Any] = []

    def of(venue: str, *, streams: bool = False) -> Any:
        made.append(library_client(Connection(venue), None, streams=streams))
        return made[-1]

    yield of
    for one in made:
        await one.close()


def market(client: Any, key: str, symbol: str) -> Any:
    """Return a market as the library keeps it, of contracts that hold one unit."""
    base, _, rest = symbol.partition("/")
    is_swap = ":" in symbol
    facts = {"id": key, "symbol": symbol, "base": base, "quote": rest.partition(":")[0], "spot": not is_swap}
    kind = {"type": "swap" if is_swap else "spot", "swap": is_swap, "contract": is_swap, "contractSize": "1"}
    return client.safe_market_structure({**facts, **kind, "linear": is_swap or None, "active": True})


Pick = Callable[[Any], Any]
TRADES: dict[str, tuple[str, tuple[str, str], Pick, tuple[str, str, str]]] = {
    "binance/spot__http_json__trades_response": ("binance", SPOT, lambda raw: raw[0], ("price", "qty", "id")),
    "binance/py__http_responses__http_spot_market_agg_trades": ("binance", SPOT, lambda raw: raw[0], ("p", "q", "a")),
    "bybit/http_get_trades_recent": ("bybit", SWAP, lambda raw: raw["result"]["list"][0], ("price", "size", "execId")),
    "coinbase/http_ticker": (
        "coinbase", ("BTC-USD", "BTC/USD"), lambda raw: raw["trades"][0], ("price", "size", "trade_id"),
    ),
    "coinbase/ws_market_trades": (
        "coinbase", ("BTC-USD", "BTC/USD"), lambda raw: raw["events"][0]["trades"][1], ("price", "size", "trade_id"),
    ),
    "okx/ws_trades": ("okx", ("BTC-USD", "BTC/USD"), lambda raw: raw["data"][0], ("px", "sz", "tradeId")),
}  # fmt: skip


@pytest.mark.parametrize("name", list(TRADES))
async def test_trades_keep_price_quantity_and_id(name: str, library: Library, message: Callable[[str], Any]) -> None:
    venue, known, pick, keys = TRADES[name]
    raw, client = pick(message(name)), library(venue)
    found = normalise.public_trade(client.parse_trade(raw, market(client, *known)))
    assert (str(found.price), str(found.quantity), found.trade_id) == tuple(str(raw[key]) for key in keys)
    if "side" in raw:
        assert found.side == raw["side"].lower()
    else:
        is_sale = raw.get("isBuyerMaker", raw.get("m"))
        assert found.side == (Side.SELL if is_sale else Side.BUY)


BOOKS: dict[str, tuple[str, Pick, tuple[str, str, Any, Any]]] = {
    "binance/py__http_responses__http_spot_market_depth": ("binance", lambda raw: raw, ("bids", "asks", 0, 1)),
    "bybit/http_get_orderbook": ("bybit", lambda raw: raw["result"], ("b", "a", 0, 1)),
    "okx/http_get_order_book": ("okx", lambda raw: raw["data"][0], ("bids", "asks", 0, 1)),
    "hyperliquid/http_l2_book_btc": (
        "hyperliquid", lambda raw: dict(zip(("bids", "asks"), raw["levels"], strict=True)), ("bids", "asks", "px", "sz"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(BOOKS))
async def test_books_keep_every_level(name: str, library: Library, message: Callable[[str], Any]) -> None:
    venue, pick, (bids, asks, price, quantity) = BOOKS[name]
    raw = pick(message(name))
    parsed = library(venue).parse_order_book(raw, "BTC/USDT", None, bids, asks, price, quantity)
    found = normalise.order_book(parsed, AT)
    for side, levels in ((bids, found.bids), (asks, found.asks)):
        assert [(one.price, one.quantity) for one in levels] == [(D(row[price]), D(row[quantity])) for row in raw[side]]
        assert len(levels) > 1
    assert found.bids[0].price < found.asks[0].price


async def test_tickers_say_what_the_venues_say(library: Library, message: Callable[[str], Any]) -> None:
    futures, kraken, bybit = library("binanceusdm"), library("kraken"), library("bybit")
    raw = message("binance/py__http_responses__http_futures_market_ticker_24hr")
    day = normalise.ticker(futures.parse_ticker(raw, market(futures, *SWAP)), AT)
    assert (day.last, day.high, day.low, day.base_volume) == (D("4.000002"), D(100), D("0.1"), D("8913.3"))
    assert (day.bid, day.change_ratio, milliseconds(day.at)) == (None, D("-0.9596"), raw["closeTime"])
    raw = message("kraken/http_ticker")["result"]["XBTUSDT"]
    asked = normalise.ticker(kraken.parse_ticker(raw, market(kraken, "XBTUSDT", "BTC/USDT")), AT)
    assert (asked.bid, asked.ask, asked.last) == (D(raw["b"][0]), D(raw["a"][0]), D(raw["c"][0]))
    assert (asked.base_volume, asked.at) == (D(raw["v"][1]), AT)
    raw = message("bybit/ws_ticker_linear")["data"]
    told = normalise.ticker(bybit.parse_ticker(raw, market(bybit, *SWAP)), AT)
    assert (told.last, told.change_ratio) == (D(raw["lastPrice"]), D(raw["price24hPcnt"]))
    raw = message("coinbase/ws_ticker")["events"][0]["tickers"][0]
    coinbase = library("coinbase", streams=True)
    told = normalise.ticker(coinbase.parse_ws_ticker(raw, market(coinbase, "BTC-USD", "BTC/USD")), AT)
    assert (told.bid, told.ask, told.change_ratio) == (D(raw["best_bid"]), D(raw["best_ask"]), D("0.0185"))


async def test_candles_and_funding_say_what_the_venues_say(library: Library, message: Callable[[str], Any]) -> None:
    binance, futures, bybit = library("binance"), library("binanceusdm"), library("bybit")
    [row] = message("binance/spot__http_json__klines_response")
    found = normalise.candles(binance.parse_ohlcvs([row], market(binance, *SPOT)))
    columns = [float(getattr(found, name)[0]) for name in ("open", "high", "low", "close", "volume")]
    assert (int(found.opened_at[0]), columns) == (row[0], [float(value) for value in row[1:6]])
    rows = message("bybit/http_get_klines_linear")["result"]["list"]
    found = normalise.candles(bybit.parse_ohlcvs(rows, market(bybit, *SWAP)))
    assert (found.opened_at.tolist(), found.close.tolist()) == ([int(rows[0][0])], [float(rows[0][4])])
    raw = message("binance/py__http_responses__http_futures_market_premium_index")
    funding = normalise.funding_rate(futures.parse_funding_rate(raw, market(futures, *SWAP)), AT)
    assert (str(funding.rate), str(funding.mark_price)) == (raw["lastFundingRate"], raw["markPrice"])
    assert milliseconds(funding.at) == raw["nextFundingTime"]
    raw = message("okx/ws_funding_rate")["data"][0]
    funding = normalise.funding_rate(library("okx").parse_funding_rate(raw), AT)
    assert (funding.rate, milliseconds(funding.at)) == (D(raw["fundingRate"]), int(raw["fundingTime"]))


class Socket:
    """What the library's handlers ask of a connection."""

    url = "wss://fstream.binance.com/stream"
    subscriptions: dict[str, Any] = {}

    def resolve(self, *answer: Any) -> None:
        """Nobody waits."""


def received(file: Path) -> list[Any]:
    """Return the messages that a recorded socket brought, oldest first."""
    lines = gzip.decompress(file.read_bytes()).decode().splitlines()
    told = (re.match(r"[\d.]+: (\{.*)", line) for line in lines)
    return [json.loads(match[1])["data"] for match in told if match]


@pytest.mark.parametrize(("file", "venue"), [("BINANCE.ws.1.0", "binance"), ("BINANCE_FUTURES.ws.1.0", "binanceusdm")])
async def test_a_recorded_stream_comes_out_message_by_message(
    file: str, venue: str, library: Library, recordings: Path
) -> None:
    client, seen = library(venue, streams=True), {"aggTrade": 0, "kline": 0}
    client.markets, client.markets_by_id = {}, {}
    suffix = ":USDT" if venue == "binanceusdm" else ""
    for raw in received(recordings / "exchange_streams" / f"{file}.txt.gz"):
        kind = raw.get("e")
        if kind not in seen:
            continue
        seen[kind] += 1
        key = raw["s"]
        if key not in client.markets_by_id:
            made = market(client, key, f"{key[:-4]}/{key[-4:]}{suffix}")
            client.markets_by_id[key], client.markets[made["symbol"]] = [made], made
        [known] = client.markets_by_id[key]
        if kind == "aggTrade":
            trade = normalise.public_trade(client.parse_ws_trade(raw, known))
            assert (str(trade.price), str(trade.quantity), trade.trade_id) == (raw["p"], raw["q"], str(raw["a"]))
            assert (trade.side == Side.SELL, milliseconds(trade.at)) == (raw["m"], raw["T"])
        else:
            client.handle_ohlcv(Socket(), raw)
            newest = normalise.live_candles(client.ohlcvs[known["symbol"]]["1m"])[-1]
            told = raw["k"]
            prices = [float(told[name]) for name in ("o", "h", "l", "c", "v")]
            assert newest.opened_at == told["t"]
            assert [newest.open, newest.high, newest.low, newest.close, newest.volume] == prices
    assert min(seen.values()) > 0
