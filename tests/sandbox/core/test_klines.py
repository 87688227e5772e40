"""Candles: grids of every length, forming and closed, flat ones in quiet time, the last 24 hours."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from sandbox.core.klines import DAY_MS, Kline, KlineStore, bucket_end, bucket_start, grouped
from sandbox.core.orders import Trade
from tests.sandbox.core.places import exact

D = Decimal
MINUTE = 60_000


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def kline(opened_ms: int, price: int, volume: int = 1) -> Kline:
    return Kline(opened_ms, D(price), D(price + 1), D(price - 1), D(price), D(volume), D(price * volume), 1)


def trade(number: int, at_ms: int, price: int, quantity: int = 1, *, sold: bool = False) -> Trade:
    return Trade(number, "BTCUSDT", D(price), D(quantity), at_ms, sold)


@pytest.mark.parametrize(
    ("timeframe", "start", "end"),
    [
        ("1s", "2024-03-15T13:47:33", "2024-03-15T13:47:34"),
        ("1m", "2024-03-15T13:47:00", "2024-03-15T13:48:00"),
        ("15m", "2024-03-15T13:45:00", "2024-03-15T14:00:00"),
        ("12h", "2024-03-15T12:00:00", "2024-03-16T00:00:00"),
        ("1w", "2024-03-11T00:00:00", "2024-03-18T00:00:00"),
        ("1M", "2024-03-01T00:00:00", "2024-04-01T00:00:00"),
    ],
)
def test_a_moment_lies_in_its_candle(timeframe: str, start: str, end: str) -> None:
    opened = bucket_start(at("2024-03-15T13:47:33"), timeframe)
    assert (opened, bucket_end(opened, timeframe)) == (at(start), at(end))


def test_minutes_make_coarser_candles() -> None:
    minutes = [kline(number * MINUTE, 100 + number) for number in range(10)]
    first, second = grouped(minutes, "5m")
    assert exact(first.opened_ms, first.open, first.high, first.low, first.close) == exact(0, 100, 105, 99, 104)
    assert exact(second.opened_ms, second.volume, second.quote_volume, second.trades) == exact(5 * MINUTE, 5, 535, 5)


def test_a_trade_extends_the_forming_candle_and_a_later_one_begins_the_next() -> None:
    store = KlineStore([kline(0, 100)])
    store.add(trade(1, MINUTE + 5, 110, 2))
    store.add(trade(2, MINUTE + 9, 90, sold=True))
    forming = store.series("1m")[-1]
    assert exact(forming.opened_ms, forming.open, forming.high, forming.low, forming.close) == exact(
        MINUTE, 110, 110, 90, 90
    )
    assert exact(forming.volume, forming.taker_base, forming.first_trade, forming.last_trade) == exact(3, 2, 1, 2)
    store.add(trade(3, 2 * MINUTE, 95))
    assert [each.opened_ms for each in store.series("1m")] == [0, MINUTE, 2 * MINUTE]
    assert forming.close == 90


def test_quiet_time_makes_flat_candles() -> None:
    store = KlineStore([kline(0, 100)])
    store.roll(3 * MINUTE + 1)
    flat = [exact(each.opened_ms, each.close, each.volume) for each in store.series("1m")[1:]]
    assert flat == [exact(number * MINUTE, 100, 0) for number in (1, 2, 3)]


def test_a_coarse_candle_forms_with_the_trades() -> None:
    store = KlineStore([kline(number * MINUTE, 100 + number) for number in range(7)])
    assert [each.close for each in store.series("5m")] == [104, 106]
    store.add(trade(1, 7 * MINUTE, 200))
    assert exact(store.series("5m")[-1].high, store.series("5m")[-1].close) == exact(200, 200)


def test_a_query_with_a_start_gives_the_first_and_one_without_the_last() -> None:
    store = KlineStore([kline(number * MINUTE, 100 + number) for number in range(10)])
    assert [each.opened_ms // MINUTE for each in store.query("1m", 3 * MINUTE, None, 2)] == [3, 4]
    assert [each.opened_ms // MINUTE for each in store.query("1m", None, None, 2)] == [8, 9]
    assert [each.opened_ms // MINUTE for each in store.query("1m", None, 5 * MINUTE, 2)] == [4, 5]


def test_the_day_counts_1440_minutes() -> None:
    store = KlineStore([kline(number * MINUTE, 100) for number in range(1500)])
    assert exact(store.day().opened_ms, store.day().volume) == exact(60 * MINUTE, 1440)
    store.add(trade(1, 1500 * MINUTE, 500, 3))
    assert exact(store.day().high, store.day().volume, store.day().opened_ms) == exact(500, 1442, 61 * MINUTE)
    assert store.day().opened_ms + DAY_MS == 1501 * MINUTE
