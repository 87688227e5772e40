"""A position is the sum of its fills, however they came."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.decimals import ONE, QUANTUM, ZERO
from engine.positions import PositionState, apply_fill, closed_fraction, closed_quantity, join_fractions

Fill = tuple[Decimal, Decimal, Decimal]
D = Decimal

lots = st.integers(-(10**12), 10**12).filter(bool).map(lambda number: D(number).scaleb(-8))
prices = st.integers(1, 10**9).map(lambda number: D(number).scaleb(-2))
fees = st.integers(-(10**6), 10**9).map(lambda number: D(number).scaleb(-6))
fills = st.lists(st.tuples(lots, prices, fees), max_size=20)


def after(*made: Fill, start: PositionState | None = None) -> PositionState:
    state = start or PositionState()
    for change, price, fee in made:
        state = apply_fill(state, change=change, price=price, fee=fee)
    return state


@pytest.mark.parametrize(
    ("made", "quantity", "cost", "realized"),
    [
        # Opened, added to, halved, closed: bought 3 for 320, sold 1 at 110 and 2 at 100.
        ([("1", "100")], "1", "100", "0"),
        ([("1", "100"), ("2", "110")], "3", "320", "0"),
        ([("1", "100"), ("2", "109"), ("-1", "110")], "2", "212", "4"),
        ([("1", "100"), ("2", "109"), ("-1", "110"), ("-2", "100")], "0", "0", "-8"),
        # Short, covered at a loss.
        ([("-2", "100")], "-2", "-200", "0"),
        ([("-2", "100"), ("1", "105")], "-1", "-100", "-5"),
        # Reversed in one fill: the long's three are closed, two are short at the new price.
        ([("3", "10"), ("-5", "12")], "-2", "-24", "6"),
        ([("-3", "10"), ("5", "12")], "2", "24", "-6"),
        # What is closed takes its part of the cost, rounded at the eighteenth decimal; the last takes all the rest.
        ([("3", "10.01"), ("3", "10.02"), ("3", "10.03"), ("-7", "10")], "2", "20.04", "-0.14"),
        ([("3", "1"), ("4", "2"), ("-1", "1")], "6", "9.428571428571428571", "-0.571428571428571429"),
        ([("3", "1"), ("4", "2"), ("-1", "1"), ("-6", "1")], "0", "0", "-4"),
    ],
)
def test_fills_make_a_position(made: list[tuple[str, str]], quantity: str, cost: str, realized: str) -> None:
    state = after(*((D(change), D(price), D("0.5")) for change, price in made))
    assert (state.quantity, state.cost, state.realized_pnl) == (D(quantity), D(cost), D(realized))
    assert state.fees_paid == D("0.5") * len(made)


def test_the_average_price_is_that_of_what_is_held() -> None:
    assert PositionState().average_price == 0
    assert after((D(1), D(100), ZERO), (D(2), D(109), ZERO)).average_price == 106
    assert after((D(-1), D(100), ZERO), (D(-2), D(110), ZERO)).average_price == D("106.666666666666666667")


@given(made=fills, price=prices)
def test_equity_is_cash_and_position(made: list[Fill], price: Decimal) -> None:
    cash = -sum((change * paid + fee for change, paid, fee in made), ZERO)
    state = after(*made)
    unrealized = state.quantity * price - state.cost
    assert cash + state.quantity * price == state.realized_pnl + unrealized - state.fees_paid
    assert state.quantity == sum((change for change, _, _ in made), ZERO)
    assert state.fees_paid == sum((fee for _, _, fee in made), ZERO)


@given(made=fills)
def test_cost_has_the_sign_of_the_quantity_and_goes_with_it(made: list[Fill]) -> None:
    state = after(*made)
    assert bool(state.cost) == bool(state.quantity)
    assert state.cost * state.quantity >= 0


@given(before=fills, parts=st.lists(st.integers(1, 10**9), min_size=1, max_size=8), price=prices, sells=st.booleans())
def test_any_split_of_a_fill_gives_the_same_position(
    before: list[Fill], parts: list[int], price: Decimal, sells: bool
) -> None:
    start = after(*before)
    changes = [D(-part if sells else part).scaleb(-8) for part in parts]
    whole = after((sum(changes, ZERO), price, D(len(parts))), start=start)
    split = after(*((change, price, ONE) for change in changes), start=start)
    assert (split.quantity, split.fees_paid) == (whole.quantity, whole.fees_paid)
    # Each part that closes rounds its share of the cost once.
    assert abs(split.cost - whole.cost) <= len(parts) * QUANTUM
    assert split.cost - split.realized_pnl == whole.cost - whole.realized_pnl
    if not start.quantity or (start.quantity < 0) == sells or not whole.quantity:
        assert split == whole


@pytest.mark.parametrize(
    ("quantity", "change", "fraction"),
    [
        ("0", "5", "0"),
        ("0", "-5", "0"),
        ("4", "1", "0"),
        ("-4", "-1", "0"),
        ("4", "-1", "0.25"),
        ("-4", "1", "0.25"),
        ("3", "-1", "0.333333333333333333"),
        ("3", "-2", "0.666666666666666667"),
        ("4", "-4", "1"),
        ("4", "-9", "1"),
        ("-4", "9", "1"),
        # One is said only when nothing is left.
        ("100000", "-99999.999999999999999999", "0.999999999999999999"),
    ],
)
def test_the_closed_fraction(quantity: str, change: str, fraction: str) -> None:
    assert closed_fraction(D(quantity), D(change)) == D(fraction)


@given(quantity=lots, change=lots)
def test_a_closed_fraction_is_one_exactly_when_the_position_is_gone(quantity: Decimal, change: Decimal) -> None:
    fraction = closed_fraction(quantity, change)
    assert 0 <= fraction <= 1
    assert (fraction == 0) == (quantity * change > 0)
    assert (fraction == 1) == ((quantity + change) * quantity <= 0)


@given(quantity=lots, changes=st.lists(lots, max_size=6))
def test_closed_and_opened_units_add_up_to_the_change(quantity: Decimal, changes: list[Decimal]) -> None:
    for change in changes:
        closed = closed_quantity(quantity, change)
        opened = abs(change) - closed
        assert 0 <= closed <= abs(quantity)
        assert opened >= 0
        # Nothing is opened and closed on the same side at once.
        assert closed == 0 or (quantity > 0) != (change > 0)
        assert abs(quantity + change) == abs(quantity) - closed + opened
        quantity += change


@pytest.mark.parametrize(
    ("first", "second", "joined"),
    [
        ("0", "0", "0"),
        ("0.5", "0", "0.5"),
        ("0.5", "0.5", "0.75"),
        ("0.1", "0.2", "0.28"),
        ("1", "0", "1"),
        ("0.3", "1", "1"),
        ("0.999999999999999999", "0.999999999999999999", "0.999999999999999999"),
    ],
)
def test_fractions_closed_one_after_the_other(first: str, second: str, joined: str) -> None:
    assert join_fractions(D(first), D(second)) == D(joined)
