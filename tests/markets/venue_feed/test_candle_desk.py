"""Lines of candles kept whole over REST: where they begin, what is asked, and whose clock counts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, cast

import pytest

from common import clock
from engine.candle_builder import Candle
from engine.candles import Candles
from engine.timeframes import MINUTE_MS, milliseconds, moment
from markets.gateway.errors import Retry
from markets.gateway.protocol import MarketData
from markets.models import Exchange, Instrument, Market
from markets.venue_feed.candle_desk import CandleDesk, CandleNews
from markets.venue_feed.publishing import _candles
from markets.venue_feed.venue_time import VenueTime
from tests.markets.series import NOON_MS
from tests.markets.venue_feed.stage import QUICK

TUNING = replace(QUICK, candle_settle=0.0, candle_quiet=10.0)


def at(minute: int, close: float = 100.0) -> Candle:
    return Candle(NOON_MS + minute * MINUTE_MS, 100.0, max(100.0, close), min(100.0, close), close, 1.0)


@dataclass
class Venue:
    """What it lists, by minute after noon; what it was asked; how often it fails first."""

    minutes: dict[int, Candle] = field(default_factory=dict)
    asked: list[int] = field(default_factory=list)
    failures: int = 0

    async def candle_pages(
        self, symbol: str, timeframe: str, *, since: datetime, until: datetime
    ) -> AsyncIterator[Candles]:
        first, end = ((milliseconds(one) - NOON_MS) // MINUTE_MS for one in (since, until))
        self.asked.append(first)
        if self.failures:
            self.failures -= 1
            raise Retry("venue", "NETWORK", "torn")
        found = [self.minutes[minute] for minute in sorted(self.minutes) if first <= minute < end]
        if found:
            yield _candles(found)


class Floor:
    """A desk that watches one instrument, `minute` minutes after noon by our clock."""

    def __init__(self, minute: float, stored: list[Candle] | None = None) -> None:
        exchange = Exchange(code="venue", name="Venue")
        self.instrument = Instrument(exchange=exchange, market=Market(base_id="BTC", quote_id="USDT"))
        self.instrument.gateway_symbol = "BTC/USDT"
        self.venue, self.time = Venue(), VenueTime(NOON_MS + int(minute * MINUTE_MS), clock.monotonic())

        async def read_stored(instrument: Instrument, since_ms: int) -> list[Candle]:
            return stored or []

        self.desk = CandleDesk(cast("MarketData", self.venue), self.time, read_stored, TUNING)
        self.desk.watch({"BTC/USDT": self.instrument})
        self.news = CandleNews()

    def hear(self, epoch: int, *candles: Candle) -> None:
        self.desk.hear(epoch, {"BTC/USDT": list(candles)})

    def minutes(self, of: str = "closed") -> list[float]:
        """Return the minutes after noon of what closed, or is history, so far."""
        found = self.desk.collect()
        self.news.closed += found.closed
        self.news.history += found.history
        made = self.news.closed if of == "closed" else self.news.history
        return [(milliseconds(one.opened_at) - NOON_MS) // MINUTE_MS for one in made if one.timeframe == "1m"]

    async def until(self, condition: Callable[[], object]) -> None:
        """Let the desk work until something is true."""
        work = asyncio.create_task(self.desk.work())
        try:
            async with asyncio.timeout(10):
                while not condition():  # noqa: ASYNC110 - what is waited for sets no event
                    await asyncio.sleep(0.01)
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)


async def test_a_line_begins_with_history_that_nobody_is_told_of() -> None:
    floor = Floor(3.5)
    floor.venue.minutes = {minute: at(minute) for minute in range(-30, 4)}
    await floor.until(lambda: floor.minutes("history"))
    assert floor.minutes("history") == list(range(-30, 3))
    assert floor.minutes() == []
    floor.hear(1, at(3), at(4))
    assert floor.minutes() == [3]
    assert moment(NOON_MS - 5 * MINUTE_MS) in {one.opened_at for one in floor.news.history if one.timeframe == "5m"}


async def test_what_was_missed_is_asked_for_and_told_before_what_came_meanwhile() -> None:
    floor = Floor(4.5, stored=[at(-2), at(-1)])
    floor.venue.minutes = {minute: at(minute, 100.0 + minute) for minute in range(-2, 5)}
    floor.venue.failures = 2
    floor.hear(1, at(3, 103.0), at(4))
    await floor.until(lambda: len(floor.minutes()) == 4)
    assert floor.minutes() == [0, 1, 2, 3]
    assert [one.close for one in floor.news.closed if one.timeframe == "1m"] == [100.0, 101.0, 102.0, 103.0]
    assert floor.venue.asked == [0, 0, 0]
    assert floor.desk.gap_candles == 4


async def test_a_feed_that_was_away_for_long_begins_anew() -> None:
    floor = Floor(0.5, stored=[at(-241 - TUNING.resume_minutes)])
    floor.venue.minutes = {-1: at(-1), 0: at(0)}
    await floor.until(lambda: floor.minutes("history"))
    assert (floor.minutes("history"), floor.minutes()) == ([-1], [])


@pytest.mark.parametrize(("behind", "closes"), [(60.0, False), (0.0, True)])
async def test_a_quiet_minute_closes_by_the_venues_clock_not_by_ours(behind: float, closes: bool) -> None:
    """Ours says 70 seconds past; the venue that is a minute behind has only just begun its minute."""
    floor = Floor(70.5 / 60, stored=[at(-1)])
    floor.venue.minutes = {0: at(0)}
    floor.time.hear_trade(NOON_MS + int((70.5 - behind) * 1000), clock.monotonic())
    looks = iter(range(40))
    await floor.until(lambda: floor.minutes() if closes else next(looks, None) is None)
    assert floor.minutes() == ([0] if closes else [])


async def test_without_any_word_from_the_venue_only_a_later_minute_closes_one() -> None:
    floor = Floor(5.0, stored=[at(-1)])
    floor.venue.minutes = {0: at(0), 1: at(1)}
    await floor.until(floor.minutes)
    assert floor.minutes() == [0], "1 may be forming still: whose clock is right is not known"


async def test_after_a_revision_longer_candles_are_made_of_what_is_right_now() -> None:
    floor = Floor(3.5, stored=[at(-1)])
    floor.hear(1, *(at(minute) for minute in range(4)))
    assert floor.minutes() == []
    floor.venue.minutes = {minute: at(minute) for minute in range(-1, 4)}
    await floor.until(lambda: len(floor.minutes()) == 3)
    floor.hear(1, at(1, 200.0))
    news: Any = floor.desk.collect()
    assert [(one.close, floor.desk.revised_candles) for _, one in news.revised] == [(200.0, 1)]
    floor.desk.rebuild(floor.instrument, [at(0), at(1, 200.0)])
    floor.hear(1, at(4), at(5))
    assert floor.minutes() == [0, 1, 2, 3, 4]
    [longer] = [one for one in floor.news.closed if one.timeframe == "5m"]
    assert (longer.high, longer.volume) == (200.0, 5.0)
