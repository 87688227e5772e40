"""Ids: the layout of RFC 9562, order in one process and in threads, and a seed that repeats."""

from __future__ import annotations

import sys
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from common import clock, ids

MOMENT = datetime(2026, 3, 2, 12, 0, 0, 123000, tzinfo=UTC)
MILLISECONDS = 1_772_452_800_123


@pytest.fixture
def now() -> Iterator[list[datetime]]:
    """Hold the wall clock where the only element of this list says; forget every id made so far."""
    held = [MOMENT]
    clock.use_wall_clock(lambda: held[0])
    ids.use_seed(None)
    yield held
    clock.use_wall_clock(None)
    ids.use_seed(None)


def stamp(one: uuid.UUID) -> tuple[int, int]:
    """Return an id's milliseconds and counter."""
    return one.int >> 80, one.int >> 64 & 0xFFF


def test_an_id_has_the_layout_of_uuid_version_7(now: list[datetime]) -> None:
    first, second = ids.new_id(), ids.new_id()
    assert (first.version, first.variant) == (7, uuid.RFC_4122)
    assert stamp(first) == (MILLISECONDS, 0)
    assert stamp(second) == (MILLISECONDS, 1)
    assert first.int & (1 << 62) - 1 != second.int & (1 << 62) - 1


def test_ids_grow_when_the_clock_stands_still_or_goes_back(now: list[datetime]) -> None:
    made = [ids.new_id() for _ in range(3)]
    now[0] -= timedelta(hours=1)
    made.append(ids.new_id())
    assert [stamp(one) for one in made] == [(MILLISECONDS, counter) for counter in range(4)]
    now[0] = MOMENT + timedelta(milliseconds=1)
    assert stamp(ids.new_id()) == (MILLISECONDS + 1, 0)


def test_more_ids_than_the_counter_holds_borrow_from_the_next_millisecond(now: list[datetime]) -> None:
    made = [ids.new_id() for _ in range(4097)]
    assert made == sorted(made)
    assert [stamp(made[-2]), stamp(made[-1])] == [(MILLISECONDS, 4095), (MILLISECONDS + 1, 0)]


def test_threads_never_share_a_place_in_the_order(now: list[datetime]) -> None:
    made: list[list[uuid.UUID]] = [[] for _ in range(4)]
    start = threading.Barrier(len(made))

    def work(mine: list[uuid.UUID]) -> None:
        start.wait()
        mine += [ids.new_id() for _ in range(5_000)]

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(mine,)) for mine in made]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert all(mine == sorted(mine) for mine in made)
    places = sorted(stamp(one) for mine in made for one in mine)
    assert places == [(MILLISECONDS + number // 4096, number % 4096) for number in range(20_000)]


def test_a_seed_repeats_every_id_whatever_the_time(now: list[datetime]) -> None:
    ids.use_seed(7)
    made = [ids.new_id() for _ in range(100)]
    now[0] += timedelta(days=365)
    ids.use_seed(7)
    assert [ids.new_id() for _ in range(100)] == made
    assert made == sorted(set(made))
    assert {one.version for one in made} == {7}
    ids.use_seed(8)
    assert ids.new_id() != made[0]


def test_without_a_seed_nothing_repeats(now: list[datetime]) -> None:
    first = ids.new_id()
    ids.use_seed(None)
    second = ids.new_id()
    assert stamp(first) == stamp(second)
    assert first != second


def test_a_deterministic_id_is_the_start_of_a_known_hash() -> None:
    # printf 'follow\x1fLEAD_EVENT\x1f7' | sha256sum
    assert ids.deterministic_id("follow", "LEAD_EVENT", 7) == "623b06be71f149d8d0a9bfcb8a89a584"
    assert ids.deterministic_id("ab", "c") != ids.deterministic_id("a", "bc")


def test_seeded_randomness_depends_on_its_parts_alone() -> None:
    drawn = [ids.seeded_random("tasks", 1).randrange(1_000_000) for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert ids.seeded_random("tasks", 2).randrange(1_000_000) != drawn[0]


def test_a_token_is_long_and_never_seeded() -> None:
    ids.use_seed(1)
    first = ids.new_token()
    ids.use_seed(1)
    assert ids.new_token() != first
    ids.use_seed(None)
    assert (len(first), len(ids.new_token(12))) == (43, 16)


def test_a_source_that_is_put_in_place_gives_back_the_one_before() -> None:
    mine = ids.IdSource(5)
    before = ids.use_source(mine)
    assert ids.new_id() == ids.IdSource(5).new_id()
    assert ids.use_source(before) is mine
