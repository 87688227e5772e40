"""A futures account through the gateway, against the running test exchange."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

import pytest

from common import clock, ids
from markets.gateway.account import CcxtAccount
from markets.gateway.client import Client
from markets.gateway.errors import Rejected, Skip
from markets.gateway.protocol import Connection, Credentials, MarginMode, OrderRequest, OrderType, Side
from sandbox.core.keys import ApiKey
from sandbox.server import ServerThread
from tests.fixtures_exchange import clean, opened

D = Decimal
SYMBOL = "BTC/USDT:USDT"


@dataclass
class Desk:
    """An account of 10,000 USDT, and what the venue's own books say of it."""

    venue: ServerThread
    key: ApiKey
    account: CcxtAccount

    def order(self, side: Side, quantity: str = "0.01") -> OrderRequest:
        return OrderRequest(ids.new_id().hex, SYMBOL, side, OrderType.MARKET, D(quantity))

    def fund(self) -> None:
        """Have a funding time of what is held, out of turn."""
        inside = self.venue.venue("binance")
        self.venue.call(lambda: inside.futures.funding.settle(inside.clock.market_ms()))

    def terms(self) -> tuple[int, bool]:
        books = self.venue.venue("binance").futures.books
        [held] = [one for one in books.positions(self.key.account) if one.instrument.symbol == "BTCUSDT"]
        return held.leverage, held.isolated

    def wallet(self) -> Decimal:
        return self.venue.venue("binance").futures.books.wallet(self.key.account)["USDT"]


@pytest.fixture
async def desk(sandbox: ServerThread) -> AsyncIterator[Desk]:
    key = opened(sandbox, "binance")
    connection = Connection(
        "binanceusdm", name=key.account, base_url=sandbox.url + "/{host}", account=key.account, timeout_seconds=3
    )
    async with Client(connection, Credentials(api_key=key.key, secret=key.secret)) as client:
        yield Desk(sandbox, key, CcxtAccount(client))
    sandbox.call(lambda: clean(sandbox))


async def test_a_balance_is_the_wallet_without_unrealized_profits(desk: Desk) -> None:
    await desk.account.create_order(desk.order(Side.BUY, "1"))
    books = desk.venue.venue("binance").futures.books
    assert desk.venue.call(lambda: books.unrealized(desk.key.account)) != 0
    held = (await desk.account.balances())["USDT"]
    assert held.total == desk.wallet() < 10_000


async def test_terms_are_set_again_and_again_and_refused_beyond_the_venues_tiers(desk: Desk) -> None:
    for _ in range(2):
        await desk.account.set_terms(SYMBOL, 7, MarginMode.ISOLATED)
        assert desk.terms() == (7, True)
    with pytest.raises(Skip) as refused:
        await desk.account.set_terms(SYMBOL, 500, MarginMode.ISOLATED)
    assert (type(refused.value) is Skip, desk.terms()) == (True, (7, True))
    await desk.account.create_order(desk.order(Side.BUY))
    with pytest.raises(Skip, match="-4048"):
        await desk.account.set_terms(SYMBOL, 7, MarginMode.CROSS)


async def test_hedge_mode_is_told_and_takes_no_order_of_ours(desk: Desk) -> None:
    assert not await desk.account.is_hedged()
    books = desk.venue.venue("binance").futures.books
    desk.venue.call(lambda: books.set_hedged(desk.key.account, is_hedged=True))
    assert await desk.account.is_hedged()
    with pytest.raises(Rejected, match="-4061"):
        await desk.account.create_order(desk.order(Side.BUY))


async def test_funding_is_told_once_with_the_venues_number(desk: Desk) -> None:
    since = clock.wall_now() - timedelta(minutes=1)
    assert await desk.account.funding_received(since=since) == []
    await desk.account.create_order(desk.order(Side.SELL))
    before = desk.wallet()
    desk.fund()
    [first] = await desk.account.funding_received(since=since)
    assert (first.symbol, first.asset, first.amount) == (SYMBOL, "USDT", desk.wallet() - before)
    desk.fund()
    told = await desk.account.funding_received(since=since)
    assert told[0] == first
    assert len({one.payment_id for one in told}) == 2
    assert await desk.account.funding_received(since=told[1].at + timedelta(milliseconds=1)) == []


async def test_what_only_reduces_closes_and_opens_nothing(desk: Desk) -> None:
    with pytest.raises(Rejected):
        await desk.account.create_order(replace(desk.order(Side.SELL), is_reduce_only=True))
    await desk.account.create_order(desk.order(Side.BUY))
    await desk.account.create_order(replace(desk.order(Side.SELL), is_reduce_only=True))
    assert await desk.account.positions() == []
