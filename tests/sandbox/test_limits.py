"""Weights with warnings and bans, and the counter that drains."""

from __future__ import annotations

from sandbox.core.clock import ManualTime
from sandbox.limits import DrainingLimit, Verdict, WeightLimit


def test_weight_over_the_limit_is_warned_about_then_banned_and_forgiven() -> None:
    time = ManualTime(60_000 * 1000)
    limit = WeightLimit(10, time, patience=2)
    assert limit.charge("a", 6) == Verdict(6)
    assert limit.charge("b", 6) == Verdict(6)
    time.advance(45_000)
    assert limit.charge("a", 6) == Verdict(12, 429, 15)
    assert limit.charge("a", 1) == Verdict(13, 429, 15)
    assert limit.charge("a", 1) == Verdict(14, 418, 120)
    time.advance(119_001)
    assert limit.charge("a", 1) == Verdict(0, 418, 1)
    time.advance(1000)
    assert limit.charge("a", 1) == Verdict(1)


def test_a_new_minute_starts_from_nothing() -> None:
    time = ManualTime(60_000 * 1000)
    limit = WeightLimit(10, time)
    assert limit.charge("a", 11).status == 429
    time.advance(60_000)
    assert limit.charge("a", 10) == Verdict(10)


def test_a_counter_drains_with_time() -> None:
    time = ManualTime()
    limit = DrainingLimit(3, 0.5, time)
    assert [limit.charge("a", 1) for _ in range(4)] == [True, True, True, False]
    assert limit.charge("b", 1)
    time.advance(2000)
    assert [limit.charge("a", 1), limit.charge("a", 1)] == [True, False]
