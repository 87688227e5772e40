"""How much a follower trades, against the plain arithmetic of fractions."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.decimals import ONE, ZERO
from engine.positions import closed_fraction
from engine.sizing import LARGEST, equity_ratio, open_quantity, reduction_quantity, stake_quantity

cents = st.integers(1, 10**8).map(lambda number: Decimal(number).scaleb(-2))
multipliers = st.integers(100, 3000).map(lambda number: Decimal(number).scaleb(-3))
steps = st.sampled_from([Decimal(text) for text in ("0.00000001", "0.001", "0.5", "1", "10")])
lots = st.integers(1, 10**4)


def floored(exact: Fraction, step: Decimal) -> Decimal:
    """Return the reference: the exact quantity rounded down to whole steps."""
    return (exact // Fraction(step)) * step


@pytest.mark.parametrize(
    ("follower", "lead", "multiplier", "ratio"),
    [
        ("500", "10000", "1", "0.05"),
        ("500", "10000", "2", "0.1"),
        ("500", "10000", "0.1", "0.005"),
        ("20000", "10000", "3", "6"),
        ("1", "3", "1", "0.333333333333333333"),
        ("2", "3", "1", "0.666666666666666667"),
        # Nothing to size by.
        ("0", "10000", "1", "0"),
        ("-5", "10000", "1", "0"),
        ("500", "0", "1", "0"),
        ("500", "-1", "1", "0"),
    ],
)
def test_the_ratio_is_that_of_equities_times_the_multiplier(
    follower: str, lead: str, multiplier: str, ratio: str
) -> None:
    found = equity_ratio(follower_equity=Decimal(follower), lead_equity=Decimal(lead), multiplier=Decimal(multiplier))
    assert found == Decimal(ratio)


@given(follower=cents, lead=cents, multiplier=multipliers, count=lots, step=steps)
def test_an_open_is_the_leads_quantity_times_the_ratio_in_whole_lots(
    follower: Decimal, lead: Decimal, multiplier: Decimal, count: int, step: Decimal
) -> None:
    ratio = equity_ratio(follower_equity=follower, lead_equity=lead, multiplier=multiplier)
    exact = Fraction(count) * Fraction(step) * Fraction(follower) * Fraction(multiplier) / Fraction(lead)
    found = open_quantity(lead_quantity=count * step, ratio=ratio, lot_step=step)
    assert found == floored(exact, step)


def test_a_third_of_three_lots_is_one_lot() -> None:
    third = equity_ratio(follower_equity=Decimal(1000), lead_equity=Decimal(3000), multiplier=ONE)
    assert open_quantity(lead_quantity=Decimal("0.003"), ratio=third, lot_step=Decimal("0.001")) == Decimal("0.001")
    closed = closed_fraction(Decimal(3), Decimal(-1))
    assert reduction_quantity(held=Decimal("0.003"), closed_fraction=closed, lot_step=Decimal("0.001")) == Decimal(
        "0.001"
    )


@given(held=lots, sold=lots, mine=lots, step=steps)
def test_a_reduction_is_the_leads_closed_part_of_what_is_held(held: int, sold: int, mine: int, step: Decimal) -> None:
    fraction = closed_fraction(held * step, -sold * step)
    found = reduction_quantity(held=mine * step, closed_fraction=fraction, lot_step=step)
    assert found == floored(Fraction(mine) * Fraction(step) * min(Fraction(sold, held), Fraction(1)), step)


@pytest.mark.parametrize(
    ("held", "fraction", "quantity"),
    [
        ("1", "0.5", "0.5"),
        ("1", "0.3335", "0.333"),
        ("0.001", "0.999", "0"),
        ("0", "0.5", "0"),
        ("0", "1", "0"),
        # All of it, dust that fills no lot included.
        ("1.0004", "1", "1.0004"),
        ("0.0004", "1", "0.0004"),
        ("1.0004", "0.999999999999999999", "1.000"),
    ],
)
def test_closing_whole_takes_the_dust_along(held: str, fraction: str, quantity: str) -> None:
    found = reduction_quantity(held=Decimal(held), closed_fraction=Decimal(fraction), lot_step=Decimal("0.001"))
    assert found == Decimal(quantity)


@given(equity=cents, share=st.integers(1, 100), price=cents, step=steps)
def test_a_stake_is_a_share_of_equity_in_whole_lots(equity: Decimal, share: int, price: Decimal, step: Decimal) -> None:
    part = Decimal(share) / 100
    found = stake_quantity(equity=equity, share=part, price=price, lot_step=step)
    assert found == floored(Fraction(equity) * Fraction(part) / Fraction(price), step)
    assert ZERO <= found * price <= equity * part


def test_no_ratio_makes_an_order_that_could_not_be_stored() -> None:
    asked = open_quantity(lead_quantity=Decimal("1E+14"), ratio=Decimal("6E+8"), lot_step=Decimal("0.001"))
    assert asked == LARGEST == Decimal("1E+18")
