"""What arrives: which prices count and meet the alerts, what is conflated, what is passed over."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from engine.timeframes import milliseconds
from markets.alerting import AlertWatch
from markets.gateway.protocol import Level, OrderBook, PublicTrade, Side, Ticker
from markets.models import Instrument
from markets.steps import Step
from markets.venue_feed.intake import Intake
from markets.venue_feed.outliers import OutlierGuard
from markets.venue_feed.venue_time import VenueTime
from tests.fixtures_desk import NOON, Desk


class Met(AlertWatch):
    """Notes the prices that meet the alerts."""

    def __init__(self) -> None:
        super().__init__("met")
        self.prices: list[str] = []

    def on_step(self, step: Step) -> None:
        self.prices += [str(price) for price in step.prices.values()]


class Floor:
    """An intake that watches one instrument."""

    def __init__(self, desk: Desk) -> None:
        self.btc: Instrument = desk.instrument(gateway_symbol="BTC/USDT")
        self.alerts, self.guard = Met(), OutlierGuard(10)
        self.intake = Intake(self.guard, self.alerts, VenueTime(milliseconds(NOON), 0.0))
        self.intake.watch({"BTC/USDT": self.btc})

    def ticker(self, last: str | None, second: float = 0, symbol: str = "BTC/USDT", **source: Any) -> None:
        price = None if last is None else Decimal(last)
        made = Ticker(symbol, at(second), price, None, None, None, None, None, None, None)
        self.intake.hear_tickers({symbol: made}, **source)

    def trades(self, *told: tuple[int, str, float], epoch: int = 1) -> None:
        self.intake.hear_trades(epoch, [trade(*one) for one in told])


def at(second: float) -> datetime:
    return NOON + timedelta(seconds=second)


def trade(number: int, price: str, second: float) -> PublicTrade:
    return PublicTrade("BTC/USDT", str(number), at(second), Side.BUY, Decimal(price), Decimal(1))


@pytest.fixture
def floor(desk: Desk) -> Floor:
    return Floor(desk)


def test_every_price_meets_the_alerts_and_the_newest_is_kept(floor: Floor) -> None:
    floor.ticker("100", 0)
    floor.trades((1, "101", 1))
    floor.trades((2, "102", 2), (3, "103", 2))
    assert floor.alerts.prices == ["100", "101", "102", "103"]
    batch = floor.intake.take()
    assert batch.prices == {floor.btc.pk: Decimal(103)}
    assert [one.trade_id for one in batch.new_trades[floor.btc.pk]] == ["1", "2", "3"]
    assert not floor.intake.take()


def test_what_a_connection_first_says_of_trades_is_the_past_save_the_newest(floor: Floor) -> None:
    floor.trades((1, "50", 0), (2, "90", 1), (3, "100", 2))
    assert floor.alerts.prices == ["100"]
    assert len(floor.intake.take().trades[floor.btc.pk]) == 3
    floor.trades((2, "90", 1), (3, "100", 2), (4, "101", 3), epoch=2)
    assert floor.alerts.prices == ["100", "101"]
    batch = floor.intake.take()
    assert [one.trade_id for one in batch.new_trades[floor.btc.pk]] == ["4"]
    assert [one.trade_id for one in batch.trades[floor.btc.pk]] == ["1", "2", "3", "4"]


def test_trades_that_come_twice_or_late_are_no_prices_and_stand_in_their_place(floor: Floor) -> None:
    floor.trades((1, "100", 1))
    floor.trades((3, "102", 3))
    floor.trades((3, "102", 3))
    floor.trades((2, "101", 2))
    assert floor.alerts.prices == ["100", "102"]
    batch = floor.intake.take()
    assert batch.prices == {floor.btc.pk: Decimal(102)}
    assert [one.trade_id for one in batch.trades[floor.btc.pk]] == ["1", "2", "3"]
    assert floor.intake.late == 1


def test_an_outlier_reaches_nobody_until_it_is_confirmed(floor: Floor) -> None:
    floor.ticker("100", 0)
    floor.ticker("10", 1)
    floor.ticker("10", 1)  # the same message again
    assert (floor.alerts.prices, floor.intake.take().prices) == (["100"], {floor.btc.pk: Decimal(100)})
    floor.ticker("10.1", 1, source="rest")
    assert floor.alerts.prices == ["100", "10.1"]


def test_zero_and_negative_prices_and_unknown_symbols_are_passed_over(floor: Floor) -> None:
    floor.ticker("0")
    floor.ticker("-3", 1)
    floor.ticker("5", 2, symbol="NEVER/USDT")
    assert not floor.intake.take()
    assert (floor.alerts.prices, floor.guard.dropped, floor.intake.unknown) == ([], 2, 1)


def test_what_could_not_be_published_comes_again_under_what_is_newer(floor: Floor) -> None:
    floor.ticker("100", 0)
    floor.trades((1, "101", 1))
    lost = floor.intake.take()
    floor.trades((2, "102", 2))
    floor.intake.put_back(lost)
    batch = floor.intake.take()
    assert batch.prices == {floor.btc.pk: Decimal(102)}
    assert batch.tickers[floor.btc.pk].last == Decimal(100)
    assert [one.trade_id for one in batch.new_trades[floor.btc.pk]] == ["1", "2"]
    assert [one.trade_id for one in batch.trades[floor.btc.pk]] == ["1", "2"]


def test_the_newest_book_counts_and_an_empty_one_does_not(floor: Floor) -> None:
    for price in (1, 2):
        floor.intake.hear_book(OrderBook("BTC/USDT", NOON, (Level(Decimal(price), Decimal(1)),), (), None))
    floor.intake.hear_book(OrderBook("BTC/USDT", NOON, (), (), None))
    assert floor.intake.take().books[floor.btc.pk].bids[0].price == Decimal(2)
