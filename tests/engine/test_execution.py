"""What a market order costs: the price against the taker, the fee on top, and never more than the money there is."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.decimals import ONE, floor_to_step
from engine.execution import Costs, affordable_quantity, taker_fee, taker_price, unit_cost

COSTS = Costs(fee_bps=Decimal(10), slippage_bps=Decimal(5), tick_size=Decimal("0.01"))


@pytest.mark.parametrize(
    ("market", "slippage", "tick", "bought", "sold"),
    [
        ("100", "5", "0.01", "100.05", "99.95"),
        ("100", "0", "0.01", "100", "100"),
        # Rounded to the tick away from the taker.
        ("100", "5", "0.1", "100.1", "99.9"),
        ("33.33", "2", "0.01", "33.34", "33.32"),
        ("0.00000123", "2", "0.00000001", "0.00000124", "0.00000122"),
        # A price that is off its own tick.
        ("100.004", "0", "0.01", "100.01", "100"),
        # A sale always brings something.
        ("0.01", "5", "0.01", "0.02", "0.01"),
        ("0.004", "0", "0.01", "0.01", "0.01"),
    ],
)
def test_the_price_moves_against_the_taker(market: str, slippage: str, tick: str, bought: str, sold: str) -> None:
    costs = Costs(Decimal(10), Decimal(slippage), Decimal(tick))
    assert taker_price(market_price=Decimal(market), is_buy=True, costs=costs) == Decimal(bought)
    assert taker_price(market_price=Decimal(market), is_buy=False, costs=costs) == Decimal(sold)


@pytest.mark.parametrize(
    ("quantity", "price", "bps", "fee"),
    [
        ("2", "100", "10", "0.2"),
        ("2", "100", "0", "0"),
        ("0.5", "100.05", "7.5", "0.03751875"),
        # Rounded half to even at the eighteenth decimal.
        ("0.00000001", "0.00000001", "25", "0"),
        ("0.00000003", "0.00000001", "35", "0.000000000000000001"),
    ],
)
def test_the_fee_is_a_share_of_the_value(quantity: str, price: str, bps: str, fee: str) -> None:
    costs = Costs(Decimal(bps), Decimal(5), Decimal("0.01"))
    assert taker_fee(quantity=Decimal(quantity), price=Decimal(price), costs=costs) == Decimal(fee)


def test_a_unit_costs_its_price_and_fee() -> None:
    assert unit_cost(market_price=Decimal(100), costs=COSTS) == Decimal("100.15005")


def test_money_buys_what_it_covers_with_the_fee() -> None:
    def affordable(free: str) -> Decimal:
        return affordable_quantity(free=Decimal(free), market_price=Decimal(100), costs=COSTS)

    assert affordable("300.45015") == 3
    assert floor_to_step(affordable("300.45014"), Decimal("0.001")) == Decimal("2.999")
    assert affordable("0") == affordable("-5") == 0


figures = st.integers(1, 10**10)


@given(
    free=st.integers(0, 10**24).map(lambda number: Decimal(number).scaleb(-18)),
    price=figures.map(lambda number: Decimal(number).scaleb(-8)),
    lot=st.sampled_from([Decimal("0.00000001"), Decimal("0.001"), ONE]),
    fee=st.integers(0, 1_000_000).map(lambda number: Decimal(number).scaleb(-4)),
    slippage=st.integers(0, 1_000_000).map(lambda number: Decimal(number).scaleb(-4)),
)
def test_what_is_affordable_is_covered_to_the_last_unit(
    free: Decimal, price: Decimal, lot: Decimal, fee: Decimal, slippage: Decimal
) -> None:
    costs = Costs(fee, slippage, Decimal("0.00000001"))

    def taken(quantity: Decimal) -> Decimal:
        paid = taker_price(market_price=price, is_buy=True, costs=costs)
        return quantity * paid + taker_fee(quantity=quantity, price=paid, costs=costs)

    most = floor_to_step(affordable_quantity(free=free, market_price=price, costs=costs), lot)
    assert taken(most) <= free
    # One lot more would not be covered, were the fee not rounded.
    assert (most + lot) * unit_cost(market_price=price, costs=costs) > free
