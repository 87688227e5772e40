"""What the feeds are asked to watch at this moment."""

from __future__ import annotations

from uuid import UUID

from common.clock import wall_now
from markets.models import Exchange, Interest, InterestKind


def wanted_data(exchange: Exchange) -> dict[InterestKind, set[UUID]]:
    """Return the instruments of an exchange whose live data somebody needs now, by kind; each kind is there."""
    found: dict[InterestKind, set[UUID]] = {kind: set() for kind in InterestKind}
    rows = Interest.objects.filter(instrument__exchange=exchange, expires_at__gt=wall_now())
    for kind, instrument_id in rows.values_list("kind", "instrument_id").distinct():
        found[InterestKind(kind)].add(instrument_id)
    return found
