"""What is too small to be sent (rules 11 and 12): the bucket it waits in, and the dust that a close leaves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from engine.decimals import ONE, ZERO, ceil_to_step, floor_to_step, money

# A venue's minimum with a margin for the price to move, and the least that is worth its fee, in quote units.
MARGIN, LEAST = Decimal("1.05"), Decimal(5)
# Rounding up to the minimum: up to this share of the follower's equity.
ROUND_UP_SHARE = Decimal("0.02")
# What waits is forgotten after so much market time.
KEPT_FOR = timedelta(hours=24)


def venue_minimum(*, min_quantity: Decimal, min_notional: Decimal, price: Decimal) -> Decimal:
    """Return the worth of the smallest order that a venue takes; that it is a lot at least is rounding's business."""
    return max(min_notional, min_quantity * price)


def smallest_order(venue: Decimal) -> Decimal:
    """Return the worth below which nothing is sent: the venue's minimum with its margin, and 5 at least.

    >>> smallest_order(Decimal(10))
    Decimal('10.50')
    """
    return max(venue * MARGIN, LEAST)


@dataclass(frozen=True, slots=True)
class Bucket:
    """What waits of a follow and instrument: a quantity still to be opened (positive) or closed (negative), since when."""

    quantity: Decimal = ZERO
    since: datetime | None = None


EMPTY = Bucket()


def after_expiry(bucket: Bucket, now: datetime) -> Bucket:
    """Return the bucket without what has waited too long (market time)."""
    return EMPTY if bucket.since is None or now - bucket.since >= KEPT_FOR else bucket


def _kept(quantity: Decimal, bucket: Bucket, now: datetime) -> Bucket:
    """Return the bucket with this in it; where its sign turns its time begins anew."""
    quantity = money(quantity)
    if not quantity:
        return EMPTY
    goes_on = bucket.since is not None and (bucket.quantity > ZERO) == (quantity > ZERO)
    return Bucket(quantity, bucket.since if goes_on else now)


@dataclass(frozen=True, slots=True)
class Netted:
    """What is sent of a wish, in whole lots (0: nothing), and what waits from now on."""

    quantity: Decimal
    bucket: Bucket


@dataclass(frozen=True, slots=True)
class Terms:
    """When and at what price a wish is netted; below `smallest` (worth) nothing is sent.

    `round_up_to`: the worth up to which an open may be rounded up to the smallest order; 0 where it may not.
    """

    now: datetime
    price: Decimal
    smallest: Decimal
    lot_step: Decimal
    round_up_to: Decimal = ZERO


def net_open(wish: Decimal, bucket: Bucket, terms: Terms) -> Netted:
    """Return what is opened of a wish together with what waited.

    >>> terms = Terms(datetime(2026, 3, 2), Decimal(100), Decimal(5), Decimal("0.001"))
    >>> net_open(Decimal("0.04"), Bucket(Decimal("0.02"), terms.now), terms).quantity
    Decimal('0.060')
    """
    total = wish + bucket.quantity
    sent = floor_to_step(max(total, ZERO), terms.lot_step)
    if sent and sent * terms.price >= terms.smallest:
        return Netted(sent, EMPTY)
    if total > ZERO and terms.round_up_to:
        raised = ceil_to_step(terms.smallest / terms.price, terms.lot_step)
        if raised * terms.price <= terms.round_up_to:
            return Netted(raised, EMPTY)
    return Netted(ZERO, _kept(total, bucket, terms.now))


def net_reduction(closing: Decimal, closed_fraction: Decimal, bucket: Bucket, terms: Terms) -> Netted:
    """Return what is closed of `closing`, which has in it what waited to be closed before.

    What waited to be opened shrinks by the closed fraction. A lead that is flat (fraction 1) empties the bucket, and
    all is closed, dust included.
    """
    if closed_fraction >= 1:
        return Netted(closing, EMPTY)
    if bucket.quantity > ZERO:
        bucket = _kept(bucket.quantity * (ONE - closed_fraction), bucket, terms.now)
    sent = floor_to_step(closing, terms.lot_step)
    if sent and sent * terms.price >= terms.smallest:
        return Netted(sent, bucket if bucket.quantity > ZERO else EMPTY)
    return Netted(ZERO, _kept(max(bucket.quantity, ZERO) - closing, bucket, terms.now))


def is_dust(quantity: Decimal, *, price: Decimal, venue: Decimal, lot_step: Decimal) -> bool:
    """Say whether what is held is less than the venue takes: shown, outside drift, merged into the next order."""
    return quantity > ZERO and (quantity < lot_step or quantity * price < venue)
