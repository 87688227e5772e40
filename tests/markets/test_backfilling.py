"""Loading the past: page by page into the store, through every error of the gateway, and after a kill from where it stood."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import close_old_connections, connection

from accounts.models import User
from common import clock
from common.backoff import Backoff
from engine.candles import Candles
from engine.timeframes import MINUTE_MS, candle_start, milliseconds
from markets import backfilling, history
from markets.gateway.errors import BackOff, GatewayError, Retry, Skip, Stop
from markets.models import Backfill, BackfillState, Instrument
from markets.selectors import candle_arrays
from markets.services import cancel_backfill, request_backfill, store_candles
from tests.fixtures_venues import connected_instrument
from tests.markets.conftest import NOON
from tests.markets.gateway.fake_venue import FakeVenue, speaks_binance
from tests.markets.series import NOON_MS, candles_at, minutes_of
from tests.story.processes import ROOT, wait_until

pytestmark = pytest.mark.django_db(transaction=True)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


class Past:
    """A venue's past in pages of ten minutes; `events` are met one by one, each before a page: an error, or a call."""

    def __init__(self, *events: GatewayError | Exception | Callable[[], Any] | None, nothing_before: int = -60) -> None:
        self.events, self.asked = list(events), list[int]()
        self._first = nothing_before

    async def candle_pages(
        self, symbol: str, timeframe: str, *, since: datetime, until: datetime
    ) -> AsyncIterator[Candles]:
        assert (symbol, timeframe) == ("BTC/USDT", "1m")
        begin, end = ((milliseconds(at) - NOON_MS) // MINUTE_MS for at in (since, until))
        for first in range(max(begin, self._first), end, 10):
            self.asked.append(first)
            event = self.events.pop(0) if self.events else None
            if isinstance(event, Exception):
                raise event
            if event is not None:
                await on_thread(event)
            yield candles_at(range(first, min(first + 10, end)))


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for nothing longer than a moment."""
    monkeypatch.setattr(backfilling, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(backfilling, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(Backoff, "next_wait", lambda self, retry_after=0.0: 0.001)


@pytest.fixture
def btc(wall_at_noon: None, venue_instrument: Instrument) -> Instrument:
    return venue_instrument


def last_hour(instrument: Instrument) -> Backfill:
    return request_backfill(instrument=instrument, timeframe="1m", start=NOON - HOUR)


async def loaded(row: Backfill, past: Any) -> Backfill:
    """Work until the row has ended, and return it."""
    stop = asyncio.Event()
    work = asyncio.create_task(backfilling.work_backfills(row.instrument.exchange, past, stop))
    now: Backfill = await on_thread(_ended, row)
    stop.set()
    await asyncio.wait_for(work, 5)
    return now


def _ended(row: Backfill) -> Backfill:
    wait_until(lambda: not history.backfills().get(pk=row.pk).is_open, "the end of the backfill", 20)
    return history.backfills().get(pk=row.pk)


def minutes(instrument: Instrument) -> list[int]:
    return minutes_of(candle_arrays(instrument, "1m"))


async def on_thread(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return await asyncio.to_thread(_then_closed, function, *args, **kwargs)


def _then_closed(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    try:
        return function(*args, **kwargs)
    finally:
        close_old_connections()


async def test_an_hour_is_loaded_and_what_is_stored_is_not_asked_for(btc: Instrument) -> None:
    row = await on_thread(last_hour, btc)
    await on_thread(store_candles, instrument=btc, timeframe="1m", candles=candles_at(range(-60, -25)))
    past = Past()
    done = await loaded(row, past)
    assert (done.state, done.reached_at, done.error) == (BackfillState.DONE, NOON - MINUTE, "")
    assert past.asked == [-25, -15, -5]
    assert await on_thread(minutes, btc) == list(range(-60, -1))


async def test_a_venue_that_remembers_less_is_done_with_what_it_has(btc: Instrument) -> None:
    done = await loaded(await on_thread(last_hour, btc), Past(nothing_before=-20))
    assert (done.state, done.reached_at) == (BackfillState.DONE, NOON - MINUTE)
    assert await on_thread(minutes, btc) == list(range(-20, -1))


async def test_outages_are_told_and_waited_out_and_no_page_is_loaded_twice(btc: Instrument) -> None:
    row = await on_thread(last_hour, btc)
    seen: list[str] = []

    def look() -> None:
        seen.append(Backfill.objects.get(pk=row.pk).error)

    past = Past(
        None, Retry("v", "NETWORK"), BackOff("v", "RATE_LIMITED", retry_after=0.001), look, None, OSError("disk"), look
    )
    done = await loaded(row, past)
    assert done.state == BackfillState.DONE
    assert seen == ["The venue does not answer as it should (RATE_LIMITED); it is asked again.", ""]
    assert past.asked == [-60, -50, -50, -50, -40, -30, -30, -20, -10]
    assert await on_thread(minutes, btc) == list(range(-60, -1))


@pytest.mark.parametrize("error", [Skip("v", "SYMBOL_UNKNOWN", "No such pair."), Stop("v", "CLOSED", "No such pair.")])
async def test_a_refusal_ends_it_in_words_and_the_next_gets_its_turn(btc: Instrument, error: GatewayError) -> None:
    row = await on_thread(last_hour, btc)
    failed = await loaded(row, Past(None, error))
    assert (failed.state, failed.error) == (BackfillState.FAILED, "The venue refused: No such pair.")
    assert failed.reached_at == NOON - 50 * MINUTE
    again = await on_thread(last_hour, btc)
    past = Past()
    assert (await loaded(again, past)).state == BackfillState.DONE
    assert past.asked == [-50, -40, -30, -20, -10]


async def test_what_breaks_here_time_after_time_is_given_up(btc: Instrument) -> None:
    failed = await loaded(await on_thread(last_hour, btc), Past(*[ValueError("bug")] * 5))
    assert failed.state == BackfillState.FAILED
    assert failed.error.startswith("It broke off again and again")


async def test_canceling_ends_it_at_the_next_page(btc: Instrument) -> None:
    row = await on_thread(last_hour, btc)
    past = Past(None, lambda: cancel_backfill(backfill=row))
    assert (await loaded(row, past)).state == BackfillState.CANCELED
    assert past.asked == [-60, -50]


async def test_one_that_is_extended_back_begins_there(btc: Instrument) -> None:
    row = await on_thread(last_hour, btc)

    def further() -> None:
        request_backfill(instrument=btc, timeframe="1m", start=NOON - HOUR - 5 * MINUTE)

    done = await loaded(row, past := Past(None, further, nothing_before=-65))
    assert (done.state, done.start) == (BackfillState.DONE, NOON - 65 * MINUTE)
    assert past.asked[:2] == [-60, -50]
    assert await on_thread(minutes, btc) == list(range(-65, -1))


async def test_a_long_one_makes_way_for_what_the_platform_needs(
    btc: Instrument, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfilling, "PAGES_AT_ONCE", 2)
    asker = await on_thread(User.objects.create_user, "carol@example.org", "correct horse")
    row = await on_thread(request_backfill, instrument=btc, timeframe="1m", start=NOON - HOUR, requested_by=asker)
    asked: list[str] = []

    class Both(Past):
        def candle_pages(self, symbol: str, timeframe: str, **stretch: datetime) -> AsyncIterator[Candles]:
            asked.append(timeframe)
            return super().candle_pages(symbol, "1m", **stretch)

    past = Both(lambda: request_backfill(instrument=btc, timeframe="5m", start=NOON - 2 * MINUTE * 5))
    assert (await loaded(row, past)).state == BackfillState.DONE
    assert asked == ["1m", "5m", "1m", "1m"]


async def test_one_works_and_another_stands_by(btc: Instrument) -> None:
    row, stop = await on_thread(last_hour, btc), asyncio.Event()
    pasts = [Past(), Past()]
    exchange = row.instrument.exchange
    works = [asyncio.create_task(backfilling.work_backfills(exchange, past, stop)) for past in pasts]  # type: ignore[arg-type]
    await on_thread(_ended, row)
    stop.set()
    await asyncio.gather(*works)
    assert sorted(len(past.asked) for past in pasts) == [0, 6]


# --- the command, over HTTP, and a kill -----------------------------------------------------------------------------
DAYS = 4


@pytest.fixture
def venue() -> Iterator[FakeVenue]:
    """A venue in a thread of its own that knows every minute, 1,000 at a time, and takes its time."""
    made, loop = FakeVenue(), asyncio.new_event_loop()

    async def klines(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.1)
        length = MINUTE_MS
        first = -(-int(request.query["startTime"]) // length) * length
        last = candle_start(milliseconds(clock.wall_now()), "1m")
        opened = range(first, min(last + 1, first + int(request.query.get("limit", 500)) * length), length)
        rows = [[at, "1", "2", "0.5", "1.5", "3", at + length - 1, "4", 1, "1", "2", "0"] for at in opened]
        return web.Response(text=json.dumps(rows), content_type="application/json")

    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(made.start(), loop).result(5)
    speaks_binance(made)
    made.answers["GET", "/api/v3/klines"] = klines
    yield made
    asyncio.run_coroutine_threadsafe(made.stop(), loop).result(5)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()


def pages(venue: FakeVenue) -> list[int]:
    return [int(facts["startTime"]) for _, path, facts in list(venue.asked) if path == "/api/v3/klines"]


def _environment(candle_dir: Path) -> dict[str, str]:
    """Return what lets another process work on this test's database and candles."""
    facts = connection.settings_dict
    if connection.vendor == "sqlite":
        url = f"sqlite:///{facts['NAME']}"
    else:
        url = f"postgres://{facts['USER']}:{facts['PASSWORD']}@{facts['HOST']}:{facts['PORT']}/{facts['NAME']}"
    named = {
        "DATABASE_URL": url,
        "SLIPSTREAM_CANDLE_DIR": str(candle_dir),
        "SLIPSTREAM_VAR_DIR": str(settings.VAR_DIR),
        # Of its own, so that nobody waits for a dead process's lease to lapse.
        "SLIPSTREAM_REDIS_PREFIX": f"{settings.REDIS_PREFIX}killed:",
    }
    return {**os.environ, **named}


def test_whoever_is_killed_loses_one_page_at_most(venue: FakeVenue, candle_dir: Path) -> None:
    btc = connected_instrument(venue.url)
    command = [sys.executable, "manage.py", "backfill", btc.exchange.code, btc.symbol, "--days", str(DAYS)]
    with subprocess.Popen(
        command, cwd=ROOT, env=_environment(candle_dir), stdout=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            wait_until(lambda: len(pages(venue)) >= 3 or process.poll() is not None, "a third page", 60)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    row = Backfill.objects.get(instrument=btc)
    assert (row.state, row.reached_at > row.start) == (BackfillState.RUNNING, True)
    before = pages(venue)
    out = StringIO()
    call_command("backfill", btc.exchange.code, btc.symbol, "--days", str(DAYS), stdout=out)
    row.refresh_from_db()
    assert row.state == BackfillState.DONE
    assert "100%" in out.getvalue()
    found = candle_arrays(btc, "1m")
    # One less where a minute ended between the two starts: the venue's first one was too old by then.
    assert len(found) in (DAYS * 1440, DAYS * 1440 - 1)
    assert out.getvalue().splitlines()[-1].startswith(f"BTC-USDT 1m: {len(found)} candles from ")
    assert {int(step) for step in found.opened_at[1:] - found.opened_at[:-1]} == {MINUTE_MS}
    after = pages(venue)[len(before) :]
    # What was asked for when it died comes again, nothing that came before it.
    assert before[-2] < after[0]
    assert len(after) + len(set(before)) <= -(-DAYS * 1440 // 1000) + 1


def test_the_command_says_why_not(venue: FakeVenue) -> None:
    btc = connected_instrument(venue.url)

    def said(*words: str) -> str:
        with pytest.raises(CommandError) as refusal:
            call_command("backfill", *words, stdout=StringIO())
        return str(refusal.value)

    assert said("nowhere", "BTC-USDT") == "There is no such exchange."
    assert said(btc.exchange.code, "ETH-USDT") == "Venue has no instrument 'ETH-USDT' here."
    assert said(btc.exchange.code, "BTC-USDT", "--days", "0") == "--days is a whole number above zero."
    venue.says("GET", "/api/v3/klines", {"code": -1121, "msg": "Invalid symbol."}, 400)
    assert said(btc.exchange.code, "BTC-USDT", "--days", "1").startswith("The venue refused: ")
