"""What the tests of scanners share: venues of one's own, and boards that no other test left something on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from common.bus import bus
from common.ids import new_id
from markets.scanning.results import FOUND, WANTED
from tests.markets.scanning.venues import Venues


@pytest.fixture
def quiet_boards() -> Iterator[None]:
    """Have nobody watch a scanner, and none have found anything."""
    for board in (WANTED, FOUND):
        bus().board_drop(board)
    yield
    for board in (WANTED, FOUND):
        bus().board_drop(board)


@pytest.fixture
def venues(db: None, wall_at_noon: None, quiet_boards: None) -> Iterator[Venues]:
    made = Venues(f"real-{new_id().hex[-8:]}")
    yield made
    made.forget()
