"""The two clocks. Market time belongs to a price source and rules trading; wall time rules leases, sessions and billing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

# The board on the bus that holds the newest market time of each namespace; absent for real venues.
MARKET_CLOCKS = "market-clocks"


def _system_now() -> datetime:
    return datetime.now(UTC)


_wall_clock: Callable[[], datetime] = _system_now


def wall_now() -> datetime:
    """Return wall time, aware, in UTC."""
    return _wall_clock()


def use_wall_clock(clock: Callable[[], datetime] | None) -> Callable[[], datetime]:
    """Put another wall clock in place (a test's, a simulation's) and return the one before; None restores the system's."""
    global _wall_clock
    before, _wall_clock = _wall_clock, clock or _system_now
    return before


def market_now(namespace: str) -> datetime:
    """Return market time in a namespace: the time its price source last announced, else (real venues) wall time."""
    return announced_time(namespace) or wall_now()


def market_times(namespaces: Iterable[str]) -> dict[str, datetime]:
    """Return market time in each of the namespaces, in one look: a batch has one moment, however many rows it has."""
    from common.bus import bus  # the bus reads settings; the clock must be importable without them

    wanted = set(namespaces)
    announced = bus().board_get(MARKET_CLOCKS, wanted)
    return {name: datetime.fromisoformat(announced[name]) if name in announced else wall_now() for name in wanted}


def announced_time(namespace: str) -> datetime | None:
    """Return the market time that a namespace's price source last announced, if it ever did."""
    from common.bus import bus

    announced = bus().board_get(MARKET_CLOCKS, [namespace]).get(namespace)
    return datetime.fromisoformat(announced) if announced else None


def set_market_time(namespace: str, at: datetime) -> None:
    """Announce market time for a namespace. Only its price source calls this."""
    from common.bus import bus

    bus().board_put(MARKET_CLOCKS, {namespace: at.isoformat()})


def monotonic() -> float:
    """Return seconds that never go back, for measuring and time-outs."""
    return time.monotonic()


def sleep(seconds: float) -> None:
    """Sleep by the wall."""
    time.sleep(seconds)
