"""Five and a half, two at a time: slices of 2, 2 and 1.5."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.matching.types import Kind
from engine.plans.backtest import PlanCosts, backtest_plan
from engine.plans.iceberg import IcebergPlan, IcebergState
from engine.plans.types import BUY, NOTHING, SELL, Fill, PlanError, Tick, Wish, Wishes
from tests.engine.plans.tables import GRID, MINUTE_MS, candles, filled

D = Decimal
PLAN = IcebergPlan(BUY, D("5.5"), D(2), D(95), GRID)


def test_the_next_slice_shows_when_one_has_filled_whole() -> None:
    state, wishes = PLAN.begin(D(100), 0)
    assert wishes == Wishes((Wish("0", BUY, Kind.LIMIT, D(2), D(95)),))
    state, wishes = PLAN.step(state, Fill("0", BUY, D("1.5"), D(95), 1))
    assert (state, wishes) == (IcebergState(0, D("1.5")), NOTHING)
    state, wishes = PLAN.step(state, Fill("0", BUY, D("0.5"), D(95), 2))
    assert wishes == Wishes((Wish("1", BUY, Kind.LIMIT, D(2), D(95)),))
    state, wishes = PLAN.step(state, Fill("1", BUY, D(2), D(95), 3))
    assert wishes == Wishes((Wish("2", BUY, Kind.LIMIT, D("1.5"), D(95)),))
    state, wishes = PLAN.step(state, Fill("2", BUY, D("1.5"), D(95), 4))
    assert wishes == Wishes(is_done=True)
    assert PLAN.step(state, Fill("3", BUY, D(1), D(95), 5)) == (state, NOTHING)


def test_prices_and_fills_of_others_change_nothing() -> None:
    state, _ = PLAN.begin(D(100), 0)
    assert PLAN.step(state, Tick(D(90), 1)) == (state, NOTHING)
    assert PLAN.step(state, Fill("1", BUY, D(2), D(95), 1)) == (state, NOTHING)


def test_on_candles_it_fills_at_its_price_or_better() -> None:
    result = backtest_plan(candles((100, 100, 94, 96)), PLAN, PlanCosts(), length_ms=MINUTE_MS)
    assert filled(result) == ["1 0 2.0@95.00", "1 1 2.0@95.00", "1 2 1.5@95.00"]
    assert result.is_done


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"side": ""}, "SIDE"),
        ({"quantity": D("5.55")}, "QUANTITY"),
        ({"visible": D(0)}, "QUANTITY"),
        ({"visible": D("5.6")}, "VISIBLE"),
        ({"quantity": D("50.1"), "visible": D("0.1")}, "VISIBLE"),
        ({"limit_price": D("-1")}, "LIMIT_PRICE"),
        ({"limit_price": D("NaN")}, "LIMIT_PRICE"),
    ],
)
def test_settings_that_make_no_plan_are_refused(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(PlanError) as refusal:
        replace(PLAN, **changes)
    assert refusal.value.code == code


@given(lots=st.integers(1, 300), shown=st.integers(1, 300), side=st.sampled_from([BUY, SELL]), seed=st.integers(1, 7))
def test_whatever_the_fills_all_of_it_is_sold_and_no_more_than_a_slice_shows(
    lots: int, shown: int, side: str, seed: int
) -> None:
    plan = IcebergPlan(side, lots * GRID.lot_step, min(lots, shown) * GRID.lot_step, D(95), GRID)
    state, wishes = plan.begin(D(100), 0)
    got = D(0)
    while wishes.place:
        (wish,) = wishes.place
        assert 0 < wish.quantity <= plan.visible
        left = wish.quantity
        while left:
            part = min(left, seed * GRID.lot_step)
            left, got = left - part, got + part
            state, wishes = plan.step(state, Fill(wish.key, side, part, D(95), 1))
    assert wishes.is_done
    assert got == plan.quantity
