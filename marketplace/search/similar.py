"""Listings whose daily returns move most alike: correlation over the days that both have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from uuid import UUID

import numpy as np
from django.db import transaction
from django.db.models import F, FloatField, Max
from django.db.models.functions import Cast

from common.db import insert_values
from marketplace.models import Listing, ListingState
from marketplace.search.models import SimilarListing
from portfolios.models import EquitySnapshot, SnapshotGrain

# Of the last days of a kind's market time; two listings need so many in common.
DAYS, FEWEST_IN_COMMON = 90, 30
SHOWN = 5
# What is most alike where a day without a figure counts as an average one; among these the exact figures decide.
CANDIDATES = 10
# Of a kind so many are compared, the best-ranked ones: the work grows with the square of them.
MOST_COMPARED = 100_000
# So many likenesses are held at a time (32 MB), so many portfolios read, so many pairs written.
_HELD, _READ, _WRITTEN = 8_000_000, 2_000, 20_000
_GROUP = 64
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
    pairs = (
        (listing_ids[one], listing_ids[other], place, value, days)
        for one, place, other, value, days in most_alike(returns)
    )
    columns, count = ("listing", "other", "place", "correlation", "days"), 0
    with transaction.atomic():
        SimilarListing.objects.filter(listing__portfolio__kind=kind, listing__portfolio__namespace=namespace).delete()
        while some := list(islice(pairs, _WRITTEN)):
            count += insert_values(SimilarListing, columns, some)
    return count


def _returns(kind: str, namespace: str) -> tuple[list[UUID], Array]:
    """Return the listings with enough days, and a row of daily returns of each; NaN where there is none."""
    group = {"portfolio__kind": kind, "portfolio__namespace": namespace}
    published = Listing.objects.filter(state=ListingState.PUBLISHED, **group)
    ranked = published.order_by(F("index__place").asc(nulls_last=True), "pk")
    listing_of = dict(ranked.values_list("portfolio", "pk")[:MOST_COMPARED])
    newest = EquitySnapshot.objects.filter(grain=SnapshotGrain.DAY, portfolio__among=list(listing_of)).aggregate(
        newest=Max("at")
    )["newest"]
    if newest is None:
        return [], np.zeros((0, DAYS))
    listing_ids: list[UUID] = []
    found = [np.zeros((0, DAYS))]
    compared = list(listing_of)
    for start in range(0, len(compared), _READ):
        portfolios = compared[start : start + _READ]
        returns = _returns_of(portfolios, newest)
        enough = np.isfinite(returns).sum(axis=1) >= FEWEST_IN_COMMON
        listing_ids += [listing_of[one] for one, is_enough in zip(portfolios, enough, strict=True) if is_enough]
        found.append(returns[enough])
    return listing_ids, np.concatenate(found)


def _returns_of(portfolios: Sequence[UUID], newest: datetime) -> Array:
    """Return a row for each portfolio: its time-weighted return by how many days ago it was made; NaN where there is none.

    As `engine.performance.extend` reckons it from one day's snapshot to the next, for all days at once.
    """
    since, today = newest - timedelta(days=DAYS + 1), newest.date()
    days = EquitySnapshot.objects.filter(grain=SnapshotGrain.DAY, portfolio__among=list(portfolios), at__gt=since)
    floats = {name: Cast(name, FloatField()) for name in ("equity", "net_deposits")}
    read = list(days.order_by("portfolio", "at").values_list("portfolio", "at", *floats.values()))
    returns = np.full((len(portfolios), DAYS), np.nan)
    if len(read) < 2:
        return returns
    owners, times, equities, deposits = zip(*read, strict=True)
    row_of = {one: number for number, one in enumerate(portfolios)}
    row = np.array([row_of[one] for one in owners])
    back = np.array([(today - at.date()).days for at in times])
    equity, flow = np.array(equities), np.diff(np.array(deposits))
    at_work = equity[:-1] + np.maximum(flow, 0.0)
    gained = np.divide(np.diff(equity) - flow, at_work, out=np.zeros_like(flow), where=at_work > 0)
    made = (row[1:] == row[:-1]) & (back[1:] < DAYS)
    returns[row[1:][made], back[1:][made]] = np.maximum(gained, -1.0)[made]
    # Of what was lost whole nothing is made later: oldest days stand last.
    lost = np.logical_or.accumulate(returns[:, ::-1] == -1.0, axis=1)[:, ::-1]
    returns[:, :-1][lost[:, 1:]] = np.nan
    return returns


def most_alike(returns: Array) -> Iterator[tuple[int, int, int, float, int]]:
    """Yield (row, place from 1, other row, correlation, days in common), the most alike first; only what moves alike.

    The candidates of a block of rows come from one product of matrices, whose result is looked at and forgotten: memory
    does not grow with the square of the rows.
    """
    count = min(CANDIDATES, len(returns) - 1)
    block = max(1, _HELD // max(1, len(returns)))
    standard = np.zeros((-(-len(returns) // _GROUP) * _GROUP, returns.shape[1]), np.float32)
    standard[: len(returns)] = _standardised(returns)
    for start in range(0, len(returns) if count > 0 else 0, block):
        rows = np.arange(start, min(start + block, len(returns)))
        likeness = standard[rows] @ standard.T
        likeness[rows - start, rows] = likeness[:, len(returns) :] = -np.inf
        others = _largest(likeness, count)
        values, days = _correlations(returns[rows], returns, others)
        order = np.lexsort((-others, -days, -values), axis=1)[:, :SHOWN]
        for one, ordered in enumerate(order.tolist()):
            for place, at in enumerate(ordered, 1):
                if (value := float(values[one, at])) > 0:
                    yield start + one, place, int(others[one, at]), value, int(days[one, at])


def _largest(likeness: Array, count: int) -> Array:
    """Return the columns of the largest values of each row, in no order. The width is a multiple of the groups'.

    They stand in the groups whose own largest are the largest: so a row is read once, and little of it is sorted.
    """
    groups = likeness.reshape(len(likeness), -1, _GROUP)
    best = _partitioned(groups.max(axis=2), count)
    within = np.take_along_axis(groups, best[:, :, None], axis=1).reshape(len(likeness), -1)
    columns = (best[:, :, None] * _GROUP + np.arange(_GROUP)).reshape(len(likeness), -1)
    found: Array = np.take_along_axis(columns, _partitioned(within, count), axis=1)
    return found


def _partitioned(values: Array, count: int) -> Array:
    count = min(count, values.shape[1])
    return np.argpartition(values, values.shape[1] - count, axis=1)[:, -count:]


def _standardised(returns: Array) -> Array:
    """Return each row less its mean and of length 1, a missing day as 0, so that products of rows are correlations."""
    known = np.isfinite(returns)
    mean = np.where(known, returns, 0.0).sum(axis=1, keepdims=True) / np.maximum(known.sum(axis=1, keepdims=True), 1)
    centred = np.where(known, returns - mean, 0.0)
    size = np.sqrt((centred**2).sum(axis=1, keepdims=True))
    standard: Array = np.divide(centred, size, out=centred, where=size > 0)
    return standard


def _correlations(mine: Array, returns: Array, others: Array) -> tuple[Array, Array]:
    """Return Pearson's correlation of each row with its others over the days that both have, and how many these are.

    0 where they are too few, and where one of the two never moved. One column of the others after the other: all at once
    would be ten times the memory.
    """
    values, days = np.zeros(others.shape), np.zeros(others.shape, int)
    for column, theirs in enumerate(returns[other] for other in others.T):
        both = np.isfinite(mine) & np.isfinite(theirs)
        days[:, column] = count = both.sum(axis=1)
        one, other = (_centred(side, both, count) for side in (mine, theirs))
        size = np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))
        told = (count >= FEWEST_IN_COMMON) & _moves(mine, both) & _moves(theirs, both) & (size > 0)
        np.divide((one * other).sum(axis=1), size, out=values[:, column], where=told)
    return values, days


def _centred(side: Array, both: Array, count: Array) -> Array:
    mean = np.where(both, side, 0.0).sum(axis=1) / np.maximum(count, 1)
    return np.where(both, side - mean[:, None], 0.0)


def _moves(side: Array, both: Array) -> Array:
    moves: Array = np.where(both, side, -np.inf).max(axis=1) > np.where(both, side, np.inf).min(axis=1)
    return moves
