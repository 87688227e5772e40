"""How each venue is doing: a circuit breaker that every request passes, its state on a bus board that all can see.

Closed: requests pass. Open: the venue failed again and again, and is left alone for a while. Half-open: one request of
one process tries it; if that works all go on, else the next pause is twice as long.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache

import redis

from common import clock
from common.bus import bus
from common.lease import Lease, lease
from markets.gateway.errors import BackOff, GatewayError

logger = logging.getLogger(__name__)

BOARD = "venue-health"
CHANNEL = "venue-health"
# So many failures in a row, none older than this, open the breaker.
FAILURES_TO_OPEN = 5
FAILURE_WINDOW_SECONDS = 60.0
FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 60.0
# How long one process's try may take before another may try.
TRIAL_SECONDS = 15.0
# How old the state may be that a process decides by.
_FRESH_SECONDS = 0.5


class BreakerState(StrEnum):
    CLOSED = "CLOSED"
    OPEN = "OPEN"
    HALF_OPEN = "HALF_OPEN"


@dataclass(frozen=True, slots=True)
class VenueHealth:
    """A venue's breaker: its state since when, why it opened, when it is tried again, how often it opened in a row."""

    venue: str
    state: BreakerState = BreakerState.CLOSED
    since: datetime | None = None
    reason: str = ""
    retry_at: datetime | None = None
    openings: int = 0


_counts: Counter[tuple[str, str]] = Counter()
_counts_lock = threading.Lock()


def count(venue: str, outcome: str) -> None:
    """Count something that happened with a venue in this process; outcomes are codes such as OK or RATE_LIMITED."""
    with _counts_lock:
        _counts[venue, outcome] += 1


def forget_counts() -> None:
    """Count from zero again."""
    with _counts_lock:
        _counts.clear()


class Breaker:
    """One venue's breaker as this process sees it. Threads and event loops share it."""

    def __init__(self, venue: str) -> None:
        self._venue = venue
        self._lock = threading.Lock()
        self._health = VenueHealth(venue)
        self._looked_at = float("-inf")
        self._failures: list[float] = []
        self._trial_until = 0.0
        self._lease: Lease | None = None

    def is_known_closed(self) -> bool:
        """Say, without asking anybody, that requests pass: known to be so since a moment ago."""
        is_fresh = clock.monotonic() - self._looked_at <= _FRESH_SECONDS
        return is_fresh and self._health.state == BreakerState.CLOSED

    def admit(self, *, may_try: bool = True) -> bool:
        """Let a request pass and say whether it is the one that tries; raise BackOff with the seconds until the next may."""
        with self._lock:
            health = self._look()
            if health.state == BreakerState.CLOSED:
                return False
            wait = 0.0 if health.retry_at is None else (health.retry_at - clock.wall_now()).total_seconds()
            if may_try and wait <= 0 and self._may_try():
                self._write(replace(health, state=BreakerState.HALF_OPEN))
                return True
        count(self._venue, "DENIED_BY_BREAKER")
        raise BackOff(self._venue, "BREAKER_OPEN", health.reason, retry_after=max(wait, _FRESH_SECONDS))

    def succeeded(self) -> None:
        """Take in that the venue answered; what it answered does not matter."""
        count(self._venue, "OK")
        with self._lock:
            self._failures.clear()
            if self._health.state != BreakerState.CLOSED:
                self._end_trial()
                self._write(VenueHealth(self._venue, since=clock.wall_now()))

    def abandoned(self) -> None:
        """Take in that the request that tried was given up without an answer: another may try at once."""
        with self._lock:
            self._end_trial()

    def failed(self, error: GatewayError) -> None:
        """Take in a failed request; only those that the venue is to blame for move the breaker."""
        if not error.is_outage:
            if isinstance(error, BackOff):
                count(self._venue, error.code)
            else:
                self.succeeded()  # a refusal is an answer
                count(self._venue, error.code)
            return
        count(self._venue, error.code)
        with self._lock:
            now = clock.monotonic()
            self._failures = [at for at in self._failures if now - at < FAILURE_WINDOW_SECONDS] + [now]
            state, is_told = self._health.state, isinstance(error, BackOff)
            if state == BreakerState.HALF_OPEN or (
                state == BreakerState.CLOSED and (is_told or len(self._failures) >= FAILURES_TO_OPEN)
            ):
                self._open(error)

    def _open(self, error: GatewayError) -> None:
        self._failures.clear()
        self._end_trial()
        pause = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** min(self._health.openings, 10))
        if isinstance(error, BackOff):
            pause = max(pause, error.retry_after)
        now = clock.wall_now()
        self._write(
            VenueHealth(
                self._venue,
                BreakerState.OPEN,
                since=now if self._health.openings == 0 else self._health.since,
                reason=f"{error.code}: {error.message}"[:200],
                retry_at=now + timedelta(seconds=pause),
                openings=self._health.openings + 1,
            )
        )

    def _may_try(self) -> bool:
        """Return whether this request may be the one that tries."""
        now = clock.monotonic()
        if now < self._trial_until:
            return False
        self._lease = self._lease or lease(f"venue-trial:{self._venue}", TRIAL_SECONDS)
        try:
            if not self._lease.hold():
                return False
        except (redis.RedisError, OSError):
            logger.warning("The bus is away: %s is tried without asking the others.", self._venue, exc_info=True)
        self._trial_until = now + TRIAL_SECONDS
        return True

    def _end_trial(self) -> None:
        self._trial_until = 0.0
        if self._lease is not None:
            try:
                self._lease.release()
            except (redis.RedisError, OSError):
                logger.warning("The bus is away: the trial of %s lapses by itself.", self._venue, exc_info=True)

    def _look(self) -> VenueHealth:
        """Return the newest state; what another process wrote counts as soon as it is half a second old."""
        if clock.monotonic() - self._looked_at > _FRESH_SECONDS:
            self._looked_at = clock.monotonic()
            try:
                self._health = venue_health([self._venue])[self._venue]
            except (redis.RedisError, OSError):
                logger.warning("The bus is away: %s is judged by what this process knows.", self._venue, exc_info=True)
        return self._health

    def _write(self, health: VenueHealth) -> None:
        was, self._health = self._health.state, health
        self._looked_at = clock.monotonic()
        if was != health.state:
            count(self._venue, f"BREAKER_{health.state}")
            logger.info("The breaker of %s is %s. %s", self._venue, health.state, health.reason)
        try:
            told = {"venue": self._venue, "state": str(health.state)}
            bus().announce({BOARD: {self._venue: _dumped(health)}}, CHANNEL, told)
        except (redis.RedisError, OSError):
            logger.warning("The bus is away: others do not learn how %s is.", self._venue, exc_info=True)


@cache
def breaker(venue: str) -> Breaker:
    """Return this process's breaker of a venue (an exchange's code)."""
    return Breaker(venue)


def venue_health(venues: Iterable[str] | None = None) -> dict[str, VenueHealth]:
    """Return the state of the breakers as all processes see it; of all that ever opened, or of the named ones."""
    wanted = None if venues is None else list(venues)
    found = {venue: _loaded(venue, text) for venue, text in bus().board_get(BOARD, wanted).items()}
    return found if wanted is None else {venue: found.get(venue, VenueHealth(venue)) for venue in wanted}


def venue_metrics() -> dict[str, dict[str, int]]:
    """Return metrics by name, then by labels as text: breaker states (0 closed, 1 half-open, 2 open), counted outcomes."""
    order = (BreakerState.CLOSED, BreakerState.HALF_OPEN, BreakerState.OPEN)
    with _counts_lock:
        requests = {f'venue="{venue}",outcome="{outcome}"': number for (venue, outcome), number in _counts.items()}
        known = {venue for venue, _ in _counts}
    states = {venue: VenueHealth(venue) for venue in known} | venue_health()
    return {
        "venue_breaker_state": {f'venue="{venue}"': order.index(one.state) for venue, one in sorted(states.items())},
        "venue_requests_total": dict(sorted(requests.items())),
    }


def _dumped(health: VenueHealth) -> str:
    facts = asdict(health)
    return json.dumps(
        {name: value.isoformat() if isinstance(value, datetime) else value for name, value in facts.items()}
    )


def _loaded(venue: str, text: str) -> VenueHealth:
    facts = json.loads(text)
    since, retry_at = (facts[name] and datetime.fromisoformat(facts[name]) for name in ("since", "retry_at"))
    return VenueHealth(venue, BreakerState(facts["state"]), since, facts["reason"], retry_at, facts["openings"])
