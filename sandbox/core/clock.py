"""A venue's two times: the server's (signatures, windows, bans) and the market's (trades, candles), which may run faster."""

from __future__ import annotations

from collections.abc import Callable

from common import clock


def wall_ms() -> int:
    """Return wall time in milliseconds since 1970."""
    return int(clock.wall_now().timestamp() * 1000)


class VenueClock:
    """Server time follows `source` plus a skew that faults may set; market time starts with it and runs `speed` times as fast."""

    def __init__(self, speed: int = 1, source: Callable[[], int] = wall_ms) -> None:
        self._source = source
        self._start = source()
        self.speed = speed
        self.skew: Callable[[], int] = lambda: 0

    def server_ms(self) -> int:
        """Return what the venue says the time is."""
        return self._source() + self.skew()

    def steady_ms(self) -> int:
        """Return time that a skew does not move: rate limits and expiries are measured by it."""
        return self._source()

    def market_ms(self) -> int:
        """Return market time: a skewed clock does not move the market."""
        return self._start + (self._source() - self._start) * self.speed


class ManualTime:
    """A time source that only moves when it is told to."""

    def __init__(self, at_ms: int = 1_700_000_000_000) -> None:
        self.at_ms = at_ms

    def __call__(self) -> int:
        return self.at_ms

    def advance(self, milliseconds: int) -> None:
        """Let time pass."""
        self.at_ms += milliseconds
