"""The two clocks: market time belongs to a namespace's prices, wall time to the wall."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from unittest.mock import Mock

import pytest

from common import clock
from common.bus import bus
from common.ids import new_id

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def stopped_wall() -> Iterator[None]:
    """Stop the wall clock at midnight of New Year."""
    clock.use_wall_clock(lambda: NEW_YEAR)
    yield
    clock.use_wall_clock(None)


@pytest.fixture
def namespace() -> str:
    return f"clock-{new_id().hex}"


def test_wall_time_is_the_systems_in_utc() -> None:
    before = datetime.now(UTC)
    told = clock.wall_now()
    assert before <= told <= datetime.now(UTC)
    assert told.utcoffset() == timedelta(0)


def test_the_wall_clock_can_be_replaced_and_restored(stopped_wall: None) -> None:
    assert clock.wall_now() == NEW_YEAR
    clock.use_wall_clock(None)
    assert abs(clock.wall_now() - datetime.now(UTC)) < timedelta(seconds=5)


def test_a_wall_clock_that_is_put_in_place_gives_back_the_one_before(stopped_wall: None) -> None:
    before = clock.use_wall_clock(lambda: NEW_YEAR + timedelta(days=1))
    assert clock.wall_now() == NEW_YEAR + timedelta(days=1)
    clock.use_wall_clock(before)
    assert clock.wall_now() == NEW_YEAR


def test_market_time_is_what_the_namespaces_source_announced(stopped_wall: None, namespace: str) -> None:
    long_ago = datetime(2019, 5, 4, 3, 2, 1, 654321, tzinfo=UTC)
    clock.set_market_time(namespace, long_ago)
    assert clock.market_now(namespace) == long_ago
    assert clock.wall_now() == NEW_YEAR
    clock.set_market_time(namespace, long_ago + timedelta(milliseconds=250))
    assert clock.market_now(namespace) == datetime(2019, 5, 4, 3, 2, 1, 904321, tzinfo=UTC)


def test_a_namespace_that_announces_nothing_lives_by_the_wall(stopped_wall: None, namespace: str) -> None:
    clock.set_market_time(f"{namespace}-other", NEW_YEAR + timedelta(days=9))
    assert clock.market_now(namespace) == NEW_YEAR


def test_market_time_of_several_namespaces_is_read_in_one_look(
    stopped_wall: None, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.set_market_time(namespace, NEW_YEAR + timedelta(days=9))
    looks = Mock(wraps=bus().board_get)
    monkeypatch.setattr(bus(), "board_get", looks)
    told = clock.market_times([namespace, f"{namespace}-silent", namespace])
    assert told == {namespace: NEW_YEAR + timedelta(days=9), f"{namespace}-silent": NEW_YEAR}
    assert looks.call_count == 1


def test_monotonic_seconds_pass_whatever_the_wall_says(stopped_wall: None) -> None:
    began, began_really = clock.monotonic(), time.monotonic()
    clock.sleep(0.02)
    assert 0.02 <= clock.monotonic() - began <= time.monotonic() - began_really + 0.001
