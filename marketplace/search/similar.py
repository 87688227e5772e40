"""Listings whose daily returns move most alike: correlation over the days that both have."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

import numpy as np
from django.db import transaction
from django.db.models import F, Max

from common.db import bulk_insert
from engine.performance import unit_values
from marketplace.models import Listing, ListingState
from marketplace.search.models import SimilarListing
from portfolios.models import EquitySnapshot, SnapshotGrain

# Of the last days of a kind's market time; two listings need so many in common.
DAYS, FEWEST_IN_COMMON = 90, 30
SHOWN = 5
# What is most alike where a day without a figure counts as an average one; among these the exact figures decide.
CANDIDATES = 10
_BLOCK = 1_000
# Of a kind so many are compared, the best-ranked ones: the work grows with the square of them.
MOST_COMPARED = 10_000
Array = np.ndarray


def refresh_similar() -> int:
    """Find anew what each published listing's returns are most like; return how many pairs. Runs once a day.

    A namespace of one kind after the other: returns on made prices resemble nothing real.
    """
    groups = Listing.objects.filter(state=ListingState.PUBLISHED).order_by()
    names = ("portfolio__kind", "portfolio__namespace")
    return sum(_refresh_group(*group) for group in groups.values_list(*names).distinct().order_by(*names))


def _refresh_group(kind: str, namespace: str) -> int:
    listing_ids, returns = _returns(kind, namespace)
    pairs = [
        SimilarListing(
            listing_id=listing_ids[one], other_id=listing_ids[other], place=place, correlation=value, days=days
        )
        for one, place, other, value, days in most_alike(returns)
    ]
    with transaction.atomic():
        SimilarListing.objects.filter(listing__portfolio__kind=kind, listing__portfolio__namespace=namespace).delete()
        bulk_insert(SimilarListing, pairs)
    return len(pairs)


def _returns(kind: str, namespace: str) -> tuple[list[UUID], Array]:
    """Return the listings with enough days, and a row of daily returns of each; NaN where there is none."""
    group = {"portfolio__kind": kind, "portfolio__namespace": namespace}
    published = Listing.objects.filter(state=ListingState.PUBLISHED, **group)
    ranked = published.order_by(F("index__place").asc(nulls_last=True), "pk")
    compared = list(ranked.values_list("portfolio", flat=True)[:MOST_COMPARED])
    rows = EquitySnapshot.objects.filter(grain=SnapshotGrain.DAY, portfolio__among=compared)
    newest = rows.aggregate(Max("at"))["at__max"]
    if newest is None:
        return [], np.zeros((0, DAYS))
    recent = rows.filter(at__gt=newest - timedelta(days=DAYS + 1)).order_by("portfolio", "at")
    listing_ids: list[UUID] = []
    found: list[Array] = []
    columns = ("portfolio__listing", "at", "equity", "net_deposits")
    for listing, days in _by_listing(recent.values_list(*columns).iterator()):
        values = unit_values((equity, deposits) for _, equity, deposits in days)
        row = np.full(DAYS, np.nan)
        for (day, *_), before, after in zip(days[1:], values, values[1:], strict=False):
            if before > 0 and (back := (newest.date() - day).days) < DAYS:
                row[back] = after / before - 1
        if np.isfinite(row).sum() >= FEWEST_IN_COMMON:
            listing_ids.append(listing)
            found.append(row)
    return listing_ids, np.array(found).reshape(-1, DAYS)


def _by_listing(rows: Iterator[tuple[Any, ...]]) -> Iterator[tuple[UUID, list[tuple[date, Any, Any]]]]:
    for listing, group in groupby(rows, key=itemgetter(0)):
        yield listing, [(at.date(), equity, deposits) for _, at, equity, deposits in group]


def most_alike(returns: Array) -> Iterator[tuple[int, int, int, float, int]]:
    """Yield (row, place from 1, other row, correlation, days in common), the most alike first; only what moves alike.

    The candidates of a block of rows come from one product of matrices, whose result is looked at and forgotten: memory
    does not grow with the square of the rows.
    """
    known = np.isfinite(returns)
    mean = np.nanmean(returns, axis=1, keepdims=True) if len(returns) else returns
    centred = np.where(known, returns - mean, 0.0)
    size = np.sqrt((centred**2).sum(axis=1, keepdims=True))
    standard = np.divide(centred, size, out=np.zeros_like(centred), where=size > 0).astype(np.float32)
    for start in range(0, len(returns), _BLOCK):
        likeness = standard[start : start + _BLOCK] @ standard.T
        rows = np.arange(start, start + len(likeness))
        likeness[rows - start, rows] = -np.inf
        for one, others in zip(rows, _top(likeness), strict=True):
            exact = [(*_correlation(returns[one], returns[other]), int(other)) for other in others if other != one]
            shown = sorted(((value, days, other) for value, days, other in exact if value > 0), reverse=True)[:SHOWN]
            for place, (value, days, other) in enumerate(shown, 1):
                yield int(one), place, other, value, days


def _top(likeness: Array) -> Array:
    """Return the positions of the largest values of each row."""
    count = min(CANDIDATES, likeness.shape[1])
    return np.argpartition(-likeness, count - 1, axis=1)[:, :count]


def _correlation(one: Array, other: Array) -> tuple[float, int]:
    """Return Pearson's correlation over the days that both have, and how many these are; 0 where they are too few."""
    both = np.isfinite(one) & np.isfinite(other)
    days = int(both.sum())
    first, second = one[both], other[both]
    if days < FEWEST_IN_COMMON or not first.std() or not second.std():
        return 0.0, days
    return float(np.corrcoef(first, second)[0, 1]), days
