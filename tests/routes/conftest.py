"""The world that every test of the routes is about."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tests.fixtures_desk import Desk, Working
from tests.routes.world import World, build


@pytest.fixture(autouse=True)
def _fresh_counts(fresh_counts: None) -> None:
    """Let nobody be locked out by the test before."""


@pytest.fixture
def quiet() -> Iterator[None]:
    """Keep Django from writing a line about each of the thousands of refusals that a test provokes."""
    logger = logging.getLogger("django.request")
    level = logger.level
    logger.setLevel(logging.ERROR)
    yield
    logger.setLevel(level)


@pytest.fixture
def world(desk: Desk, working: Working, quiet: None) -> World:
    return build(desk, working)
