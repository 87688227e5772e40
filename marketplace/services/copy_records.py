"""Records of copying, kept in step with market hours and with the copies that were made.

Each figure is moved on from where it stands, for all listings in the same few statements, however many follow them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet

from common.clock import wall_now
from common.db import bulk_insert, bulk_update, lock_rows
from engine.copy_accounts.performance import Member, bucket_of, money_weighted_return, pooled_growth
from engine.decimals import ZERO
from engine.performance import Performance, extend
from marketplace.curves import before_ends, curve_ends
from marketplace.models import CopyRecord, Listing
from portfolios.models import EquitySnapshot, SnapshotGrain
from trading.copy_accounts.models import ProfitShareSettlement
from trading.models import CauseKind, LeadEvent, LeadEventState, Order
from trading.transitions import ENDED

# An event's copies have come to an end after so long by the wall; what has not by then did not trade.
SETTLED_AFTER = timedelta(seconds=60)
# Of this many events the copies are counted in one refresh.
EVENTS = 200
# What no copy was wished for: nothing is held, or the follower paused or stopped.
_UNWISHED = frozenset({"NOTHING_TO_CLOSE", "FOLLOW_PAUSED", "FOLLOW_STOPPING", "SUPERSEDED"})
_FIELDS = [field.attname for field in CopyRecord._meta.concrete_fields if not field.primary_key]


@transaction.atomic
def refresh_copy_records(*, listing_ids: Iterable[UUID] | None = None) -> int:
    """Count what happened since each record's cursors; return how many records there are. A repeat changes nothing."""
    listings = Listing.objects.all() if listing_ids is None else Listing.objects.filter(pk__in=list(listing_ids))
    missing = [CopyRecord(listing=one) for one in listings.filter(copies=None)]
    bulk_insert(CopyRecord, missing, ignore_conflicts=True)
    records = lock_rows(CopyRecord.objects.filter(listing__in=listings).select_related("listing__portfolio"))
    if not records:
        return 0
    # Everybody is told these: of a paid listing they end where its curve does for whoever does not subscribe.
    ends = curve_ends([one.listing for one in records], None)
    _count_hours(records, ends)
    _count_days(records, ends)
    _count_followers(records, ends)
    _count_copies(records)
    bulk_update(CopyRecord, records, _FIELDS)
    return len(records)


# --- the lead's own -------------------------------------------------------------------------------------------------
def _count_hours(records: Sequence[CopyRecord], ends: Mapping[UUID, datetime]) -> None:
    """Move the drawdown on: hourly values of what the lead holds, unrealized gains and losses included."""
    record = "portfolio__listing__copies__hour_as_of"
    unseen = Q(**{record: None}) | Q(at__gt=F(record))
    rows = _points(records, SnapshotGrain.HOUR, ends).filter(unseen)
    found = {pk: list(points) for pk, points in _by_listing(rows)}
    for one in records:
        if not (points := found.get(one.pk)):
            continue
        past = Performance(
            one.hour_unit_value, one.hour_peak, one.max_drawdown_ratio, one.hour_equity, one.hour_net_deposits
        )
        now = extend(past, [(equity, deposits) for _, _, equity, deposits in points])
        one.hour_unit_value, one.hour_peak, one.max_drawdown_ratio = now.unit_value, now.peak, now.max_drawdown_ratio
        one.hour_equity, one.hour_net_deposits, one.hour_as_of = now.equity, now.net_deposits, points[-1][1]


def _count_days(records: Sequence[CopyRecord], ends: Mapping[UUID, datetime]) -> None:
    """Measure daily unit values and the money-weighted return, from days, which are kept for ever."""
    for pk, points in _by_listing(_points(records, SnapshotGrain.DAY, ends)):
        record = next(one for one in records if one.pk == pk)
        days = list(points)
        curve = [(equity, deposits) for _, _, equity, deposits in days]
        record.daily_return_ratio = extend(Performance(), curve).return_ratio
        deposits = [ZERO, *(deposits for _, deposits in curve)]
        flows = [(day[1], after - before) for day, before, after in zip(days, deposits, deposits[1:], strict=False)]
        last_at, value = days[-1][1], days[-1][2]
        record.money_weighted_ratio = money_weighted_return([one for one in flows if one[1]], value, last_at)


_Row = tuple[UUID, datetime, Decimal, Decimal]


def _points(
    records: Sequence[CopyRecord], grain: SnapshotGrain, ends: Mapping[UUID, datetime]
) -> QuerySet[EquitySnapshot]:
    whole = Q(portfolio__listing__in=[one.pk for one in records if one.pk not in ends])
    return EquitySnapshot.objects.filter(whole | before_ends(ends, "portfolio__listing"), grain=grain)


def _by_listing(rows: QuerySet[EquitySnapshot]) -> Iterator[tuple[UUID, Iterator[_Row]]]:
    """Yield (listing, at, equity, net deposits) by listing, oldest first."""
    values = rows.order_by("portfolio__listing", "at").values_list("portfolio__listing", "at", "equity", "net_deposits")
    return groupby(values.iterator(), key=itemgetter(0))


# --- followers ------------------------------------------------------------------------------------------------------
@dataclass(slots=True)
class _Pool:
    """The followers of one listing while their hours are counted: each one's last point, and what was shared since."""

    record: CopyRecord
    last: dict[UUID, tuple[datetime, Decimal, Decimal]] = field(default_factory=dict)
    shared: dict[UUID, list[tuple[datetime, Decimal]]] = field(default_factory=dict)

    def hour(self, at: datetime, rows: Iterable[_FollowerRow]) -> None:
        members = []
        for row in rows:
            before = self.last.get(row.portfolio)
            self.last[row.portfolio] = (at, row.equity, row.net_deposits)
            if self.record.followers_as_of is not None and at <= self.record.followers_as_of:
                continue
            if row.stopped_at is not None and before is not None and before[0] > row.stopped_at:
                continue  # what its owner does with it after the follow is theirs
            if before is None and self.record.followers_as_of and row.started_at <= self.record.followers_as_of:
                continue  # an hour is missing: it is measured from here on
            _, equity, net_deposits = before or (at, ZERO, ZERO)
            shared = self._shared(row.portfolio, at)
            members.append(Member(equity, net_deposits, row.equity, row.net_deposits, shared))
        if members:
            unit_value = 1 + (self.record.follower_return_ratio or 0.0)
            self.record.follower_return_ratio = unit_value * pooled_growth(members) - 1

    def _shared(self, portfolio: UUID, until: datetime) -> Decimal:
        """Take what was settled of a follow up to a moment."""
        due = self.shared.get(portfolio, [])
        taken = [amount for at, amount in due if at <= until]
        self.shared[portfolio] = due[len(taken) :]
        return sum(taken, ZERO)


@dataclass(frozen=True, slots=True)
class _FollowerRow:
    """A follower's point at an hour of market time."""

    listing: UUID
    at: datetime
    portfolio: UUID
    equity: Decimal
    net_deposits: Decimal
    started_at: datetime
    stopped_at: datetime | None


def _count_followers(records: Sequence[CopyRecord], ends: Mapping[UUID, datetime]) -> None:
    """Move on what all followers' money came to, hour by hour; those who stopped stay counted until they did."""
    listing = "portfolio__follow__lead__listing"
    cursor = f"{listing}__copies__followers_as_of"
    unseen = Q(**{cursor: None}) | Q(at__gte=F(cursor))
    names = (
        "at",
        "portfolio",
        "equity",
        "net_deposits",
        "portfolio__follow__started_at",
        "portfolio__follow__stopped_at",
    )
    whole = Q(**{f"{listing}__in": [one.pk for one in records if one.pk not in ends]})
    rows = EquitySnapshot.objects.filter(unseen, whole | before_ends(ends, listing), grain=SnapshotGrain.HOUR)
    found = rows.filter(at__gte=F("portfolio__follow__started_at")).order_by(listing, "at", "portfolio")
    pools = {one.pk: _Pool(one, shared=shared) for one, shared in _shared_by_follow(records)}
    values = (_FollowerRow(*row) for row in found.values_list(listing, *names).iterator())
    for (pk, at), hour in groupby(values, key=lambda row: (row.listing, row.at)):
        pool = pools[pk]
        pool.hour(at, hour)
        pool.record.followers_as_of = max(at, pool.record.followers_as_of or at)


def _shared_by_follow(
    records: Sequence[CopyRecord],
) -> list[tuple[CopyRecord, dict[UUID, list[tuple[datetime, Decimal]]]]]:
    """Return what was settled after each record's followers' cursor, by the follow's portfolio, oldest first."""
    lead = "account__follow__lead__listing"
    rows = ProfitShareSettlement.objects.filter(due__gt=ZERO, **{f"{lead}__in": [one.pk for one in records]})
    unseen = Q(**{f"{lead}__copies__followers_as_of": None}) | Q(settled_at__gt=F(f"{lead}__copies__followers_as_of"))
    found: dict[UUID, dict[UUID, list[tuple[datetime, Decimal]]]] = {}
    values = (
        rows.filter(unseen).order_by("settled_at").values_list(lead, "account__follow__portfolio", "settled_at", "due")
    )
    for pk, portfolio, at, due in values:
        found.setdefault(pk, {}).setdefault(portfolio, []).append((at, due))
    return [(one, found.get(one.pk, {})) for one in records]


# --- copies ---------------------------------------------------------------------------------------------------------
def _count_copies(records: Sequence[CopyRecord]) -> None:
    """Count the copies of events that have come to an end, and how long each took from the lead's fill until it was sent."""
    cursor = F("lead__listing__copies__last_event")
    before = wall_now() - SETTLED_AFTER
    events = LeadEvent.objects.filter(state=LeadEventState.DONE, recorded_at__lte=before, pk__gt=cursor)
    of = {one.listing.portfolio_id: one for one in records}
    ended = list(events.filter(lead__in=of).order_by("pk").values_list("pk", "lead", "recorded_at")[:EVENTS])
    by_cause = {str(pk): (of[lead], recorded_at) for pk, lead, recorded_at in ended}
    orders = Order.objects.filter(state__in=ENDED, cause_kind=CauseKind.LEAD_EVENT, cause_id__among=list(by_cause))
    for cause, code, filled, claimed_at in orders.values_list("cause_id", "code", "filled_quantity", "claimed_at"):
        record, recorded_at = by_cause[cause]
        if code in _UNWISHED:
            continue
        record.copies_wished += 1
        if filled and claimed_at is not None:
            record.copies_traded += 1
            record.sent_after[bucket_of((claimed_at - recorded_at).total_seconds() * 1_000)] += 1
    for pk, lead, _ in ended:
        of[lead].last_event = max(of[lead].last_event, pk)
