"""What is too small waits, is netted, rounded up or forgotten (rule 11); and dust (rule 12)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.copying.minimums import (
    EMPTY,
    Bucket,
    Terms,
    after_expiry,
    is_dust,
    net_open,
    net_reduction,
    smallest_order,
    venue_minimum,
)

D, LOT = Decimal, Decimal("0.001")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TERMS = Terms(NOON, D(100), D("5.25"), LOT)
# Millionths of a unit, either way.
signed = st.integers(-60_000, 60_000).map(lambda number: Decimal(number).scaleb(-6))


@pytest.mark.parametrize(
    ("quantity", "notional", "price", "smallest"),
    [("0", "0", "100", "5"), ("0", "5", "100", "5.25"), ("0.2", "5", "100", "21"), ("0.2", "5", "10", "5.25")],
)
def test_rule_11_the_smallest_order(quantity: str, notional: str, price: str, smallest: str) -> None:
    venue = venue_minimum(min_quantity=D(quantity), min_notional=D(notional), price=D(price))
    assert smallest_order(venue) == D(smallest)


@given(wish=st.integers(1, 120_000).map(lambda number: Decimal(number).scaleb(-6)), kept=signed)
def test_rule_11_an_open_is_netted_with_what_waits(wish: Decimal, kept: Decimal) -> None:
    bucket = Bucket(kept, NOON - timedelta(hours=1)) if kept else EMPTY
    found = net_open(wish, bucket, TERMS)
    total = Fraction(wish) + Fraction(kept)
    sent = max(total, Fraction(0)) // Fraction(LOT) * Fraction(LOT)
    if sent * 100 >= Fraction("5.25"):
        assert found.quantity == sent
        assert found.bucket == EMPTY
    else:
        assert not found.quantity
        assert found.bucket.quantity == total
        # What turns from one side to the other waits anew.
        turned = bool(kept) and (kept > 0) == (total > 0)
        assert found.bucket.since == (None if not total else bucket.since if turned else NOON)


@given(
    closing=st.integers(1, 120_000).map(lambda number: Decimal(number).scaleb(-6)),
    kept=signed,
    part=st.integers(1, 999).map(lambda number: Decimal(number).scaleb(-3)),
)
def test_rule_11_a_reduction_is_netted_with_what_waits(closing: Decimal, kept: Decimal, part: Decimal) -> None:
    found = net_reduction(closing, part, Bucket(kept, NOON) if kept else EMPTY, TERMS)
    left = max(Fraction(kept), Fraction(0)) * (1 - Fraction(part))
    sent = Fraction(closing) // Fraction(LOT) * Fraction(LOT)
    if sent * 100 >= Fraction("5.25"):
        assert found.quantity == sent
        assert found.bucket.quantity == left
    else:
        assert not found.quantity
        assert found.bucket.quantity == left - Fraction(closing)


def test_rule_11_a_flat_lead_empties_the_bucket_and_closes_all() -> None:
    found = net_reduction(D("0.0004"), D(1), Bucket(D("0.02"), NOON), TERMS)
    assert (found.quantity, found.bucket) == (D("0.0004"), EMPTY)


def test_rule_11_rounding_up_only_as_far_as_it_may() -> None:
    assert net_open(D("0.01"), EMPTY, replace(TERMS, round_up_to=D("5.3"))).quantity == D("0.053")
    assert net_open(D("0.01"), EMPTY, replace(TERMS, round_up_to=D("5.29"))).quantity == 0
    # What still has to be closed is not rounded up to an open.
    assert net_open(D("0.01"), Bucket(D("-0.02"), NOON), replace(TERMS, round_up_to=D("9"))).quantity == 0


def test_rule_11_what_waits_is_forgotten_after_a_day_of_market_time() -> None:
    bucket = Bucket(D("0.01"), NOON)
    assert after_expiry(bucket, NOON + timedelta(hours=24) - timedelta(seconds=1)) == bucket
    assert after_expiry(bucket, NOON + timedelta(hours=24)) == EMPTY


@pytest.mark.parametrize(
    ("quantity", "dust"), [("0", False), ("0.0004", True), ("0.049", True), ("0.05", False), ("7", False)]
)
def test_rule_12_dust_is_less_than_the_venue_takes(quantity: str, dust: bool) -> None:
    assert is_dust(D(quantity), price=D(100), venue=D(5), lot_step=LOT) is dust


def test_rule_12_less_than_a_lot_is_dust_at_any_price() -> None:
    assert is_dust(D("0.5"), price=D(1_000_000), venue=D(5), lot_step=D(1))
