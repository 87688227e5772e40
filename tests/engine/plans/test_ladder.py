"""A grid of four rungs between 90 and 110, the market at 100: edges 90, 95, 100, 105, 110."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.matching.types import Kind
from engine.plans.backtest import PlanCosts, backtest_plan
from engine.plans.ladder import LadderPlan
from engine.plans.types import BUY, NOTHING, SELL, Fill, PlanError, Tick, Wish, Wishes
from tests.engine.plans.tables import GRID, MINUTE_MS, candles, filled

D = Decimal
PLAN = LadderPlan(D(90), D(110), 4, D(1), GRID)


def test_it_buys_what_lies_above_the_market_at_once_and_waits_below() -> None:
    state, wishes = PLAN.begin(D(100), 0)
    assert wishes.place == (
        Wish("start", BUY, Kind.MARKET, D(2)),
        Wish("0-0-buy", BUY, Kind.LIMIT, D(1), D(90)),
        Wish("1-0-buy", BUY, Kind.LIMIT, D(1), D(95)),
    )
    assert (state.first, state.to_come) == (2, D(2))


def test_a_rung_turns_round_when_all_of_it_has_filled() -> None:
    state, _ = PLAN.begin(D(100), 0)
    state, wishes = PLAN.step(state, Fill("start", BUY, D("0.5"), D(100), 1))
    assert wishes == NOTHING
    # Below, a rung buys before the first purchase is whole: its sale is wished for once.
    state, wishes = PLAN.step(state, Fill("1-0-buy", BUY, D(1), D(95), 2))
    assert wishes == Wishes((Wish("1-0-sell", SELL, Kind.LIMIT, D(1), D(100)),))
    state, wishes = PLAN.step(state, Fill("start", BUY, D("1.5"), D(101), 3))
    assert [wish.key for wish in wishes.place] == ["2-0-sell", "3-0-sell"]
    state, wishes = PLAN.step(state, Fill("2-0-sell", SELL, D("0.4"), D(105), 4))
    assert wishes == NOTHING
    state, wishes = PLAN.step(state, Fill("2-0-sell", SELL, D("0.6"), D(105), 5))
    assert wishes == Wishes((Wish("2-1-buy", BUY, Kind.LIMIT, D(1), D(100)),))
    assert PLAN.step(state, Fill("2-0-sell", SELL, D(1), D(105), 6)) == (state, NOTHING)
    assert PLAN.step(state, Tick(D(1), 7)) == (state, NOTHING)


def test_on_candles_it_earns_a_step_per_round() -> None:
    rows = candles((100, 106, 99, 104), (104, 111, 94, 96))
    result = backtest_plan(rows, PLAN, PlanCosts(D(10), D(20)), length_ms=MINUTE_MS)
    assert filled(result) == [
        "0 start 2.0@100.00",
        "1 2-0-sell 1.0@105.00",
        "1 2-1-buy 1.0@100.00",
        "2 2-1-sell 1.0@105.00",
        "2 3-0-sell 1.0@110.00",
        "2 3-1-buy 1.0@105.00",
        "2 2-2-buy 1.0@100.00",
        "2 1-0-buy 1.0@95.00",
    ]
    # The first purchase takes (20 basis points of 200), everything else waits (10 basis points).
    assert [one.fee for one in result.fills] == [D("0.4")] + [D(n) / 1000 for n in (105, 100, 105, 110, 105, 100, 95)]
    assert (result.position.quantity, result.position.cost, result.position.realized_pnl) == (D(3), D(300), D(20))
    # 5 made and 2 × 4 open, less 0.605; 20 made and 3 × 96 − 300 open, less 1.12.
    assert result.profit == (D("12.395"), D("6.88"))
    assert result.most_invested == 300


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"lower": D(0)}, "RANGE"),
        ({"upper": D(90)}, "RANGE"),
        ({"rungs": 0}, "RUNGS"),
        ({"rungs": 501}, "RUNGS"),
        ({"upper": D("90.02"), "rungs": 3}, "RUNGS"),
        ({"quantity": D("0.05")}, "QUANTITY"),
        ({"quantity": D("NaN")}, "QUANTITY"),
    ],
)
def test_settings_that_make_no_grid_are_refused(changes: dict[str, Decimal], code: str) -> None:
    with pytest.raises(PlanError) as refusal:
        replace(PLAN, **changes)  # type: ignore[arg-type]  # a table's own fields
    assert refusal.value.code == code


@settings(max_examples=60)
@given(walk=st.lists(st.integers(80, 120), min_size=8, max_size=60))
def test_it_never_holds_more_than_its_rungs_nor_less_than_nothing(walk: list[int]) -> None:
    rows = [(a, max(a, b, c), min(a, b, c), c) for a, b, c in zip(walk, walk[1:], walk[2:], strict=False)]
    result = backtest_plan(candles(*rows), PLAN, PlanCosts(), length_ms=MINUTE_MS)
    held = D(0)
    for one in result.fills:
        held += one.fill.quantity if one.fill.side == BUY else -one.fill.quantity
        assert 0 <= held <= 4
    assert held == result.position.quantity
