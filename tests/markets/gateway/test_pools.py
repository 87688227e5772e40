"""Connections that clients of a loop share: kept while anybody uses them, closed after the last."""

from __future__ import annotations

import asyncio

from markets.gateway import pools
from markets.gateway.client import Client
from markets.gateway.protocol import Connection
from tests.markets.gateway.fake_venue import FakeVenue


async def test_a_client_finds_the_connection_that_another_has_opened(connection: Connection, venue: FakeVenue) -> None:
    async with Client(connection) as one, Client(connection) as other:
        await one.call("fetch_time")
        pool = pools.pool_of(None, streams=False)
        held = [len(found) for found in pool._connector._conns.values()]
        await other.call("fetch_time")
        assert [len(found) for found in pool._connector._conns.values()] == held == [1]
        assert one.library.session.cookie_jar is not other.library.session.cookie_jar


async def test_the_last_client_closes_what_was_shared_and_the_next_begins_anew(
    connection: Connection, venue: FakeVenue
) -> None:
    async with Client(connection) as one:
        await one.call("fetch_time")
        first = pools.pool_of(None, streams=False)
        async with Client(connection) as other:
            await other.call("fetch_time")
        assert not first._connector.closed
    assert first._connector.closed
    assert (asyncio.get_running_loop(), False) not in pools._pools
    async with Client(connection) as late:
        await late.call("fetch_time")
        assert pools.pool_of(None, streams=False) is not first


async def test_streams_take_no_place_from_requests(connection: Connection) -> None:
    async with Client(connection) as one, Client(connection, streams=True) as other:
        one.library.open()
        other.library.open()
        requests, streams = (pools.pool_of(None, streams=kind) for kind in (False, True))
        assert (requests._connector.limit_per_host, streams._connector.limit_per_host) == (64, 0)
        assert (one.library.session.connector, other.library.session.connector) == (
            requests._connector,
            streams._connector,
        )
