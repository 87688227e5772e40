"""A group of streams over a real socket: what it says when the venue talks nonsense, and that it comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from markets.boards import FeedState
from markets.gateway.client import Client
from markets.gateway.protocol import Connection
from markets.models import InterestKind
from markets.venue_feed.streaming import Link, StreamGroup
from tests.markets.gateway.conftest import connection, venue  # noqa: F401 - fixtures
from tests.markets.gateway.fake_venue import FakeVenue
from tests.markets.gateway.test_streams import trade
from tests.markets.venue_feed.stage import QUICK


@pytest.fixture
async def link(connection: Connection) -> AsyncIterator[Link]:  # noqa: F811 - the fixture
    async with Client(connection) as rest:
        yield Link(connection, rest)


async def test_a_message_that_is_no_json_ends_the_connection_and_the_next_one_goes_on(
    link: Link,
    venue: FakeVenue,  # noqa: F811 - the fixture
) -> None:
    heard: asyncio.Queue[tuple[int, Any]] = asyncio.Queue()
    group = StreamGroup(
        InterestKind.TRADES, ["BTC/USDT"], link, lambda epoch, message: heard.put_nowait((epoch, message)), QUICK
    )
    running = asyncio.create_task(group.run())
    try:
        async with asyncio.timeout(10):
            await venue.subscription("btcusdt@trade")
            await venue.tell(trade("BTCUSDT", 1, "64000.1"))
            first, [told] = await heard.get()
            assert (told.trade_id, group.state, group.reconnects) == ("1", FeedState.LIVE, 0)
            venue._arrived.clear()
            await venue.sockets[-1].send_str('{"e": "trade", "s": "BTCU')
            await venue.subscription("btcusdt@trade")
            assert (group.state, group.reconnects) == (FeedState.DOWN, 1)
            assert group.reason.startswith("ANSWER_NOT_UNDERSTOOD")
            await venue.sockets[-1].send_json(trade("BTCUSDT", 2, "64000.2"))
            second, [told] = await heard.get()
            assert (told.trade_id, group.state, second > first) == ("2", FeedState.LIVE, True)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_group_is_asked_to_connect_again_whatever_it_is_doing(link: Link, venue: FakeVenue) -> None:  # noqa: F811 - the fixture
    group = StreamGroup(InterestKind.TRADES, ["BTC/USDT"], link, lambda epoch, message: None, QUICK)
    group.renew()  # not begun
    running = asyncio.create_task(group.run())
    try:
        async with asyncio.timeout(10):
            await venue.subscription("btcusdt@trade")
            venue._arrived.clear()
            group.renew()
            group.renew()
            await venue.subscription("btcusdt@trade")
            assert (group.state, group.reconnects) == (FeedState.SILENT, 1)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    group.renew()  # ended
