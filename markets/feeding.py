"""One feed per venue, whichever way it is started: a process of its own, or a thread of the one process there is."""

from __future__ import annotations

import logging
import threading

from django.conf import settings
from django.db import close_old_connections, connections

from common import clock
from common.errors import DomainError
from common.lease import lease
from markets.feed import run_feed
from markets.models import Exchange, SourceKind
from markets.selectors import FAR_FUTURE, candle_arrays, exchange_by_code, instruments, timeframes_of
from markets.simulated import SimulatedSource
from markets.sources import ReplaySeries, ReplaySource
from markets.steps import PriceSource

logger = logging.getLogger(__name__)

LEASE_SECONDS = 10.0
_RENEW_SECONDS = LEASE_SECONDS / 4
_RETRY_SECONDS = 1.0


def source_of(exchange: Exchange) -> PriceSource:
    """Return what moves a venue's prices: a simulated market that goes on, or a replay of what is stored."""
    members = list(instruments().filter(exchange=exchange))
    if exchange.source_kind == SourceKind.SIMULATED:
        return SimulatedSource(members, settings.SIMULATION_SEED)
    if exchange.source_kind == SourceKind.REPLAY:
        finest = [(instrument, timeframes_of(instrument)[:1]) for instrument in members]
        return ReplaySource(
            [
                ReplaySeries(instrument, timeframe, candle_arrays(instrument, timeframe, end=FAR_FUTURE))
                for instrument, timeframes in finest
                for timeframe in timeframes
            ],
            after=clock.announced_time(members[0].market.namespace) if members else None,
        )
    raise DomainError("VENUE_HAS_NO_FEED", f"{exchange} has no price source yet: feed a simulated or replayed venue.")


def feed_venue(code: str, *, speed: float, stop: threading.Event) -> None:
    """Feed a venue until its source ends or `stop` is set; stand by while another process feeds it.

    After an error the source is made anew from what is stored: it goes on where the store ends.
    """
    exchange = exchange_by_code(code)
    keeper = _Keeper(code)
    while not stop.is_set():
        if not keeper.take():
            stop.wait(_RETRY_SECONDS)
            continue
        try:
            run_feed(source_of(exchange), speed=speed, stop=stop, heartbeat=keeper.keep)
            return
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


def start_feed(code: str, *, speed: float, stop: threading.Event) -> threading.Thread:
    """Feed a venue in a thread of this process and return it."""

    def run() -> None:
        try:
            feed_venue(code, speed=speed, stop=stop)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run, name=f"feed-{code}", daemon=True)
    thread.start()
    return thread


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
        self._lease.release()
