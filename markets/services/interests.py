"""What the feeds must watch, as those who need it say: renewed while it is needed, forgotten when it is not."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from django.db import transaction

from common.clock import wall_now
from markets.models import AlertKind, Interest, InterestKind
from markets.selectors import waiting_alerts

DEFAULT_SECONDS = 60.0


# Who needs an instrument's live data: the instrument, the kind of data, the reason.
Wanted = tuple[UUID, InterestKind, str]


def renew_interest(
    *, instrument_ids: Iterable[UUID], kind: InterestKind, reason: str, seconds: float = DEFAULT_SECONDS
) -> None:
    """Have live data of these instruments watched for so many seconds of the wall from now, for this reason.

    One statement for all. To stop early, renew for 0 seconds; other reasons are not touched.
    """
    renew_interests(wanted=[(instrument_id, kind, reason) for instrument_id in instrument_ids], seconds=seconds)


@transaction.atomic
def renew_interests(*, wanted: Iterable[Wanted], seconds: float = DEFAULT_SECONDS) -> int:
    """Do the same for several kinds and reasons at once, in one statement, and return how many interests there are."""
    expires_at = wall_now() + timedelta(seconds=seconds)
    rows = [
        Interest(instrument_id=instrument_id, kind=kind, reason=reason, expires_at=expires_at)
        # In one order everywhere, so that two who renew the same rows do not wait for each other.
        for instrument_id, kind, reason in sorted(set(wanted))
    ]
    Interest.objects.bulk_create(
        rows, update_conflicts=True, update_fields=["expires_at"], unique_fields=["instrument", "kind", "reason"]
    )
    return len(rows)


def renew_alert_interests() -> int:
    """Have everything watched that a waiting price alert is about, at connected exchanges; two statements."""
    found = waiting_alerts().exclude(instrument__exchange__dialect="").order_by()
    wanted: list[Wanted] = []
    for instrument_id, kind in found.values_list("instrument", "kind").distinct():
        wanted.append((instrument_id, InterestKind.TICKER, "alert"))
        if kind == AlertKind.VOLUME_SPIKE:
            wanted.append((instrument_id, InterestKind.CANDLES, "alert"))
    return renew_interests(wanted=wanted)


def forget_expired_interests() -> int:
    """Delete what expired more than a minute ago and return how many rows went."""
    return Interest.objects.filter(expires_at__lt=wall_now() - timedelta(minutes=1)).delete()[0]
