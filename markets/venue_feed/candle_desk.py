"""Every watched instrument's line of candles, and the asking over REST that keeps the lines whole."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from common import clock
from common.backoff import Backoff
from common.ids import new_id, seeded_random
from engine.candle_builder import Candle
from engine.timeframes import MINUTE_MS, candle_start, moment
from markets.charts import candle_rows
from markets.gateway.errors import BackOff, GatewayError
from markets.gateway.protocol import MarketData
from markets.models import Instrument
from markets.simulated import closed_candle
from markets.steps import ClosedCandle
from markets.venue_feed.candle_line import CandleLine
from markets.venue_feed.coarse import CoarseCandles
from markets.venue_feed.tuning import Tuning
from markets.venue_feed.venue_time import VenueTime

logger = logging.getLogger(__name__)

# So many questions are under way at once, and how often lines are looked through for new ones.
_ASKED_AT_ONCE, _LOOK_SECONDS = 4, 0.1
# A line that begins takes in the venue's minutes of so long, and of the rest of that day.
_HISTORY_MS = 1440 * MINUTE_MS

# Instrument, the time from which on -> its stored closed minutes, oldest first. Waits for everything handed over before.
ReadStored = Callable[[Instrument, int], Awaitable[list[Candle]]]


@dataclass(slots=True)
class CandleNews:
    """What lines have come to since the last time. `closed` is stored and told in order, `history` only stored.

    `revised` are closed minutes that their venue has changed. `live` is what open charts draw: closed minutes, then the
    forming one.
    """

    closed: list[ClosedCandle] = field(default_factory=list)
    history: list[ClosedCandle] = field(default_factory=list)
    revised: list[tuple[Instrument, Candle]] = field(default_factory=list)
    live: dict[UUID, list[Candle]] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class _Watched:
    instrument: Instrument
    line: CandleLine
    backoff: Backoff
    coarse: CoarseCandles = field(default_factory=CoarseCandles)
    # The newest connection that spoke of it.
    epoch: int = 0
    is_loaded: bool = False
    is_asking: bool = False
    ask_at: float = 0.0
    shown: Candle | None = None


class CandleDesk:
    """Takes in candle streams by symbol; `collect` gives what closed. Belongs to the feed's loop."""

    def __init__(self, data: MarketData, venue_time: VenueTime, read_stored: ReadStored, tuning: Tuning) -> None:
        self._data, self._time, self._read_stored, self._tuning = data, venue_time, read_stored, tuning
        self._watched: dict[str, _Watched] = {}
        self._news = CandleNews()
        self._tasks: set[asyncio.Task[None]] = set()
        # Where the venue streams no candles, a minute's end is asked for sooner.
        self.has_stream = True
        # Candles that came over REST after a hole, and candles that changed after they closed.
        self.gap_candles = 0
        self.revised_candles = 0

    def watch(self, instruments: Mapping[str, Instrument]) -> None:
        """Keep lines of these instruments, by symbol, and of no others."""
        for symbol in self._watched.keys() - instruments.keys():
            del self._watched[symbol]
        for symbol, instrument in instruments.items():
            if symbol not in self._watched:
                backoff = Backoff(seeded_random("candles", new_id()), first_seconds=self._tuning.first_wait)
                line = CandleLine(settle_seconds=self._tuning.candle_settle)
                self._watched[symbol] = _Watched(instrument, line, backoff)

    def hear(self, epoch: int, message: Mapping[str, list[Candle]]) -> None:
        """Take in what a connection (a later one has a greater `epoch`) says, the forming candle last."""
        now = clock.monotonic()
        for symbol, candles in message.items():
            watched = self._watched.get(symbol)
            if watched is None or not candles:
                continue
            if epoch <= watched.epoch:
                # The first that a connection says may be of the past.
                self._time.hear_candle(candles[-1].opened_at, now)
            watched.epoch = max(epoch, watched.epoch)
            for candle in watched.line.hear(epoch, candles, now):
                self.revised_candles += 1
                at = moment(candle.opened_at)
                logger.warning("%s: the candle of %s was changed after it closed.", watched.instrument, at)
                self._news.revised.append((watched.instrument, candle))

    def collect(self) -> CandleNews:
        """Return what is new since the last time."""
        now = clock.monotonic()
        for watched in self._watched.values():
            if minutes := watched.line.closed(now):
                self._close(watched, minutes)
            forming = watched.line.forming
            if forming is not None and forming != watched.shown:
                watched.shown = forming
                self._news.live.setdefault(watched.instrument.pk, []).append(forming)
        news, self._news = self._news, CandleNews()
        return news

    def rebuild(self, instrument: Instrument, minutes: Iterable[Candle]) -> None:
        """Make an instrument's longer candles anew: `minutes` are its stored ones of the day after a revision."""
        watched = self._watched.get(instrument.gateway_symbol)
        if watched is None or watched.line.until_ms is None:
            return
        until_ms = watched.line.until_ms
        day_ms = candle_start(until_ms, "1d")
        by_time = {one.opened_at: one for one in (*minutes, *watched.line.kept(day_ms))}
        history = [by_time[at] for at in sorted(by_time) if day_ms <= at < until_ms]
        watched.coarse = CoarseCandles(history, until_ms)

    async def work(self) -> None:
        """Ask for what lines need until cancelled."""
        try:
            while True:
                self._ask_where_needed()
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            for task in self._tasks:
                task.cancel()

    def _ask_where_needed(self) -> None:
        now = clock.monotonic()
        venue_ms = self._time.now_ms(now)
        for watched in self._watched.values():
            if len(self._tasks) >= _ASKED_AT_ONCE:
                return
            if not watched.is_asking and now >= watched.ask_at and self._needs(watched, now, venue_ms):
                watched.is_asking = True
                task = asyncio.create_task(self._ask(watched))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    def _needs(self, watched: _Watched, now: float, venue_ms: int) -> bool:
        quiet = self._tuning.candle_quiet if self.has_stream else self._tuning.candle_quiet_polled
        line = watched.line
        return line.until_ms is None or line.has_hole(now) or line.is_late(venue_ms - int(quiet * 1000))

    async def _ask(self, watched: _Watched) -> None:
        try:
            if not watched.is_loaded:
                await self._load(watched)
            before_ms = watched.line.until_ms
            await (self._begin(watched) if before_ms is None else self._fill(watched, before_ms))
            watched.backoff.reset()
            has_come_further = watched.line.until_ms != before_ms
            watched.ask_at = clock.monotonic() + (0.0 if has_come_further else self._tuning.ask_again)
        except GatewayError as error:
            wait = watched.backoff.next_wait(error.retry_after if isinstance(error, BackOff) else 0.0)
            watched.ask_at = clock.monotonic() + wait
            logger.warning("The candles of %s cannot be asked for now: %s", watched.instrument, error)
        except Exception:
            watched.ask_at = clock.monotonic() + watched.backoff.next_wait()
            logger.exception("The candles of %s could not be asked for.", watched.instrument)
        finally:
            watched.is_asking = False

    async def _load(self, watched: _Watched) -> None:
        """Go on where the stored candles end, unless that is long ago."""
        venue_ms = self._time.now_ms(clock.monotonic())
        resume_ms = venue_ms - self._tuning.resume_minutes * MINUTE_MS
        stored = await self._read_stored(watched.instrument, candle_start(resume_ms, "1d"))
        if stored and stored[-1].opened_at + MINUTE_MS >= resume_ms:
            until_ms = watched.line.until_ms = stored[-1].opened_at + MINUTE_MS
            day_ms = candle_start(until_ms, "1d")
            watched.coarse = CoarseCandles([one for one in stored if one.opened_at >= day_ms], until_ms)
        watched.is_loaded = True

    async def _begin(self, watched: _Watched) -> None:
        """Begin a line with the venue's newest history, which nobody is told of."""
        venue_ms = self._time.now_ms(clock.monotonic())
        since_ms = candle_start(venue_ms - _HISTORY_MS, "1d")
        history = watched.line.begin(await self._answer(watched, since_ms, venue_ms))
        if watched.line.until_ms is not None:
            self._news.history += self._made(watched, history)

    async def _fill(self, watched: _Watched, since_ms: int) -> None:
        venue_ms = self._time.now_ms(clock.monotonic())
        answer = await self._answer(watched, since_ms, venue_ms)
        # By the clock alone only where the venue itself has told what time it is there.
        quiet_ms = venue_ms - int(self._tuning.candle_quiet * 1000)
        known_ms = candle_start(quiet_ms, "1m") if self._time.is_sure else since_ms
        minutes = watched.line.fill(answer, known_ms)
        self.gap_candles += len(minutes)
        self._close(watched, minutes)

    async def _answer(self, watched: _Watched, since_ms: int, venue_ms: int) -> list[Candle]:
        """Return the venue's minutes from a time on, oldest first, the forming one among them."""
        until_ms = candle_start(max(venue_ms, since_ms), "1m") + MINUTE_MS
        symbol = watched.instrument.gateway_symbol
        found: list[Candle] = []
        async for page in self._data.candle_pages(symbol, "1m", since=moment(since_ms), until=moment(until_ms)):
            found += candle_rows(page)
        return found

    def _close(self, watched: _Watched, minutes: list[Candle]) -> None:
        self._news.closed += self._made(watched, minutes)
        if minutes:
            self._news.live.setdefault(watched.instrument.pk, []).extend(minutes)

    def _made(self, watched: _Watched, minutes: list[Candle]) -> list[ClosedCandle]:
        assert watched.line.until_ms is not None
        made = watched.coarse.add(minutes, watched.line.until_ms)
        return [closed_candle(watched.instrument.pk, timeframe, candle) for timeframe, candle in made]
