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


def test_with_patience_those_who_ask_form_a_queue(limiter: Limiter) -> None:
    def take(patience: float) -> float:
        return limiter.take("alice", per_second=2, burst=1, patience=patience)

    waits = [take(10) for _ in range(4)]
    assert waits == pytest.approx([0, 0.5, 1.0, 1.5], abs=0.05)
    assert take(1.5) == pytest.approx(2.0, abs=0.1)  # more than its patience: it took nothing,
    assert take(10) == pytest.approx(2.0, abs=0.1)  # so the next waits no longer than it would have


def test_a_weight_above_the_burst_needs_a_full_bucket_and_leaves_a_debt(limiter: Limiter) -> None:
    assert limiter.take("alice", per_second=10, burst=5, weight=20) == 0
    assert limiter.take("alice", per_second=10, burst=5, weight=1) == pytest.approx(1.6, abs=0.05)
    assert limiter.take("bob", per_second=SLOW, burst=5, weight=1) == 0
    assert limiter.take("bob", per_second=SLOW, burst=5, weight=20) == pytest.approx(1 / SLOW, rel=1e-3)


def test_a_pause_holds_everybody_and_the_longer_one_stands(limiter: Limiter) -> None:
    limiter.pause("alice", 0.4)
    limiter.pause("alice", 0.1)
    assert limiter.take("alice", per_second=100, burst=5) == pytest.approx(0.4, abs=0.05)
    assert limiter.take("bob", per_second=100, burst=5) == 0
    clock.sleep(0.45)
    assert limiter.take("alice", per_second=100, burst=5) == 0


def test_a_pause_outlasts_the_time_in_which_a_bucket_fills(limiter: Limiter) -> None:
    limiter.take("alice", per_second=1000, burst=1)
    limiter.pause("alice", 30)
    limiter.take("alice", per_second=1000, burst=1)
    clock.sleep(1.1)  # an idle bucket that is full is forgotten a second later
    assert limiter.take("alice", per_second=1000, burst=1) == pytest.approx(28.9, abs=0.3)


def test_memory_forgets_who_may_do_all_again_and_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("common.limiter.MOST_BUCKETS", 10)
    memory = MemoryLimiter()
    assert memory.take("busy", per_second=SLOW, burst=1) == 0
    for number in range(100):
        memory.take(f"guess-{number}", per_second=1e9, burst=1)
    assert len(memory._buckets) <= 20
    assert memory.take("busy", per_second=SLOW, burst=1) > 0
