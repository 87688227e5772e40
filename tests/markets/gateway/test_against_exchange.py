"""The adapter against a whole exchange over HTTP and WebSocket, in two dialects, and what it says of each fault."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from common import clock, ids
from engine.decimals import price_to_tick
from markets.gateway.account import CcxtAccount
from markets.gateway.adapter import CcxtMarketData
from markets.gateway.client import Client
from markets.gateway.errors import BackOff, OrderNotFound, Retry, Stop, Unknown
from markets.gateway.protocol import (
    Connection,
    Credentials,
    MarketInfo,
    OrderBook,
    OrderRequest,
    OrderStatus,
    OrderType,
    Side,
    TimeInForce,
)
from markets.gateway.streams import CcxtStreams
from markets.models import MarketKind
from sandbox.faults import Fault, FaultKind
from sandbox.server import ServerThread, running
from tests.fixtures_exchange import QUICK, clean, opened

D = Decimal
SYMBOLS = {"binance": "BTC/USDT", "binanceusdm": "BTC/USDT:USDT", "kraken": "BTC/USDT"}


@dataclass
class Desk:
    """All three halves of the gateway for one account at one venue, and the venue's fault switch."""

    symbol: str
    client: Client
    data: CcxtMarketData
    account: CcxtAccount
    streams: CcxtStreams
    market: MarketInfo
    switch_on: Callable[[Fault], Any]

    def order(self, number: int, **facts: Any) -> OrderRequest:
        """An order for a hundredth of a coin."""
        usual: dict[str, Any] = {"side": Side.BUY, "type": OrderType.MARKET, "quantity": D("0.01")}
        return OrderRequest(ids.deterministic_id("desk", number), self.symbol, **(usual | facts))

    async def resting(self, number: int, share: str = "0.9") -> OrderRequest:
        """A bid that nobody takes: a tenth below the book, unless told otherwise."""
        bid = (await self.data.order_book(self.symbol, 5)).bids[0].price
        price = price_to_tick(bid * D(share), self.market.tick_size, up=False)
        return self.order(number, type=OrderType.LIMIT, price=price)


@pytest.fixture(scope="module")
def exchange() -> Iterator[ServerThread]:
    with running(QUICK, step_seconds=0.02) as thread:
        yield thread


@pytest.fixture
async def open_desk(exchange: ServerThread) -> AsyncIterator[Callable[[str], Any]]:
    async with AsyncExitStack() as stack:

        async def open_it(code: str) -> Desk:
            place = exchange.venue("kraken" if code == "kraken" else "binance")
            key = opened(exchange, place.name, account := f"a{ids.new_token(6)}")
            connection = Connection(
                code, name=account, base_url=exchange.url + "/{host}", account=account, timeout_seconds=1
            )
            keys = Credentials(api_key=key.key, secret=key.secret)
            # A book that a fault has thinned out is the next test's, too.
            stack.callback(lambda: exchange.call(lambda: clean(exchange)))
            client = await stack.enter_async_context(Client(connection, keys))
            live = await stack.enter_async_context(Client(connection, keys, streams=True))
            data, symbol = CcxtMarketData(client), SYMBOLS[code]
            [market] = [one for one in await data.load_markets() if one.symbol == symbol]
            live.share_markets(client)
            return Desk(
                symbol, client, data, CcxtAccount(client), CcxtStreams(live), market,
                lambda fault: exchange.call(lambda: place.faults.switch_on(fault)),
            )  # fmt: skip

        yield open_it


@pytest.fixture
async def desk(open_desk: Callable[[str], Any]) -> Desk:
    found: Desk = await open_desk("binance")
    return found


@pytest.mark.parametrize("code", SYMBOLS)
async def test_a_market_is_described_and_followed(open_desk: Callable[[str], Any], code: str) -> None:
    desk: Desk = await open_desk(code)
    assert desk.market.kind == (MarketKind.PERPETUAL if code == "binanceusdm" else MarketKind.SPOT)
    book = await desk.data.order_book(desk.symbol, 5)
    assert book.bids[0].price < book.asks[0].price
    assert all(level.price % desk.market.tick_size == 0 for level in (*book.bids, *book.asks))
    until = clock.wall_now()
    pages = [
        page
        async for page in desk.data.candle_pages(desk.symbol, "1m", since=until - timedelta(minutes=20), until=until)
    ]
    times = [at for page in pages for at in page.opened_at.tolist()]
    assert times == sorted(set(times))
    assert 19 <= len(times) <= 21
    assert (await desk.data.tickers([desk.symbol]))[desk.symbol].last is not None


@pytest.mark.parametrize("code", SYMBOLS)
async def test_an_order_lives_and_dies_under_our_id(open_desk: Callable[[str], Any], code: str) -> None:
    desk: Desk = await open_desk(code)
    resting = await desk.resting(1)
    sent = await desk.account.create_order(resting)
    assert (sent.client_order_id, sent.status, sent.filled) == (resting.client_order_id, OrderStatus.OPEN, D(0))
    assert [one.client_order_id for one in await desk.account.open_orders(desk.symbol)] == [resting.client_order_id]
    await desk.account.cancel_order(resting.client_order_id, desk.symbol)
    state = await desk.account.order(resting.client_order_id, desk.symbol)
    assert (state.status, state.price, state.quantity) == (OrderStatus.CANCELED, resting.price, D("0.01"))
    if code != "kraken":  # whose counter falls slowly: two lists more are six seconds more
        with pytest.raises(OrderNotFound):
            await desk.account.order("f" * 32, desk.symbol)


async def test_a_fill_is_in_the_order_the_trades_and_the_balance(desk: Desk) -> None:
    state = await desk.account.create_order(desk.order(1))
    assert (state.status, state.filled, state.price) == (OrderStatus.FILLED, D("0.01"), None)
    fills = await desk.account.my_trades(desk.symbol)
    assert sum(one.quantity for one in fills) == D("0.01")
    assert {one.venue_order_id for one in fills} == {state.venue_order_id}
    held = (await desk.account.balances())["BTC"]
    assert held.total == 2 + D("0.01") - sum(one.fee for one in fills)
    assert {one.fee_asset for one in fills} == {"BTC"}


async def test_a_perpetual_has_funding_tiers_and_a_position(open_desk: Callable[[str], Any]) -> None:
    desk: Desk = await open_desk("binanceusdm")
    await desk.account.create_order(desk.order(1, side=Side.SELL))
    [position] = await desk.account.positions([desk.symbol])
    assert position.quantity == D("-0.01")
    assert (await desk.data.funding_rates([desk.symbol]))[desk.symbol].at > clock.wall_now()
    history = await desk.data.funding_history(desk.symbol, limit=3)
    assert history == sorted(history, key=lambda one: one.at)
    tiers = await desk.data.leverage_tiers(desk.symbol)
    assert [one.max_leverage for one in tiers] == sorted((one.max_leverage for one in tiers), reverse=True)
    assert tiers[0].min_notional == 0
    # Binance tells them to keys only.
    assert await desk.data.public_tiers([desk.symbol]) == {}


async def _whole_book(desk: Desk, depth: int) -> OrderBook:
    """Return the first book of a stream that has so many levels on both sides: a maker may be renewing one."""
    async for book in desk.streams.order_books([desk.symbol], depth):
        if len(book.bids) == len(book.asks) == depth:
            return book
    raise AssertionError("the stream ended")


@pytest.mark.parametrize("code", SYMBOLS)
async def test_every_public_stream_speaks(open_desk: Callable[[str], Any], code: str) -> None:
    desk: Desk = await open_desk(code)
    trades, tickers, candles, book = await asyncio.wait_for(
        asyncio.gather(
            anext(desk.streams.trades([desk.symbol])),
            anext(desk.streams.tickers([desk.symbol])),
            anext(desk.streams.candles([desk.symbol], "1m")),
            _whole_book(desk, 3),
        ),
        timeout=10,
    )
    assert trades[0].price % desk.market.tick_size == 0
    assert list(tickers) == list(candles) == [book.symbol] == [desk.symbol]
    assert all(level.price % desk.market.tick_size == 0 for level in (*book.bids, *book.asks))


@pytest.mark.parametrize("code", SYMBOLS)
async def test_the_private_streams_tell_our_ids(open_desk: Callable[[str], Any], code: str) -> None:
    desk: Desk = await open_desk(code)
    wanted = desk.order(1)
    orders, fills = desk.streams.orders(), desk.streams.my_trades()

    async def until_ours(stream: AsyncIterator[list[Any]]) -> Any:
        async for rows in stream:
            for one in rows:
                if one.client_order_id == wanted.client_order_id:
                    return one
        raise AssertionError("the stream ended")

    heard = asyncio.gather(until_ours(orders), until_ours(fills))
    await asyncio.sleep(0.5)
    await desk.account.create_order(wanted)
    order, fill = await asyncio.wait_for(heard, timeout=10)
    assert (order.symbol, fill.symbol, fill.side) == (desk.symbol, desk.symbol, Side.BUY)
    assert 0 < fill.quantity <= D("0.01")


@pytest.mark.parametrize("kind", [FaultKind.TIMEOUT_AFTER_ACCEPT, FaultKind.DROPPED_RESPONSE])
async def test_an_order_that_was_taken_without_an_answer_is_found(desk: Desk, kind: FaultKind) -> None:
    wanted = await desk.resting(1)
    desk.switch_on(Fault(kind, count=1, where="POST /api/v3/order", seconds=3))
    with pytest.raises(Unknown):
        await desk.account.create_order(wanted)
    found = await desk.account.order(wanted.client_order_id, desk.symbol)
    assert (found.status, found.price) == (OrderStatus.OPEN, wanted.price)
    assert len(await desk.account.open_orders(desk.symbol)) == 1


async def test_an_order_that_was_not_taken_is_unknown_until_the_venue_says_so(desk: Desk) -> None:
    wanted = await desk.resting(1)
    desk.switch_on(Fault(FaultKind.SERVER_ERROR, count=1, where="POST /api/v3/order", status=502))
    with pytest.raises(Unknown):
        await desk.account.create_order(wanted)
    with pytest.raises(OrderNotFound):
        await desk.account.order(wanted.client_order_id, desk.symbol)


async def test_an_id_that_is_taken_is_never_called_rejected(desk: Desk) -> None:
    wanted = await desk.resting(1)
    await desk.account.create_order(wanted)
    with pytest.raises(Unknown) as doubled:
        await desk.account.create_order(wanted)
    assert doubled.value.code == "DUPLICATE_ORDER_ID"
    assert len(await desk.account.open_orders(desk.symbol)) == 1


async def test_a_cancel_that_comes_too_late_says_so(desk: Desk) -> None:
    # Above what other tests left in the book: it is taken first.
    wanted = await desk.resting(1, "0.95")
    await desk.account.create_order(wanted)
    desk.switch_on(Fault(FaultKind.CANCEL_LOSES, count=1))
    with pytest.raises(OrderNotFound):
        await desk.account.cancel_order(wanted.client_order_id, desk.symbol)
    assert (await desk.account.order(wanted.client_order_id, desk.symbol)).status == OrderStatus.FILLED


async def test_a_part_is_filled_and_the_rest_expires(desk: Desk) -> None:
    ask = (await desk.data.order_book(desk.symbol, 5)).asks[-1].price
    desk.switch_on(Fault(FaultKind.PARTIAL_FILL, count=1, ratio=D("0.4")))
    wanted = desk.order(1, type=OrderType.LIMIT, price=ask, time_in_force=TimeInForce.IOC)
    state = await desk.account.create_order(wanted)
    assert (state.status, state.filled) == (OrderStatus.EXPIRED, D("0.004"))


async def test_a_clock_that_is_wrong_by_a_minute_is_followed(desk: Desk) -> None:
    desk.switch_on(Fault(FaultKind.CLOCK_SKEW, milliseconds=-60_000))
    await asyncio.sleep(0.1)
    with pytest.raises(Retry) as skewed:
        await desk.account.balances()
    assert skewed.value.code == "CLOCK_SKEWED"
    assert "USDT" in await desk.account.balances()


async def test_maintenance_is_no_answer_to_an_order_and_holds_the_rest(desk: Desk) -> None:
    wanted = await desk.resting(1)
    desk.switch_on(Fault(FaultKind.MAINTENANCE))
    with pytest.raises((Unknown, BackOff)):
        await desk.account.create_order(wanted)
    with pytest.raises((Retry, BackOff)):
        for _ in range(3):
            await desk.data.order_book(desk.symbol)


async def test_a_torn_socket_ends_the_stream(desk: Desk) -> None:
    trades = desk.streams.trades([desk.symbol])
    await asyncio.wait_for(anext(trades), timeout=10)
    desk.switch_on(Fault(FaultKind.DROP_CONNECTION, count=1))
    with pytest.raises(Retry):
        async with asyncio.timeout(10):
            async for _ in trades:
                pass
    # Who asks again is connected again.
    await asyncio.wait_for(anext(desk.streams.trades([desk.symbol])), timeout=10)


async def test_wrong_keys_stop(desk: Desk) -> None:
    wrong = Credentials(api_key="no such key", secret="nor secret")
    async with Client(desk.client.connection, wrong) as client:
        client.share_markets(desk.client)
        with pytest.raises(Stop):
            await CcxtAccount(client).balances()
