"""What lets an open pass whole or not at all: each rule at its limit, below it and above."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from engine.risk import Limits, Trade
from tests.engine.risk.samples import NOW, D, judged, limits, told

PASSED = ("10", "")


@pytest.mark.parametrize(
    ("lists", "code"),
    [
        ({"denied": frozenset({"BTC-USDT"})}, "INSTRUMENT_ON_DENY_LIST"),
        ({"denied": frozenset({"ETH-USDT"})}, ""),
        ({"allowed": frozenset({"ETH-USDT"})}, "INSTRUMENT_NOT_ON_ALLOW_LIST"),
        ({"allowed": frozenset({"ETH-USDT", "BTC-USDT"})}, ""),
    ],
)
def test_lists(lists: dict[str, Any], code: str) -> None:
    assert judged(limits(**lists)).code == code


@pytest.mark.parametrize(
    ("name", "base", "code"),
    [
        ("max_daily_loss", "day_base", "DAILY_LOSS_LIMIT"),
        ("max_weekly_loss", "week_base", "WEEKLY_LOSS_LIMIT"),
        ("max_drawdown", "peak", "DRAWDOWN_LIMIT"),
    ],
)
def test_a_loss_from_its_base_refuses_as_it_reaches_its_share_of_it(name: str, base: str, code: str) -> None:
    five = limits(**{name: "0.05"})
    assert told(judged(five, equity=D("9500.01"))) == PASSED
    at = judged(five, equity=D(9_500))
    assert (told(at), at.value, at.limit) == (("0", code), D(500), D(500))
    assert told(judged(five, equity=D("9499.99"))) == ("0", code)
    # Off, whatever is lost; and a gain is no loss.
    assert told(judged(Limits(), equity=D(1_000))) == PASSED
    assert told(judged(five, None, **{base: D(9_000)})) == PASSED


@pytest.mark.parametrize(
    ("loss", "code"), [("399.99", ""), ("400", "TRADE_LOSS_LIMIT"), ("400.01", "TRADE_LOSS_LIMIT")]
)
def test_nothing_is_added_to_what_has_lost_too_much(loss: str, code: str) -> None:
    assert judged(limits(max_trade_loss="0.04"), trade_loss=D(loss)).code == code


@pytest.mark.parametrize(
    ("positions", "exposure", "code"),
    [(1, 0, ""), (2, 0, "TOO_MANY_POSITIONS"), (3, 0, "TOO_MANY_POSITIONS"), (3, 1_000, "")],
)
def test_one_position_too_many_is_not_opened_and_one_that_is_open_may_grow(
    positions: int, exposure: int, code: str
) -> None:
    given = judged(limits(max_positions=2), positions=positions, instrument_exposure=D(exposure))
    assert given.code == code


def trade(minutes_ago: int, profit: int | str, symbol: str = "BTC-USDT", by_stop: bool = False) -> Trade:
    return Trade(NOW - timedelta(minutes=minutes_ago), symbol, D(profit), by_stop)


@pytest.mark.parametrize(
    ("profits", "minutes_ago", "code"),
    [
        ([-1, -1], 1, ""),
        ([-1, -1, -1], 1, "LOSSES_IN_A_ROW"),
        ([-1, -1, -1, -1], 1, "LOSSES_IN_A_ROW"),
        ([-1, -1, 0, -1, -1], 1, ""),
        ([-1, -1, -1, 5], 1, ""),
        ([-1, -1, -1], 59, "LOSSES_IN_A_ROW"),
        ([-1, -1, -1], 60, ""),
        ([], 1, ""),
    ],
)
def test_losses_in_a_row_pause_from_the_last_of_them(profits: list[int], minutes_ago: int, code: str) -> None:
    trades = tuple(trade(minutes_ago + 9 - n, profit) for n, profit in enumerate(profits, 10 - len(profits)))
    given = judged(limits(max_losses_in_row=3, losses_pause_minutes=60), trades=trades)
    assert given.code == code


@pytest.mark.parametrize(
    ("ages", "code"),
    [([5], ""), ([5, 10], "TOO_MANY_STOPS"), ([5, 59], "TOO_MANY_STOPS"), ([5, 60], ""), ([5, 61], "")],
)
def test_stops_within_the_window_count(ages: list[int], code: str) -> None:
    stops = [trade(age, -1, by_stop=True) for age in sorted(ages, reverse=True)]
    assert judged(limits(max_stops=2, stops_window_minutes=60), trades=(*stops, trade(1, -5))).code == code


@pytest.mark.parametrize(
    ("minutes_ago", "profit", "code"), [(29, -1, "COOLING_DOWN"), (30, -1, ""), (29, 0, ""), (29, 1, "")]
)
def test_after_a_loss_it_cools_down(minutes_ago: int, profit: int, code: str) -> None:
    assert judged(limits(loss_cooldown_minutes=30), trades=(trade(minutes_ago, profit),)).code == code


@pytest.mark.parametrize(
    ("profits", "code"),
    [
        ([("-100", 60)], ""),
        ([("-100.01", 60)], "LOW_PROFIT_INSTRUMENT"),
        ([("-200", 60), ("100", 50)], ""),
        # Too long ago, and of another instrument.
        ([("-500", 1440)], ""),
        ([], ""),
    ],
)
def test_an_instrument_that_earns_too_little_is_not_opened_again(profits: list[tuple[str, int]], code: str) -> None:
    mine = tuple(trade(age, profit) for profit, age in profits)
    given = limits(min_instrument_profit="-0.01", profit_window_days=1)
    assert judged(given, trades=(*mine, trade(1, -9_000, "ETH-USDT"))).code == code


@pytest.mark.parametrize(
    ("minute", "day", "code"),
    [
        (4, 19, ""),
        (5, 19, "TOO_MANY_ORDERS_A_MINUTE"),
        (4, 20, "TOO_MANY_ORDERS_A_DAY"),
        (6, 21, "TOO_MANY_ORDERS_A_MINUTE"),
    ],
)
def test_orders_are_counted(minute: int, day: int, code: str) -> None:
    given = limits(max_orders_per_minute=5, max_orders_per_day=20)
    assert judged(given, orders_in_minute=minute, orders_today=day).code == code


@pytest.mark.parametrize(("seconds", "code"), [(9, ""), (10, ""), (11, "PRICE_TOO_OLD")])
def test_a_price_that_is_too_old_opens_nothing(seconds: int, code: str) -> None:
    assert judged(limits(max_price_age_seconds=10), price_age_seconds=D(seconds)).code == code


@pytest.mark.parametrize(
    ("meant", "market", "code"),
    [
        ("100", "101", ""),
        ("100", "101.01", "PRICE_BEYOND_COLLAR"),
        ("100", "99", ""),
        ("100", "98.99", "PRICE_BEYOND_COLLAR"),
        (None, "500", ""),
    ],
)
def test_the_market_must_be_near_what_an_order_was_meant_at(meant: str | None, market: str, code: str) -> None:
    price = None if meant is None else D(meant)
    assert judged(limits(max_price_distance="0.01"), {"market_price": D(market)}, meant_price=price).code == code


def test_the_gravest_reason_is_told() -> None:
    given = limits(max_daily_loss="0.05", max_drawdown="0.1", max_positions=1)
    assert judged(given, equity=D(5_000), instrument_exposure=D(0)).code == "DRAWDOWN_LIMIT"
