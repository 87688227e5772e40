"""Sizes of opens and closes (rules 4-10), each beside its plain arithmetic in fractions."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.copying.settings import CopySettings, SizingMode
from engine.copying.sizing import Opening, closing_fraction, open_size, share_of, weight_quantity
from engine.decimals import ZERO, floor_to_step

D, LOT = Decimal, Decimal("0.001")
money = st.integers(1, 10**8).map(lambda cents: Decimal(cents).scaleb(-2))
quantities = st.integers(1, 10**7).map(lambda lots: lots * LOT)
prices = st.integers(1, 10**7).map(lambda ticks: Decimal(ticks).scaleb(-2))


@st.composite
def openings(draw: st.DrawFn) -> Opening:
    price = draw(prices)
    return Opening(draw(quantities), price, draw(money), draw(money), draw(money), price)


def lots(opening: Opening, **settings: object) -> Decimal:
    return floor_to_step(open_size(opening, CopySettings(**settings))[0], LOT)  # type: ignore[arg-type]


def floored(exact: Fraction) -> Decimal:
    return exact // Fraction(LOT) * LOT


def fraction(*values: Decimal) -> tuple[Fraction, ...]:
    return tuple(map(Fraction, values))


@given(opening=openings(), multiplier=st.integers(100, 3000).map(lambda number: Decimal(number).scaleb(-3)))
def test_rule_04_equity_ratio(opening: Opening, multiplier: Decimal) -> None:
    quantity, follower, lead, m = fraction(
        opening.lead_quantity, opening.follower_equity, opening.lead_equity, multiplier
    )
    # The ratio is kept with 18 decimals.
    assert abs(lots(opening, multiplier=multiplier) - floored(quantity * follower / lead * m)) <= LOT
    assert open_size(opening, CopySettings())[0] * opening.lead_equity == pytest.approx(
        opening.lead_quantity * opening.follower_equity, rel=D("1e-9"), abs=D("1e-3")
    )


def test_rule_04_a_ratio_that_was_fixed_stays() -> None:
    opening = Opening(D(4), D(100), D(10_000), D(9_000), D(9_000), D(100), ratio=D("0.1"))
    assert open_size(opening, CopySettings()) == (D("0.4") + 4 * D("1E-18"), D("0.1"))


@given(opening=openings())
def test_rule_05_margin_ratio(opening: Opening) -> None:
    quantity, price, lead, follower, free = fraction(
        opening.lead_quantity, opening.lead_price, opening.lead_equity, opening.follower_equity, opening.follower_free
    )
    cost = min(quantity * price / lead * follower, free)
    found = lots(opening, sizing=SizingMode.MARGIN_RATIO)
    # The share is kept with 18 decimals: next to a whole lot either side of it is right.
    assert (
        floored(cost / price * (1 - Fraction(1, 10**12)))
        <= found
        <= floored(cost / price * (1 + Fraction(1, 10**9))) + LOT
    )
    assert found * opening.price <= opening.follower_free


@given(opening=openings(), amount=st.integers(10, 10**6).map(Decimal))
def test_rule_06_fixed_amount(opening: Opening, amount: Decimal) -> None:
    found = lots(opening, sizing=SizingMode.FIXED_AMOUNT, fixed_amount=amount)
    assert found == floored(Fraction(amount) / Fraction(opening.price))


@given(opening=openings(), multiple=st.integers(10, 5000).map(lambda number: Decimal(number).scaleb(-3)))
def test_rule_07_fixed_multiple(opening: Opening, multiple: Decimal) -> None:
    found = lots(opening, sizing=SizingMode.FIXED_MULTIPLE, fixed_multiple=multiple)
    assert found == floored(Fraction(opening.lead_quantity) * Fraction(multiple))


@given(opening=openings())
def test_rule_08_weights_are_shares_of_equity_cash_included(opening: Opening) -> None:
    weight = share_of(opening.lead_quantity, opening.lead_price, opening.lead_equity)
    held = weight_quantity(weight=weight, follower_equity=opening.follower_equity, price=opening.price, lot_step=LOT)
    exact = Fraction(weight) * Fraction(opening.follower_equity) / Fraction(opening.price)
    assert held == floored(exact)
    assert abs(lots(opening, sizing=SizingMode.WEIGHTS) - held) <= LOT


@pytest.mark.parametrize("mode", [SizingMode.EQUITY_RATIO, SizingMode.MARGIN_RATIO, SizingMode.WEIGHTS])
@pytest.mark.parametrize(("lead", "follower"), [(ZERO, D(100)), (D(100), ZERO), (D(-1), D(100)), (D(100), D(-1))])
def test_without_equity_there_is_nothing_to_size_by(mode: SizingMode, lead: Decimal, follower: Decimal) -> None:
    assert lots(Opening(D(4), D(100), lead, follower, D(50), D(100)), sizing=mode) == 0


@given(
    held=quantities,
    first=st.integers(1, 999).map(lambda part: Decimal(part).scaleb(-3)),
    second=st.integers(1, 999).map(lambda part: Decimal(part).scaleb(-3)),
)
def test_rule_09_a_part_that_waited_and_a_part_of_the_rest_are_closed_together(
    held: Decimal, first: Decimal, second: Decimal
) -> None:
    pending = held * first
    found = closing_fraction(closed_fraction=second, held=held, pending=pending)
    exact = 1 - (1 - Fraction(first)) * (1 - Fraction(second))
    assert abs(Fraction(found) - exact) <= Fraction(2, 10**18)


def test_rule_09_all_is_all() -> None:
    assert closing_fraction(closed_fraction=D(1), held=D(3), pending=D(1)) == 1
    assert closing_fraction(closed_fraction=D("0.5"), held=D(3), pending=ZERO) == D("0.5")
