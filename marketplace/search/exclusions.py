"""Accounts that are left out of the ranking: one household that bets on both sides shows the side that won (rule 40).

A household is an owner, and whoever signed in from the same device or the same network address within 90 days (wall
time). Of two portfolios of one kind in a household both are left out where

- HEDGED: their daily returns have a correlation of -0.8 or less, over 10 days or more on which either moved; or
- MIRRORED: of the last 200 fills of either, 10 at least, four of five were met by the other one: its nearest fill in the
  same instrument is on the other side, within 60 s of market time.

Withdrawn listings are looked at as well: taking one side down does not make the other one honest. A network address that
more than 50 accounts share is no household's (a campus, a mobile network).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import combinations
from uuid import UUID

import numpy as np
from django.db.models import F

from accounts.models import SignIn
from common.clock import wall_now
from engine.performance import Point, unit_values
from marketplace.models import Listing
from marketplace.search.models import Exclusion
from portfolios.models import EquitySnapshot, SnapshotGrain
from trading.models import Fill

SEEN_WITHIN = timedelta(days=90)
MOST_SHARING = 50
HEDGED_BELOW, FEWEST_DAYS = -0.8, 10
RECENT_DAYS = 365
LAST_FILLS, FEWEST_FILLS = 200, 10
MIRRORED_SHARE, MIRRORED_WITHIN = 0.8, timedelta(seconds=60)

# (market time, instrument, side) of a fill.
_Trade = tuple[float, UUID, str]


def excluded_listings() -> dict[UUID, str]:
    """Return what is left out of the ranking, and why; in a constant number of statements."""
    rows = list(Listing.objects.order_by("pk").values_list("pk", "owner", "portfolio", "portfolio__kind"))
    pairs = list(_pairs(rows, households({owner for _, owner, _, _ in rows})))
    portfolios = sorted({portfolio for pair in pairs for _, portfolio in pair})
    returns, trades = daily_returns(portfolios), _trades(portfolios)
    found: dict[UUID, str] = {}
    for (one, portfolio), (other, opposite) in pairs:
        reason = ""
        if are_hedged(returns.get(portfolio, {}), returns.get(opposite, {})):
            reason = Exclusion.HEDGED
        elif are_mirrored(trades.get(portfolio, []), trades.get(opposite, [])):
            reason = Exclusion.MIRRORED
        if reason:
            found[one] = found[other] = reason
    return found


_Listed = tuple[UUID, UUID]


def _pairs(
    rows: Sequence[tuple[UUID, UUID, UUID, str]], household: Mapping[UUID, UUID]
) -> Iterator[tuple[_Listed, _Listed]]:
    """Yield the pairs of (listing, portfolio) of one kind within a household."""
    groups: dict[tuple[UUID, str], list[_Listed]] = {}
    for listing, owner, portfolio, kind in rows:
        groups.setdefault((household[owner], kind), []).append((listing, portfolio))
    for group in groups.values():
        yield from combinations(group, 2)


def households(people: Iterable[UUID]) -> dict[UUID, UUID]:
    """Return one person of each one's household: the same one for all of it."""
    head = {person: person for person in people}

    def head_of(person: UUID) -> UUID:
        while head[person] != person:
            head[person] = head[head[person]]
            person = head[person]
        return person

    recent = SignIn.objects.filter(succeeded=True, at__gt=wall_now() - SEEN_WITHIN, user__listings__isnull=False)
    sharing: dict[str, set[UUID]] = {}
    for user, device, address in recent.order_by().values_list("user", "device_digest", "address").distinct():
        for sign in filter(None, (device, address)):
            sharing.setdefault(sign, set()).add(user)
    for members in sharing.values():
        known = sorted(person for person in members if person in head)
        if len(members) <= MOST_SHARING:
            for other in known[1:]:
                head[head_of(other)] = head_of(known[0])
    return {person: head_of(person) for person in head}


def daily_returns(portfolios: Sequence[UUID]) -> dict[UUID, dict[date, float]]:
    """Return each portfolio's returns by day of market time, of the days of its last year."""
    rows = EquitySnapshot.objects.filter(portfolio__among=portfolios, grain=SnapshotGrain.DAY).order_by(
        "portfolio", "at"
    )
    points: dict[UUID, list[tuple[date, Point]]] = {}
    for portfolio, at, equity, net_deposits in rows.values_list("portfolio", "at", "equity", "net_deposits").iterator():
        points.setdefault(portfolio, []).append((at.date(), (equity, net_deposits)))
    found = {}
    for portfolio, all_days in points.items():
        days = all_days[-RECENT_DAYS - 1 :]
        values = unit_values(point for _, point in days)
        found[portfolio] = {
            day: after / before - 1
            for (day, _), before, after in zip(days[1:], values, values[1:], strict=False)
            if before > 0
        }
    return found


def are_hedged(one: Mapping[date, float], other: Mapping[date, float]) -> bool:
    """Say whether two portfolios' daily returns are each other's opposite."""
    days = [day for day in one.keys() & other.keys() if one[day] or other[day]]
    if len(days) < FEWEST_DAYS:
        return False
    first, second = np.array([one[day] for day in days]), np.array([other[day] for day in days])
    if not first.std() or not second.std():
        return False
    return bool(np.corrcoef(first, second)[0, 1] <= HEDGED_BELOW)


def are_mirrored(one: Sequence[_Trade], other: Sequence[_Trade]) -> bool:
    """Say whether two portfolios' fills are each other's opposite; both oldest first."""
    fewest = min(len(one), len(other))
    return fewest >= FEWEST_FILLS and min(_met(one, other), _met(other, one)) >= MIRRORED_SHARE


def _met(fills: Sequence[_Trade], other: Sequence[_Trade]) -> float:
    """Return which share of the fills, of the span that both traded in, the other one met: its nearest fill is the opposite."""
    within = MIRRORED_WITHIN.total_seconds()
    traded: dict[UUID, list[tuple[float, str]]] = {}
    for at, instrument, side in other:
        traded.setdefault(instrument, []).append((at, side))
    shared = [fill for fill in fills if other[0][0] - within <= fill[0] <= other[-1][0] + within]
    met = 0
    for at, instrument, side in shared:
        theirs = traded.get(instrument, [])
        place = bisect_left(theirs, (at, ""))
        near = min(theirs[max(place - 1, 0) : place + 1], key=lambda one: abs(one[0] - at), default=None)
        met += near is not None and abs(near[0] - at) <= within and near[1] != side
    return met / len(shared) if len(shared) >= FEWEST_FILLS else 0.0


def _trades(portfolios: Sequence[UUID]) -> dict[UUID, list[_Trade]]:
    """Return the last fills of each portfolio, oldest first; they are numbered without gaps."""
    recent = Fill.objects.filter(portfolio__among=portfolios, number__gt=F("portfolio__fill_count") - LAST_FILLS)
    found: dict[UUID, list[_Trade]] = {}
    columns = ("portfolio", "happened_at", "instrument", "side")
    for portfolio, at, instrument, side in recent.order_by("portfolio", "happened_at").values_list(*columns).iterator():
        found.setdefault(portfolio, []).append((at.timestamp(), instrument, side))
    return found
