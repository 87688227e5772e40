"""A hundred, three times, every two minutes."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from engine.matching.types import Kind
from engine.plans.backtest import PlanCosts, backtest_plan
from engine.plans.dca import DcaPlan, DcaState
from engine.plans.types import BUY, NOTHING, Fill, PlanError, Tick, Wish, Wishes
from tests.engine.plans.tables import GRID, MINUTE_MS, candles, filled

D = Decimal
PLAN = DcaPlan(D(100), 2 * MINUTE_MS, 3, GRID)


def test_it_buys_at_its_times_for_the_same_amount() -> None:
    rows = [(100, 100, 90, 90), (90, 90, 80, 80), (80, 130, 80, 130), (130, 130, 125, 125), (125, 999, 125, 999)]
    result = backtest_plan(candles(*rows), PLAN, PlanCosts(slippage_bps=D(100)), length_ms=MINUTE_MS)
    # One per cent of slippage: bought at 101, 80.80 and 126.25, in quantities that the market's price gave.
    assert filled(result) == ["0 0 1.0@101.00", "2 1 1.2@80.80", "4 2 0.8@126.25"]
    assert result.is_done
    assert result.position.quantity == D(3)
    assert result.position.cost == D("298.96")


def test_times_that_passed_are_not_made_up_for() -> None:
    state, wishes = PLAN.step(DcaState(1, 1000), Tick(D(100), 1000 + 7 * MINUTE_MS))
    assert wishes == Wishes((Wish("1", BUY, Kind.MARKET, D(1)),))
    assert state == DcaState(2, 1000 + 8 * MINUTE_MS)
    assert PLAN.step(state, Tick(D(100), 1000 + 8 * MINUTE_MS - 1)) == (state, NOTHING)


def test_the_last_time_ends_it() -> None:
    state, wishes = PLAN.step(DcaState(2, 0), Tick(D(100), 0))
    assert wishes.is_done
    assert PLAN.step(state, Tick(D(100), 10**9)) == (state, NOTHING)
    assert PLAN.step(state, Fill("2", BUY, D(1), D(100), 1)) == (state, NOTHING)


def test_an_amount_too_small_for_a_lot_buys_nothing() -> None:
    state, wishes = PLAN.begin(D(2000), 0)
    assert wishes == NOTHING
    assert state == DcaState(1, 2 * MINUTE_MS)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount": D(0)}, "AMOUNT"),
        ({"amount": D("NaN")}, "AMOUNT"),
        ({"interval_ms": 0}, "INTERVAL"),
        ({"times": 0}, "TIMES"),
    ],
)
def test_settings_that_make_no_plan_are_refused(changes: dict[str, int], code: str) -> None:
    with pytest.raises(PlanError) as refusal:
        replace(PLAN, **changes)  # type: ignore[arg-type]  # a table's own fields
    assert refusal.value.code == code
