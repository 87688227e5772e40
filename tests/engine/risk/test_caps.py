"""What cuts an open down: each cap at its limit and on both sides of it, refused to a hand, and denied where too little is left."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.execution import Costs
from engine.risk import judge
from engine.risk.caps import depth_within
from tests.engine.risk.samples import FACTS, ORDER, RULES, D, judged, limits, told

# A limit, the figure at which ten units at 100 just pass, one that leaves 9.5, and its codes.
CAPS: list[tuple[str, str, str, dict[str, Any], str, str]] = [
    ("max_order_notional", "1000", "950", {}, "CLIPPED_ORDER_NOTIONAL", "ORDER_NOTIONAL_LIMIT"),
    ("max_order_share", "0.1", "0.095", {}, "CLIPPED_ORDER_SHARE", "ORDER_SHARE_LIMIT"),
    ("max_position_notional", "2000", "1950", {}, "CLIPPED_POSITION_NOTIONAL", "POSITION_NOTIONAL_LIMIT"),
    ("max_instrument_share", "0.2", "0.195", {}, "CLIPPED_INSTRUMENT_SHARE", "INSTRUMENT_SHARE_LIMIT"),
    ("max_asset_share", "0.25", "0.245", {}, "CLIPPED_ASSET_SHARE", "ASSET_SHARE_LIMIT"),
    ("max_correlated_share", "0.26", "0.255", {}, "CLIPPED_CORRELATED_SHARE", "CORRELATED_SHARE_LIMIT"),
    ("max_leverage", "0.3", "0.295", {}, "CLIPPED_LEVERAGE", "LEVERAGE_LIMIT"),
    ("min_liquidation_ratio", "1", "1", {}, "CLIPPED_LIQUIDATION", "LIQUIDATION_TOO_NEAR"),
    ("reserve_share", "0.7", "0.705", {}, "CLIPPED_RESERVE", "RESERVE_LIMIT"),
    ("max_trade_risk", "0.005", "0.00475", {"stop_ratio": D("0.05")}, "CLIPPED_TRADE_RISK", "TRADE_RISK_LIMIT"),
]
# Of all that is held, a spot book can lose no more than it has: it takes exposure beyond equity to be near liquidation.
CAPS[7] = (
    "min_liquidation_ratio",
    "0.5",
    "0.5",
    {"equity": D(1_500)},
    "CLIPPED_LIQUIDATION",
    "LIQUIDATION_TOO_NEAR",
)


@pytest.mark.parametrize(("name", "enough", "tight", "facts", "clipped", "denied"), CAPS)
def test_an_open_above_a_limit_is_cut_down_to_it(
    name: str, enough: str, tight: str, facts: dict[str, Any], clipped: str, denied: str
) -> None:
    assert told(judged(limits(**{name: enough}), **facts)) == ("10", "")
    if enough == tight:
        facts = facts | {"exposure": D(2_050)}
    cut = judged(limits(**{name: tight}), **facts)
    assert (told(cut), cut.value, cut.limit) == (("9.5", clipped), D(10), D("9.5"))
    # A hand is told, and asked to enter less.
    by_hand = {"may_clip": False}
    assert told(judged(limits(**{name: tight}), by_hand, **facts)) == ("0", denied)
    assert told(judged(limits(**{name: enough}), by_hand, **(facts | {"exposure": D(2_000)}))) == ("10", "")


def test_what_is_left_is_whole_lots() -> None:
    assert told(judged(limits(max_order_notional="333.33"))) == ("3.333", "CLIPPED_ORDER_NOTIONAL")


@pytest.mark.parametrize(
    ("left", "quantity", "code"), [("5", "0.05", "CLIPPED_ORDER_NOTIONAL"), ("4.99", "0", "ORDER_NOTIONAL_LIMIT")]
)
def test_what_is_left_below_the_venues_minimum_is_denied(left: str, quantity: str, code: str) -> None:
    assert told(judged(limits(max_order_notional=left))) == (quantity, code)


def test_a_portfolio_beyond_its_limit_opens_nothing_more() -> None:
    assert told(judged(limits(max_instrument_share="0.05"))) == ("0", "INSTRUMENT_SHARE_LIMIT")


def test_the_tightest_cap_is_the_one_that_is_told() -> None:
    given = limits(max_order_share="0.05", max_order_notional="400", max_leverage="0.25")
    assert told(judged(given)) == ("4", "CLIPPED_ORDER_NOTIONAL")


def test_the_balance_may_cut_further_and_says_so() -> None:
    assert told(judged(limits(max_order_notional="900"), {"free_quote": D(500)})) == ("5", "CLIPPED_BALANCE")


def test_the_reserve_is_kept_after_the_fee() -> None:
    rules = replace(RULES, costs=Costs(fee_bps=D(100), slippage_bps=D(0), tick_size=D("0.01")))
    risk = replace(FACTS, limits=limits(reserve_share="0.7"))
    # A thousand may be spent; a unit costs 101.
    assert told(judge(replace(ORDER, risk=risk), rules)) == ("9.9", "CLIPPED_RESERVE")


def test_without_a_stop_nothing_says_what_is_at_risk() -> None:
    assert told(judged(limits(max_trade_risk="0.001"))) == ("10", "")


@pytest.mark.parametrize(("equity", "quantity"), [("9750.01", "10"), ("9750", "5"), ("9600", "5"), ("9500", "0")])
def test_sizes_are_halved_as_the_daily_limit_nears(equity: str, quantity: str) -> None:
    given = judged(limits(max_daily_loss="0.05", halve_at="0.5"), equity=D(equity))
    codes = {"10": "", "5": "CLIPPED_NEAR_DAILY_LOSS", "0": "DAILY_LOSS_LIMIT"}
    assert told(given) == (quantity, codes[quantity])


def test_near_the_daily_limit_a_hand_may_use_half_of_an_orders_share() -> None:
    given, by_hand = limits(max_daily_loss="0.05", halve_at="0.5", max_order_share="0.2"), {"may_clip": False}
    assert told(judged(given, by_hand, equity=D(9_700))) == ("0", "DAILY_LOSS_NEAR")
    assert told(judged(given, by_hand | {"quantity": D("9.7")}, equity=D(9_700))) == ("9.7", "")


BOOK = ((D(100), D(2)), (D(101), D(2)), (D(110), D(50)))


@pytest.mark.parametrize(
    ("most", "quantity"),
    [
        # Two at 100 and two at 101 are 100.5 on average; then each at 110 lifts it.
        ("0.005", "4"),
        ("0.004", "3.333"),
        ("0.0001", "2.020"),
        ("0.02", "4.75"),
    ],
)
def test_no_more_is_bought_than_the_book_holds_near_its_best_price(most: str, quantity: str) -> None:
    code = "CLIPPED_SLIPPAGE"
    assert told(judged(limits(max_slippage=most), levels=BOOK)) == (format(D(quantity).normalize(), "f"), code)


def test_where_there_is_no_book_slippage_limits_nothing_and_a_book_is_no_deeper_than_it_shows() -> None:
    assert told(judged(limits(max_slippage="0.0001"))) == ("10", "")
    assert depth_within(BOOK, D("0.5"), is_buy=True) == D(54)


def test_a_sale_takes_the_bids_downwards() -> None:
    bids = ((D(100), D(2)), (D(99), D(2)), (D(90), D(50)))
    assert depth_within(bids, D("0.005"), is_buy=False) == D(4)
    assert depth_within(bids, D("0.004"), is_buy=False) == D(2) + D("0.8") / D("0.6")
