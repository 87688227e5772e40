"""Loading the past: the backfills of one venue, one after another, page by page, while its live data goes first.

Whoever runs `work_backfills` (the venue's feed, or `manage.py backfill`) holds the venue's lease for it: one at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from django.db import close_old_connections

from common.backoff import Backoff
from common.ids import seeded_random
from common.lease import lease
from markets.gateway.errors import BackOff, GatewayError, Skip, Stop
from markets.gateway.protocol import MarketData
from markets.history import missing_stretches
from markets.models import Backfill, Exchange
from markets.services import backfills as services

logger = logging.getLogger(__name__)
T = TypeVar("T")

# How often new rows are looked for, and how long the venue is left to live data after each page.
LOOK_SECONDS = 2.0
PAUSE_SECONDS = 0.2
LEASE_SECONDS = 10.0
# After so many pages the next one to go on is chosen again: what a run waits for shall not wait for somebody's years.
PAGES_AT_ONCE = 20
# What goes wrong here, not at the venue, is tried again so often; then a person has to look.
_MOST_FAILURES = 5


async def work_backfills(exchange: Exchange, data: MarketData, stop: asyncio.Event) -> None:
    """Load what is asked for of an exchange's past until `stop` is set; stand by while another process does."""
    await _Loader(exchange, data, stop).run()


class _Loader:
    """Works on one backfill after another."""

    def __init__(self, exchange: Exchange, data: MarketData, stop: asyncio.Event) -> None:
        self._exchange, self._data, self._stop = exchange, data, stop
        self._lease = lease(f"backfill:{exchange.code}", LEASE_SECONDS)
        self._is_holder = False
        self._backoff = Backoff(seeded_random("backfill", exchange.code))
        self._failures = 0

    async def run(self) -> None:
        keeping = asyncio.create_task(self._keep_lease())
        try:
            while not self._stop.is_set():
                await self._go_on()
        finally:
            keeping.cancel()
            with contextlib.suppress(Exception):
                await asyncio.to_thread(self._lease.release)

    async def _keep_lease(self) -> None:
        while True:
            try:
                self._is_holder = await asyncio.to_thread(self._lease.hold)
            except Exception:
                self._is_holder = False
                logger.warning("The lease of %s's past cannot be renewed; it is tried again.", self._exchange.code)
            await asyncio.sleep(LEASE_SECONDS / 4)

    async def _go_on(self) -> None:
        """Work on the next backfill until it ends or something is in its way."""
        backfill: Backfill | None = None
        try:
            if self._is_holder:
                backfill = await _off_loop(services.next_backfill, exchange=self._exchange)
            if backfill is None:
                await self._pause(LOOK_SECONDS if self._is_holder else PAUSE_SECONDS)
            else:
                await self._load(backfill)
        except (Skip, Stop) as error:
            assert backfill is not None  # only loading asks the venue
            await _off_loop(services.fail_backfill, backfill=backfill, error=_refusal(error))
        except GatewayError as error:
            assert backfill is not None
            await _off_loop(services.note_trouble, backfill=backfill, error=_trouble(error))
            await self._pause(self._backoff.next_wait(error.retry_after if isinstance(error, BackOff) else 0.0))
        except Exception:
            logger.exception("Loading the past of %s broke off.", self._exchange.code)
            await self._give_up_in_the_end(backfill)

    async def _load(self, backfill: Backfill) -> None:
        """Load what is missing, oldest first; end early where the row changed, others have their turn, or `stop` is set."""
        stretches = await _off_loop(
            missing_stretches, backfill.instrument, backfill.timeframe, backfill.reached_at, backfill.end
        )
        pages = 0
        symbol, timeframe = backfill.instrument.gateway_symbol, backfill.timeframe
        for since, until in stretches:
            async for page in self._data.candle_pages(symbol, timeframe, since=since, until=until):
                if not await _off_loop(services.store_page, backfill=backfill, candles=page):
                    return
                self._backoff.reset()
                self._failures = 0
                await self._pause(PAUSE_SECONDS)
                pages += 1
                if pages >= PAGES_AT_ONCE or self._stop.is_set() or not self._is_holder:
                    return
            if backfill.reached_at < until and not await self._reached(backfill, until):
                return
        if await self._reached(backfill, backfill.end):
            await _off_loop(services.finish_backfill, backfill=backfill)

    async def _reached(self, backfill: Backfill, at: datetime) -> bool:
        return await _off_loop(services.note_reached, backfill=backfill, reached_at=at)

    async def _give_up_in_the_end(self, backfill: Backfill | None) -> None:
        """Try again after a while; what broke off time after time is given up, so that others get their turn."""
        self._failures += 1
        if backfill is not None and self._failures >= _MOST_FAILURES:
            self._failures = 0
            words = "It broke off again and again for a reason of ours; the log of the feed says which."
            with contextlib.suppress(Exception):
                await _off_loop(services.fail_backfill, backfill=backfill, error=words)
        await self._pause(self._backoff.next_wait())

    async def _pause(self, seconds: float) -> None:
        """Wait, but no longer than until `stop`."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)


async def _off_loop(function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Call what waits for database and disk in a thread, and leave no connection open there."""

    def call() -> T:
        try:
            return function(*args, **kwargs)
        finally:
            close_old_connections()

    return await asyncio.to_thread(call)


def _refusal(error: GatewayError) -> str:
    return f"The venue refused: {error.message or error.code}"


def _trouble(error: GatewayError) -> str:
    return f"The venue does not answer as it should ({error.code}); it is asked again."
