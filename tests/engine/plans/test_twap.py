"""One bitcoin and a tenth over four minutes in four slices: three lots of 0.2 or 0.3 each, the rest carried."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.matching.types import Kind
from engine.plans.backtest import PlanCosts, backtest_plan
from engine.plans.twap import TwapPlan, TwapState
from engine.plans.types import BUY, NOTHING, SELL, Fill, PlanError, Tick, Wish, Wishes
from tests.engine.plans.tables import GRID, MINUTE_MS, candles, filled

D = Decimal
PLAN = TwapPlan(BUY, D("1.1"), 4 * MINUTE_MS, 4, None, GRID)
LIMIT = replace(PLAN, limit_price=D(95))


def test_it_buys_in_equal_slices_and_carries_what_rounding_leaves() -> None:
    rows = candles(*[(100, 100, 100, 100)] * 5)
    result = backtest_plan(rows, PLAN, PlanCosts(), length_ms=MINUTE_MS)
    assert filled(result) == ["0 0 0.2@100.00", "1 1 0.3@100.00", "2 2 0.3@100.00", "3 3 0.3@100.00"]
    assert result.is_done
    assert result.position.quantity == D("1.1")


def test_what_a_limit_missed_is_carried_and_given_up_when_the_time_is_over() -> None:
    # The second minute alone goes below the limit: what waits then fills, the last two slices never.
    rows = candles(*[(100, 100, 100, 100), (100, 100, 94, 100)], *[(100, 100, 100, 100)] * 4)
    result = backtest_plan(rows, LIMIT, PlanCosts(), length_ms=MINUTE_MS)
    assert filled(result) == ["2 1 0.5@95.00"]
    assert result.is_done


def test_each_slice_of_a_limit_takes_the_place_of_the_last() -> None:
    state, wishes = LIMIT.begin(D(100), 0)
    assert wishes == Wishes((Wish("0", BUY, Kind.LIMIT, D("0.2"), D(95)),))
    state, wishes = LIMIT.step(state, Fill("0", BUY, D("0.1"), D(95), 1))
    assert wishes == NOTHING
    state, wishes = LIMIT.step(state, Tick(D(100), MINUTE_MS))
    assert wishes == Wishes((Wish("1", BUY, Kind.LIMIT, D("0.4"), D(95)),), cancel=("0",))
    # What the slice before fills too late is no longer this one's.
    assert LIMIT.step(state, Fill("0", BUY, D("0.1"), D(95), 1)) == (state, NOTHING)


def test_the_last_slice_of_a_limit_ends_it_when_it_has_filled() -> None:
    state = TwapState(4, 4 * MINUTE_MS, D("1.1"), D("0.3"))
    assert LIMIT.due(state) == 4 * MINUTE_MS
    state, wishes = LIMIT.step(state, Fill("3", BUY, D("0.3"), D(95), 1))
    assert wishes.is_done
    assert LIMIT.due(state) is None


def test_times_that_passed_move_the_end_back() -> None:
    state, wishes = PLAN.step(TwapState(1, MINUTE_MS, D("0.2"), D("0.2"), D("0.2")), Tick(D(100), 3 * MINUTE_MS + 5))
    assert [wish.quantity for wish in wishes.place] == [D("0.3")]
    assert (state.sent, PLAN.due(state)) == (2, 4 * MINUTE_MS)
    assert PLAN.step(state, Tick(D(100), 4 * MINUTE_MS - 1)) == (state, NOTHING)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"side": "HOLD"}, "SIDE"),
        ({"quantity": D("1.15")}, "QUANTITY"),
        ({"quantity": D("NaN")}, "QUANTITY"),
        ({"slices": 0}, "SLICES"),
        ({"slices": 501}, "SLICES"),
        ({"slices": 12}, "SLICES"),
        ({"duration_ms": 3}, "DURATION"),
        ({"limit_price": D(0)}, "LIMIT_PRICE"),
        ({"limit_price": D("95.001")}, "LIMIT_PRICE"),
        ({"limit_price": D("Infinity")}, "LIMIT_PRICE"),
    ],
)
def test_settings_that_make_no_plan_are_refused(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(PlanError) as refusal:
        replace(PLAN, **changes)
    assert refusal.value.code == code


@given(
    lots=st.integers(1, 500),
    slices=st.integers(1, 60),
    side=st.sampled_from([BUY, SELL]),
    fills=st.lists(st.integers(0, 4), min_size=60, max_size=60),
    is_limit=st.booleans(),
)
def test_it_never_asks_for_more_than_there_is_and_ends(
    lots: int, slices: int, side: str, fills: list[int], is_limit: bool
) -> None:
    """Fill a part of each slice (quarters of it), as the market would of a limit; of a market order all."""
    total, slices = lots * GRID.lot_step, min(lots, slices)
    plan = TwapPlan(side, total, slices * MINUTE_MS, slices, D(95) if is_limit else None, GRID)
    state, wishes = plan.begin(D(100), 0)
    got, at_ms = D(0), 0
    for quarters in [*fills, *fills]:
        for wish in wishes.place:
            part = wish.quantity if not is_limit else int(wish.quantity / GRID.lot_step) * quarters // 4 * GRID.lot_step
            if part:
                got += part
                state, after = plan.step(state, Fill(wish.key, side, part, D(95), at_ms))
                wishes = replace(wishes, is_done=wishes.is_done or after.is_done)
            assert got <= total
        if wishes.is_done:
            break
        due = plan.due(state)
        assert due is not None and due > at_ms
        at_ms = due
        state, wishes = plan.step(state, Tick(D(100), at_ms))
    assert wishes.is_done
    assert got <= total if is_limit else got == total
