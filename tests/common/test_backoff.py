"""Back-off: waits grow, are drawn from the whole span below their bound, and never undercut what was asked for."""

from __future__ import annotations

from common.backoff import Backoff
from common.ids import seeded_random


class Highest:
    """Draws the upper bound itself, which shows it."""

    def uniform(self, low: float, high: float) -> float:
        assert low == 0
        return high


def bounds(backoff: Backoff, count: int) -> list[float]:
    return [backoff.next_wait() for _ in range(count)]


def test_the_bound_doubles_up_to_the_cap_and_begins_again_after_a_success() -> None:
    backoff = Backoff(Highest(), first_seconds=0.5, cap_seconds=5)  # type: ignore[arg-type]  # draws like a Random
    assert bounds(backoff, 6) == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]
    assert backoff.failures == 6
    backoff.reset()
    assert bounds(backoff, 2) == [0.5, 1.0]


def test_a_day_of_failures_is_no_error() -> None:
    backoff = Backoff(Highest(), cap_seconds=60)  # type: ignore[arg-type]  # draws like a Random
    assert bounds(backoff, 2_000)[-1] == 60


def test_jitter_is_full_and_a_seed_repeats_it() -> None:
    def draw(seed: str) -> list[float]:
        backoff = Backoff(seeded_random(seed), first_seconds=1, cap_seconds=1)
        return bounds(backoff, 1_000)

    waits = draw("one")
    assert waits == draw("one") != draw("two")
    assert min(waits) < 0.05
    assert max(waits) > 0.95
    assert 0.45 < sum(waits) / len(waits) < 0.55


def test_what_the_other_side_asked_for_is_the_least() -> None:
    backoff = Backoff(seeded_random("asked"), first_seconds=1, cap_seconds=1)
    waits = [backoff.next_wait(retry_after=30) for _ in range(100)]
    assert min(waits) >= 30
    assert max(waits) <= 31


def test_a_denial_is_waited_out_and_no_failure() -> None:
    backoff = Backoff(Highest(), first_seconds=0.5, cap_seconds=60)  # type: ignore[arg-type]  # draws like a Random
    assert [backoff.denied_wait(5) for _ in range(10)] == [5.5] * 10
    assert (backoff.failures, backoff.next_wait()) == (0, 0.5)
