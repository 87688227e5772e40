"""What the tests of accounts share: attempts are counted afresh in each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache

from common import clock
from common.limiter import limiter

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _fresh_counts() -> None:
    """Forget how often 127.0.0.1 tried to log in: every test comes from there."""
    cache.clear()
    limiter.cache_clear()


class Wall:
    """A wall clock that a test moves."""

    def __init__(self) -> None:
        self.now = NOON

    def pass_by(self, **time: float) -> None:
        self.now += timedelta(**time)


@pytest.fixture
def wall() -> Iterator[Wall]:
    """Stop wall time at noon; the test lets it pass."""
    stopped = Wall()
    clock.use_wall_clock(lambda: stopped.now)
    yield stopped
    clock.use_wall_clock(None)
