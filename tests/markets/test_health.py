"""The circuit breaker: closed, open, half-open; one try by one process; seen by all; told to metrics."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import redis

from common import clock, ids
from common.bus import bus
from markets import health
from markets.gateway.errors import BackOff, GatewayError, Retry, Skip, Unknown
from markets.health import Breaker, BreakerState, VenueHealth, venue_health, venue_metrics

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Walls:
    """A wall clock that a test moves."""

    def __init__(self) -> None:
        self.now = NOON

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def wall() -> Iterator[Walls]:
    walls = Walls()
    clock.use_wall_clock(lambda: walls.now)
    yield walls
    clock.use_wall_clock(None)


@pytest.fixture
def venue(wall: Walls, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(health, "_FRESH_SECONDS", -1.0)  # every look goes to the board
    health.forget_counts()
    bus().board_drop(health.BOARD)
    yield f"v{ids.new_token(4)}"
    bus().board_drop(health.BOARD)


def outage(venue: str) -> GatewayError:
    return Retry(venue, "TIMED_OUT", "no answer")


def fail(breaker: Breaker, venue: str, times: int) -> None:
    for _ in range(times):
        breaker.admit()
        breaker.failed(outage(venue))


def state(venue: str) -> BreakerState:
    return venue_health([venue])[venue].state


def test_what_was_just_seen_closed_is_not_asked_about_again(venue: str, monkeypatch: pytest.MonkeyPatch) -> None:
    breaker = Breaker(venue)
    assert not breaker.is_known_closed()
    monkeypatch.setattr(health, "_FRESH_SECONDS", 60.0)
    assert not breaker.admit()
    assert breaker.is_known_closed()
    fail(breaker, venue, 5)
    assert not breaker.is_known_closed()


def test_five_failures_in_a_row_open_it_and_a_success_between_does_not(venue: str) -> None:
    breaker = Breaker(venue)
    fail(breaker, venue, 4)
    breaker.succeeded()
    fail(breaker, venue, 4)
    assert state(venue) == BreakerState.CLOSED
    fail(breaker, venue, 1)
    assert venue_health()[venue] == VenueHealth(
        venue, BreakerState.OPEN, NOON, "TIMED_OUT: no answer", NOON + timedelta(seconds=5), 1
    )
    with pytest.raises(BackOff) as denied:
        breaker.admit()
    assert (denied.value.code, denied.value.retry_after) == ("BREAKER_OPEN", 5)


def test_failures_long_ago_do_not_count(venue: str, monkeypatch: pytest.MonkeyPatch) -> None:
    breaker, now = Breaker(venue), [1000.0]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])
    fail(breaker, venue, 4)
    now[0] += health.FAILURE_WINDOW_SECONDS
    fail(breaker, venue, 4)
    assert state(venue) == BreakerState.CLOSED


def test_half_open_one_request_tries_and_its_success_closes(venue: str, wall: Walls) -> None:
    breaker = Breaker(venue)
    fail(breaker, venue, 5)
    wall.later(5)
    breaker.admit()
    assert state(venue) == BreakerState.HALF_OPEN
    with pytest.raises(BackOff):
        breaker.admit()
    breaker.succeeded()
    assert venue_health([venue])[venue] == VenueHealth(venue, since=NOON + timedelta(seconds=5))
    breaker.admit()


def test_a_failed_try_doubles_the_pause_up_to_a_minute(venue: str, wall: Walls) -> None:
    breaker, pauses = Breaker(venue), []
    fail(breaker, venue, 5)
    for _ in range(6):
        found = venue_health([venue])[venue]
        assert found.retry_at is not None
        pauses.append((found.retry_at - wall.now).total_seconds())
        wall.later(pauses[-1])
        fail(breaker, venue, 1)
    assert pauses == [5, 10, 20, 40, 60, 60]
    assert venue_health([venue])[venue].since == NOON  # it has been away since then


def test_other_processes_see_it_and_only_one_of_them_tries(venue: str, wall: Walls) -> None:
    first, second = Breaker(venue), Breaker(venue)
    fail(first, venue, 5)
    with pytest.raises(BackOff):
        second.admit()
    wall.later(5)
    second.admit()
    with pytest.raises(BackOff):
        first.admit()
    second.succeeded()
    first.admit()


def test_who_dies_trying_lets_another_try(venue: str, wall: Walls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "TRIAL_SECONDS", 0.3)
    first, second = Breaker(venue), Breaker(venue)
    fail(first, venue, 5)
    wall.later(5)
    first.admit()
    with pytest.raises(BackOff):
        second.admit()
    clock.sleep(0.35)
    second.admit()


def test_a_try_that_is_given_up_leaves_room_for_another_at_once(venue: str, wall: Walls) -> None:
    first, second = Breaker(venue), Breaker(venue)
    fail(first, venue, 5)
    wall.later(5)
    assert first.admit()
    first.abandoned()
    assert second.admit()
    second.succeeded()
    assert not first.admit()


def test_who_may_not_try_is_denied_until_another_has_tried(venue: str, wall: Walls) -> None:
    breaker = Breaker(venue)
    fail(breaker, venue, 5)
    wall.later(5)
    with pytest.raises(BackOff):
        breaker.admit(may_try=False)
    assert breaker.admit()


def test_maintenance_opens_it_at_once_for_as_long_as_the_venue_says(venue: str) -> None:
    breaker = Breaker(venue)
    breaker.failed(BackOff(venue, "MAINTENANCE", "back soon", retry_after=300, is_outage=True))
    assert venue_health([venue])[venue].retry_at == NOON + timedelta(seconds=300)


def test_refusals_are_answers_and_limits_are_not_outages(venue: str) -> None:
    breaker = Breaker(venue)
    fail(breaker, venue, 4)
    breaker.failed(BackOff(venue, "RATE_LIMITED", retry_after=5))
    breaker.failed(Skip(venue, "SYMBOL_UNKNOWN"))
    fail(breaker, venue, 4)
    assert state(venue) == BreakerState.CLOSED
    breaker.failed(Unknown(venue, "TIMED_OUT"))  # an order without an answer is an outage like any other
    assert state(venue) == BreakerState.OPEN


def test_changes_are_told_and_counted(venue: str, wall: Walls) -> None:
    with bus().listen(health.CHANNEL) as told:
        breaker = Breaker(venue)
        fail(breaker, venue, 5)
        assert told.get(1) == (health.CHANNEL, {"venue": venue, "state": "OPEN"})
        assert venue_metrics()["venue_breaker_state"][f'venue="{venue}"'] == 2
        wall.later(5)
        breaker.admit()
        breaker.succeeded()
        assert [told.get(1), told.get(1)] == [
            (health.CHANNEL, {"venue": venue, "state": one}) for one in ("HALF_OPEN", "CLOSED")
        ]
    metrics = venue_metrics()
    assert metrics["venue_breaker_state"] == {f'venue="{venue}"': 0}
    assert metrics["venue_requests_total"] == {
        f'venue="{venue}",outcome="{outcome}"': number
        for outcome, number in sorted(
            {"TIMED_OUT": 5, "OK": 1, "BREAKER_OPEN": 1, "BREAKER_HALF_OPEN": 1, "BREAKER_CLOSED": 1}.items()
        )
    }


def test_without_a_bus_each_process_judges_for_itself(venue: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise redis.ConnectionError("away")

    monkeypatch.setattr(health, "bus", away)
    breaker = Breaker(venue)
    fail(breaker, venue, 5)
    with pytest.raises(BackOff):
        breaker.admit()


def test_a_venue_that_never_failed_is_well(venue: str) -> None:
    assert venue_health([venue]) == {venue: VenueHealth(venue)}
    assert venue not in venue_health()
