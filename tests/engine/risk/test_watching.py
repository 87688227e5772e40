"""Marks and the watch: what a loss is measured from, what is broken at a moment, and at which price it would be."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.risk.marks import Marks, first_marks, moved
from engine.risk.watching import Held, breach_of, breaking_price
from tests.engine.risk.samples import NOW, D, limits

MARKS = first_marks(NOW, D(10_000), D(10_000))
MIDNIGHT, MONDAY = datetime(2026, 3, 5, tzinfo=UTC), datetime(2026, 3, 9, tzinfo=UTC)


def held(quantity: int | str = 10, cost: int | str = 1_000, price: int | str = 100) -> Held:
    return Held("", D(quantity), D(cost), D(quantity) * D(price))


# --- marks ----------------------------------------------------------------------------------------------------------
def test_a_day_begins_with_what_it_finds_a_week_on_monday_and_a_height_stays() -> None:
    thursday = moved(moved(MARKS, NOW, D(12_000), D(10_000)), MIDNIGHT, D(9_000), D(10_000))
    assert [thursday.day_equity, thursday.week_equity, thursday.peak_equity] == [9_000, 10_000, 12_000]
    sunday = moved(thursday, MONDAY - timedelta(seconds=1), D(8_000), D(10_000))
    assert [sunday.day_equity, sunday.week_equity] == [8_000, 10_000]
    monday = moved(sunday, MONDAY, D(7_000), D(10_000))
    assert [monday.day_equity, monday.week_equity, monday.peak_equity] == [7_000, 7_000, 12_000]
    # Time that is read a little earlier begins no day.
    assert moved(monday, MONDAY - timedelta(hours=1), D(6_000), D(10_000)).day_equity == 7_000


def test_money_in_or_out_is_neither_a_gain_nor_a_loss() -> None:
    # A fifth was lost; then half of the rest is taken out: still a fifth.
    half = moved(MARKS, NOW, D(4_000), D(6_000))
    assert [half.day_equity, half.week_equity, half.peak_equity] == [5_000, 5_000, 5_000]
    double = moved(MARKS, NOW, D(16_000), D(18_000))
    assert [double.day_equity, double.peak_equity] == [20_000, 20_000]
    empty = moved(MARKS, NOW, D(0), D(0))
    assert [empty.day_equity, empty.peak_equity] == [0, 0]
    assert moved(empty, NOW, D(500), D(500)).peak_equity == 500


# --- what is broken -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "code", "until"),
    [
        ("max_drawdown", "DRAWDOWN_LIMIT", NOW + timedelta(hours=24)),
        ("max_daily_loss", "DAILY_LOSS_LIMIT", MIDNIGHT),
        ("max_weekly_loss", "WEEKLY_LOSS_LIMIT", MONDAY),
    ],
)
def test_a_loss_breaks_its_limit_as_it_reaches_it(name: str, code: str, until: datetime) -> None:
    ten = limits(**{name: "0.1"})
    assert breach_of(ten, MARKS, NOW, D("9000.01"), []) is None
    breach = breach_of(ten, MARKS, NOW, D(9_000), [])
    assert breach is not None
    assert (breach.code, breach.value, breach.limit, breach.until) == (code, D(1_000), D(1_000), until)


@pytest.mark.parametrize(("price", "code"), [("60.01", None), ("60", "TRADE_LOSS_LIMIT"), ("10", "TRADE_LOSS_LIMIT")])
def test_one_position_may_lose_so_much(price: str, code: str | None) -> None:
    breach = breach_of(limits(max_trade_loss="0.04"), MARKS, NOW, D(10_000), [held(price=200), held(price=price)])
    assert (breach and breach.code) == code


@pytest.mark.parametrize(("equity", "code"), [(500, None), ("499.99", "LIQUIDATION_TOO_NEAR")])
def test_all_that_is_held_must_be_able_to_fall_so_far(equity: int | str, code: str | None) -> None:
    breach = breach_of(limits(min_liquidation_ratio="0.5"), MARKS, NOW, D(equity), [held()])
    assert (breach and breach.code) == code


def test_of_several_the_one_that_pauses_longest_is_told() -> None:
    given = limits(max_daily_loss="0.01", max_weekly_loss="0.01", max_drawdown="0.01", pause_minutes=60)
    breach = breach_of(given, MARKS, NOW, D(5_000), [])
    assert breach is not None
    assert breach.code == "WEEKLY_LOSS_LIMIT"


def test_nothing_is_broken_where_nothing_is_lost_or_limited() -> None:
    assert breach_of(limits(), MARKS, NOW, D(1), [held()]) is None
    assert breach_of(limits(max_drawdown="0.1"), replace(MARKS, peak_equity=D(0)), NOW, D(0), []) is None


# --- at which price -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("given", "cash", "quantity", "price"),
    [
        # Nine thousand in cash, ten units bought at 100.
        ({"max_daily_loss": "0.05"}, 9_000, 10, "50"),
        ({"max_trade_loss": "0.05"}, 9_000, 10, "52.380952380952380952"),
        ({"max_drawdown": "0.05", "max_daily_loss": "0.02"}, 9_000, 10, "80"),
        # Nothing that ten units can lose takes half of everything.
        ({"max_drawdown": "0.5"}, 9_000, 10, None),
        ({"min_liquidation_ratio": "1"}, 9_000, 10, None),
        # On credit: a hundred units, nothing else.
        ({"min_liquidation_ratio": "0.5"}, -4_000, 100, "80"),
        # Ten sold short.
        ({"max_daily_loss": "0.05"}, 11_000, -10, "150"),
        ({}, 9_000, 10, None),
    ],
)
def test_the_price_that_breaks_a_limit(given: dict[str, str], cash: int, quantity: int, price: str | None) -> None:
    found = breaking_price(limits(**given), MARKS, D(cash), held(quantity, quantity * 100))
    assert found == (None if price is None else D(price))


shares = st.integers(1, 90).map(lambda part: D(part) / 100)


@given(
    quantity=st.integers(1, 1_000),
    cash=st.integers(-50_000, 50_000),
    entry=st.integers(1, 500),
    name=st.sampled_from(
        ["max_drawdown", "max_daily_loss", "max_weekly_loss", "max_trade_loss", "min_liquidation_ratio"]
    ),
    share=shares,
    base=st.integers(1, 100_000),
)
def test_at_the_breaking_price_a_limit_is_broken_and_before_it_none_is(
    quantity: int, cash: int, entry: int, name: str, share: Decimal, base: int
) -> None:
    given, marks = limits(**{name: share}), Marks(NOW.date(), D(base), D(base), D(base), D(base))
    cost = quantity * entry
    price = breaking_price(given, marks, D(cash), held(quantity, cost))
    assume(price is not None and price < 10**9)
    assert price is not None

    def is_broken(at: Decimal) -> bool:
        equity = D(cash) + quantity * at
        assume(equity > D(1))
        return breach_of(given, marks, NOW, equity, [held(quantity, cost, str(at))]) is not None

    assert is_broken(price * D("0.999999"))
    assert not is_broken(price * D("1.000001"))
