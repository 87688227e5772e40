"""Connections to venues, shared by all clients of an event loop: hundreds of accounts keep each other's warm.

The library would give each client a pool of its own: its connection is cold whenever its account was quiet for a quarter of
a minute, and its pool wakes the loop every two seconds.
"""

from __future__ import annotations

import asyncio
import importlib
import ssl
from typing import Any

# Of requests to one host. Streams hold a connection each for as long as they live, and are not counted.
REQUESTS_PER_HOST = 64
_pools: dict[tuple[asyncio.AbstractEventLoop, bool], Pool] = {}


class Pool:
    """A pool and how many clients use it; the last one that leaves closes it."""

    def __init__(self, key: tuple[asyncio.AbstractEventLoop, bool], trusted: ssl.SSLContext | None) -> None:
        # Imported with the library, which costs a second: only where something is asked of a venue.
        self._http = importlib.import_module("aiohttp")
        self._key, self._users = key, 0
        limit = 0 if key[1] else REQUESTS_PER_HOST
        # Of Python's newest versions it is said in a warning that they need no cleaning up.
        leaks = importlib.import_module("aiohttp.connector").NEEDS_CLEANUP_CLOSED
        self._connector = self._http.TCPConnector(
            ssl=True if trusted is None else trusted, limit=0, limit_per_host=limit, enable_cleanup_closed=leaks
        )

    def session(self) -> Any:
        """Return a session of one more client: its cookies are its own, its connections are not."""
        self._users += 1
        return self._http.ClientSession(connector=self._connector, connector_owner=False)

    async def leave(self) -> None:
        """Take a client's leave, after it has closed its session."""
        self._users -= 1
        if not self._users:
            _pools.pop(self._key, None)
            await self._connector.close()


def pool_of(trusted: ssl.SSLContext | None, *, streams: bool) -> Pool:
    """Return the running loop's pool for requests or for streams."""
    key = asyncio.get_running_loop(), streams
    if key not in _pools:
        _pools[key] = Pool(key, trusted)
    return _pools[key]
