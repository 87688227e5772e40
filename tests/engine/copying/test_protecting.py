"""What rests at the exchange for a position: figures worked out by hand, and promises that hold of any position."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.copying.protecting import Stop, is_protection, stop_of

D = Decimal
LOT, TICK = D("0.001"), D("0.01")


@pytest.mark.parametrize(
    ("held", "cost", "share", "stop"),
    [
        # The three of docs/copy-trading.md: 0.4 at 100, then 0.4 more at 110, then half sold.
        ("0.4", "40", "0.1", Stop(is_buy=False, quantity=D("0.4"), price=D("90"))),
        ("0.8", "84", "0.1", Stop(is_buy=False, quantity=D("0.8"), price=D("94.5"))),
        ("0.4", "42", "0.1", Stop(is_buy=False, quantity=D("0.4"), price=D("94.5"))),
        # A short's lies above, and buys.
        ("-0.4", "-40", "0.1", Stop(is_buy=True, quantity=D("0.4"), price=D("110"))),
        # Between two ticks it is the one farther from the entry: 99.995 * 0.9 is 89.9955, and times 1.1 109.9945.
        ("2", "199.99", "0.1", Stop(is_buy=False, quantity=D("2"), price=D("89.99"))),
        ("-2", "-199.99", "0.1", Stop(is_buy=True, quantity=D("2"), price=D("110"))),
        # What is no whole lot is left out, but its cost counts in the entry.
        ("0.4009", "40.09", "0.1", Stop(is_buy=False, quantity=D("0.4"), price=D("90"))),
        ("-0.4009", "-40.09", "0.1", Stop(is_buy=True, quantity=D("0.4"), price=D("110"))),
        # No exchange takes a stop at nothing.
        ("1000", "10", "0.5", Stop(is_buy=False, quantity=D("1000"), price=D("0.01"))),
    ],
)
def test_a_stop_lies_by_the_share_from_the_average_entry(held: str, cost: str, share: str, stop: Stop) -> None:
    assert stop_of(held=D(held), cost=D(cost), share=D(share), tick_size=TICK, lot_step=LOT) == stop


@pytest.mark.parametrize("held", ["0.0009", "-0.0009"])
def test_less_than_a_lot_has_none(held: str) -> None:
    assert stop_of(held=D(held), cost=D(held) * 100, share=D("0.1"), tick_size=TICK, lot_step=LOT) is None


@given(
    lots=st.integers(1, 10**6),
    dust=st.integers(0, 9),
    entry=st.integers(100, 10**7),
    share=st.integers(100, 5_000),
    is_short=st.booleans(),
)
def test_never_more_than_is_held_and_never_nearer_than_asked(
    lots: int, dust: int, entry: int, share: int, is_short: bool
) -> None:
    size = lots * LOT + dust * LOT / 10
    held = -size if is_short else size
    price = entry * TICK
    found = stop_of(held=held, cost=held * price, share=D(share) / 10_000, tick_size=TICK, lot_step=LOT)
    assert found is not None
    assert (found.is_buy, found.quantity) == (is_short, lots * LOT)
    assert not found.price % TICK
    asked = Fraction(price) * (1 + Fraction(share if is_short else -share, 10_000))
    beyond = Fraction(found.price) - asked if is_short else asked - Fraction(found.price)
    assert 0 <= beyond < Fraction(TICK)


@pytest.mark.parametrize(
    ("is_buy", "market", "is_passed"),
    [
        (False, "90.01", False),
        (False, "90", True),
        (False, "89.99", True),
        (True, "89.99", False),
        (True, "90", True),
        (True, "90.01", True),
    ],
)
def test_at_its_price_a_stop_goes_off(is_buy: bool, market: str, is_passed: bool) -> None:
    assert Stop(is_buy=is_buy, quantity=D(1), price=D(90)).is_passed(D(market)) is is_passed


def test_what_it_is_worth_is_what_it_would_bring() -> None:
    assert Stop(is_buy=False, quantity=D("0.04"), price=D(90)).worth == D("3.6")


@pytest.mark.parametrize(
    ("share", "may_be"),
    [
        ("0.0099", False),
        ("0.01", True),
        ("0.125", True),
        ("0.1234", True),
        ("0.12345", False),
        ("0.5", True),
        ("0.5001", False),
        ("0", False),
        ("-0.1", False),
        ("NaN", False),
        ("Infinity", False),
    ],
)
def test_from_1_to_50_per_cent_in_hundredths_of_one(share: str, may_be: bool) -> None:
    assert is_protection(D(share)) is may_be
