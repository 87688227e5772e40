"""A quick sandbox for the tests of a module, and an exchange of the platform that follows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from markets import health
from sandbox.server import ServerThread, running
from tests.markets.venue_feed.exchanges import LocalExchange
from tests.markets.venue_feed.stage import FAST, Stage

# Ten steps a minute: how often the exchange moves is what these tests cost most.
STEP_SECONDS = 0.05


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ServerThread]:
    with running(FAST, step_seconds=STEP_SECONDS) as thread:
        yield thread


@pytest.fixture
def stage(
    transactional_db: None, venue: ServerThread, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Stage]]:
    """Give `stage("kraken")`, an exchange connected to the sandbox; its breaker opens for moments only."""
    monkeypatch.setattr(health, "FIRST_PAUSE_SECONDS", 0.2)
    monkeypatch.setattr(health, "LONGEST_PAUSE_SECONDS", 0.4)
    made: list[Stage] = []

    def make(dialect: str = "binance") -> Stage:
        made.append(Stage(LocalExchange(venue), dialect))
        return made[-1]

    yield make
    for one in made:
        one.forget()
