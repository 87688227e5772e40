"""The limiter: a burst, then a rate, per key, whoever asks at once; in memory and over Redis alike."""

from __future__ import annotations

import threading

import pytest
from django.conf import settings

from common import clock, ids
from common.limiter import Limiter, MemoryLimiter, RedisLimiter
from tests.common.conftest import IN_PROCESS

# So slow that nothing comes back while a test runs.
SLOW = 0.001


@pytest.fixture
def limiter(way: str) -> Limiter:
    if way == IN_PROCESS:
        return MemoryLimiter()
    return RedisLimiter(settings.REDIS_URL, f"{settings.REDIS_PREFIX}{ids.new_token(6)}:")


def test_a_burst_passes_then_the_answer_is_how_long_to_wait(limiter: Limiter) -> None:
    assert [limiter.take("alice", per_second=SLOW, burst=3) for _ in range(3)] == [0, 0, 0]
    assert limiter.take("alice", per_second=SLOW, burst=3) == pytest.approx(1 / SLOW, rel=1e-3)


def test_a_refusal_takes_nothing(limiter: Limiter) -> None:
    limiter.take("alice", per_second=SLOW, burst=2, weight=1)
    assert limiter.take("alice", per_second=SLOW, burst=2, weight=2) == pytest.approx(1 / SLOW, rel=1e-3)
    assert limiter.take("alice", per_second=SLOW, burst=2, weight=1) == 0


def test_keys_are_apart(limiter: Limiter) -> None:
    assert limiter.take("alice", per_second=SLOW, burst=1) == 0
    assert limiter.take("bob", per_second=SLOW, burst=1) == 0
    assert limiter.take("alice", per_second=SLOW, burst=1) > 0


def test_tokens_come_back_at_the_rate_up_to_the_burst(limiter: Limiter) -> None:
    for _ in range(2):
        limiter.take("alice", per_second=20, burst=2)
    wait = limiter.take("alice", per_second=20, burst=2)
    assert 0 < wait <= 1 / 20
    clock.sleep(wait + 0.02)
    assert limiter.take("alice", per_second=20, burst=2) == 0
    clock.sleep(0.5)  # ten tokens' worth, of which two fit
    assert [limiter.take("alice", per_second=20, burst=2) for _ in range(2)] == [0, 0]
    assert limiter.take("alice", per_second=20, burst=2) > 0


def test_many_at_once_get_no_more_than_the_burst(limiter: Limiter) -> None:
    start = threading.Barrier(6)
    waits: list[float] = []

    def ask() -> None:
        start.wait()
        waits.extend(limiter.take("alice", per_second=SLOW, burst=10) for _ in range(5))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(wait == 0 for wait in waits) == 10
    assert len(waits) == 30
