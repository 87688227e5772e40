"""What risk lets through: one row of facts, one verdict."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.execution import Costs, taker_fee, taker_price
from engine.risk import InstrumentRules, Limits, OrderFacts, RiskFacts, Trade, judge, limits_from
from engine.risk.limits import PROFILES, SPECS
from tests.engine.risk.samples import NOW

D = Decimal
COSTS = Costs(fee_bps=D(10), slippage_bps=D(0), tick_size=D("0.01"))
RULES = InstrumentRules(D("0.001"), min_quantity=D("0.01"), min_notional=D(5), is_active=True, costs=COSTS)
# One unit costs 100.1 with its fee; 1001 buys ten.
BUY = OrderFacts(
    is_buy=True,
    reduces=False,
    quantity=D(1),
    market_price=D(100),
    price_is_stale=False,
    free_quote=D(1001),
    held_quantity=D(0),
    may_clip=True,
    portfolio_is_open=True,
    instrument_is_allowed=True,
    safety_state="ACTIVE",
)
SELL = replace(BUY, is_buy=False, reduces=True, held_quantity=D(3))


def verdict(facts: OrderFacts, **rules: Any) -> tuple[str, str]:
    found = judge(facts, replace(RULES, **rules))
    return format(found.quantity.normalize(), "f"), found.code


def facts(base: OrderFacts, changes: dict[str, Any]) -> OrderFacts:
    """Return the facts with these changed; figures are given as texts."""
    figures = {"quantity", "free_quote", "held_quantity"}
    changed: dict[str, Any] = {name: D(value) if name in figures else value for name, value in changes.items()}
    return replace(base, **changed)


@pytest.mark.parametrize(
    ("changes", "quantity", "code"),
    [
        ({}, "1", ""),
        ({"quantity": "10"}, "10", ""),
        # Beyond the balance: clipped for those that may be, refused to a hand.
        ({"quantity": "10.001"}, "10", "CLIPPED_BALANCE"),
        ({"quantity": "10.001", "may_clip": False}, "0", "INSUFFICIENT_BALANCE"),
        ({"quantity": "10", "free_quote": "1000.99"}, "9.999", "CLIPPED_BALANCE"),
        ({"free_quote": "0"}, "0", "INSUFFICIENT_BALANCE"),
        ({"free_quote": "-5"}, "0", "INSUFFICIENT_BALANCE"),
        ({"free_quote": "0.1"}, "0", "INSUFFICIENT_BALANCE"),
        # What the clip leaves is below the minimum.
        ({"free_quote": "0.9"}, "0", "QUANTITY_BELOW_MINIMUM"),
        ({"free_quote": "4"}, "0", "NOTIONAL_BELOW_MINIMUM"),
        # Quantity and notional minimums: 0.01 units and 5 quote units (0.05 units at 100).
        ({"quantity": "0.009"}, "0", "QUANTITY_BELOW_MINIMUM"),
        ({"quantity": "0.049"}, "0", "NOTIONAL_BELOW_MINIMUM"),
        ({"quantity": "0.05"}, "0.05", ""),
        ({"quantity": "0"}, "0", "QUANTITY_BELOW_MINIMUM"),
        ({"quantity": "-1"}, "0", "QUANTITY_BELOW_MINIMUM"),
        # What opens nothing.
        ({"market_price": None}, "0", "PRICE_UNKNOWN"),
        ({"price_is_stale": True}, "0", "EQUITY_STALE"),
        ({"portfolio_is_open": False}, "0", "PORTFOLIO_NOT_OPEN"),
        ({"instrument_is_allowed": False}, "0", "INSTRUMENT_NOT_ALLOWED"),
        ({"safety_state": "REDUCING"}, "0", "TRADING_REDUCING"),
        ({"safety_state": "HALTED"}, "0", "TRADING_HALTED"),
        ({"safety_state": "HALTED", "portfolio_is_open": False, "price_is_stale": True}, "0", "TRADING_HALTED"),
    ],
)
def test_a_purchase(changes: dict[str, Any], quantity: str, code: str) -> None:
    assert verdict(facts(BUY, changes)) == (quantity, code)


@pytest.mark.parametrize(
    ("changes", "quantity", "code"),
    [
        ({}, "1", ""),
        ({"quantity": "3"}, "3", ""),
        ({"quantity": "3.001"}, "3", "CLIPPED_POSITION"),
        ({"quantity": "3.001", "may_clip": False}, "0", "QUANTITY_ABOVE_POSITION"),
        ({"held_quantity": "0"}, "0", "NOTHING_TO_CLOSE"),
        ({"held_quantity": "0", "may_clip": False}, "0", "NOTHING_TO_CLOSE"),
        ({"held_quantity": "0", "quantity": "0"}, "0", "NOTHING_TO_CLOSE"),
        ({"held_quantity": "-1"}, "0", "NOTHING_TO_CLOSE"),
        # A part of what is held that fills no lot.
        ({"quantity": "0"}, "0", "QUANTITY_BELOW_MINIMUM"),
        # A part below a minimum waits for the rest; the whole passes, dust included.
        ({"quantity": "0.009"}, "0", "QUANTITY_BELOW_MINIMUM"),
        ({"quantity": "0.049"}, "0", "NOTIONAL_BELOW_MINIMUM"),
        ({"quantity": "0.009", "held_quantity": "0.009"}, "0.009", ""),
        ({"quantity": "0.0004", "held_quantity": "0.0004"}, "0.0004", ""),
        ({"quantity": "1", "held_quantity": "0.0004"}, "0.0004", "CLIPPED_POSITION"),
        # Money has no part in it.
        ({"free_quote": "-5"}, "1", ""),
        ({"market_price": None}, "0", "PRICE_UNKNOWN"),
    ],
)
def test_a_sale(changes: dict[str, Any], quantity: str, code: str) -> None:
    assert verdict(facts(SELL, changes)) == (quantity, code)


def test_a_retired_instrument_is_sold_and_not_bought() -> None:
    assert verdict(BUY, is_active=False) == ("0", "INSTRUMENT_NOT_TRADABLE")
    assert verdict(SELL, is_active=False) == ("1", "")


def test_a_lot_is_the_least_quantity_where_the_venue_names_none() -> None:
    none = {"min_quantity": D(0), "min_notional": D(0)}
    assert verdict(replace(BUY, quantity=D("0.001")), **none) == ("0.001", "")
    assert verdict(replace(BUY, quantity=D("0.0009")), **none) == ("0", "QUANTITY_BELOW_MINIMUM")


OBSTACLES: dict[str, Any] = {
    "price_is_stale": True,
    "portfolio_is_open": False,
    "instrument_is_allowed": False,
    "free_quote": D(0),
}


@pytest.mark.parametrize("safety_state", ["ACTIVE", "REDUCING", "HALTED"])
def test_exits_pass_whatever_stands_in_the_way_of_opens(safety_state: str) -> None:
    assert verdict(replace(SELL, **OBSTACLES, safety_state=safety_state), is_active=False) == ("1", "")
    dust = replace(SELL, **OBSTACLES, safety_state=safety_state, quantity=D("0.0004"), held_quantity=D("0.0004"))
    assert verdict(dust, is_active=False) == ("0.0004", "")


amounts = st.integers(0, 10**13).map(lambda number: D(number).scaleb(-8))


@given(
    quantity=amounts.map(lambda amount: amount // D("0.001") * D("0.001")),
    free=amounts,
    held=amounts,
    price=st.integers(1, 10**8).map(lambda number: D(number).scaleb(-2)),
    slippage=st.integers(0, 100),
    is_buy=st.booleans(),
    may_clip=st.booleans(),
)
def test_what_passes_is_never_more_than_asked_covered_or_held(
    quantity: Decimal, free: Decimal, held: Decimal, price: Decimal, slippage: int, is_buy: bool, may_clip: bool
) -> None:
    costs = replace(COSTS, slippage_bps=D(slippage))
    asked = replace(
        BUY if is_buy else SELL,
        quantity=quantity,
        free_quote=free,
        held_quantity=held,
        market_price=price,
        may_clip=may_clip,
    )
    found = judge(asked, replace(RULES, costs=costs))
    assert 0 <= found.quantity <= max(quantity, D(0))
    assert bool(found.code) == (found.quantity < quantity or not quantity)
    if is_buy:
        paid = taker_price(market_price=price, is_buy=True, costs=costs)
        assert found.quantity * paid + taker_fee(quantity=found.quantity, price=paid, costs=costs) <= free
    else:
        assert found.quantity <= held
    if not may_clip:
        assert found.quantity in (0, quantity)


# --- limits and exits -----------------------------------------------------------------------------------------------
figures = st.integers(-(10**12), 10**12).map(lambda number: D(number).scaleb(-4))
counts = st.integers(0, 1_000)
tightest_limits = limits_from(
    {
        spec.name: str(spec.low if spec.name not in ("reserve_share", "min_liquidation_ratio") else spec.high)
        for spec in SPECS
    }
    | {"denied": ["BTC-USDT"]}
)
trades = st.lists(
    st.builds(
        Trade,
        at=st.integers(0, 10_000).map(lambda minutes: NOW - timedelta(minutes=minutes)),
        symbol=st.sampled_from(["BTC-USDT", "ETH-USDT"]),
        profit=figures,
        by_stop=st.booleans(),
    ),
    max_size=8,
).map(tuple)
any_risk = st.builds(
    RiskFacts,
    limits=st.sampled_from([*PROFILES.values(), tightest_limits, Limits()]),
    now=st.just(NOW),
    symbol=st.just("BTC-USDT"),
    equity=figures,
    exposure=figures,
    instrument_exposure=figures,
    asset_exposure=figures,
    correlated_exposure=figures,
    positions=counts,
    day_base=figures,
    week_base=figures,
    peak=figures,
    trade_loss=figures,
    trades=trades,
    orders_in_minute=counts,
    orders_today=counts,
    stop_ratio=st.none() | st.sampled_from([D("0.01"), D("0.9")]),
    meant_price=st.none() | st.sampled_from([D(1), D(1_000_000)]),
    price_age_seconds=counts.map(D),
    levels=st.just(()) | st.just(((D(100), D("0.001")),)),
)


@given(
    risk=any_risk,
    held=st.integers(1, 10**6).map(lambda lots: lots * D("0.001")),
    part=st.integers(1, 100),
    safety_state=st.sampled_from(["ACTIVE", "REDUCING", "HALTED"]),
    may_clip=st.booleans(),
)
def test_no_limit_denies_or_cuts_an_exit_within_what_is_held(
    risk: RiskFacts, held: Decimal, part: int, safety_state: str, may_clip: bool
) -> None:
    quantity = max((held * part / 100).quantize(D("0.001")), D("0.001"))
    rules = replace(RULES, min_quantity=D(0), min_notional=D(0), is_active=False)
    leaving = replace(SELL, **OBSTACLES, quantity=quantity, held_quantity=held, may_clip=may_clip)
    found = judge(replace(leaving, safety_state=safety_state, risk=risk), rules)
    assert (found.quantity, found.code) == (min(quantity, held), "")


@given(risk=any_risk, lots=st.integers(1, 10**6), may_clip=st.booleans())
def test_no_limit_lets_more_through_than_without_it(risk: RiskFacts, lots: int, may_clip: bool) -> None:
    free = judge(replace(BUY, quantity=lots * D("0.001"), may_clip=may_clip), RULES)
    limited = judge(replace(BUY, quantity=lots * D("0.001"), may_clip=may_clip, risk=risk), RULES)
    assert 0 <= limited.quantity <= free.quantity
    assert limited.quantity % D("0.001") == 0
    assert bool(limited.code) == (limited.quantity < lots * D("0.001"))
