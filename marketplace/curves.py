"""How listings went, as a reader may see it: the newest day of a paid one is its subscribers'."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from common.clock import market_times, wall_now
from engine.performance import unit_values
from marketplace.entitlements import withheld
from marketplace.models import Listing
from marketplace.proofs.models import Seal
from marketplace.proofs.selectors import DELAY
from marketplace.selectors import Asker, listing_cells, listing_for_reader
from portfolios.models import EquitySnapshot, Portfolio, SnapshotGrain
from portfolios.selectors import equity_curve
from trading.models import Fill

# What a card's small curve shows: hours of the last days, or minutes of the last hour where there are no hours yet.
RECENT_HOURS, RECENT_MINUTES = timedelta(days=3), timedelta(hours=1)


def curve_ends(shown: Sequence[Listing], reader: Asker) -> dict[UUID, datetime]:
    """Return the moment of market time before which a reader sees how listings went; those not named are seen whole.

    That is a day ago, and no later than the first fill that the record withholds from them (proofs/selectors.py:
    shown_seals): market time may run faster than ours, and a curve that went on would tell what that fill did.
    """
    kept = withheld(shown, reader)
    portfolios = [one.portfolio_id for one in shown if one.pk in kept]
    if not portfolios:
        return {}
    told = Seal.objects.filter(portfolio=OuterRef("pk"), sealed_at__lte=wall_now() - DELAY, root__isnull=False)
    last = Coalesce(Subquery(told.order_by("-first").values("last")[:1]), 0)
    fills = Fill.objects.filter(portfolio=OuterRef("pk"), number=OuterRef("told") + 1).values("happened_at")
    books = Portfolio.objects.filter(pk__in=portfolios).annotate(told=last).annotate(withheld_at=Subquery(fills))
    withheld_at = dict(books.values_list("pk", "withheld_at"))
    now = market_times({one.portfolio.namespace for one in shown})
    ends = {}
    for one in shown:
        if one.pk in kept:
            ends[one.pk], first = now[one.portfolio.namespace] - DELAY, withheld_at.get(one.portfolio_id)
            if first is not None:
                ends[one.pk] = min(ends[one.pk], first)
    return ends


def before_ends(ends: Mapping[UUID, datetime], listing: str) -> Q:
    """Return the condition on snapshots that `listing`, a look-up, is one of these, and that they were before its end."""
    groups: dict[datetime, list[UUID]] = {}
    for listing_id, end in ends.items():
        groups.setdefault(end, []).append(listing_id)
    parts = (Q(**{f"{listing}__in": members}, at__lt=end) for end, members in groups.items())
    return reduce(or_, parts, Q(pk__in=[]))


def tell_newest(shown: Sequence[Listing], reader: Asker) -> None:
    """Let the records of these listings say their newest figures where the reader may know them: their own, and what they pay for."""
    kept = withheld(shown, reader)
    for one in shown:
        if one.pk not in kept:
            one.record.take_newest()


def listing_snapshot(user: Asker, key: str) -> dict[str, Any]:
    """Gate and snapshot of the topic `listing:<id>`."""
    listing: Any = listing_for_reader(user, key)
    tell_newest([listing], user)
    return {"cells": listing_cells(listing, listing.follower_count)}


def equity_points(listing: Listing, reader: Asker) -> list[tuple[datetime, Decimal]]:
    """Return (market time, equity) of a listing's portfolio, oldest first, as far as the reader may see it."""
    return equity_curve(listing.portfolio, until=curve_ends([listing], reader).get(listing.pk))


def recent_curves(shown: Sequence[Listing], reader: Asker) -> dict[UUID, list[float]]:
    """Return the recent unit values of each listing's portfolio, oldest first, 1 at the first; a constant number of statements."""
    ends = curve_ends(shown, reader)
    now = market_times({one.portfolio.namespace for one in shown})
    groups: dict[datetime, list[UUID]] = {}
    for one in shown:
        groups.setdefault(ends.get(one.pk, now[one.portfolio.namespace]), []).append(one.portfolio_id)
    recent = Q()
    for end, members in groups.items():
        hours = Q(grain=SnapshotGrain.HOUR, at__gt=end - RECENT_HOURS)
        minutes = Q(grain=SnapshotGrain.MINUTE, at__gt=end - RECENT_MINUTES)
        recent |= Q(portfolio__in=members) & (hours | minutes)
    rows = EquitySnapshot.objects.filter(recent).order_by("at") if recent else EquitySnapshot.objects.none()
    found: dict[tuple[UUID, str], list[tuple[Any, ...]]] = {}
    for portfolio, grain, *point in rows.values_list("portfolio", "grain", "at", "equity", "net_deposits"):
        found.setdefault((portfolio, grain), []).append(tuple(point))
    curves = {}
    for one in shown:
        hourly, minutely = (
            [
                (equity, deposits)
                for at, equity, deposits in found.get((one.portfolio_id, grain), [])
                if one.pk not in ends or at < ends[one.pk]
            ]
            for grain in (SnapshotGrain.HOUR, SnapshotGrain.MINUTE)
        )
        curves[one.pk] = unit_values(hourly if len(hourly) > 2 else minutely)
    return curves
