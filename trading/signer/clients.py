"""Clients of venues with somebody's key in them, kept warm: a fresh one needs the venue's markets first."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from uuid import UUID

from markets.connecting import connection_of
from markets.gateway.client import Client
from markets.gateway.protocol import Connection, Credentials
from portfolios.models import AccountMode, ExchangeAccount

# Of the least lately used ones, so many stay warm.
MOST = 1_000


def account_connection(account: ExchangeAccount) -> Connection:
    """Return how the account's venue is reached with its key."""
    reached = connection_of(account.exchange)
    is_sandbox = reached.is_sandbox or account.mode == AccountMode.SANDBOX
    return replace(reached, is_sandbox=is_sandbox, account=str(account.pk))


@dataclass(slots=True)
class _Warm:
    version: int
    client: Client


class WarmClients:
    """One client an account, for the key that the account has now. For one event loop."""

    def __init__(self) -> None:
        self._held: dict[UUID, _Warm] = {}

    async def of(self, account: ExchangeAccount, credentials: Credentials) -> Client:
        """Return the account's client; one with an earlier key in it is closed."""
        held = self._held.pop(account.pk, None)
        if held is not None and held.version != account.version:
            await _closed(held.client)
            held = None
        if held is None:
            held = _Warm(account.version, self._fresh(account, credentials))
        self._held[account.pk] = held  # last in line
        while len(self._held) > MOST:
            await self.drop(next(iter(self._held)))
        return held.client

    def held(self, account: ExchangeAccount) -> Client | None:
        """Return the account's client where it is warm, with the key that the account has now; else None."""
        found = self._held.get(account.pk)
        return found.client if found is not None and found.version == account.version else None

    async def drop(self, account_id: UUID) -> None:
        """Close an account's client and forget its key."""
        if held := self._held.pop(account_id, None):
            await _closed(held.client)

    async def close(self) -> None:
        """Close all."""
        for account_id in list(self._held):
            await self.drop(account_id)

    def _fresh(self, account: ExchangeAccount, credentials: Credentials) -> Client:
        client = Client(account_connection(account), credentials)
        like = (one.client for one in self._held.values() if _same_venue(one.client.connection, client.connection))
        if warm := next((one for one in like if one.library.markets is not None), None):
            client.share_markets(warm)
        return client


def _same_venue(one: Connection, other: Connection) -> bool:
    return replace(one, account="") == replace(other, account="")


async def _closed(client: Client) -> None:
    # What it was closed for matters more than how its sockets end.
    with suppress(Exception):
        await client.close()
