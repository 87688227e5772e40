"""ccxt's binanceusdm against the sandbox."""

from __future__ import annotations

import ccxt
import pytest

from sandbox.server import ServerThread
from tests.fixtures_exchange import client_of, opened
from tests.sandbox.clients import futures

SYMBOL = "BTC/USDT:USDT"


async def test_markets_brackets_and_funding_are_read(venue: ServerThread) -> None:
    async with futures(venue, opened(venue, "binance")) as client:
        market = (await client.load_markets())[SYMBOL]
        assert (market["linear"], market["precision"]["price"], market["limits"]["cost"]["min"]) == (True, 0.1, 100.0)
        tiers = (await client.fetch_leverage_tiers([SYMBOL]))[SYMBOL]
        assert [(tier["maxNotional"], tier["maxLeverage"]) for tier in tiers[:2]] == [(50_000, 125), (600_000, 100)]
        rate = await client.fetch_funding_rate(SYMBOL)
        assert -0.0001 <= rate["fundingRate"] <= 0.0003
        assert rate["fundingTimestamp"] % 28_800_000 == 0
        history = await client.fetch_funding_rate_history(SYMBOL, limit=3)
        assert [later["timestamp"] - history[0]["timestamp"] for later in history] == [0, 28_800_000, 57_600_000]


async def test_a_position_is_opened_led_and_closed(venue: ServerThread) -> None:
    async with futures(venue, opened(venue, "binance")) as client:
        await client.set_leverage(10, SYMBOL)
        await client.create_order(SYMBOL, "market", "buy", 0.2)
        position = (await client.fetch_positions([SYMBOL]))[0]
        assert (position["side"], position["contracts"]) == ("long", 0.2)
        assert (await client.fetch_leverages([SYMBOL]))[SYMBOL]["longLeverage"] == 10
        closing = await client.create_order(SYMBOL, "market", "sell", 0.5, None, {"reduceOnly": True})
        assert (closing["filled"], closing["status"]) == (0.2, "expired")
        assert await client.fetch_positions([SYMBOL]) == []
        trades = await client.fetch_my_trades(SYMBOL)
        assert sum(float(trade["info"]["realizedPnl"]) for trade in trades) < 0


async def test_conditional_orders_go_by_the_algo_endpoints(venue: ServerThread) -> None:
    async with futures(venue, opened(venue, "binance")) as client:
        await client.create_order(SYMBOL, "market", "buy", 0.1)
        params = {"stopLossPrice": 30000, "reduceOnly": True, "clientAlgoId": "guard"}
        stop = await client.create_order(SYMBOL, "market", "sell", 0.1, None, params)
        assert (stop["triggerPrice"], stop["reduceOnly"], stop["info"]["algoStatus"]) == (30000, True, "NEW")
        assert await client.fetch_open_orders(SYMBOL) == []
        assert [each["id"] for each in await client.fetch_open_orders(SYMBOL, params={"trigger": True})] == [stop["id"]]
        await client.cancel_order(stop["id"], SYMBOL, {"trigger": True})
        assert await client.fetch_open_orders(SYMBOL, params={"trigger": True}) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"price": "40000.01"}, "-4014"),
        ({"quantity": "0.0001"}, "-4005"),
        ({"quantity": "0.001"}, "-4164"),
        ({"quantity": "100"}, "-2019"),
        ({"reduceOnly": "true"}, "-2022"),
        ({"timeInForce": "GTX", "price": "200000"}, "-5022"),
        ({"type": "STOP_MARKET", "stopPrice": "40000"}, "-4120"),
        ({"positionSide": "LONG"}, "-4061"),
    ],
)
def test_refusals_have_binances_codes(change: dict[str, str], code: str, venue: ServerThread) -> None:
    key = opened(venue, "binance")
    client = client_of(venue, ccxt.binanceusdm, key)
    order = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "price": "40000",
        "quantity": "0.01",
    }
    with pytest.raises(ccxt.BaseError, match=code):
        client.fapiprivate_post_order(order | change)
    assert venue.call(lambda: venue.venue("binance").futures.exchange.orders(key.account)) == []


def test_modes_that_do_not_change_say_so(venue: ServerThread) -> None:
    client = client_of(venue, ccxt.binanceusdm, opened(venue, "binance"), fetchCurrencies=False)
    with pytest.raises(ccxt.MarginModeAlreadySet):
        client.set_margin_mode("cross", SYMBOL)
    client.set_margin_mode("isolated", SYMBOL)
    with pytest.raises(ccxt.ExchangeError, match="-4059"):
        client.set_position_mode(False, SYMBOL)
    client.set_position_mode(True, SYMBOL)
    assert client.fetch_position_mode(SYMBOL)["hedged"] is True
