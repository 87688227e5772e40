"""From an exchange's row to the gateway: how to reach it, and its markets fetched from a program without a loop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from django.db.models import Q

from common.clock import wall_now
from common.errors import DomainError
from markets.gateway.adapter import CcxtMarketData
from markets.gateway.client import Client
from markets.gateway.protocol import DEFAULT_TIMEOUT_SECONDS, Connection, LeverageTier, MarketInfo
from markets.models import Exchange

SYNCHRONISE_EVERY = timedelta(days=1)


def connection_of(exchange: Exchange, *, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS) -> Connection:
    """Return how to reach an exchange; raise DomainError EXCHANGE_NOT_CONNECTED where its row does not say."""
    if not exchange.dialect:
        raise DomainError(
            "EXCHANGE_NOT_CONNECTED",
            f"{exchange} is not connected: run manage.py sync_instruments {exchange.code} --dialect NAME first.",
        )
    return Connection(
        venue=exchange.dialect,
        name=exchange.code,
        base_url=exchange.base_url,
        is_sandbox=exchange.is_sandbox,
        timeout_seconds=timeout_seconds,
    )


def due_for_synchronising() -> list[str]:
    """Return the codes of the connected exchanges that were not synchronised within a day of the wall."""
    due = Q(synchronised_at__isnull=True) | Q(synchronised_at__lte=wall_now() - SYNCHRONISE_EVERY)
    return list(Exchange.objects.exclude(dialect="").filter(due).order_by("code").values_list("code", flat=True))


def fetch_markets(exchange: Exchange) -> list[MarketInfo]:
    """Ask a venue for its markets and return them; raises GatewayError. Not to be called inside a transaction."""

    async def fetch() -> list[MarketInfo]:
        async with Client(connection_of(exchange)) as client:
            return await CcxtMarketData(client).load_markets()

    return asyncio.run(fetch())


def fetch_tiers(exchange: Exchange, symbols: Sequence[str]) -> dict[str, list[LeverageTier]]:
    """Ask a venue for the leverage tiers of its perpetuals, by its symbols, as it tells them to everybody; raises GatewayError."""

    async def fetch() -> dict[str, list[LeverageTier]]:
        async with Client(connection_of(exchange)) as client:
            return await CcxtMarketData(client).public_tiers(symbols)

    return asyncio.run(fetch())
