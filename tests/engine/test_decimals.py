"""Exact arithmetic: enough digits in every thread, and every rounding in its stated direction."""

from __future__ import annotations

import threading
from decimal import Decimal, getcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.decimals import PRECISION, floor_to_step, money, nearest_tick, price_to_tick

NINETEEN_DIGITS = Decimal("9999999999.123456789")


def test_products_of_long_numbers_are_exact_in_every_thread() -> None:
    product = Decimal("99999999894814814696134888015.080528248121217591860897069")
    found: list[Decimal] = [NINETEEN_DIGITS * NINETEEN_DIGITS * Decimal("999999999.123456789")]

    def work() -> None:
        found.append(NINETEEN_DIGITS * NINETEEN_DIGITS * Decimal("999999999.123456789"))
        found.append(Decimal(getcontext().prec))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [product, product, PRECISION]


@pytest.mark.parametrize(
    ("value", "rounded"),
    [
        ("0.1234567890123456784", "0.123456789012345678"),
        ("0.1234567890123456785", "0.123456789012345678"),
        ("0.1234567890123456775", "0.123456789012345678"),
        ("-0.1234567890123456785", "-0.123456789012345678"),
        ("5", "5.000000000000000000"),
    ],
)
def test_money_rounds_half_to_even_at_the_eighteenth_decimal(value: str, rounded: str) -> None:
    assert str(money(Decimal(value))) == rounded


@pytest.mark.parametrize(
    ("quantity", "step", "floored"),
    [
        ("1.2349", "0.001", "1.234"),
        ("-1.2349", "0.001", "-1.234"),
        ("0.0009", "0.001", "0"),
        ("7", "0.5", "7"),
        ("7.49", "2.5", "5"),
        ("0.3", "0.1", "0.3"),
        ("99999999999999999999.999", "1", "99999999999999999999"),
    ],
)
def test_quantities_are_rounded_toward_zero_to_whole_lots(quantity: str, step: str, floored: str) -> None:
    assert floor_to_step(Decimal(quantity), Decimal(step)) == Decimal(floored)


@given(
    lots=st.integers(-(10**12), 10**12),
    rest=st.decimals(0, 1, places=6).filter(lambda rest: rest < 1),
    step=st.sampled_from(["0.00000001", "0.001", "0.5", "1", "25"]),
)
def test_flooring_drops_less_than_a_lot_and_never_adds(lots: int, rest: Decimal, step: str) -> None:
    size = Decimal(step)
    away = rest.copy_sign(Decimal(lots))
    assert floor_to_step((lots + away) * size, size) == lots * size


@pytest.mark.parametrize(
    ("price", "tick", "down", "up", "nearest"),
    [
        ("100.004", "0.01", "100.00", "100.01", "100.00"),
        ("100.005", "0.01", "100.00", "100.01", "100.00"),
        ("100.015", "0.01", "100.01", "100.02", "100.02"),
        ("100.01", "0.01", "100.01", "100.01", "100.01"),
        ("7", "5", "5", "10", "5"),
        ("0.000000019", "0.00000001", "0.00000001", "0.00000002", "0.00000002"),
    ],
)
def test_prices_are_rounded_to_ticks(price: str, tick: str, down: str, up: str, nearest: str) -> None:
    given_price, size = Decimal(price), Decimal(tick)
    assert price_to_tick(given_price, size, up=False) == Decimal(down)
    assert price_to_tick(given_price, size, up=True) == Decimal(up)
    assert nearest_tick(given_price, size) == Decimal(nearest)
