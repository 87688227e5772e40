"""Answers of venues, booked in groups: while one group is booked the next one gathers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from itertools import chain
from typing import Any

from trading.brokers.live import LiveBroker, Told
from trading.services import live_queue

logger = logging.getLogger(__name__)


class Booker:
    """Books what the venues of many accounts answer. For one event loop."""

    def __init__(self, broker: LiveBroker, off_loop: Callable[..., Awaitable[Any]]) -> None:
        self._broker, self._off_loop = broker, off_loop
        self._waiting: list[tuple[Sequence[Told], asyncio.Future[None]]] = []
        self._work: asyncio.Task[None] | None = None

    async def book(self, told: Sequence[Told]) -> None:
        """Book an account's answers, with those of others that have come meanwhile; return when that is done."""
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((told, done))
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._book_all())
        await done

    async def _book_all(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            try:
                if not await self._is_booked([told for told, _ in group]) and len(group) > 1:
                    # What no book can hold is one account's matter: the others' answers are not lost with it.
                    for told, _ in group:
                        await self._is_booked([told])
            finally:
                for _, done in group:
                    if not done.done():
                        done.set_result(None)

    async def _is_booked(self, group: Sequence[Sequence[Told]]) -> bool:
        told = list(chain.from_iterable(group))
        try:
            await self._off_loop(self._book, told)
        except Exception:
            logger.exception("What venues answered to %d orders was not booked: it is asked for again.", len(told))
            return False
        return True

    def _book(self, told: Sequence[Told]) -> None:
        live_queue.record_together(results=self._broker.results(told), orders=[one.order for one in told])
