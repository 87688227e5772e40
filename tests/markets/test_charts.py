"""Charts: closed candles, then the one that is forming, as far as it is known."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from engine.candle_builder import Candle
from markets.candle_store import candle_store
from markets.charts import chart_answer, chart_rows, chart_timeframes, closed_candles, forming_candle
from markets.models import Instrument
from markets.selectors import instrument_by_id
from tests.fixtures_desk import NOON, Desk
from tests.markets.real_venue import networked, wall_at
from tests.markets.series import NOON_MS, candles_at

MINUTE = 60_000


def _store(instrument: Instrument, timeframe: str, *minutes: int) -> None:
    candle_store().upsert(instrument.exchange.code, instrument.symbol, timeframe, candles_at(minutes))


def test_a_chart_offers_what_there_are_candles_of(desk: Desk) -> None:
    bitcoin = desk.instrument()
    assert chart_timeframes(bitcoin) == []
    for timeframe in ("1d", "5m", "3m"):
        _store(bitcoin, timeframe, 0)
    assert chart_timeframes(bitcoin) == ["5m", "1d"]


def test_rows_have_seconds_and_prices_and_end_with_what_is_forming(desk: Desk) -> None:
    bitcoin = desk.instrument()
    _store(bitcoin, "1m", 0, 1, 2, 3)
    desk.step({bitcoin: "107.5"}, at=NOON + timedelta(minutes=2, seconds=30))
    assert chart_rows(bitcoin, "1m", count=2) == [
        {"time": NOON_MS // 1000, "open": 99.5, "high": 101.0, "low": 99.0, "close": 100.0},
        {"time": NOON_MS // 1000 + 60, "open": 100.5, "high": 102.0, "low": 100.0, "close": 101.0},
        {"time": NOON_MS // 1000 + 120, "open": 107.5, "high": 107.5, "low": 107.5, "close": 107.5},
    ]


def test_rows_until_an_end_hold_closed_candles_only(desk: Desk) -> None:
    bitcoin = desk.instrument()
    _store(bitcoin, "1m", 0, 1, 2, 3)
    desk.step({bitcoin: "107.5"}, at=NOON + timedelta(minutes=9))
    rows = chart_rows(bitcoin, "1m", end=NOON + timedelta(minutes=2))
    assert [row["close"] for row in rows] == [100.0, 101.0]


def test_a_coarse_candle_forms_of_closed_finer_ones_and_the_price(desk: Desk) -> None:
    bitcoin = desk.instrument()
    _store(bitcoin, "1m", 3, 4, 5, 6, 7)
    _store(bitcoin, "5m", 0)
    desk.step({bitcoin: "90"}, at=NOON + timedelta(minutes=7, seconds=10))
    # Minutes 5 and 6 have closed; 7 has not, and its candle must not be seen.
    assert forming_candle(bitcoin, "5m") == Candle(NOON_MS + 5 * MINUTE, 104.5, 107.0, 90.0, 90.0, 4.0)


def test_nothing_forms_without_a_price(desk: Desk) -> None:
    bitcoin = desk.instrument()
    _store(bitcoin, "1m", 0)
    assert forming_candle(bitcoin, "1m") is None
    assert chart_rows(bitcoin, "1m") == []  # market time is noon: the candle has not closed


def test_a_price_forms_a_candle_where_there_is_none_yet(desk: Desk) -> None:
    bitcoin = desk.instrument()
    desk.step({bitcoin: "64000"}, at=NOON + timedelta(minutes=7))
    assert forming_candle(bitcoin, "5m") == Candle(NOON_MS + 5 * MINUTE, 64000, 64000, 64000, 64000, 0)


@pytest.fixture
def networked_bitcoin(desk: Desk) -> Iterator[Instrument]:
    """An instrument of a venue that gives minutes only; it is a quarter past noon."""
    made = desk.instrument()
    networked(desk)
    with wall_at(NOON + timedelta(minutes=15)):
        yield instrument_by_id(made.id)


def test_a_real_venue_offers_every_timeframe_from_the_start(networked_bitcoin: Instrument) -> None:
    assert chart_timeframes(networked_bitcoin) == ["1m", "5m", "15m", "1h", "4h", "1d"]
    assert chart_rows(networked_bitcoin, "5m") == []


def test_coarse_candles_are_made_of_minutes_and_only_whole_ones(networked_bitcoin: Instrument) -> None:
    _store(networked_bitcoin, "1m", *range(-3, 13))
    found = closed_candles(networked_bitcoin, "5m")
    # The one that began before the first minute is left out, the one of minutes 10 … 14 ends at the quarter.
    assert [(at - NOON_MS) // MINUTE for at in found.opened_at.tolist()] == [0, 5, 10]
    assert (found.open[0], found.high[0], found.low[0], found.close[0], found.volume[0]) == (
        99.5,
        105.0,
        99.0,
        104.0,
        10.0,
    )
    earlier = closed_candles(networked_bitcoin, "5m", end=NOON + timedelta(minutes=9, seconds=59))
    assert [(at - NOON_MS) // MINUTE for at in earlier.opened_at.tolist()] == [0]
    assert len(closed_candles(networked_bitcoin, "5m", count=2)) == 2


def test_what_is_stored_goes_before_what_is_made_and_is_carried_on(networked_bitcoin: Instrument) -> None:
    _store(networked_bitcoin, "5m", -5, 0)
    _store(networked_bitcoin, "1m", *range(15))
    found = closed_candles(networked_bitcoin, "5m")
    assert [(at - NOON_MS) // MINUTE for at in found.opened_at.tolist()] == [-5, 0, 5, 10]
    assert found.close.tolist() == [95.0, 100.0, 109.0, 114.0]


def test_a_charts_answer_has_volumes_and_indicators_of_what_has_closed(desk: Desk) -> None:
    bitcoin = desk.instrument()
    _store(bitcoin, "1m", *range(-600, 0))
    desk.step({bitcoin: "5"}, at=NOON + timedelta(seconds=1))
    answer = chart_answer(bitcoin, "1m", ["sma"])
    assert (len(answer["candles"]), len(answer["volumes"])) == (501, 500)
    assert answer["volumes"][-1] == [NOON_MS // 1000 - 60, 2.0]
    points = answer["indicators"][0]["lines"][0]["points"]
    # 500 are shown and all of them are known, since the candles before were seen.
    assert (len(points), points[-1]) == (500, (NOON_MS // 1000 - 60, 89.5))
