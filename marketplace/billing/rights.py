"""What a subscription's owner may do, from what the processor last said of it. Pure: rows and moments in, a moment out."""

from __future__ import annotations

from datetime import datetime, timedelta

# Another renewal is on its way when a period ends: the right stands until it can have been heard of.
RENEWAL_SLACK = timedelta(days=1)
PAID = frozenset({"active", "trialing"})


def right_until(
    *,
    status: str,
    period_start: datetime | None,
    period_end: datetime | None,
    is_disputed: bool,
    ends_at_period: bool,
    grace: timedelta,
) -> datetime | None:
    """Return until when the right stands if nothing more is heard; None where it does not.

    Paid or on trial: until the period ends, and a day longer where it renews. A renewal that was not paid leaves the
    right for `grace` from the beginning of the unpaid period. A contested charge ends it at once.
    """
    if is_disputed:
        return None
    if status in PAID and period_end is not None:
        return period_end if ends_at_period else period_end + RENEWAL_SLACK
    if status == "past_due" and period_start is not None:
        return period_start + grace
    return None
