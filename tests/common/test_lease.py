"""Leases: one holder per name, taken over when released or lapsed; in memory and over Redis alike."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
import redis
from django.conf import settings

from common import clock, ids
from common.lease import Lease, MemoryLease, RedisLease
from tests.common.conftest import IN_PROCESS

MakeLease = Callable[..., Lease]


@pytest.fixture
def make(way: str) -> Iterator[MakeLease]:
    """Make a handle for another holder of the name; names are the test's own."""
    suffix = ids.new_token(6)
    if way == IN_PROCESS:
        yield lambda name="feed", ttl_seconds=30.0: MemoryLease(f"{name}-{suffix}", ttl_seconds)
        return
    client = redis.Redis.from_url(settings.REDIS_URL, decode_responses=True)
    prefix = f"{settings.REDIS_PREFIX}lease-test-{suffix}:"
    yield lambda name="feed", ttl_seconds=30.0: RedisLease(client, prefix + name, ttl_seconds)
    for key in client.scan_iter(f"{prefix}*"):
        client.delete(key)
    client.close()


def test_one_holds_it_and_renews_it_others_do_not(make: MakeLease) -> None:
    first, second = make(), make()
    assert [first.hold(), second.hold(), first.hold(), second.hold()] == [True, False, True, False]


def test_names_are_apart(make: MakeLease) -> None:
    assert make("feed:a").hold()
    assert make("feed:b").hold()


def test_what_is_released_is_free_at_once(make: MakeLease) -> None:
    first, second = make(), make()
    first.hold()
    first.release()
    assert [second.hold(), first.hold()] == [True, False]


def test_only_the_holder_can_release(make: MakeLease) -> None:
    first, second, third = make(), make(), make()
    first.hold()
    second.release()
    assert not third.hold()


def test_what_is_not_renewed_lapses(make: MakeLease) -> None:
    first, second = make(ttl_seconds=0.15), make(ttl_seconds=30.0)
    assert first.hold()
    assert not second.hold()
    clock.sleep(0.2)
    assert [second.hold(), first.hold()] == [True, False]
    first.release()
    assert not make().hold(), "who lost a lease must not release the one that another holds now"


def test_renewing_puts_the_end_off(make: MakeLease) -> None:
    first, second = make(ttl_seconds=0.4), make(ttl_seconds=0.4)
    first.hold()
    for _ in range(4):
        clock.sleep(0.15)
        assert [first.hold(), second.hold()] == [True, False]


def test_of_many_that_ask_at_once_one_gets_it(make: MakeLease) -> None:
    start = threading.Barrier(8)
    held: list[bool] = []

    def ask() -> None:
        handle = make()
        start.wait()
        held.append(handle.hold())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(held) == [False] * 7 + [True]
