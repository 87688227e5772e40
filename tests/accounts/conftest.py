"""What the tests of accounts share: attempts are counted afresh in each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from common import clock

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _fresh_counts(fresh_counts: None) -> None:
    """Let nobody be locked out by the test before."""


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
