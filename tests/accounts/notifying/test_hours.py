"""Quiet hours and digests by a person's own clock, when the clock is changed as well."""

from __future__ import annotations

from datetime import UTC, datetime, time

import pytest

from accounts.notifying.hours import digest_moment, is_zone, quiet_end

BERLIN = "Europe/Berlin"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "begins", "ends", "expected"),
    [
        # Winter, UTC+1: 22:00 to 07:00 is 21:00 to 06:00 UTC.
        ("2026-01-15 20:59:59", time(22), time(7), None),
        ("2026-01-15 21:00:00", time(22), time(7), "2026-01-16 06:00"),
        ("2026-01-16 05:59:59", time(22), time(7), "2026-01-16 06:00"),
        ("2026-01-16 06:00:00", time(22), time(7), None),
        # On the same day: a siesta.
        ("2026-01-15 12:30:00", time(13), time(15), "2026-01-15 14:00"),
        ("2026-01-15 14:00:00", time(13), time(15), None),
        # The night of 29 March 2026 has no 02:00 to 03:00: 07:00 is 05:00 UTC, an hour earlier than the night before.
        ("2026-03-28 21:30:00", time(22), time(7), "2026-03-29 05:00"),
        ("2026-03-29 05:00:00", time(22), time(7), None),
        # Quiet until a time that the clock leaps over: as long after the leap, 03:30 in summer time.
        ("2026-03-28 23:00:00", time(22), time(2, 30), "2026-03-29 00:30"),
        # The night of 25 October 2026 has 02:30 twice: quiet from the first, and until the second.
        ("2026-10-25 00:29:59", time(2, 30), time(7), None),
        ("2026-10-25 00:30:00", time(2, 30), time(7), "2026-10-25 06:00"),
        ("2026-10-25 00:45:00", time(22), time(2, 30), "2026-10-25 01:30"),
        ("2026-10-25 01:30:00", time(22), time(2, 30), None),
        # No hours at all.
        ("2026-01-15 23:00:00", None, None, None),
        ("2026-01-15 23:00:00", time(9), time(9), None),
    ],
)
def test_quiet_hours_end_by_the_persons_clock(
    now: str, begins: time | None, ends: time | None, expected: str | None
) -> None:
    assert quiet_end(at(now), BERLIN, begins, ends) == (at(expected) if expected else None)


@pytest.mark.parametrize(
    ("now", "digest", "expected"),
    [
        ("2026-01-15 10:00:00", "OFF", None),
        ("2026-01-15 10:00:00", "HOURLY", "2026-01-15 11:00"),
        ("2026-01-15 10:59:59", "HOURLY", "2026-01-15 11:00"),
        ("2026-01-15 06:59:59", "DAILY", "2026-01-15 07:00"),
        ("2026-01-15 07:00:00", "DAILY", "2026-01-16 07:00"),
        # Summer time begins in between: 08:00 is 06:00 UTC from then on.
        ("2026-03-28 07:00:00", "DAILY", "2026-03-29 06:00"),
    ],
)
def test_a_digest_comes_at_the_next_hour_or_at_eight(now: str, digest: str, expected: str | None) -> None:
    assert digest_moment(at(now), BERLIN, digest, time(8)) == (at(expected) if expected else None)


def test_a_zone_is_one_that_is_known() -> None:
    assert is_zone("America/New_York")
    assert not is_zone("../../etc/passwd")
    assert not is_zone("Mars/Olympus")
