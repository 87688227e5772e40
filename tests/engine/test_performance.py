"""Unit values: only trading moves them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.performance import Performance, Point, extend, unit_values


def points(*rows: tuple[int, int]) -> list[Point]:
    return [(Decimal(equity), Decimal(deposits)) for equity, deposits in rows]


@pytest.mark.parametrize(
    ("rows", "return_ratio", "max_drawdown_ratio"),
    [
        ([], 0.0, 0.0),
        ([(1000, 1000)], 0.0, 0.0),
        # Gained before it was first looked at.
        ([(1100, 1000)], 0.1, 0.0),
        ([(1000, 1000), (1100, 1000)], 0.1, 0.0),
        # A deposit is no gain: 1,100 becomes 2,100 by 1,000 paid in.
        ([(1000, 1000), (1100, 1000), (2100, 2000)], 0.1, 0.0),
        # Ten per cent, then ten per cent on ten times the money: 1.1 * 1.1.
        ([(1000, 1000), (1100, 1000), (11000, 10900), (12100, 10900)], 0.21, 0.0),
        # A withdrawal is no loss; all of it leaves nothing to grow, and what comes later starts where it was.
        ([(1000, 1000), (1200, 1000), (600, 400), (300, 400)], -0.4, 0.5),
        ([(1000, 1000), (1500, 1000), (0, -500), (0, -500), (100, -400), (110, -400)], 0.65, 0.0),
        # The deepest of two falls counts, from the highest point before it: 1.2 to 0.9.
        ([(1000, 1000), (1200, 1000), (900, 1000), (1100, 1000), (1000, 1000)], 0.0, 0.25),
        # Nothing falls below nothing.
        ([(1000, 1000), (-50, 1000)], -1.0, 1.0),
    ],
)
def test_only_trading_moves_a_unit(rows: list[tuple[int, int]], return_ratio: float, max_drawdown_ratio: float) -> None:
    performance = extend(Performance(), points(*rows))
    assert performance.return_ratio == pytest.approx(return_ratio)
    assert performance.max_drawdown_ratio == pytest.approx(max_drawdown_ratio)


def test_unit_values_start_at_one_wherever_the_curve_starts() -> None:
    assert unit_values(points((1100, 1000), (2200, 2000), (1980, 2000))) == pytest.approx([1, 1.0476190, 0.9428571])
    assert unit_values([]) == []


curves = st.lists(st.tuples(st.integers(1, 10**6), st.integers(-(10**6), 10**6)), max_size=30)


@given(curves, st.integers(0, 30))
def test_a_record_kept_in_parts_is_the_record_of_the_whole(rows: list[tuple[int, int]], cut: int) -> None:
    whole = points(*rows)
    assert extend(extend(Performance(), whole[:cut]), whole[cut:]) == extend(Performance(), whole)


@given(curves)
def test_a_drawdown_is_a_ratio(rows: list[tuple[int, int]]) -> None:
    assert 0 <= extend(Performance(), points(*rows)).max_drawdown_ratio <= 1


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=30))
def test_without_flows_the_return_is_that_of_equity(equities: list[int]) -> None:
    performance = extend(Performance(), points(*((equity, equities[0]) for equity in equities)))
    assert performance.unit_value == pytest.approx(equities[-1] / equities[0])
