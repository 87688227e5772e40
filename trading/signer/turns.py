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


# What is claimed here and not yet sent anywhere: everybody waits for that, as it is ours and short.
_NOWHERE_YET = ""


class Turns:
    """Counts what is on its way to each venue, and lets others go on when that is none."""

    def __init__(self) -> None:
        self._on_their_way: dict[str, int] = {}
        self._quiet: dict[str, asyncio.Event] = {}
        self._comparing: dict[str, asyncio.Semaphore] = {}

    @contextmanager
    def sending(self, venue: str = _NOWHERE_YET) -> Iterator[None]:
        """Be on the way to a venue meanwhile; without one, about to be, to whichever."""
        self._on_their_way[venue] = self._on_their_way.get(venue, 0) + 1
        self._quiet_at(venue).clear()
        try:
            yield
        finally:
            self._on_their_way[venue] -= 1
            if not self._on_their_way[venue]:
                self._quiet_at(venue).set()

    async def after_orders(self, venue: str, at_most_seconds: float) -> None:
        """Wait until no order is on its way to a venue, or for so long. Other venues' orders delay nothing."""
        both = [self._quiet_at(_NOWHERE_YET), self._quiet_at(venue)]
        with suppress(TimeoutError):
            async with asyncio.timeout(at_most_seconds):
                while busy := [one for one in both if not one.is_set()]:
                    await busy[0].wait()

    @asynccontextmanager
    async def comparing(self, venue: str) -> AsyncIterator[None]:
        """Be one of a few accounts of a venue that are compared meanwhile, after the orders that are on their way there.

        All wait for those at once, and hold up none that need not: only who goes on takes one of the few places.
        """
        await self.after_orders(venue, COMPARING_WAITS_SECONDS)
        async with self._comparing.setdefault(venue, asyncio.Semaphore(_COMPARED_TOGETHER)):
            yield

    def _quiet_at(self, venue: str) -> asyncio.Event:
        if venue not in self._quiet:
            self._quiet[venue] = asyncio.Event()
            self._quiet[venue].set()
        return self._quiet[venue]
