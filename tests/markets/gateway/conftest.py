"""A venue of a test's own to speak to, and health that starts afresh."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from common import ids
from common.bus import bus
from common.limiter import limiter
from markets import health
from markets.gateway.client import Client
from markets.gateway.protocol import Connection, Credentials
from tests.markets.gateway.fake_venue import FakeVenue, speaks_binance

KEYS = Credentials(api_key="key", secret="secret")


@pytest.fixture(autouse=True)
def fresh_health() -> Iterator[None]:
    """Forget breakers, counts and limits of other tests."""
    health.breaker.cache_clear()
    health.forget_counts()
    limiter.cache_clear()
    bus().board_drop(health.BOARD)
    yield
    bus().board_drop(health.BOARD)


@pytest.fixture
async def venue() -> AsyncIterator[FakeVenue]:
    """A venue that knows three spot markets and one perpetual."""
    made = FakeVenue()
    await made.start()
    speaks_binance(made)
    yield made
    await made.stop()


@pytest.fixture
def connection(venue: FakeVenue) -> Connection:
    """How to reach it, under a name that no limit of another test counts for."""
    return Connection(
        "binance", name=f"test-{ids.new_token(6)}", base_url=venue.url, account="alice", timeout_seconds=2
    )


@pytest.fixture
async def client(connection: Connection) -> AsyncIterator[Client]:
    """A client with keys."""
    async with Client(connection, KEYS) as made:
        yield made
