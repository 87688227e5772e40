"""Simulations bring a database of their own, in memory: the tests' stays closed, and the mistakes that are made are not told."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def own_database(django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


@pytest.fixture(autouse=True)
def hushed(caplog: pytest.LogCaptureFixture) -> None:
    """What is logged of an order that cannot be booked stays in the record."""
    caplog.set_level(logging.CRITICAL, "trading")
