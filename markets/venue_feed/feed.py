"""A venue's feed put together: what is wanted, the streams, the asking over REST, and the flush four times a second."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from django.db import close_old_connections, connections

from common import clock, realtime
from common.backoff import Backoff
from common.ids import new_id, seeded_random
from engine.candle_builder import Candle
from engine.timeframes import milliseconds
from markets import boards
from markets.alerting import AlertWatch
from markets.boards import FeedState, FeedStatus
from markets.connecting import connection_of
from markets.gateway.adapter import CcxtMarketData
from markets.gateway.client import Client
from markets.gateway.errors import BackOff, GatewayError
from markets.gateway.protocol import MarketData
from markets.gateway.streams import CcxtStreams
from markets.health import venue_health
from markets.models import Exchange, Instrument, InterestKind
from markets.prices import latest_prices
from markets.steps import Step
from markets.venue_feed.candle_desk import CandleDesk
from markets.venue_feed.groups import StreamGroups
from markets.venue_feed.intake import Intake
from markets.venue_feed.outliers import OutlierGuard
from markets.venue_feed.publishing import AWAY, Publisher
from markets.venue_feed.streaming import Link
from markets.venue_feed.subscriptions import NOTHING, Wanted, read_wanted
from markets.venue_feed.tuning import Tuning
from markets.venue_feed.venue_time import VenueTime
from markets.venues import told

logger = logging.getLogger(__name__)

# A venue's markets are asked for again at most so often where a symbol is not among them.
_MARKETS_AGAIN_SECONDS = 600.0
# Closing connections politely must not keep a process from ending.
_CLOSE_SECONDS = 0.5
_STOP_POLL_SECONDS = 0.1

Background = Callable[[Exchange, MarketData, asyncio.Event], Awaitable[None]]
Result = TypeVar("Result")


def run_venue_feed(
    exchange: Exchange,
    *,
    stop: threading.Event,
    heartbeat: Callable[[], None],
    alerts: AlertWatch,
    background: Sequence[Background] = (),
    tuning: Tuning | None = None,
) -> None:
    """Feed a real venue until `stop` is set, on an event loop of this thread.

    `heartbeat` is called several times a second and ends the feed by raising. `background` runs beside it, over the
    same connection, until its event is set. Raises DomainError EXCHANGE_NOT_CONNECTED, and Stop where the exchange's
    row names a venue or an address that cannot be used.
    """

    async def feed() -> None:
        await VenueFeed(exchange, alerts, tuning or Tuning()).run(stop, heartbeat, background)

    asyncio.run(feed())


class VenueFeed:
    """One venue's feed; `run` is its whole life. To be made on the loop that runs it."""

    def __init__(self, exchange: Exchange, alerts: AlertWatch, tuning: Tuning) -> None:
        self._exchange, self._alerts, self._tuning = exchange, alerts, tuning
        connection = connection_of(exchange)
        # The second one only knows what the venue streams: each group of streams has a connection of its own.
        self._rest, self._streams = Client(connection), Client(connection, streams=True)
        self.data: MarketData = CcxtMarketData(self._rest)
        # In order: everything that is written or told. Beside it: what must not wait for that.
        self._writer = ThreadPoolExecutor(1, thread_name_prefix=f"feed-{exchange.code}-writer")
        self._reader = ThreadPoolExecutor(1, thread_name_prefix=f"feed-{exchange.code}-reader")
        self._publisher = Publisher(exchange)
        now = clock.monotonic()
        self._guard = OutlierGuard(self._tuning.confirm)
        self._time = VenueTime(milliseconds(clock.wall_now()), now)
        self.intake = Intake(self._guard, alerts, self._time)
        self.candles = CandleDesk(self.data, self._time, self._stored_minutes, tuning)
        hear = {
            InterestKind.TICKER: self._hear(lambda _, message: self.intake.hear_tickers(message)),
            InterestKind.TRADES: self._hear(self.intake.hear_trades),
            InterestKind.CANDLES: self._hear(self.candles.hear),
            InterestKind.BOOK: self._hear(lambda _, message: self.intake.hear_book(message)),
        }
        self.groups = StreamGroups(Link(connection, self._rest), CcxtStreams(self._streams), hear, tuning)
        self.candles.has_stream = self.groups.has(InterestKind.CANDLES)
        self._wanted: Wanted = NOTHING
        self._arranged_at = self._markets_at = float("-inf")
        self._warned: set[str] = set()
        self._status = self._first_status()
        self._counted = (now, 0)
        self._backoff = Backoff(
            seeded_random("feed", new_id()), first_seconds=tuning.first_wait, cap_seconds=tuning.longest_wait
        )
        # Why the venue could not even be asked for its markets.
        self._trouble: GatewayError | None = None
        self._trouble_until: datetime | None = None

    async def run(
        self, stop: threading.Event, heartbeat: Callable[[], None], background: Sequence[Background] = ()
    ) -> None:
        """Work until `stop` is set; raise what a task of the feed, or `heartbeat`, raises."""
        ending = asyncio.Event()
        works: list[Coroutine[Any, Any, None]] = [
            self._keep(stop, heartbeat),
            self._repeat(self._look, self._tuning.look),
            self._repeat(self._flush, self._tuning.flush),
            self._repeat(self._report, self._tuning.status),
            self._repeat(self._check_prices, self._tuning.check_prices),
            self._repeat(self._ask_funding, self._tuning.funding),
            self.candles.work(),
        ]
        tasks = [asyncio.create_task(work) for work in works]
        beside = [asyncio.create_task(self._beside(work, ending)) for work in background]
        try:
            # The first ends when `stop` is set; any other only by failing.
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ending.set()
            if beside:
                await asyncio.wait(beside, timeout=_CLOSE_SECONDS)
            for task in (*tasks, *beside):
                task.cancel()
            await asyncio.gather(*tasks, *beside, return_exceptions=True)
            await self._close(is_orderly=stop.is_set())
        for task in done:
            task.result()

    # --- tasks ------------------------------------------------------------------------------------------------------
    async def _keep(self, stop: threading.Event, heartbeat: Callable[[], None]) -> None:
        """Keep the lease and the alerts going until `stop` is set."""
        while not stop.is_set():
            await asyncio.to_thread(heartbeat)
            self._alerts.tend()
            await asyncio.sleep(_STOP_POLL_SECONDS)

    async def _beside(self, work: Background, ending: asyncio.Event) -> None:
        """Do what goes on beside the feed; where it fails the feed goes on."""
        try:
            await work(self._exchange, self.data, ending)
        except Exception:
            logger.exception("Work beside the feed of %s broke off.", self._exchange)

    async def _repeat(self, work: Callable[[], Awaitable[None]], seconds: float) -> None:
        """Do something again and again; what fails because the database or the bus is away is tried again."""
        while True:
            try:
                await work()
            except AWAY:
                logger.warning(
                    "The feed of %s has to wait: its database or bus is away.", self._exchange, exc_info=True
                )
            await asyncio.sleep(seconds)

    async def _look(self) -> None:
        """Read what is wanted, and have it streamed; having changed that, leave it so for a moment."""
        wanted = await self._read(read_wanted, self._exchange)
        if clock.monotonic() - self._arranged_at < self._tuning.settle_subscriptions:
            return
        try:
            usable = await self._usable(wanted)
        except GatewayError as error:
            await self._wait_for(error)
            return
        self._trouble = None
        self._backoff.reset()
        self._warn_of(wanted.retired)
        if usable == self._wanted:
            return
        await self._know_prices(usable)
        self._wanted, self._arranged_at = usable, clock.monotonic()
        self.intake.watch(usable.instruments)
        self.candles.watch(
            {symbol: usable.instruments[symbol] for symbol in sorted(usable.symbols[InterestKind.CANDLES])}
        )
        self.groups.arrange(usable.symbols)

    async def _flush(self) -> None:
        """Publish what is new. While one publication is under way the next collects."""
        batch, news = self.intake.take(), self.candles.collect()
        batch.closed, batch.history, batch.revised = news.closed, news.history, news.revised
        for key, candles in news.live.items():
            batch.live_candles.setdefault(key, []).extend(candles)
        if not batch and not self._publisher.waiting:
            return
        try:
            outcome = await self._write(self._publisher.publish, batch)
        except AWAY:
            self.intake.put_back(batch)
            raise
        if outcome.told:
            self._alerts.on_step(Step(clock.wall_now(), {}, tuple(outcome.told)))
        for instrument, minutes in outcome.rebuilt:
            self.candles.rebuild(instrument, minutes)

    async def _check_prices(self) -> None:
        """Ask for prices that no stream has renewed, and for a second word on those that are far off."""
        now = clock.monotonic()
        stale_seconds = self._tuning.stale if self.groups.has(InterestKind.TICKER) else self._tuning.stale_polled
        instruments = self._wanted.instruments
        held = set(self._guard.waiting(now))
        stale = [
            symbol
            for symbol, one in instruments.items()
            if one.pk in held or now - self.intake.priced_at.get(one.pk, self._arranged_at) > stale_seconds
        ]
        if not stale:
            return
        known = {symbol: self._guard.last(instruments[symbol].pk) for symbol in stale}
        try:
            answer = await self.data.tickers(stale)
        except GatewayError as error:
            logger.info("Prices of %s cannot be asked for now: %s", self._exchange, error)
            return
        missed = [
            symbol
            for symbol, ticker in answer.items()
            if (one := instruments.get(symbol)) is not None
            and known[symbol] not in (None, ticker.last)
            and one.pk not in held
            and now - self.intake.priced_at.get(one.pk, now) > stale_seconds
        ]
        self.intake.hear_tickers(answer, source="rest")
        self.groups.renew(InterestKind.TICKER, missed)

    async def _ask_funding(self) -> None:
        symbols = self._wanted.perpetuals
        if not symbols:
            return
        try:
            self.intake.hear_funding(await self.data.funding_rates(symbols))
        except GatewayError as error:
            logger.warning("The funding rates of %s cannot be asked for now: %s", self._exchange, error)

    async def _report(self) -> None:
        """Say how the feed is doing."""
        self._status = self._next_status()
        await self._read(_say, self._status)

    # --- parts ------------------------------------------------------------------------------------------------------
    def _hear(self, take_in: Callable[[int, Any], None]) -> Callable[[int, Any], None]:
        def hear(epoch: int, message: Any) -> None:
            self.intake.note_message()
            take_in(epoch, message)

        return hear

    async def _usable(self, wanted: Wanted) -> Wanted:
        """Return what the venue knows of what is wanted; a symbol that it does not is asked about now and then."""
        markets = await self._rest.markets()
        if (wanted.instruments.keys() - markets.keys() or self.groups.refused()) and self._may_ask_markets():
            await self.data.load_markets()
            markets = await self._rest.markets()
        known = {
            symbol for symbol in wanted.instruments if symbol in markets and markets[symbol].get("active") is not False
        }
        self._warn_of(wanted.instruments.keys() - known)
        return Wanted(
            {symbol: one for symbol, one in wanted.instruments.items() if symbol in known},
            {kind: symbols & known for kind, symbols in wanted.symbols.items()},
            wanted.retired,
        )

    async def _wait_for(self, error: GatewayError) -> None:
        """Wait after the venue could not be asked for its markets."""
        wait = self._backoff.next_wait(error.retry_after if isinstance(error, BackOff) else 0.0)
        self._trouble, self._trouble_until = error, clock.wall_now() + timedelta(seconds=wait)
        await asyncio.sleep(wait)

    def _may_ask_markets(self) -> bool:
        if clock.monotonic() - self._markets_at < _MARKETS_AGAIN_SECONDS:
            return False
        self._markets_at = clock.monotonic()
        return True

    def _warn_of(self, symbols: set[str] | frozenset[str]) -> None:
        for symbol in sorted(symbols - self._warned):
            logger.warning("%s is wanted, and %s does not list it: it is not watched.", symbol, self._exchange)
        self._warned |= symbols

    async def _know_prices(self, wanted: Wanted) -> None:
        """Begin with the prices on the board: the first tick of a stream may be the outlier."""
        fresh = [one for symbol, one in wanted.instruments.items() if self._guard.last(one.pk) is None]
        for instrument_id, price in (await self._read(latest_prices, fresh)).items():
            self._guard.know(instrument_id, price.price)

    async def _stored_minutes(self, instrument: Instrument, since_ms: int) -> list[Candle]:
        return await self._write(self._publisher.stored_minutes, instrument, since_ms)

    async def _write(self, function: Callable[..., Result], *args: Any) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._writer, partial(function, *args))

    async def _read(self, function: Callable[..., Result], *args: Any) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._reader, partial(_fresh, function, *args))

    # --- status -----------------------------------------------------------------------------------------------------
    def _first_status(self) -> FeedStatus:
        now = clock.wall_now()
        return FeedStatus(self._exchange.code, FeedState.CONNECTING, since=now, seen_at=now)

    def _next_status(self, ended: FeedState | None = None) -> FeedStatus:
        now, mono = clock.wall_now(), clock.monotonic()
        state, reason, retry_at = self._state()
        state, reason = (ended, "") if ended else (state, reason)
        before, (counted_at, counted) = self._status, self._counted
        self._counted = (mono, self.intake.messages)
        return FeedStatus(
            exchange=self._exchange.code,
            state=state,
            since=before.since if before.state == state else now,
            seen_at=now,
            reason=reason[:200],
            retry_at=None if ended else retry_at,
            last_message_at=self.intake.last_message_at,
            messages_per_second=round((self.intake.messages - counted) / max(mono - counted_at, 0.001), 1),
            instruments=len(self._wanted.instruments),
            reconnects=self.groups.reconnects,
            gap_candles=self.candles.gap_candles,
            outliers=self._guard.dropped,
            revised_candles=self.candles.revised_candles,
        )

    def _state(self) -> tuple[FeedState, str, datetime | None]:
        if self._trouble is not None and not self.groups.all:
            return FeedState.DOWN, f"{self._trouble.code}: {self._trouble.message}", self._trouble_until
        if self._rest.library.markets is None:
            return FeedState.CONNECTING, "", None
        state, reason, worst = self.groups.state()
        return state, reason, None if worst is None else worst.retry_at

    async def _close(self, *, is_orderly: bool) -> None:
        """End all connections in a moment. In order: publish what is left, and say so; else another may feed by now."""
        if is_orderly:
            await _in_a_moment(self._flush())
        await _in_a_moment(self.groups.close())
        await _in_a_moment(asyncio.gather(self._rest.close(), self._streams.close()))
        if is_orderly:
            await _in_a_moment(self._read(_say, self._next_status(FeedState.STOPPED)))
        for pool in (self._writer, self._reader):
            pool.submit(connections.close_all)
            pool.shutdown(wait=False)


async def _in_a_moment(work: Awaitable[Any]) -> None:
    with contextlib.suppress(TimeoutError, *AWAY):
        async with asyncio.timeout(_CLOSE_SECONDS):
            await work


def _fresh(function: Callable[..., Result], *args: Any) -> Result:
    """Call what reads; a connection that its database has closed is not kept."""
    try:
        return function(*args)
    except AWAY:
        close_old_connections()
        raise


def _say(status: FeedStatus) -> None:
    boards.put_feed_status(status)
    health = venue_health([status.exchange])[status.exchange]
    realtime.publish([("venues:all", {"venues": {status.exchange: told(status, health)}})])
