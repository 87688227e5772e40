"""One feed per venue: which source it gets, standby, takeover, starting again after an error, ending on a signal."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from django.core.management import CommandError, call_command

from common import clock
from common.bus import bus
from common.errors import DomainError
from common.lease import lease
from markets import feed, feeding
from markets.candle_store import candle_store
from markets.feeding import LeaseLost, announce_market, feed_venue, source_of, start_feed
from markets.models import Exchange, Instrument, MarketClock, SourceKind
from markets.prices import board_name, latest_prices
from markets.selectors import exchange_by_code
from markets.services import note_market_time
from markets.simulated import INSTRUMENTS, NAMESPACE, SimulatedSource
from markets.sources import ReplaySource
from tests.fixtures_desk import NOON, Desk
from tests.markets.series import candles_at

ROOT = Path(__file__).resolve().parents[2]
SOON = 10.0


@pytest.fixture
def _no_backlogs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "_backlogs", [])


def test_a_venue_is_moved_by_what_it_is(simulated: Exchange) -> None:
    source = source_of(simulated)
    assert isinstance(source, SimulatedSource)
    assert source.namespace == NAMESPACE


def test_a_replayed_venue_walks_the_finest_candles_of_each_instrument(db: None) -> None:
    desk = Desk(SourceKind.REPLAY)
    bitcoin, ether, bare = desk.instrument("BTC"), desk.instrument("ETH"), desk.instrument("SOL")
    for instrument, timeframe in ((bitcoin, "5m"), (bitcoin, "1m"), (ether, "1h")):
        candle_store().upsert(desk.exchange.code, instrument.symbol, timeframe, candles_at([0, 60]))
    source = source_of(desk.exchange)
    assert isinstance(source, ReplaySource)
    prices = {key for step in source.steps() for key in step.prices}
    closed = {(c.instrument_id, c.timeframe) for step in source.steps() for c in step.closed}
    assert prices == {bitcoin.id, ether.id}
    assert closed == {(bitcoin.id, "1m"), (ether.id, "1h")}
    assert bare.id not in prices


def test_a_real_venue_has_no_feed_yet(desk: Desk) -> None:
    with pytest.raises(DomainError, match="The desk has no price source yet") as refused:
        feed_venue(desk.exchange.code, speed=1, stop=threading.Event())
    assert refused.value.code == "VENUE_HAS_NO_FEED"
    assert lease(f"feed:{desk.exchange.code}", 1).hold(), "the lease is free again"


def _replay() -> tuple[Desk, Instrument]:
    """Return a venue with three stored minutes to replay."""
    desk = Desk(SourceKind.REPLAY)
    bitcoin = desk.instrument()
    candle_store().upsert(desk.exchange.code, bitcoin.symbol, "1m", candles_at([0, 1, 2]))
    return desk, bitcoin


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_no_backlogs")
def test_a_feed_in_a_thread_plays_to_the_end_and_gives_its_lease_back() -> None:
    desk, bitcoin = _replay()
    thread = start_feed(desk.exchange.code, speed=6000, stop=threading.Event())
    thread.join(SOON)
    assert not thread.is_alive()
    assert float(latest_prices([bitcoin])[bitcoin.id].price) == 102.0
    assert clock.market_now(desk.namespace) == NOON + timedelta(minutes=3) - timedelta(milliseconds=1)
    assert lease(f"feed:{desk.exchange.code}", 1).hold()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_no_backlogs")
def test_a_second_feed_stands_by_and_takes_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "_RETRY_SECONDS", 0.05)
    desk, bitcoin = _replay()
    other = lease(f"feed:{desk.exchange.code}", 30)
    assert other.hold()
    thread = start_feed(desk.exchange.code, speed=6000, stop=threading.Event())
    clock.sleep(0.3)
    assert latest_prices([bitcoin]) == {}
    other.release()
    thread.join(SOON)
    assert float(latest_prices([bitcoin])[bitcoin.id].price) == 102.0


@pytest.mark.django_db(transaction=True)
def test_a_feed_that_stands_by_can_be_stopped() -> None:
    desk, bitcoin = _replay()
    lease(f"feed:{desk.exchange.code}", 30).hold()
    stop = threading.Event()
    thread = start_feed(desk.exchange.code, speed=1, stop=stop)
    clock.sleep(0.1)
    stop.set()
    thread.join(SOON)
    assert not thread.is_alive()
    assert latest_prices([bitcoin]) == {}


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_no_backlogs")
def test_a_feed_whose_lease_another_took_stops_feeding(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(feeding, "_RENEW_SECONDS", 0.0)
    monkeypatch.setattr(feeding, "LEASE_SECONDS", 0.05)
    monkeypatch.setattr(feeding, "_RETRY_SECONDS", 0.05)
    desk, bitcoin = _replay()
    other = lease(f"feed:{desk.exchange.code}", 30)
    real = feed.run_feed
    taken = threading.Event()

    def late(*args: Any, **options: Any) -> None:
        # This process is away for longer than its lease lasts, once.
        if not taken.is_set():
            clock.sleep(0.2)
            assert other.hold()
            taken.set()
        real(*args, **options)

    monkeypatch.setattr(feeding, "run_feed", late)
    stop = threading.Event()
    thread = start_feed(desk.exchange.code, speed=6000, stop=stop)
    assert taken.wait(SOON)
    clock.sleep(0.3)
    assert latest_prices([bitcoin]) == {}
    assert caplog.messages == [f"Another process feeds {desk.exchange.code} now; this one stands by."]
    other.release()
    thread.join(SOON)
    assert float(latest_prices([bitcoin])[bitcoin.id].price) == 102.0


def test_a_keeper_renews_only_when_it_is_due_and_notices_a_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "LEASE_SECONDS", 0.05)
    keeper = feeding._Keeper("keeper-test")
    assert keeper.take()
    clock.sleep(0.1)
    other = lease("feed:keeper-test", 30)
    assert other.hold()
    keeper.keep()  # renewed a moment ago: not asked again yet
    monkeypatch.setattr(feeding, "_RENEW_SECONDS", 0.0)
    with pytest.raises(LeaseLost):
        keeper.keep()
    keeper.release()
    assert other.hold(), "who lost a lease must not release another's"
    other.release()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_no_backlogs")
def test_after_an_error_the_feed_starts_again_from_what_is_stored(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(feeding, "_RETRY_SECONDS", 0.01)
    desk, bitcoin = _replay()
    sources: list[Any] = []
    real = source_of

    class Broken:
        namespace, persists_candles = desk.namespace, False

        def steps(self) -> Iterator[Any]:
            yield next(real(desk.exchange).steps())
            raise ConnectionError("the database went away")

    def sometimes(exchange: Exchange) -> Any:
        sources.append(Broken() if not sources else real(exchange))
        return sources[-1]

    monkeypatch.setattr(feeding, "source_of", sometimes)
    start_feed(desk.exchange.code, speed=6000, stop=threading.Event()).join(SOON)
    assert len(sources) == 2
    assert float(latest_prices([bitcoin])[bitcoin.id].price) == 102.0
    assert caplog.messages == [f"The feed of {desk.exchange.code} broke off; it starts again from what is stored."]


# --- a replay goes on -----------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_no_backlogs")
def test_a_replay_goes_on_where_it_stood_when_its_process_ended() -> None:
    desk, bitcoin = _replay()
    stop = threading.Event()
    thread = start_feed(desk.exchange.code, speed=100, stop=stop)
    deadline = clock.monotonic() + SOON
    while clock.market_now(desk.namespace) < NOON + timedelta(seconds=30) and clock.monotonic() < deadline:
        clock.sleep(0.01)
    stop.set()
    thread.join(SOON)
    stood = clock.market_now(desk.namespace)
    assert MarketClock.objects.get().at == stood == NOON + timedelta(seconds=30)
    _forget_board(desk)
    announce_market(desk.exchange)
    [price] = latest_prices([bitcoin]).values()
    assert (float(price.price), clock.market_now(desk.namespace)) == (99.0, stood)
    source = source_of(desk.exchange)
    assert isinstance(source, ReplaySource)
    assert next(source.steps()).at == NOON + timedelta(minutes=1) - timedelta(milliseconds=1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_no_backlogs")
def test_a_replay_that_has_ended_stands_still_after_a_restart() -> None:
    desk, bitcoin = _replay()
    start_feed(desk.exchange.code, speed=6000, stop=threading.Event()).join(SOON)
    end = clock.market_now(desk.namespace)
    _forget_board(desk)
    start_feed(desk.exchange.code, speed=6000, stop=threading.Event()).join(SOON)
    assert clock.market_now(desk.namespace) == end
    assert float(latest_prices([bitcoin])[bitcoin.id].price) == 102.0


def test_a_market_that_is_announced_is_not_announced_again(db: None) -> None:
    desk, bitcoin = _replay()
    note_market_time(namespace=desk.namespace, at=NOON + timedelta(minutes=2))
    desk.step({bitcoin: "5"}, at=NOON + timedelta(seconds=90))
    announce_market(desk.exchange)
    assert clock.market_now(desk.namespace) == NOON + timedelta(seconds=90)
    assert float(latest_prices([bitcoin])[bitcoin.id].price) == 5.0


@pytest.mark.usefixtures("simulated")
def test_announcing_a_simulated_market_puts_it_on_the_board() -> None:
    bus().board_drop(board_name(NAMESPACE))
    bus().board_drop(clock.MARKET_CLOCKS)
    announce_market(exchange_by_code("simulated"))
    assert clock.announced_time(NAMESPACE) == NOON + timedelta(minutes=1)


def _forget_board(desk: Desk) -> None:
    """Lose what a process that ends loses."""
    bus().board_drop(board_name(desk.namespace))
    bus().board_drop(clock.MARKET_CLOCKS)


# --- the command ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "There is no exchange 'nowhere' here: run manage.py seed_simulated"),
        (["nowhere", "--speed", "0"], "--speed is a positive number."),
        (["nowhere", "--speed", "nan"], "--speed is a positive number."),
    ],
)
@pytest.mark.django_db
def test_the_command_refuses_what_it_cannot_feed(arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        call_command("run_feed", *arguments)


_SEED = """
import django
django.setup()
from django.core.management import call_command
from markets.services import seed_simulated_venue
call_command("migrate", verbosity=0)
seed_simulated_venue(history_minutes=60)
"""


def _minutes_stored(database: Path) -> tuple[int, int]:
    """Return how many one-minute candles a database holds, and of how many minutes."""
    with closing(sqlite3.connect(database)) as opened:
        query = "select count(*), count(distinct opened_at) from markets_recentcandle where timeframe = '1m'"
        found: tuple[int, int] = opened.execute(query).fetchone()
        return found


def test_the_command_feeds_until_sigterm_and_a_restart_goes_on(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    environment |= {"SLIPSTREAM_VAR_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "config.settings"}
    subprocess.run([sys.executable, "-c", _SEED], cwd=ROOT, env=environment, check=True, timeout=90)
    command = [sys.executable, "manage.py", "run_feed", "simulated", "--speed", "600"]
    stored = []
    for _ in range(2):
        before = _minutes_stored(tmp_path / "slipstream.sqlite3")
        with subprocess.Popen(command, cwd=ROOT, env=environment) as process:
            deadline = clock.monotonic() + 60
            while _minutes_stored(tmp_path / "slipstream.sqlite3") == before and clock.monotonic() < deadline:
                clock.sleep(0.1)
            process.send_signal(signal.SIGTERM)
            assert process.wait(SOON) == 0
        stored.append(_minutes_stored(tmp_path / "slipstream.sqlite3"))
    (first, first_minutes), (second, second_minutes) = stored
    listed = len(INSTRUMENTS) + sum(one.has_perpetual for one in INSTRUMENTS)
    assert first == listed * first_minutes > 0
    assert second == listed * second_minutes > first


def test_a_feed_outlives_a_redis_that_went_away(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    stop, tries = threading.Event(), []

    class Away:
        def hold(self) -> bool:
            tries.append("hold")
            if len(tries) == 1:
                raise redis.ConnectionError("away")
            return True

        def release(self) -> None:
            raise redis.ConnectionError("away")

    def broken_off(*args: Any) -> None:
        tries.append("feed")
        if tries.count("feed") == 2:
            stop.set()
        raise redis.ConnectionError("away")

    monkeypatch.setattr(feeding, "_RETRY_SECONDS", 0.0)
    monkeypatch.setattr(feeding, "venue_to_run", lambda code: desk.exchange)
    monkeypatch.setattr(feeding, "source_of", lambda exchange: None)
    monkeypatch.setattr(feeding, "lease", lambda *names: Away())
    monkeypatch.setattr(feeding, "close_old_connections", lambda: None)
    monkeypatch.setattr(feeding, "_feed", broken_off)
    feed_venue(desk.namespace, speed=1.0, stop=stop)
    assert tries == ["hold", "hold", "feed", "hold", "feed"]
