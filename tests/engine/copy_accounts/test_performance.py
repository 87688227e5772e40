"""Measures of leads and their followers, in figures that can be checked in the head."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.copy_accounts.performance import (
    BUCKETS_MS,
    Member,
    bucket_of,
    money_weighted_return,
    percentile_ms,
    pooled_growth,
    success_ratio,
)

D = Decimal
START = datetime(2026, 1, 1, tzinfo=UTC)


def on(day: int, amount: int) -> tuple[datetime, Decimal]:
    return START + timedelta(days=day), D(amount)


@pytest.mark.parametrize(
    ("flows", "value", "expected"),
    [
        ([on(0, 100)], 110, 0.1),
        ([on(0, 100), on(5, 100)], 231, 0.21),
        # Most of the money came before the loss.
        ([on(0, 100), on(5, 900)], 550, -0.67),
        ([on(0, 100), on(5, -50)], 60, 0.132),
        ([on(0, 100)], 0, -1.0),
    ],
)
def test_rule_38_the_money_weighted_return_solves_the_flows(
    flows: list[tuple[datetime, Decimal]], value: int, expected: float
) -> None:
    found = money_weighted_return(flows, D(value), START + timedelta(days=10))
    assert found is not None
    left = sum(float(amount) * (1 + found) ** ((10 - (at - START).days) / 10) for at, amount in flows)
    assert left == pytest.approx(value, abs=1e-6)
    assert found == pytest.approx(expected, abs=1e-3)


def test_rule_38_without_money_or_time_there_is_no_money_weighted_return() -> None:
    assert money_weighted_return([], D(5), START) is None
    assert money_weighted_return([on(0, -5)], D(5), START + timedelta(days=1)) is None
    assert money_weighted_return([on(0, 5)], D(5), START) is None


def member(*figures: int, shared: int = 0) -> Member:
    equity, net_deposits, new_equity, new_net_deposits = map(D, figures)
    return Member(equity, net_deposits, new_equity, new_net_deposits, D(shared))


def test_rule_38_followers_count_by_their_money() -> None:
    assert pooled_growth([member(900, 900, 990, 900), member(100, 100, 50, 100)]) == 1.04
    assert pooled_growth([member(0, 0, 1000, 1000)]) == 1.0
    # What came in was at work as well.
    assert pooled_growth([member(100, 100, 250, 200)]) == 1.25
    # Half is paid out at the end, and ten of the gain were the lead's.
    assert pooled_growth([member(1000, 1000, 600, 500, shared=10)]) == 1.09
    assert pooled_growth([]) == 1.0
    assert pooled_growth([member(10, 10, 0, 10, shared=5)]) == 0.0


@given(st.lists(st.floats(0, 20_000), min_size=1, max_size=300))
def test_rule_17_a_percentile_of_buckets_is_within_its_bucket(times: list[float]) -> None:
    counts = [0] * (len(BUCKETS_MS) + 1)
    for time in times:
        counts[bucket_of(time)] += 1
    ordered = sorted(times)
    for share in (0.5, 0.95):
        exact = ordered[max(0, -(-int(share * len(ordered) * 1000) // 1000) - 1)]
        found = percentile_ms(counts, share)
        assert found is not None
        ends = (0, *BUCKETS_MS)
        assert abs(bucket_of(min(exact, BUCKETS_MS[-1])) - bucket_of(found)) <= 1
        assert 0 <= found <= ends[-1]


def test_rule_17_percentiles_are_told_by_hand() -> None:
    counts = [0] * (len(BUCKETS_MS) + 1)
    assert percentile_ms(counts, 0.5) is None
    counts[bucket_of(100)] = 10  # above 50 and up to 100
    assert (percentile_ms(counts, 0.5), percentile_ms(counts, 1)) == (75, 100)
    counts[bucket_of(99_999)] = 10
    assert (percentile_ms(counts, 0.5), percentile_ms(counts, 0.95)) == (100, 10_000)


def test_rule_38_success_is_a_share_of_what_was_to_be_copied() -> None:
    assert (success_ratio(traded=3, wished=4), success_ratio(traded=0, wished=0)) == (0.75, None)
