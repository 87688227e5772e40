"""Quiet hours and digests: moments of a person's own clock, over changes of daylight saving time as well."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

from accounts.notifying.models import Digest

DAY = timedelta(days=1)


def is_zone(name: str) -> bool:
    """Tell whether this is a name of a time zone, such as Europe/Berlin."""
    return name in available_timezones()


def _moment(day: date, at: time, zone: ZoneInfo, *, fold: int) -> datetime:
    """Return a local time as UTC. One that the clock leaps over is as long after the leap; of two, `fold` says which."""
    return datetime.combine(day, at, zone).replace(fold=fold).astimezone(UTC)


def quiet_end(now: datetime, zone_name: str, begins: time | None, ends: time | None) -> datetime | None:
    """Return when the quiet hours end that `now` lies in; None outside of them. Equal times are no hours at all.

    Where the clock is set back, they begin with the first of two equal times and end with the second: quiet for longer
    rather than woken twice.
    """
    if begins is None or ends is None or begins == ends:
        return None
    zone = ZoneInfo(zone_name)
    today = now.astimezone(zone).date()
    over_midnight = timedelta(days=1 if ends < begins else 0)
    for day in (today - DAY, today):
        start, end = _moment(day, begins, zone, fold=0), _moment(day + over_midnight, ends, zone, fold=1)
        if start <= now < end:
            return end
    return None


def digest_moment(now: datetime, zone_name: str, digest: str, at: time) -> datetime | None:
    """Return when the next digest goes out: at the full hour, or at `at` on the person's clock; None without one."""
    if digest == Digest.HOURLY:
        return now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    if digest == Digest.DAILY:
        zone = ZoneInfo(zone_name)
        today = now.astimezone(zone).date()
        return next(found for day in (today, today + DAY) if (found := _moment(day, at, zone, fold=0)) > now)
    return None
