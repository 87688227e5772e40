"""ccxt's binance against the sandbox: what the library reads is what the venue has."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import ccxt
import pytest

from sandbox.core.keys import Permission
from sandbox.core.orders import Side
from sandbox.server import ServerThread, running
from tests.fixtures_exchange import QUICK, another_key, client_of, opened
from tests.sandbox.clients import SPOT_ONLY, spot

D = Decimal


async def test_markets_are_read_with_precision_and_limits(venue: ServerThread) -> None:
    async with spot(venue) as client:
        markets = await client.load_markets()
        market = markets["BTC/USDT"]
        assert len(markets) == 9
        assert (market["precision"]["price"], market["precision"]["amount"]) == (0.01, 0.00001)
        assert (market["limits"]["cost"]["min"], market["limits"]["amount"]["min"]) == (5.0, 0.00001)


async def test_public_data_are_read(venue: ServerThread) -> None:
    async with spot(venue) as client:
        book = await client.fetch_order_book("BTC/USDT", 5)
        ticker = await client.fetch_ticker("BTC/USDT")
        trades = await client.fetch_trades("BTC/USDT", limit=5)
        assert len(book["bids"]) == len(book["asks"]) == 5
        assert book["bids"][0][0] < ticker["last"] < book["asks"][0][0] * 1.01
        assert len(trades) == 5
        assert [trade["id"] for trade in trades] == sorted((t["id"] for t in trades), key=int)
        assert len(await client.fetch_tickers()) == 9


async def test_candles_of_every_timeframe_are_read(venue: ServerThread) -> None:
    async with spot(venue) as client:
        minutes = await client.fetch_ohlcv("BTC/USDT", "1m", limit=1000)
        assert len(minutes) >= 31
        assert {later[0] - earlier[0] for earlier, later in pairwise(minutes)} == {60_000}
        for timeframe in client.timeframes:
            candle = (await client.fetch_ohlcv("BTC/USDT", timeframe, limit=1))[0]
            assert candle[3] <= min(candle[1], candle[4]) <= max(candle[1], candle[4]) <= candle[2]


async def test_an_order_lives_from_placing_to_cancelling(venue: ServerThread) -> None:
    async with spot(venue, opened(venue, "binance")) as client:
        order = await client.create_order("BTC/USDT", "limit", "buy", 0.01, 30000, {"clientOrderId": "mine"})
        assert (order["status"], order["clientOrderId"], order["remaining"]) == ("open", "mine", 0.01)
        balance = await client.fetch_balance()
        assert (balance["USDT"]["free"], balance["USDT"]["used"]) == (99_700.0, 300.0)
        found = await client.fetch_order(None, "BTC/USDT", {"origClientOrderId": "mine"})
        assert found["id"] == order["id"]
        assert [each["id"] for each in await client.fetch_open_orders("BTC/USDT")] == [order["id"]]
        assert (await client.cancel_order(order["id"], "BTC/USDT"))["status"] == "canceled"
        assert (await client.fetch_balance())["USDT"]["used"] == 0.0


async def test_a_market_order_fills_and_its_trades_add_up(venue: ServerThread) -> None:
    async with spot(venue, opened(venue, "binance")) as client:
        order = await client.create_order("BTC/USDT", "market", "buy", 1.5)
        trades = await client.fetch_my_trades("BTC/USDT")
        assert (order["status"], order["filled"]) == ("closed", 1.5)
        assert sum(D(str(trade["amount"])) for trade in trades) == D("1.5")
        assert {(trade["order"], trade["takerOrMaker"], trade["fee"]["currency"]) for trade in trades} == {
            (order["id"], "taker", "BTC")
        }
        assert (await client.fetch_balance())["BTC"]["total"] == 3.4985


async def test_conditional_and_post_only_orders(venue: ServerThread) -> None:
    async with spot(venue, opened(venue, "binance")) as client:
        stop = await client.create_order("BTC/USDT", "limit", "sell", 0.01, 30000, {"stopLossPrice": 31000})
        assert stop["info"]["type"] == "STOP_LOSS_LIMIT"
        assert (await client.fetch_order(stop["id"], "BTC/USDT"))["triggerPrice"] == 31000.0
        profit = await client.create_order("BTC/USDT", "market", "sell", 0.01, None, {"takeProfitPrice": 200000})
        assert profit["info"]["type"] == "TAKE_PROFIT"
        with pytest.raises(ccxt.InvalidOrder, match="immediately match"):
            await client.create_order("BTC/USDT", "limit", "buy", 0.01, 200000, {"postOnly": True})
        assert len(await client.cancel_all_orders("BTC/USDT")) == 2


async def test_one_cancels_the_other(venue: ServerThread) -> None:
    async with spot(venue, opened(venue, "binance")) as client:
        await client.load_markets()
        made = await client.private_post_orderlist_oco(
            {"symbol": "BTCUSDT", "side": "SELL", "quantity": "0.01", "aboveType": "LIMIT_MAKER", "abovePrice": "200000",
             "belowType": "STOP_LOSS", "belowStopPrice": "30000"}
        )  # fmt: skip
        assert (made["contingencyType"], len(made["orders"])) == ("OCO", 2)
        assert (await client.fetch_balance())["BTC"]["used"] == 0.01
        await client.cancel_order(made["orders"][0]["orderId"], "BTC/USDT")
        assert await client.fetch_open_orders("BTC/USDT") == []
        assert (await client.fetch_balance())["BTC"]["used"] == 0.0


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"price": "30000.001"}, "PRICE_FILTER"),
        ({"quantity": "0.000001"}, "LOT_SIZE"),
        ({"quantity": "0.0001"}, '"code": -1013, "msg": "Filter failure: NOTIONAL"'),
        ({"quantity": "100"}, "Account has insufficient balance for requested action."),
        ({"symbol": "NOPE"}, '"code": -1121'),
        ({"price": ""}, '"code": -1102'),
        ({"quantity": "much"}, '"code": -1100'),
        ({"timeInForce": "SOON"}, '"code": -1115'),
    ],
)
def test_filters_have_binances_codes(change: dict[str, str], code: str, venue: ServerThread) -> None:
    key = opened(venue, "binance")
    client = client_of(venue, ccxt.binance, key)
    order = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "price": "40000",
        "quantity": "0.01",
    }
    with pytest.raises(ccxt.BaseError, match=code):
        client.private_post_order(order | change)
    assert venue.call(lambda: venue.venue("binance").spot.exchange.orders(key.account)) == []


def test_unknown_and_duplicate_orders_have_binances_codes(venue: ServerThread) -> None:
    client = client_of(venue, ccxt.binance, opened(venue, "binance"))
    order = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "price": "30000",
        "quantity": "0.01",
    }
    client.private_post_order({**order, "newClientOrderId": "mine"})
    with pytest.raises(ccxt.InvalidOrder, match="-2010"):
        client.private_post_order({**order, "newClientOrderId": "mine"})
    with pytest.raises(ccxt.OrderNotFound, match="-2013"):
        client.private_get_order({"symbol": "BTCUSDT", "origClientOrderId": "other"})
    with pytest.raises(ccxt.OrderNotFound, match="-2011"):
        client.private_delete_order({"symbol": "BTCUSDT", "origClientOrderId": "other"})


def test_a_wrong_secret_an_unknown_key_and_an_old_time_are_refused(venue: ServerThread) -> None:
    key = opened(venue, "binance")
    client = client_of(venue, ccxt.binance, key)
    client.secret = "wrong"
    with pytest.raises(ccxt.AuthenticationError, match="-1022"):
        client.private_get_account()
    client.secret = key.secret
    with pytest.raises(ccxt.InvalidNonce, match="-1021"):
        client.private_get_account({"timestamp": client.milliseconds() - 11_000})
    with pytest.raises(ccxt.InvalidNonce, match="-1021"):
        client.private_get_account({"timestamp": client.milliseconds() + 2000})
    client.private_get_account({"timestamp": client.milliseconds() - 11_000, "recvWindow": 20_000})
    client.options["hasAlreadyAuthenticatedSuccessfully"] = False
    client.apiKey = "unknown"
    with pytest.raises(ccxt.AuthenticationError, match="-2015"):
        client.private_get_account()


def test_a_key_does_what_it_may(venue: ServerThread) -> None:
    key = opened(venue, "binance", permissions=frozenset((Permission.READ,)))
    reader = client_of(venue, ccxt.binance, key, **SPOT_ONLY)
    owner = client_of(venue, ccxt.binance, another_key(venue, "binance", key, frozenset(Permission)))
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    with pytest.raises(ccxt.AuthenticationError, match="-2015"):
        reader.private_post_order(order)
    allowed = [client.sapi_get_account_apirestrictions() for client in (reader, owner)]
    assert [(each["enableSpotAndMarginTrading"], each["enableWithdrawals"]) for each in allowed] == [
        (False, False),
        (True, True),
    ]
    owner.private_post_order(order)
    assert reader.fetch_balance()["BTC"]["total"] == 2.00999


def test_weights_are_counted_warned_about_and_banned() -> None:
    with running(replace(QUICK, spot_weight=100, history_minutes=1)) as thread:
        client = client_of(thread, ccxt.binance)
        client.public_get_depth({"symbol": "BTCUSDT"})
        client.public_get_ping()
        assert client.last_response_headers["X-Mbx-Used-Weight-1m"] == "6"
        seen = []
        for _ in range(10):
            try:
                client.public_get_exchangeinfo()
            except ccxt.DDoSProtection as error:
                seen.append((str(error).split(" ")[1], int(client.last_response_headers["Retry-After"])))
        assert [status for status, _ in seen] == ["429"] * 3 + ["418"] * 3
        assert 0 < seen[0][1] <= 60
        assert 110 < seen[-1][1] <= 120


def test_the_venue_keeps_the_price_the_client_saw(venue: ServerThread) -> None:
    client = client_of(venue, ccxt.binance, **SPOT_ONLY)
    book = client.fetch_order_book("ETH/BTC", 1)
    best = venue.call(lambda: venue.venue("binance").spot.exchange.book("ETHBTC").levels(Side.BUY, 20))
    assert D(str(book["bids"][0][0])).quantize(D("0.00001")) == D(str(book["bids"][0][0]))
    assert abs(best[0][0] - D(str(book["bids"][0][0]))) < D("0.001")
