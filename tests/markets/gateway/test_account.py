"""The private half: signed orders by our own ids, exact to the last digit, and never a wrong word about their fate."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web

from markets.gateway.account import CcxtAccount, our_id, told_id, written_id
from markets.gateway.client import Client
from markets.gateway.errors import BackOff, OrderNotFound, Rejected, Retry, Stop, Unknown
from markets.gateway.protocol import (
    Balance,
    Connection,
    OrderRequest,
    OrderStatus,
    OrderType,
    Side,
    TimeInForce,
)
from markets.gateway.venues import VENUES
from tests.markets.gateway.conftest import KEYS
from tests.markets.gateway.fake_venue import FakeVenue, order_answer

D = Decimal
OURS = "0123456789abcdef0123456789abcdef"
ORDER = OrderRequest(OURS, "BTC/USDT", Side.BUY, OrderType.LIMIT, D("0.12345"), D("64000.10"))
ORDERS = ("POST", "/api/v3/order")


@pytest.fixture
def account(client: Client) -> CcxtAccount:
    return CcxtAccount(client)


async def test_an_order_is_sent_exactly_signed_and_under_our_id(account: CcxtAccount, venue: FakeVenue) -> None:
    bodies: list[str] = []

    async def take(request: web.Request) -> web.Response:
        bodies.append(await request.text())
        return web.json_response(order_answer(OURS))

    venue.answers[ORDERS] = take
    state = await account.create_order(ORDER)
    sent = venue.last(*ORDERS)
    assert (sent["quantity"], sent["price"], sent["side"], sent["type"]) == ("0.12345", "64000.1", "BUY", "LIMIT")
    assert (sent["newClientOrderId"], sent["timeInForce"], sent["recvWindow"]) == (OURS, "GTC", "5000")
    signed, _, signature = bodies[0].rpartition("&signature=")
    assert signature == hmac.new(b"secret", signed.encode(), hashlib.sha256).hexdigest()
    assert (state.client_order_id, state.venue_order_id, state.status) == (OURS, "28", OrderStatus.OPEN)
    assert (state.quantity, state.filled, state.price) == (D("0.12345"), D(0), D("64000.1"))


async def test_requests_carry_the_time_of_the_venue(account: CcxtAccount, venue: FakeVenue) -> None:
    venue.says(*ORDERS, order_answer(OURS))
    await account.create_order(ORDER)  # the venue's clock stands in 2023
    assert 1700000000000 <= int(venue.last(*ORDERS)["timestamp"]) < 1700000030000


@pytest.mark.parametrize(
    ("facts", "sent"),
    [
        ({"time_in_force": TimeInForce.IOC}, {"timeInForce": "IOC", "type": "LIMIT"}),
        ({"time_in_force": TimeInForce.FOK}, {"timeInForce": "FOK", "type": "LIMIT"}),
        ({"time_in_force": TimeInForce.POST_ONLY}, {"type": "LIMIT_MAKER"}),
        ({"type": OrderType.MARKET, "price": None}, {"type": "MARKET", "quantity": "0.12345"}),
        ({"stop_price": D("63000")}, {"type": "STOP_LOSS_LIMIT", "stopPrice": "63000"}),
    ],
)
async def test_each_kind_of_order_in_the_words_of_the_venue(
    account: CcxtAccount, venue: FakeVenue, facts: dict[str, Any], sent: dict[str, str]
) -> None:
    venue.says(*ORDERS, order_answer(OURS))
    await account.create_order(replace(ORDER, **facts))
    asked = venue.last(*ORDERS)
    assert {name: asked.get(name) for name in sent} == sent
    if facts.get("type") == OrderType.MARKET:
        assert "price" not in asked


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"quantity": D("0.123456")}, "QUANTITY_NOT_ON_STEP"),
        ({"quantity": D(0)}, "QUANTITY_NOT_ON_STEP"),
        ({"price": D("64000.101")}, "PRICE_NOT_ON_TICK"),
        ({"price": D("-1")}, "PRICE_NOT_ON_TICK"),
    ],
)
async def test_what_would_be_rounded_in_silence_is_not_sent(
    account: CcxtAccount, venue: FakeVenue, facts: dict[str, Any], code: str
) -> None:
    with pytest.raises(Rejected) as refused:
        await account.create_order(replace(ORDER, **facts))
    assert refused.value.code == code
    assert venue.count(*ORDERS) == 0


async def test_a_time_out_of_an_order_is_unknown_and_not_sent_again(connection: Connection, venue: FakeVenue) -> None:
    async def too_late(_: web.Request) -> web.Response:
        await asyncio.sleep(0.6)
        return web.json_response(order_answer(OURS))

    venue.answers[ORDERS] = too_late
    async with Client(replace(connection, timeout_seconds=0.3), KEYS) as client:
        with pytest.raises(Unknown) as unknown:
            await CcxtAccount(client).create_order(ORDER)
    assert unknown.value.code == "TIMED_OUT"
    assert venue.count(*ORDERS) == 1


async def test_an_answer_that_breaks_off_is_unknown(account: CcxtAccount, venue: FakeVenue) -> None:
    async def cut_off(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": "500"})
        await answer.prepare(request)
        await answer.write(b'{"symbol":')
        assert request.transport is not None
        request.transport.close()
        return answer

    venue.answers[ORDERS] = cut_off
    with pytest.raises(Unknown) as unknown:
        await account.create_order(ORDER)
    assert unknown.value.code == "NETWORK"


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (400, {"code": -2010, "msg": "Account has insufficient balance for requested action."}, Rejected,
         "INSUFFICIENT_FUNDS"),
        (400, {"code": -1013, "msg": "Filter failure: NOTIONAL"}, Rejected, "BAD_REQUEST"),
        (400, {"code": -1013, "msg": "Filter failure: LOT_SIZE"}, Rejected, "ORDER_NOT_VALID"),
        (400, {"code": -1021, "msg": "Timestamp for this request is outside of the recvWindow."}, Retry,
         "CLOCK_SKEWED"),
        (401, {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}, Stop, "CREDENTIALS_REFUSED"),
        (503, {"code": -1000, "msg": "An unknown error occurred while processing the request."}, Unknown,
         "FAILED"),
        (500, "<html>oh no</html>", Unknown, "NOT_AVAILABLE"),
        (504, "gateway timeout", Unknown, "TIMED_OUT"),
        (200, '{"symbol": "BTCUSDT", "orderId"', Unknown, "ANSWER_NOT_UNDERSTOOD"),
        (200, "<html>sign in to this network</html>", Unknown, "ANSWER_NOT_UNDERSTOOD"),
        (200, {}, Unknown, "ANSWER_NOT_UNDERSTOOD"),
        (200, "", Unknown, "ANSWER_NOT_UNDERSTOOD"),
        (429, {"code": -1003, "msg": "Too many requests."}, BackOff, "RATE_LIMITED"),
        (418, {"code": -1003, "msg": "Way too many requests."}, BackOff, "RATE_LIMITED"),
    ],
)  # fmt: skip
async def test_each_answer_to_an_order_says_what_became_of_it(
    account: CcxtAccount, venue: FakeVenue, status: int, body: Any, kind: type[Exception], code: str
) -> None:
    venue.says(*ORDERS, body, status)
    with pytest.raises(kind) as failed:
        await account.create_order(ORDER)
    assert type(failed.value) is kind
    assert getattr(failed.value, "code", "") == code


async def test_a_venue_that_is_not_there_took_no_order(connection: Connection, venue: FakeVenue) -> None:
    async with Client(connection, KEYS) as client:
        account = CcxtAccount(client)
        await client.markets()
        await venue.stop()
        with pytest.raises(Retry) as failed:
            await account.create_order(ORDER)
        assert failed.value.code == "NOT_REACHED"
        await venue.start()


async def test_an_order_is_found_and_canceled_by_our_id(account: CcxtAccount, venue: FakeVenue) -> None:
    filled = order_answer(OURS, executedQty="0.10000000", cummulativeQuoteQty="6400.01000000", time=1700000000123)
    venue.says("GET", "/api/v3/order", filled | {"status": "PARTIALLY_FILLED"})
    venue.says("DELETE", "/api/v3/order", filled | {"status": "CANCELED"})
    state = await account.order(OURS, "BTC/USDT")
    assert venue.last("GET", "/api/v3/order")["origClientOrderId"] == OURS
    assert (state.status, state.filled) == (OrderStatus.PARTIALLY_FILLED, D("0.1"))
    assert state.average_price == D("64000.1")
    canceled = await account.cancel_order(OURS, "BTC/USDT")
    assert venue.last("DELETE", "/api/v3/order")["origClientOrderId"] == OURS
    assert canceled is not None
    assert canceled.status == OrderStatus.CANCELED


async def test_the_definite_word_that_there_is_no_such_order(account: CcxtAccount, venue: FakeVenue) -> None:
    venue.says("GET", "/api/v3/order", {"code": -2013, "msg": "Order does not exist."}, 400)
    venue.says("DELETE", "/api/v3/order", {"code": -2011, "msg": "Unknown order sent."}, 400)
    with pytest.raises(OrderNotFound):
        await account.order(OURS, "BTC/USDT")
    with pytest.raises(OrderNotFound):
        await account.cancel_order(OURS, "BTC/USDT")


async def test_where_a_venue_takes_no_ids_of_ours_its_lists_are_searched(
    connection: Connection, venue: FakeVenue
) -> None:
    from markets.gateway.venues import Lookup

    rows = [order_answer("another", time=1700000000000), order_answer(OURS, orderId=29, time=1700000000001)]
    venue.says("GET", "/api/v3/openOrders", [])
    venue.says("GET", "/api/v3/allOrders", [row | {"status": "FILLED"} for row in rows])
    venue.says("DELETE", "/api/v3/order", rows[1] | {"status": "CANCELED"})
    async with Client(connection, KEYS) as client:
        client.venue = replace(client.venue, lookup=Lookup.LISTS, cancels_by_client_id=False)
        account = CcxtAccount(client)
        state = await account.order(OURS, "BTC/USDT")
        assert (state.venue_order_id, state.status) == ("29", OrderStatus.FILLED)
        await account.cancel_order(OURS, "BTC/USDT")
        assert venue.last("DELETE", "/api/v3/order")["orderId"] == "29"
        with pytest.raises(OrderNotFound):
            await account.order("f" * 32, "BTC/USDT")


async def test_balances_and_fills_are_exact(account: CcxtAccount, venue: FakeVenue) -> None:
    venue.says(
        "GET",
        "/api/v3/account",
        {
            "updateTime": 1700000000000,
            "balances": [
                {"asset": "USDT", "free": "1000000000.12345678", "locked": "0.00000001"},
                {"asset": "BTC", "free": "0.00000000", "locked": "0.00000000"},
            ],
        },
    )
    fill = {
        "symbol": "BTCUSDT",
        "id": 28457,
        "orderId": 28,
        "price": "64000.00000001",
        "qty": "0.00012345",
        "quoteQty": "7.9008",
        "commission": "0.00000012345678",
        "commissionAsset": "BTC",
        "time": 1700000000123,
        "isBuyer": True,
        "isMaker": False,
    }
    venue.says("GET", "/api/v3/myTrades", [fill])
    assert await account.balances() == {
        "USDT": Balance("USDT", D("1000000000.12345678"), D("0.00000001"), D("1000000000.12345679"))
    }
    [got] = await account.my_trades("BTC/USDT")
    assert (got.trade_id, got.venue_order_id, got.side, got.is_maker) == ("28457", "28", Side.BUY, False)
    assert (got.price, got.quantity) == (D("64000.00000001"), D("0.00012345"))
    assert (got.fee, got.fee_asset) == (D("0.00000012345678"), "BTC")


async def test_open_orders_carry_our_ids(account: CcxtAccount, venue: FakeVenue) -> None:
    venue.says("GET", "/api/v3/openOrders", [order_answer(OURS, time=1700000000000, updateTime=1700000000000)])
    [state] = await account.open_orders("BTC/USDT")
    assert (state.client_order_id, state.symbol, state.side) == (OURS, "BTC/USDT", Side.BUY)


async def test_a_perpetual_position_is_signed(connection: Connection, venue: FakeVenue) -> None:
    venue.says(
        "GET",
        "/fapi/v3/positionRisk",
        [
            {
                "symbol": "BTCUSDT",
                "positionSide": "BOTH",
                "positionAmt": "-0.123",
                "entryPrice": "64000.1",
                "breakEvenPrice": "64000.1",
                "markPrice": "63000.12345678",
                "unRealizedProfit": "122.99712345",
                "liquidationPrice": "70000.5",
                "isolatedMargin": "0",
                "notional": "-7749.01518518",
                "marginAsset": "USDT",
                "isolatedWallet": "0",
                "initialMargin": "774.90",
                "maintMargin": "31",
                "positionInitialMargin": "774.90",
                "openOrderInitialMargin": "0",
                "adl": 2,
                "bidNotional": "0",
                "askNotional": "0",
                "updateTime": 1700000000000,
            }
        ],
    )
    venue.says("GET", "/fapi/v1/leverageBracket", [])
    async with Client(replace(connection, venue="binanceusdm"), KEYS) as client:
        [position] = await CcxtAccount(client).positions()
    assert (position.symbol, position.quantity) == ("BTC/USDT:USDT", D("-0.123"))
    assert (position.entry_price, position.mark_price) == (D("64000.1"), D("63000.12345678"))
    assert position.unrealized_pnl == D("122.99712345")


async def test_a_market_order_that_a_venue_lacks_is_bounded_and_fills_at_once(
    connection: Connection, venue: FakeVenue
) -> None:
    venue.says(*ORDERS, order_answer(OURS))
    async with Client(connection, KEYS) as client:
        client.venue = replace(client.venue, market_sides_as_limit=frozenset({Side.BUY}))
        account = CcxtAccount(client)
        await account.create_order(replace(ORDER, type=OrderType.MARKET))
        assert venue.last(*ORDERS)["type"] == "LIMIT"
        assert venue.last(*ORDERS)["timeInForce"] == "IOC"
        with pytest.raises(Rejected, match="PRICE_NEEDED"):
            await account.create_order(replace(ORDER, type=OrderType.MARKET, price=None))
        await account.create_order(replace(ORDER, type=OrderType.MARKET, side=Side.SELL, price=None))
        assert venue.last(*ORDERS)["type"] == "MARKET"


@pytest.mark.parametrize(
    ("code", "written", "back"),
    [
        ("binance", OURS, OURS),
        ("hyperliquid", f"0x{OURS}", OURS),
        ("dydx", str(0x01234567), str(0x01234567)),
    ],
)
def test_each_venue_writes_our_ids_in_its_form(code: str, written: str, back: str) -> None:
    assert written_id(VENUES[code], OURS) == written
    assert our_id(VENUES[code], written) == back
    assert our_id(VENUES[code], None) == ""


@pytest.mark.parametrize(
    ("code", "raw", "told"),
    [
        ("binance", {"clientOrderId": OURS, "info": {"c": "f" * 32}}, OURS),
        ("binance", {"info": {"c": OURS}}, OURS),
        ("kraken", {"clientOrderId": "0", "info": {"cl_ord_id": OURS}}, OURS),
        ("kraken", {"clientOrderId": "7", "info": {}}, "7"),
        ("hyperliquid", {"info": {"cloid": f"0x{OURS}"}}, OURS),
        ("coinbase", {"clientOrderId": None, "info": {"client_order_id": OURS}}, ""),
        ("binance", {"clientOrderId": "web_123", "info": [1]}, "web_123"),
    ],
)
def test_a_message_tells_which_order_of_ours_it_is_about(code: str, raw: dict[str, Any], told: str) -> None:
    assert told_id(VENUES[code], raw) == told


async def test_an_account_without_keys_is_told_so(connection: Connection) -> None:
    async with Client(connection) as client:
        with pytest.raises(Stop) as stopped:
            await CcxtAccount(client).balances()
    assert stopped.value.code == "CREDENTIALS_REFUSED"
