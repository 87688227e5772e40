"""The world that every test of the routes is about."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from django.db import transaction
from django.test import TestCase

from accounts.models import LimitName, Plan
from tests.fixtures_desk import Desk, working_with
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


@pytest.fixture(scope="module")
def built(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """Build the world once for all tests of a module, in a transaction around each of theirs: it takes a second."""
    with django_db_blocker.unblock(), transaction.atomic():
        # Every route is asked in every way, within a minute.
        Plan.objects.get(is_default=True).limits.update_or_create(
            name=LimitName.API_REQUESTS, defaults={"value": 1_000_000}
        )
        whole = build(Desk(), working_with(TestCase.captureOnCommitCallbacks))
        with django_db_blocker.block():
            yield whole
        transaction.set_rollback(True)


@pytest.fixture
def world(built: World, db: None, quiet: None) -> World:
    """Give each test objects of its own: what it changes of them is as gone afterwards as what it changes of rows."""
    return deepcopy(built)
