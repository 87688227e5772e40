"""What the tests of markets share: a candle store of one's own, and the simulated market with a short past."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pytest_django import Settings

from common import clock
from common.bus import bus
from markets.models import Exchange
from markets.prices import board_name
from markets.services import seed_simulated_venue
from markets.simulated import NAMESPACE

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def candle_dir(tmp_path: Path, settings: Settings) -> Path:
    """Give every test a candle store of its own."""
    settings.CANDLE_DIR = tmp_path / "candles"
    return settings.CANDLE_DIR  # type: ignore[no-any-return]


@pytest.fixture
def wall_at_noon() -> Iterator[None]:
    """Stop the wall clock at noon."""
    clock.use_wall_clock(lambda: NOON)
    yield
    clock.use_wall_clock(None)


def _clear_board() -> None:
    bus().board_drop(board_name(NAMESPACE))
    bus().board_drop(clock.MARKET_CLOCKS)


@pytest.fixture
def simulated(db: None, wall_at_noon: None) -> Iterator[Exchange]:
    """The simulated venue, seeded at noon with the day's history and nothing more."""
    _clear_board()
    yield seed_simulated_venue(history_minutes=60, seed=7)
    _clear_board()
