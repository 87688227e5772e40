"""How figures read: grouping, trimming, signs, and figures that are missing or too small."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import display

DECIMALS = st.decimals(min_value=-(10**20), max_value=10**20, places=18, allow_nan=False)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("1234.500000000000000000"), "1,234.5"),
        (Decimal(100), "100"),
        (Decimal("1E+3"), "1,000"),
        (Decimal("0E-18"), "0"),
        (Decimal("-0.00012"), "−0.00012"),
        (Decimal("0.123456789"), "0.12345679"),
        (Decimal("0.000000001"), "<0.00000001"),
        (Decimal("-0.000000001"), "−<0.00000001"),
        (Decimal("1000000000.123456789012345678"), "1,000,000,000.12345679"),
        (1.5, "1.5"),
        ("2.50", "2.5"),
        (0, "0"),
        (None, "–"),
        ("", "–"),
        (float("nan"), "–"),
        (float("inf"), "–"),
    ],
)
def test_amount(value: display.Number, text: str) -> None:
    assert display.amount(value) == text


def test_amount_with_fewer_places() -> None:
    assert display.amount(Decimal("0.1284"), 3) == "0.128"
    assert display.amount(Decimal("0.004"), 2) == "<0.01"
    assert display.amount(Decimal("7.6"), 0) == "8"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("1234.5"), "1,234.50"),
        (Decimal("-1234.567"), "−1,234.57"),
        (Decimal("-0.001"), "0.00"),
        (Decimal("99999999999999999999999999999999999999.99"), f"99,{','.join(['999'] * 12)}.99"),
        (None, "–"),
    ],
)
def test_money(value: display.Number, text: str) -> None:
    assert display.money(value) == text


@pytest.mark.parametrize(
    ("tick", "text"),
    [
        ("0.01", "64,182.50"),
        ("0.010000000000000000", "64,182.50"),
        ("0.5", "64,182.5"),
        ("1", "64,182"),
        ("10", "64,182"),
    ],
)
def test_price_has_the_decimals_of_its_tick(tick: str, text: str) -> None:
    assert display.price(Decimal("64182.500"), Decimal(tick)) == text


def test_price_without_a_tick_keeps_the_decimals_it_has() -> None:
    assert display.price(Decimal("0.000000123456")) == "0.000000123456"


def test_percent() -> None:
    assert display.percent(Decimal("0.1234567")) == "12.35%"
    assert display.percent(-0.05, 0) == "−5%"
    assert display.percent(None) == "–"


@pytest.mark.parametrize(
    ("value", "text"),
    [(999, "999"), (1234567, "1.23M"), (-2_500, "−2.5K"), (Decimal("7.126"), "7.13"), (3 * 10**9, "3B"), (None, "–")],
)
def test_compact(value: display.Number, text: str) -> None:
    assert display.compact(value) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [("1.50", "+1.50"), ("0.00", "0.00"), ("−1.50", "−1.50"), ("–", "–"), ("12.30%", "+12.30%"), ("<0.01", "+<0.01")],
)
def test_signed_puts_a_plus_before_gains_only(text: str, shown: str) -> None:
    assert display.signed(text) == shown


@pytest.mark.parametrize(("value", "sign"), [("0.1", "pos"), (-3, "neg"), (0, "zero"), (None, "zero"), ("-0", "zero")])
def test_sign(value: display.Number, sign: str) -> None:
    assert display.sign(value) == sign


def test_words() -> None:
    assert display.words("PARTIALLY_FILLED") == "Partially filled"
    assert display.words("QUANTITY_BELOW_MINIMUM") == "Quantity below minimum"


@given(DECIMALS)
def test_eighteen_places_lose_nothing(value: Decimal) -> None:
    assert Decimal(display.amount(value, 18).replace(",", "").replace("−", "-")) == value


@given(DECIMALS)
def test_money_is_off_by_half_a_cent_at_most(value: Decimal) -> None:
    shown = Decimal(display.money(value).replace(",", "").replace("−", "-"))
    assert abs(shown - value) <= Decimal("0.005")
