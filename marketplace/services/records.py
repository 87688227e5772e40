"""Track records, kept in step with the snapshots of the portfolios they are about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q

from common.db import bulk_update, lock_rows
from common.realtime import publish
from engine.decimals import ZERO
from engine.performance import Performance, extend
from marketplace.curves import before_ends, curve_ends
from marketplace.models import TOLD, TrackRecord
from marketplace.selectors import follower_counts, listing_cells
from portfolios.models import EquitySnapshot
from portfolios.selectors import net_deposits
from trading.models import UNFINISHED_FOLLOW, Follow

_FIELDS = [*TOLD, *(f"newest_{name}" for name in TOLD), "copied_capital"]


@transaction.atomic
def refresh_records(*, listing_ids: Iterable[UUID] | None = None) -> int:
    """Count what happened since each record's newest snapshot, and tell open pages; return how many records changed.

    A snapshot is counted once: the record's row is locked, and says up to when it knows. What everybody is told goes on
    with it, of a paid listing a day later (curves.py: curve_ends). Withdrawn listings go on: history is never left out,
    nor started anew.
    """
    rows = TrackRecord.objects.select_related("listing__portfolio")
    records = lock_rows(rows if listing_ids is None else rows.filter(pk__in=list(listing_ids)))
    capital = _copied_capital(records)
    before = {one.pk: _state(one) for one in records}
    points = _points_since(records, "newest_as_of")
    ends = curve_ends([one.listing for one in records], None)
    for one in records:
        one.copied_capital = capital.get(one.listing.portfolio_id, ZERO)
        _move_on(one, points.get(one.pk, []), "newest_")
        if one.pk not in ends:
            one.take_newest()
    paid = [one for one in records if one.pk in ends]
    points = _points_since(paid, "as_of", ends)
    for one in paid:
        _move_on(one, points.get(one.pk, []))
    changed = [one for one in records if _state(one) != before[one.pk]]
    bulk_update(TrackRecord, changed, _FIELDS)
    followers = follower_counts(one.listing.portfolio_id for one in changed)
    publish([_message(one, followers.get(one.listing.portfolio_id, 0), is_paid=one.pk in ends) for one in changed])
    return len(changed)


_Row = tuple[UUID, datetime, Decimal, Decimal]


def _state(record: TrackRecord) -> tuple[object, ...]:
    return tuple(getattr(record, name) for name in _FIELDS)


def _points_since(
    records: Sequence[TrackRecord], cursor: str, ends: Mapping[UUID, datetime] | None = None
) -> dict[UUID, list[_Row]]:
    """Return (listing, at, equity, net deposits) of the snapshots after each record's cursor, oldest first, by listing.

    Where ends are given, only of what was before each listing's. A moment that has snapshots of several grains counts
    once: they say the same.
    """
    if not records:
        return {}
    record = f"portfolio__listing__record__{cursor}"
    unseen = Q(**{record: None}) | Q(at__gt=F(record))
    wanted = (
        Q(portfolio__listing__in=[one.pk for one in records])
        if ends is None
        else before_ends(ends, "portfolio__listing")
    )
    rows = (
        EquitySnapshot.objects.filter(unseen, wanted)
        .order_by("portfolio__listing", "at")
        .values_list("portfolio__listing", "at", "equity", "net_deposits")
        .distinct()
    )
    return {listing_id: list(found) for listing_id, found in groupby(rows, key=itemgetter(0))}


def _move_on(record: TrackRecord, points: Sequence[_Row], prefix: str = "") -> None:
    """Move one of the two states of a record on, in place."""
    if not points:
        return

    def has(name: str) -> Any:
        return getattr(record, prefix + name)

    past = Performance(has("unit_value"), has("peak"), has("max_drawdown_ratio"), has("equity"), has("net_deposits"))
    now = extend(past, [(equity, deposits) for _, _, equity, deposits in points])
    moved = (points[-1][1], now.equity, now.net_deposits, now.unit_value, now.peak, now.max_drawdown_ratio)
    for name, value in zip(TOLD, moved, strict=True):
        setattr(record, prefix + name, value)


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
