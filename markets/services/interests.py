"""What the feeds must watch, as those who need it say: renewed while it is needed, forgotten when it is not."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from django.db import transaction

from common.clock import wall_now
from markets.models import Interest, InterestKind

DEFAULT_SECONDS = 60.0


@transaction.atomic
def renew_interest(
    *, instrument_ids: Iterable[UUID], kind: InterestKind, reason: str, seconds: float = DEFAULT_SECONDS
) -> None:
    """Have live data of these instruments watched for so many seconds of the wall from now, for this reason.

    One statement for all. To stop early, renew for 0 seconds; other reasons are not touched.
    """
    expires_at = wall_now() + timedelta(seconds=seconds)
    rows = [
        Interest(instrument_id=instrument_id, kind=kind, reason=reason, expires_at=expires_at)
        # In one order everywhere, so that two who renew the same rows do not wait for each other.
        for instrument_id in sorted(set(instrument_ids))
    ]
    Interest.objects.bulk_create(
        rows, update_conflicts=True, update_fields=["expires_at"], unique_fields=["instrument", "kind", "reason"]
    )


def forget_expired_interests() -> int:
    """Delete what expired more than a minute ago and return how many rows went."""
    return Interest.objects.filter(expires_at__lt=wall_now() - timedelta(minutes=1)).delete()[0]
