"""Track records, kept in step with the snapshots of the portfolios they are about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q

from common.db import bulk_update, lock_rows
from common.realtime import publish
from engine.decimals import ZERO
from engine.performance import Performance, extend
from marketplace.entitlements import withheld
from marketplace.models import TrackRecord
from marketplace.selectors import follower_counts, listing_cells
from portfolios.models import EquitySnapshot
from portfolios.selectors import net_deposits
from trading.models import UNFINISHED_FOLLOW, Follow

_FIELDS = ["as_of", "equity", "net_deposits", "unit_value", "peak", "max_drawdown_ratio", "copied_capital"]


@transaction.atomic
def refresh_records(*, listing_ids: Iterable[UUID] | None = None) -> int:
    """Count what happened since each record's newest snapshot, and tell open pages; return how many records changed.

    A snapshot is counted once: the record's row is locked, and says up to when it knows. Withdrawn listings go on:
    history is never left out, nor started anew.
    """
    rows = TrackRecord.objects.select_related("listing__portfolio")
    records = lock_rows(rows if listing_ids is None else rows.filter(pk__in=list(listing_ids)))
    capital = _copied_capital(records)
    points = _new_points(records)
    changed = [one for one in records if _update(one, points.get(one.pk, []), capital)]
    bulk_update(TrackRecord, changed, _FIELDS)
    followers = follower_counts(one.listing.portfolio_id for one in changed)
    paid = withheld([one.listing for one in changed], None)
    publish([_message(one, followers.get(one.listing.portfolio_id, 0), is_paid=one.pk in paid) for one in changed])
    return len(changed)


_Row = tuple[UUID, datetime, Decimal, Decimal]


def _new_points(records: Sequence[TrackRecord]) -> dict[UUID, list[_Row]]:
    """Return (listing, at, equity, net deposits) of the snapshots after each record's, oldest first, by listing.

    A moment that has snapshots of several grains counts once: they say the same.
    """
    unseen = Q(portfolio__listing__record__as_of=None) | Q(at__gt=F("portfolio__listing__record__as_of"))
    rows = (
        EquitySnapshot.objects.filter(unseen, portfolio__listing__in=[one.pk for one in records])
        .order_by("portfolio__listing", "at")
        .values_list("portfolio__listing", "at", "equity", "net_deposits")
        .distinct()
    )
    return {listing_id: list(found) for listing_id, found in groupby(rows, key=itemgetter(0))}


def _update(record: TrackRecord, points: Sequence[_Row], capital: dict[UUID, Decimal]) -> bool:
    """Move a record on, in place; return whether that changed it."""
    copied = capital.get(record.listing.portfolio_id, ZERO)
    if not points and copied == record.copied_capital:
        return False
    past = Performance(record.unit_value, record.peak, record.max_drawdown_ratio, record.equity, record.net_deposits)
    now = extend(past, [(equity, deposits) for _, _, equity, deposits in points])
    record.unit_value, record.peak, record.max_drawdown_ratio = now.unit_value, now.peak, now.max_drawdown_ratio
    record.equity, record.net_deposits, record.copied_capital = now.equity, now.net_deposits, copied
    record.as_of = points[-1][1] if points else record.as_of
    return True


def _copied_capital(records: Sequence[TrackRecord]) -> dict[UUID, Decimal]:
    """Return what the unfinished follows of each led portfolio have contributed, net, in its settlement currency."""
    led = [one.listing.portfolio_id for one in records]
    follows = list(
        Follow.objects.filter(lead__in=led, state__in=UNFINISHED_FOLLOW).values_list("lead_id", "portfolio_id")
    )
    contributed = net_deposits(portfolio_id for _, portfolio_id in follows)
    capital: dict[UUID, Decimal] = {}
    for lead_id, portfolio_id in follows:
        capital[lead_id] = capital.get(lead_id, ZERO) + contributed[portfolio_id]
    return capital


# What moves by whom a listing has, not by how it trades.
_CELLS_OF_PAID = ("followers", "copied")


def _message(record: TrackRecord, followers: int, *, is_paid: bool) -> tuple[str, dict[str, object]]:
    """Return what open pages learn. One message is for all readers: of a paid listing it tells nothing of the newest day."""
    cells = listing_cells(record.listing, followers)
    if is_paid:
        return f"listing:{record.pk}", {"cells": {name: cells[name] for name in _CELLS_OF_PAID}}
    message: dict[str, object] = {"cells": cells}
    if record.as_of is not None:
        message["series"] = {"equity": {"time": int(record.as_of.timestamp()), "value": float(record.equity)}}
    return f"listing:{record.pk}", message
