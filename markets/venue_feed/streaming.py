"""A group of streams over one connection of its own: read until it fails or falls silent, then connected again."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from common import clock
from common.backoff import Backoff
from common.ids import new_id, seeded_random
from markets.boards import FeedState
from markets.gateway.client import Client
from markets.gateway.errors import BackOff, GatewayError, Skip, Stop
from markets.gateway.protocol import Connection
from markets.gateway.streams import CcxtStreams
from markets.models import InterestKind
from markets.venue_feed.tuning import Tuning

logger = logging.getLogger(__name__)

# How long a person's work is waited for before it is tried whether it was done.
_STOPPED_SECONDS = 60.0
_epochs = itertools.count(1)

# The library's names for what a kind needs; one of them is enough.
METHODS = {
    InterestKind.TICKER: ("watchTickers", "watchTicker"),
    InterestKind.CANDLES: ("watchOHLCVForSymbols", "watchOHLCV"),
    InterestKind.TRADES: ("watchTradesForSymbols", "watchTrades"),
    InterestKind.BOOK: ("watchOrderBookForSymbols", "watchOrderBook"),
}

# A connection's number, greater than that of all before it, and what it said.
Hear = Callable[[int, Any], None]


@dataclass(frozen=True, slots=True)
class Link:
    """How groups reach the venue: `rest` has its markets, which every connection shares."""

    connection: Connection
    rest: Client


class StreamGroup:
    """Streams of one kind for some symbols. `run` goes on until it is cancelled; the rest says how it is doing."""

    def __init__(self, kind: InterestKind, symbols: Sequence[str], link: Link, hear: Hear, tuning: Tuning) -> None:
        self.kind, self.symbols = kind, tuple(symbols)
        self._link, self._hear, self._tuning = link, hear, tuning
        self._backoff = Backoff(
            seeded_random("streams", new_id()), first_seconds=tuning.first_wait, cap_seconds=tuning.longest_wait
        )
        self._silence = tuning.silence[kind]
        self._limit: asyncio.Timeout | None = None
        self._steady_at = 0.0
        self.state = FeedState.CONNECTING
        self.reason = ""
        self.retry_at: datetime | None = None
        self.reconnects = 0
        # Set once it has spoken.
        self.spoke = asyncio.Event()
        # Whether a symbol was refused, so that markets should be asked for again.
        self.is_refused = False

    async def run(self) -> None:
        """Read and connect again."""
        while True:
            wait = await self._until_it_fails()
            self.reconnects += 1
            self.retry_at = clock.wall_now() + timedelta(seconds=wait)
            await asyncio.sleep(wait)

    def renew(self) -> None:
        """Connect again as if it had fallen silent: what it should have said came another way."""
        if self._limit is not None:
            # One that is ending by itself refuses, and is connected again anyway.
            with suppress(RuntimeError):
                self._limit.reschedule(asyncio.get_running_loop().time())

    async def _until_it_fails(self) -> float:
        """Listen; return how long to wait before the next try."""
        self._steady_at = float("inf")
        try:
            await self._listen()
            raise TimeoutError
        except TimeoutError:
            self._fail(FeedState.SILENT, f"{self._what()} fell silent.")
            # A market where nothing happens looks the same: it is connected afresh ever more seldom.
            self._silence = min(self._silence * 2, self._tuning.longest_silence)
            return self._next_wait()
        except GatewayError as error:
            self.is_refused = isinstance(error, Skip)
            self._fail(FeedState.DOWN, f"{error.code}: {error.message}")
            floor = _STOPPED_SECONDS if isinstance(error, Stop) else 0.0
            return self._next_wait(error.retry_after if isinstance(error, BackOff) else floor)
        except Exception as error:
            logger.exception("%s at %s broke off.", self._what(), self._link.connection.code)
            self._fail(FeedState.DOWN, f"{type(error).__name__}: {error}")
            return self._next_wait()

    async def _listen(self) -> None:
        loop, connection = asyncio.get_running_loop(), self._link.connection
        await self._link.rest.markets()
        async with Client(connection, streams=True) as client, asyncio.timeout(self._silence) as self._limit:
            client.share_markets(self._link.rest)
            epoch = next(_epochs)
            async with aclosing(self._messages(CcxtStreams(client))) as messages:
                renewed_at, is_first = 0.0, True
                async for message in messages:
                    now = loop.time()
                    if is_first:
                        self._live()
                        is_first = False
                    else:
                        # The first may be what the venue greets everybody with, in however quiet a market.
                        self._silence = self._tuning.silence[self.kind]
                    # Twice a second is exact enough, and a message then costs no timer.
                    if now - renewed_at > 0.5 or self._silence < 2.0:
                        renewed_at = now
                        self._limit.reschedule(now + self._silence)
                    self._hear(epoch, message)

    def _messages(self, streams: CcxtStreams) -> Any:
        if self.kind == InterestKind.TICKER:
            return streams.tickers(self.symbols)
        if self.kind == InterestKind.CANDLES:
            return streams.candles(self.symbols, "1m")
        if self.kind == InterestKind.TRADES:
            return streams.trades(self.symbols)
        return streams.order_books(self.symbols)

    def _live(self) -> None:
        self.state, self.reason, self.retry_at = FeedState.LIVE, "", None
        self._steady_at = clock.monotonic() + self._tuning.steady
        self.spoke.set()

    def _fail(self, state: FeedState, reason: str) -> None:
        if self.state != state:
            logger.warning("%s at %s is %s. %s", self._what(), self._link.connection.code, state.lower(), reason)
        self.state, self.reason = state, reason

    def _next_wait(self, at_least: float = 0.0) -> float:
        if clock.monotonic() >= self._steady_at:
            self._backoff.reset()
        return self._backoff.next_wait(at_least)

    def _what(self) -> str:
        more = f" and {len(self.symbols) - 1} more" if len(self.symbols) > 1 else ""
        return f"The stream {self.kind.value} of {self.symbols[0]}{more}"
