"""Who goes first in the signer: orders, then the booking of their answers, then the comparing of accounts.

One process does all three, and a lead's event wants hundreds of accounts at once: whatever else is done meanwhile makes
its last copy later. For one event loop; nothing here waits for long, since a venue that does not answer is nobody else's matter.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

# How long answers wait to be booked, and accounts to be compared, while orders are on their way.
BOOKING_WAITS_SECONDS, COMPARING_WAITS_SECONDS = 1.0, 5.0
# Accounts of a venue that are compared side by side.
_COMPARED_TOGETHER = 8


class Turns:
    """Counts what is on its way to venues, and lets others go on when that is none."""

    def __init__(self) -> None:
        self._on_their_way = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._comparing: dict[str, asyncio.Semaphore] = {}

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Be on the way to a venue meanwhile."""
        self._on_their_way += 1
        self._quiet.clear()
        try:
            yield
        finally:
            self._on_their_way -= 1
            if not self._on_their_way:
                self._quiet.set()

    async def after_orders(self, at_most_seconds: float) -> None:
        """Wait until no order is on its way, or for so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(at_most_seconds):
                await self._quiet.wait()

    @asynccontextmanager
    async def comparing(self, venue: str) -> AsyncIterator[None]:
        """Be one of a few accounts of a venue that are compared meanwhile, after orders that are on their way."""
        async with self._comparing.setdefault(venue, asyncio.Semaphore(_COMPARED_TOGETHER)):
            await self.after_orders(COMPARING_WAITS_SECONDS)
            yield
