"""The arithmetic of margin: published formulas by hand, and what must hold of every fill, price and payment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some

from engine.decimals import QUANTUM, ZERO, money
from engine.margin import (
    ONE_TIER,
    cross_needs,
    funding_payment,
    funding_times,
    initial_margin,
    is_liquidated,
    liquidation_price,
    made_up_rate,
    maintenance_margin,
    margin_at,
    paid_from_margin,
    settle,
    tier_at,
    tiers_of,
)
from engine.positions import PositionState, closed_quantity

D = Decimal
# Binance's brackets of BTCUSDT as it published them with its formula: 0.4 % to 50,000, 0.5 % to 250,000, 1 % to a million …
PUBLISHED = tiers_of(
    [
        (D(0), 125, D("0.004")),
        (D(50_000), 100, D("0.005")),
        (D(250_000), 50, D("0.01")),
        (D(1_000_000), 20, D("0.025")),
        (D(5_000_000), 10, D("0.05")),
    ]
)
AMOUNTS = some.decimals(min_value="0.001", max_value="1000", places=3)
PRICES = some.decimals(min_value="0.01", max_value="100000", places=2)


def test_deductions_are_the_published_maintenance_amounts() -> None:
    assert [tier.deduction for tier in PUBLISHED] == [0, 50, 1_300, 16_300, 141_300]


def test_the_published_example_of_a_cross_position() -> None:
    # Binance's own worked example: wallet 1,535,443.01, other positions' maintenance 71,200.81144 and unrealized PnL
    # -56,354.57, a long of 3,683.979 at 1,456.84, ratio 10 %, maintenance amount 135,365.
    backing = D("1535443.01") - D("71200.81144") + D("-56354.57")
    tiers = tiers_of([(D(0), 20, D("0.0001")), (D("1355005.5005500550055"), 10, D("0.1"))])
    assert abs(tiers[1].deduction - 135_365) < D("0.5")
    size = D("3683.979")
    price = liquidation_price(size, size * D("1456.84"), backing, tiers)
    assert price is not None and abs(price - D("1153.26")) < D("0.01")


@pytest.mark.parametrize(("sign", "expected"), [(1, D(9000) / 99), (-1, D(11000) / 101)])
def test_an_isolated_position_by_hand(sign: int, expected: Decimal) -> None:
    tiers = tiers_of([(ZERO, 20, D("0.01"))])
    assert liquidation_price(D(100 * sign), D(10_000 * sign), D(1000), tiers) == expected


def test_a_long_that_its_whole_worth_stands_behind_is_never_liquidated() -> None:
    assert liquidation_price(D(1), D(100), D(100), ONE_TIER) is None


@given(size=AMOUNTS, entry=PRICES, leverage=some.integers(1, 20), is_long=some.booleans())
def test_at_its_liquidation_price_a_position_has_its_maintenance_margin_left(
    size: Decimal, entry: Decimal, leverage: int, is_long: bool
) -> None:
    quantity = size if is_long else -size
    margin = size * entry / leverage
    price = liquidation_price(quantity, quantity * entry, margin, PUBLISHED)
    if price is None:
        assert leverage == 1 and is_long
        return
    left = margin + quantity * (price - entry) - maintenance_margin(size * price, PUBLISHED)
    assert abs(left) < D("1e-20") * (1 + size * price)
    beyond, before = price * D("1.000001"), price * D("0.999999")
    worse, better = (before, beyond) if is_long else (beyond, before)
    for mark, is_gone in ((worse, True), (better, False)):
        equity = margin + quantity * (mark - entry)
        assert is_liquidated(equity, maintenance_margin(size * mark, PUBLISHED)) == is_gone


@given(notional=some.decimals(min_value=0, max_value=10_000_000, places=2))
def test_maintenance_grows_with_what_a_position_is_worth_and_without_a_step(notional: Decimal) -> None:
    here, next_one = (maintenance_margin(one, PUBLISHED) for one in (notional, notional + D("0.01")))
    assert ZERO <= next_one - here <= D("0.01") * tier_at(notional + 1, PUBLISHED).maintenance_ratio
    assert here <= notional


FILLS = some.lists(
    some.tuples(some.booleans(), AMOUNTS, PRICES, some.decimals(0, 50, places=2)), min_size=1, max_size=8
)


@given(fills=FILLS, leverage=some.integers(1, 20))
def test_no_fill_of_an_isolated_position_takes_more_than_its_margin(
    fills: list[tuple[bool, Decimal, Decimal, Decimal]], leverage: int
) -> None:
    state, margin, cash, insured = PositionState(), ZERO, ZERO, ZERO
    for is_buy, size, price, fee in fills:
        change, before, bound = size if is_buy else -size, state, margin
        done = settle(state, margin, change=change, price=price, fee=fee, leverage=leverage, is_isolated=True)
        state, margin = done.state, done.margin
        cash, insured = cash + done.cash, insured + done.insured
        assert margin >= ZERO and done.insured >= ZERO
        assert bool(margin) <= bool(state.quantity)
        opened = size - closed_quantity(before.quantity, change)
        # Free cash falls by the margin and the fee of what is opened, and by nothing else.
        free = done.cash - (margin - bound)
        assert free >= -initial_margin(opened * price, leverage) - fee
    assert cash == state.realized_pnl - state.fees_paid + insured


@given(first=AMOUNTS, second=AMOUNTS, price=PRICES, leverage=some.integers(1, 20))
def test_parts_of_an_open_bind_no_more_than_the_whole_promised(
    first: Decimal, second: Decimal, price: Decimal, leverage: int
) -> None:
    parts = initial_margin(first * price, leverage) + initial_margin(second * price, leverage)
    whole = initial_margin((first + second) * price, leverage)
    assert whole - 2 * QUANTUM <= parts <= whole


def test_a_cross_fill_sets_nothing_aside_and_owes_its_loss() -> None:
    state = PositionState(D(10), D(1000))
    done = settle(state, ZERO, change=D(-10), price=D(90), fee=D(1), leverage=10, is_isolated=False)
    assert (done.margin, done.realized, done.cash, done.insured) == (ZERO, D(-100), D(-101), ZERO)


def test_cross_positions_keep_their_margins_less_what_they_have_earned_and_never_less_than_nothing() -> None:
    assert cross_needs([(D(1100), D(1000), 10), (D(-500), D(-400), 5)]) == 110 - 100 + 100 + 100
    assert cross_needs([(D(2000), D(1000), 10)]) == 0


@given(quantity=AMOUNTS, mark=PRICES, rate=some.decimals(-1, 1, places=6))
def test_what_a_long_pays_its_short_receives(quantity: Decimal, mark: Decimal, rate: Decimal) -> None:
    assert funding_payment(quantity, mark, rate) == -funding_payment(-quantity, mark, rate)
    assert funding_payment(quantity, mark, rate) == money(quantity * mark * rate)


def test_funding_takes_an_isolated_margin_and_no_more() -> None:
    assert paid_from_margin(D(10), D(4)) == (D(6), ZERO)
    assert paid_from_margin(D(10), D(-4)) == (D(14), ZERO)
    assert paid_from_margin(D(10), D(14)) == (ZERO, D(4))


def test_funding_times_are_every_eight_hours_and_each_once() -> None:
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert [one.hour for one in funding_times(noon, noon + timedelta(hours=12))] == [16, 0]
    assert funding_times(noon, noon + timedelta(hours=3)) == []
    at = noon.replace(hour=16)
    assert list(funding_times(at - timedelta(hours=8), at)) == [at]
    assert list(funding_times(at, at + timedelta(hours=1))) == []


def test_a_made_up_rate_is_always_the_same_and_within_its_bounds() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    rates = [made_up_rate("BTC-USDT-PERP", start + timedelta(hours=8 * number)) for number in range(500)]
    assert rates == [made_up_rate("BTC-USDT-PERP", start + timedelta(hours=8 * number)) for number in range(500)]
    assert D("-0.0001") <= min(rates) < 0 < max(rates) <= D("0.0003")
    assert len(set(rates)) > 200


def test_leverage_moves_an_open_margin_by_the_difference_and_keeps_what_funding_made_of_it() -> None:
    assert margin_at(D(-1000), D(95), before=10, after=5) == 195
    assert margin_at(D(1000), D(95), before=10, after=10) == 95


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [(D(10), 5, D("0.1"))],
        [(D(0), 5, D("0.1")), (D(10), 5, D("0.05"))],
        [(D(0), 0, D("0.1"))],
        [(D(0), 5, D(1))],
    ],
)
def test_what_makes_no_tiers_is_refused(rows: list[tuple[Decimal, int, Decimal]]) -> None:
    with pytest.raises(ValueError, match=r"[Tt]ier"):
        tiers_of(rows)
