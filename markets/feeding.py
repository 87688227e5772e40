"""One feed per venue, whichever way it is started: a process of its own, or a thread of the one process there is."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Sequence

import redis
from django.conf import settings
from django.db import close_old_connections, connections

from common import clock
from common.errors import DomainError
from common.lease import lease
from markets.alerting import AlertWatch, watching_alerts
from markets.backfilling import work_backfills
from markets.feed import run_feed
from markets.gateway.errors import Stop
from markets.models import Exchange, Instrument, SourceKind
from markets.selectors import FAR_FUTURE, candle_arrays, instruments, noted_time, timeframes_of, venue_to_run
from markets.services import announce_replayed_market, announce_simulated_market, note_market_time
from markets.simulated import SimulatedSource
from markets.sources import ReplaySeries, ReplaySource
from markets.steps import PriceSource
from markets.venue_feed.feed import Background, run_venue_feed
from markets.venue_feed.tuning import Tuning

logger = logging.getLogger(__name__)

LEASE_SECONDS = 10.0
_RENEW_SECONDS = LEASE_SECONDS / 4
_RETRY_SECONDS = 1.0
_NOTE_SECONDS = 0.5


def source_of(exchange: Exchange) -> PriceSource:
    """Return what moves a venue's prices: a simulated market that goes on, or a replay of what is stored."""
    members = list(instruments().filter(exchange=exchange))
    if exchange.source_kind == SourceKind.SIMULATED:
        return SimulatedSource(members, settings.SIMULATION_SEED)
    if exchange.source_kind == SourceKind.REPLAY:
        return _replay(exchange.namespace, members)
    raise DomainError("VENUE_HAS_NO_FEED", f"{exchange} has no price source yet: feed a simulated or replayed venue.")


def _replay(namespace: str, members: list[Instrument]) -> ReplaySource:
    """Return a replay of each instrument's finest candles that goes on where the market stands."""
    series = [
        ReplaySeries(instrument, timeframe, candle_arrays(instrument, timeframe, end=FAR_FUTURE))
        for instrument in members
        for timeframe in timeframes_of(instrument)[:1]
    ]
    return ReplaySource(series, after=clock.announced_time(namespace) or noted_time(namespace))


def announce_market(exchange: Exchange) -> None:
    """Put a venue's market on the board as it stands, before anything asks for prices; its feed goes on from there.

    A real venue's is where its feed left it, until that speaks again.
    """
    if exchange.dialect:
        return
    if exchange.source_kind == SourceKind.SIMULATED:
        announce_simulated_market()
    elif isinstance(source := source_of(exchange), ReplaySource):
        announce_replayed_market(source=source)


def feed_venue(
    code: str,
    *,
    speed: float,
    stop: threading.Event,
    background: Sequence[Background] = (work_backfills,),
    tuning: Tuning | None = None,
) -> None:
    """Feed a venue until its source ends or `stop` is set; stand by while another process feeds it.

    After an error the source is made anew from what is stored: it goes on where the store ends. A venue with a dialect
    is followed over the network, at its own `speed`; `background` is what goes on beside that, over the same
    connection: its past is loaded. `tuning` holds the waits.
    """
    exchange = venue_to_run(code)
    keeper = _Keeper(code)
    while not stop.is_set():
        try:
            if keeper.take():
                if exchange.dialect:
                    _follow(exchange, stop, keeper, background, tuning)
                else:
                    _feed(source_of(exchange), speed, stop, keeper)
                return
            stop.wait(_RETRY_SECONDS)
        except DomainError:
            raise
        except LeaseLost:
            logger.warning("Another process feeds %s now; this one stands by.", code)
        except Exception:
            logger.exception("The feed of %s broke off; it starts again from what is stored.", code)
            close_old_connections()
            stop.wait(_RETRY_SECONDS)
        finally:
            keeper.release()


def _follow(
    exchange: Exchange,
    stop: threading.Event,
    keeper: _Keeper,
    background: Sequence[Background],
    tuning: Tuning | None,
) -> None:
    """Follow a real venue; raise DomainError VENUE_NOT_USABLE where its row cannot be right."""
    with watching_alerts(exchange.namespace) as alerts:
        try:
            run_venue_feed(
                exchange, stop=stop, heartbeat=keeper.keep, alerts=alerts, background=background, tuning=tuning
            )
        except Stop as error:
            raise DomainError("VENUE_NOT_USABLE", f"{exchange} cannot be reached as it is set up: {error}") from error


def _feed(source: PriceSource, speed: float, stop: threading.Event, keeper: _Keeper) -> None:
    with watching_alerts(source.namespace) as alerts:
        if isinstance(source, ReplaySource):
            _feed_replay(source, speed, stop, keeper, alerts)
            return

        def heartbeat() -> None:
            keeper.keep()
            alerts.tend()

        run_feed(source, speed=speed, stop=stop, heartbeat=heartbeat, on_step=alerts.on_step)


def _feed_replay(
    source: ReplaySource, speed: float, stop: threading.Event, keeper: _Keeper, alerts: AlertWatch
) -> None:
    announce_replayed_market(source=source)
    notes = _Notes(source.namespace)

    def heartbeat() -> None:
        keeper.keep()
        alerts.tend()
        notes.write_if_due()

    try:
        run_feed(source, speed=speed, stop=stop, heartbeat=heartbeat, on_step=alerts.on_step)
    finally:
        notes.write()


def start_feed(
    code: str,
    *,
    speed: float,
    stop: threading.Event,
    background: Sequence[Background] = (work_backfills,),
    tuning: Tuning | None = None,
) -> threading.Thread:
    """Feed a venue in a thread of this process and return it."""

    def run() -> None:
        try:
            feed_venue(code, speed=speed, stop=stop, background=background, tuning=tuning)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run, name=f"feed-{code}", daemon=True)
    thread.start()
    return thread


class _Notes:
    """Writes down now and then where a replay stands: not at every price, yet so often that little is seen twice."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._written_at = 0.0

    def write_if_due(self) -> None:
        if clock.monotonic() - self._written_at > _NOTE_SECONDS:
            self.write()

    def write(self) -> None:
        self._written_at = clock.monotonic()
        if at := clock.announced_time(self._namespace):
            note_market_time(namespace=self._namespace, at=at)


class LeaseLost(Exception):
    """This process was away for so long that another one took the venue over."""


class _Keeper:
    """Holds a venue's lease while its feed goes on."""

    def __init__(self, code: str) -> None:
        self._lease = lease(f"feed:{code}", LEASE_SECONDS)
        self._renewed_at = 0.0

    def take(self) -> bool:
        """Take the lease, or return False while another has it."""
        self._renewed_at = clock.monotonic()
        return self._lease.hold()

    def keep(self) -> None:
        """Renew the lease where that is due; raise LeaseLost where another has it."""
        if clock.monotonic() - self._renewed_at > _RENEW_SECONDS and not self.take():
            raise LeaseLost

    def release(self) -> None:
        # Where Redis is away the lease lapses by itself.
        with contextlib.suppress(redis.RedisError):
            self._lease.release()
