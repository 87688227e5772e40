"""One, two, four, each 10 % below the last; all sold 5 % above the average. By hand: (100 + 2 × 90) ÷ 3 × 1.05 = 98."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.matching.types import Kind
from engine.plans.backtest import PlanCosts, backtest_plan
from engine.plans.martingale import MartingalePlan
from engine.plans.types import BUY, NOTHING, SELL, Fill, PlanError, Tick, Wish, Wishes
from tests.engine.plans.tables import GRID, MINUTE_MS, candles, filled

D = Decimal
PLAN = MartingalePlan(D(1), D(2), D(1000), D(500), 3, D(400), 1, GRID)


def test_each_fill_moves_the_exit_and_waits_further_below() -> None:
    state, wishes = PLAN.begin(D(100), 0)
    assert wishes == Wishes((Wish("0-buy-0", BUY, Kind.MARKET, D(1)),))
    state, wishes = PLAN.step(state, Fill("0-buy-0", BUY, D(1), D(100), 1))
    assert wishes.place == (
        Wish("0-sell-1", SELL, Kind.LIMIT, D(1), D(105)),
        Wish("0-buy-1", BUY, Kind.LIMIT, D(2), D(90)),
    )
    # A part moves the exit; the next step waits for the whole.
    state, wishes = PLAN.step(state, Fill("0-buy-1", BUY, D("0.5"), D(90), 2))
    assert wishes == Wishes((Wish("0-sell-2", SELL, Kind.LIMIT, D("1.5"), D("101.50")),), ("0-sell-1",))
    state, wishes = PLAN.step(state, Fill("0-buy-1", BUY, D("1.5"), D(90), 3))
    # Four more at 81 would be 604 in all, beyond 400: none.
    assert wishes == Wishes((Wish("0-sell-3", SELL, Kind.LIMIT, D(3), D(98)),), ("0-sell-2",))
    state, wishes = PLAN.step(state, Fill("0-sell-3", SELL, D(3), D(98), 4))
    assert wishes == Wishes(is_done=True)
    assert PLAN.step(state, Fill("0-sell-3", SELL, D(3), D(98), 5)) == (state, NOTHING)


def test_a_sale_withdraws_the_purchase_that_waits_and_begins_anew() -> None:
    plan = replace(PLAN, cycles=2)
    state, _ = plan.begin(D(100), 0)
    state, _ = plan.step(state, Fill("0-buy-0", BUY, D(1), D(100), 1))
    assert plan.step(state, Tick(D(1), 2)) == (state, NOTHING)
    state, wishes = plan.step(state, Fill("0-sell-1", SELL, D(1), D(105), 3))
    assert wishes == Wishes((Wish("1-buy-0", BUY, Kind.MARKET, D(1)),), ("0-buy-1",))
    assert plan.step(state, Fill("0-buy-1", BUY, D(2), D(90), 4)) == (state, NOTHING)


def test_it_does_not_begin_with_more_than_it_may_spend() -> None:
    state, wishes = PLAN.begin(D("400.01"), 0)
    assert wishes == Wishes(is_done=True)
    assert state.is_done


def test_on_candles_it_buys_at_its_own_limits_on_the_way_down_and_not_at_the_low() -> None:
    plan = replace(PLAN, factor=D(1))
    result = backtest_plan(candles((100, 101, 60, 61), (61, 95, 61, 95)), plan, PlanCosts(), length_ms=MINUTE_MS)
    # (100 + 90 + 81) ÷ 3 × 1.05 = 94.85
    assert filled(result) == [
        "0 0-buy-0 1.0@100.00",
        "1 0-buy-1 1.0@90.00",
        "1 0-buy-2 1.0@81.00",
        "2 0-sell-3 3.0@94.85",
    ]
    assert result.profit == (3 * D(61) - 271, D("13.55"))
    assert (result.position.quantity, result.most_invested, result.is_done) == (D(0), D(271), True)


def test_a_new_cycle_begins_at_the_price_of_the_sale() -> None:
    plan = replace(PLAN, cycles=2)
    result = backtest_plan(candles((100, 108, 100, 107)), plan, PlanCosts(), length_ms=MINUTE_MS)
    assert filled(result) == ["0 0-buy-0 1.0@100.00", "1 0-sell-1 1.0@105.00", "1 1-buy-0 1.0@105.00"]


def test_without_candles_there_is_nothing_to_run_on() -> None:
    with pytest.raises(ValueError, match="at least one candle"):
        backtest_plan(candles((1, 1, 1, 1)).part(0, 0), PLAN, PlanCosts(), length_ms=MINUTE_MS)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"quantity": D("0.05")}, "QUANTITY"),
        ({"factor": D("0.9")}, "FACTOR"),
        ({"factor": D("4.1")}, "FACTOR"),
        ({"step_bps": D(0)}, "STEP"),
        ({"step_bps": D(10_000)}, "STEP"),
        ({"gain_bps": D(0)}, "GAIN"),
        ({"most_steps": 11}, "STEPS"),
        ({"most_steps": 0}, "STEPS"),
        ({"most_spent": D("Infinity")}, "SPENT"),
        ({"cycles": 0}, "CYCLES"),
    ],
)
def test_settings_beyond_the_caps_are_refused(changes: dict[str, Decimal], code: str) -> None:
    with pytest.raises(PlanError) as refusal:
        replace(PLAN, **changes)  # type: ignore[arg-type]  # a table's own fields
    assert refusal.value.code == code


@settings(max_examples=60)
@given(
    walk=st.lists(st.integers(20, 140), min_size=3, max_size=60), spent=st.integers(100, 2000), steps=st.integers(1, 10)
)
def test_whatever_the_market_does_no_cap_is_passed(walk: list[int], spent: int, steps: int) -> None:
    plan = replace(PLAN, most_spent=D(spent), most_steps=steps, cycles=50)
    rows = [(a, max(a, b, c), min(a, b, c), c) for a, b, c in zip(walk, walk[1:], walk[2:], strict=False)]
    result = backtest_plan(candles(*rows), plan, PlanCosts(), length_ms=MINUTE_MS)
    assert result.most_invested <= spent
    bought: dict[str, set[str]] = {}
    for one in result.fills:
        cycle, side, number = one.fill.key.split("-")
        if side == "buy":
            bought.setdefault(cycle, set()).add(number)
    assert all(len(numbers) <= steps for numbers in bought.values())
    assert result.position.quantity >= 0
