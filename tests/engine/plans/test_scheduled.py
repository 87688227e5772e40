"""One order at a minute past."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from engine.matching.types import Kind
from engine.plans.backtest import PlanCosts, backtest_plan
from engine.plans.scheduled import ScheduledPlan, ScheduledState
from engine.plans.types import BUY, NOTHING, SELL, Fill, PlanError, Tick, Wish, Wishes
from tests.engine.plans.tables import GRID, MINUTE_MS, candles, filled

D = Decimal
PLAN = ScheduledPlan(SELL, D(2), MINUTE_MS, None, GRID)


def test_it_waits_for_its_time_and_sends_one_order() -> None:
    state, wishes = PLAN.begin(D(100), 0)
    assert (state, wishes, PLAN.due(state)) == (ScheduledState(), NOTHING, MINUTE_MS)
    assert PLAN.step(state, Tick(D(100), MINUTE_MS - 1)) == (state, NOTHING)
    assert PLAN.step(state, Fill("0", SELL, D(2), D(100), MINUTE_MS)) == (state, NOTHING)
    state, wishes = PLAN.step(state, Tick(D(100), MINUTE_MS))
    assert wishes == Wishes((Wish("0", SELL, Kind.MARKET, D(2)),), is_done=True)
    assert PLAN.due(state) is None
    assert PLAN.step(state, Tick(D(100), 2 * MINUTE_MS)) == (state, NOTHING)


def test_a_limit_waits_at_its_price_from_then_on() -> None:
    plan = replace(PLAN, side=BUY, limit_price=D(95))
    rows = candles((100, 100, 90, 100), (100, 100, 94, 96))
    result = backtest_plan(rows, plan, PlanCosts(), length_ms=MINUTE_MS)
    # The first minute was below its limit, before its time.
    assert filled(result) == ["2 0 2.0@95.00"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"side": "buy"}, "SIDE"),
        ({"quantity": D("-2")}, "QUANTITY"),
        ({"quantity": D("0.01")}, "QUANTITY"),
        ({"limit_price": D("0.001")}, "LIMIT_PRICE"),
    ],
)
def test_settings_that_make_no_plan_are_refused(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(PlanError) as refusal:
        replace(PLAN, **changes)
    assert refusal.value.code == code
