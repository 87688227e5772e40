"""Guards and caps of follows by hand-made figures (copy-trading rules 26, 27, 28, 33)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some

from engine.following import (
    DEFAULT_GUARDS,
    NO_GUARDS,
    Guards,
    StopKind,
    first_follow_marks,
    follow_marks_at,
    guard_hit,
    is_stop_share,
    most_capital,
    most_followers,
    stop_level,
    stop_level_after,
)

D = Decimal


NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
START = first_follow_marks(NOON, D(1_000))


@pytest.mark.parametrize(
    ("equity", "code"),
    [
        ("950.01", ""),
        ("950", "FOLLOW_DAILY_LOSS"),
        ("600.01", "FOLLOW_DAILY_LOSS"),
        ("600", "COPY_STOP_LOSS"),
        ("0", "COPY_STOP_LOSS"),
    ],
)
def test_rule_26_and_27_each_guard_strikes_at_its_share_and_not_before(equity: str, code: str) -> None:
    assert guard_hit(DEFAULT_GUARDS, START, D(equity)) == code


def test_rule_26_a_new_day_counts_anew() -> None:
    midnight = follow_marks_at(START, NOON + timedelta(hours=12), D(960), D(1_000))
    assert midnight.day_equity == 960
    assert guard_hit(DEFAULT_GUARDS, midnight, D("912.01")) == ""
    assert guard_hit(DEFAULT_GUARDS, midnight, D(912)) == "FOLLOW_DAILY_LOSS"


def test_rule_27_a_trailing_stop_rises_with_the_peak_and_never_falls() -> None:
    trailing = Guards(daily_loss=None, kind=StopKind.TRAILING)
    risen = follow_marks_at(START, NOON, D(1_500), D(1_000))
    fallen = follow_marks_at(risen, NOON, D(1_200), D(1_000))
    assert [stop_level(trailing, marks) for marks in (START, risen, fallen)] == [600, 1_100, 1_100]
    assert stop_level(DEFAULT_GUARDS, fallen) == 600


@given(some.decimals("1", "100000", places=2), some.decimals("-0.9", "5", places=4), some.sampled_from(StopKind))
def test_rule_28_a_flow_moves_the_stop_in_proportion_and_is_no_loss(
    equity: Decimal, part: Decimal, kind: StopKind
) -> None:
    guards = Guards(kind=kind)
    before = follow_marks_at(START, NOON, equity, D(1_000))
    flow = round(equity * part, 8)
    after = follow_marks_at(before, NOON, equity + flow, D(1_000) + flow)
    assert guard_hit(guards, after, equity + flow) == guard_hit(guards, before, equity)
    old, new = stop_level(guards, before), stop_level(guards, after)
    assert old is not None
    assert new is not None
    assert abs(new - old * (equity + flow) / equity) < D("1e-9") * max(D(1), new)
    # What is shown before the flow is confirmed is what it comes to.
    assert stop_level_after(guards, before, equity, flow) == new


def test_without_guards_nothing_is_hit() -> None:
    assert stop_level(NO_GUARDS, START) is None
    assert guard_hit(NO_GUARDS, START, D(0)) == ""


def test_a_follow_that_lost_all_is_stopped_also_where_its_stop_is_at_nothing() -> None:
    gone = replace(START, capital=D(0), peak=D(0))
    assert guard_hit(DEFAULT_GUARDS, gone, D(0)) == "COPY_STOP_LOSS"


@pytest.mark.parametrize(
    ("share", "fits"), [("0.0499", False), ("0.05", True), ("0.95", True), ("0.9501", False), ("NaN", False)]
)
def test_rule_27_the_copy_stop_has_a_range(share: str, fits: bool) -> None:
    assert is_stop_share(D(share)) is fits


@pytest.mark.parametrize(
    ("equity", "count"),
    [("499.99", 0), ("500", 100), ("999.99", 100), ("1000", 300), ("4999.99", 300), ("5000", 500), ("1e9", 500)],
)
def test_rule_33_followers_by_the_leads_equity(equity: str, count: int) -> None:
    assert most_followers(D(equity)) == count


def test_rule_33_capital_by_equity_and_by_the_thinnest_market() -> None:
    assert most_capital(D(1_000), []) == 100_000
    assert most_capital(D(1_000), [D(50_000_000), D(2_000_000)]) == 20_000
    assert most_capital(D(-5), []) == 0
