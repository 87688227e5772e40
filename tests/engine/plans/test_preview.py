"""What somebody is told before a plan begins, counted by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from engine.plans.kinds import PlanKind, checked, plan_of
from engine.plans.preview import Preview, preview
from engine.plans.storing import stored
from tests.engine.plans.tables import GRID
from tests.fixtures_wishes import SETTINGS

D = Decimal
K = PlanKind


def seen(kind: PlanKind, **changes: Any) -> Preview:
    settings = checked(kind, SETTINGS[kind] | changes, GRID)
    return preview(plan_of(kind, settings, GRID), D(100), 1_000)


def lines(found: Preview) -> list[str]:
    return [
        f"{one.label} {one.side} {stored(one.quantity)}@{stored(one.price)} {stored(one.sells_at or one.at_ms)}"
        for one in found.steps
    ]


def test_a_grid_buys_what_lies_above_the_market_there() -> None:
    found = seen(K.GRID)
    assert lines(found) == [
        "1 BUY 1@90 95",
        "2 BUY 1@95 100",
        "3 BUY 1@100 105",
        "4 BUY 1@100 110",
    ]
    # At its lowest price it holds all four: 385 paid, 360 worth.
    assert [found.cost, found.loss_at, found.loss_there, found.worst_loss] == [385, 90, 25, 385]


def test_a_martingale_goes_down_to_its_last_step() -> None:
    found = seen(K.MARTINGALE)
    assert lines(found) == ["1 BUY 1@100 101", "2 BUY 2@95 97.64", "3 BUY 4@90.25 93.93"]
    assert (found.cost, found.loss_at, found.loss_there) == (D(651), D("90.25"), D(651) - 7 * D("90.25"))


def test_a_martingale_shows_no_step_that_its_money_forbids() -> None:
    assert [one.label for one in seen(K.MARTINGALE, most_spent="290").steps] == ["1", "2"]
    assert seen(K.MARTINGALE, most_spent="99").steps == ()


def test_what_the_clock_decides_shows_its_times() -> None:
    assert lines(seen(K.DCA)) == [f"{n} BUY 1@100 {1_000 + (n - 1) * 3_600_000}" for n in (1, 2, 3)]
    assert seen(K.DCA).cost == 300
    assert lines(seen(K.TWAP, quantity="1.1"))[:2] == ["1 BUY 0.2@100 1000", "2 BUY 0.3@100 61000"]
    assert lines(seen(K.SCHEDULED)) == ["1 BUY 1@100 1772453700000"]


@pytest.mark.parametrize(("side", "cost", "proceeds"), [("BUY", 475, 0), ("SELL", 0, 475)])
def test_a_sale_brings_and_risks_nothing(side: str, cost: int, proceeds: int) -> None:
    found = seen(K.ICEBERG, side=side)
    assert [found.cost, found.proceeds, found.worst_loss] == [cost, proceeds, cost]
    assert [one.quantity for one in found.steps] == [2, 2, 1]
