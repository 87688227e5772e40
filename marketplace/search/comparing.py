"""Up to four listings side by side."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any
from uuid import UUID

from engine.performance import unit_values
from marketplace.billing.offers import price_words
from marketplace.billing.selectors import prices_of_listings
from marketplace.curves import curve_ends
from marketplace.models import Listing
from marketplace.selectors import Asker, readable
from portfolios.models import EquitySnapshot, SnapshotGrain

MOST = 4


def compared(user: Asker, keys: Sequence[str]) -> list[Listing]:
    """Return the listings with these keys that the user may see, in their order; the first four, and none twice."""
    wanted: list[UUID] = []
    for key in keys[: 4 * MOST]:
        try:
            wanted.append(UUID(key))
        except ValueError:
            continue
    found = {one.pk: one for one in readable(user).filter(pk__in=wanted)}
    return [found[key] for key in dict.fromkeys(wanted) if key in found][:MOST]


def prices_of(shown: Sequence[Listing]) -> list[list[str]]:
    """Return what each listing costs in words, by the month first; one without prices is free."""
    prices = list(prices_of_listings([one.pk for one in shown]).order_by("interval"))
    return [[price_words(price) for price in prices if price.listing_id == one.pk] for one in shown]


def curves_of(shown: Sequence[Listing], reader: Asker) -> list[dict[str, Any]]:
    """Return each listing's return since its first day, by days of market time: the first is 0. A paid one's ends a day ago."""
    rows = EquitySnapshot.objects.filter(grain=SnapshotGrain.DAY, portfolio__in=[one.portfolio_id for one in shown])
    columns = ("portfolio", "at", "equity", "net_deposits")
    days = {
        portfolio: list(points)
        for portfolio, points in groupby(rows.order_by("portfolio", "at").values_list(*columns), key=lambda row: row[0])
    }
    curves, ends = [], curve_ends(shown, reader)
    for one in shown:
        mine = [row for row in days.get(one.portfolio_id, []) if one.pk not in ends or row[1] < ends[one.pk]]
        values = unit_values((equity, deposits) for _, _, equity, deposits in mine)
        points = [[int(row[1].timestamp()), value - 1] for row, value in zip(mine, values, strict=True)]
        curves.append({"name": one.title, "points": points})
    return curves
