"""Unmodified clients of the exchange library, pointed at the sandbox and closed at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import ccxt.pro

from sandbox.core.keys import ApiKey
from sandbox.server import ServerThread
from tests.fixtures_exchange import client_of

SPOT_ONLY: dict[str, Any] = {"fetchCurrencies": False, "fetchMargins": False, "fetchMarkets": {"types": ["spot"]}}

# The library does not say when a venue has taken a subscription, and streams tell nothing of what was before it.
SUBSCRIBED_SECONDS = 2.0


@asynccontextmanager
async def spot(thread: ServerThread, key: ApiKey | None = None) -> AsyncIterator[Any]:
    """Yield ccxt.pro's binance."""
    async with _closed(client_of(thread, ccxt.pro.binance, key, **SPOT_ONLY)) as client:
        yield client


@asynccontextmanager
async def futures(thread: ServerThread, key: ApiKey | None = None) -> AsyncIterator[Any]:
    """Yield ccxt.pro's binanceusdm."""
    async with _closed(client_of(thread, ccxt.pro.binanceusdm, key, fetchCurrencies=False)) as client:
        yield client


@asynccontextmanager
async def kraken(thread: ServerThread, key: ApiKey | None = None) -> AsyncIterator[Any]:
    """Yield ccxt.pro's kraken, which checks the checksums of books."""
    client = client_of(thread, ccxt.pro.kraken, key)
    async with _closed(client) as client:
        yield client


@asynccontextmanager
async def _closed(client: Any) -> AsyncIterator[Any]:
    try:
        yield client
    finally:
        await client.close()
