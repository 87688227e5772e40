"""Reads: gates, searches, and candles that never show the future."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from pytest_django import DjangoAssertNumQueries

from common import clock
from common.errors import DomainError, NotFound
from common.ids import new_id
from engine.timeframes import moment
from markets.candle_store import candle_store
from markets.models import Asset, Instrument, RecentCandle, SourceKind
from markets.selectors import (
    FAR_FUTURE,
    candle_arrays,
    candle_range,
    exchange_by_code,
    instrument_by_id,
    instruments_by_id,
    known_timeframe,
    search_instruments,
    timeframes_of,
    tradable_instruments,
)
from markets.services import retire_instrument, store_recent_candles
from markets.steps import ClosedCandle
from tests.fixtures_desk import NOON, Desk
from tests.markets.series import NOON_MS, candles_at, minutes_of


def _after(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def _store(instrument: Instrument, minutes: Sequence[int], timeframe: str = "1m") -> None:
    candle_store().upsert(instrument.exchange.code, instrument.symbol, timeframe, candles_at(minutes))


def _close(instrument: Instrument, minutes: Sequence[int], timeframe: str = "1m") -> None:
    """Store candles as a live source does."""
    rows = candles_at(minutes)
    closed = [
        ClosedCandle(instrument.id, timeframe, moment(at), close - 0.5, close + 1, close - 1, close, 2.0)
        for at, close in zip(rows.opened_at.tolist(), rows.close.tolist(), strict=True)
    ]
    store_recent_candles(candles=closed)


# --- what can be traded ---------------------------------------------------------------------------------------------


def test_instruments_come_with_their_exchange_and_market(
    desk: Desk, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    instrument = desk.instrument("BTC")
    found = instrument_by_id(str(instrument.id))
    with django_assert_num_queries(0):
        assert (str(found), found.exchange, found.market.namespace) == (
            "BTC-USDT on The desk",
            desk.exchange,
            desk.namespace,
        )


@pytest.mark.django_db
@pytest.mark.parametrize("asked", [UUID(int=7), str(UUID(int=7)), "no id at all", ""])
def test_an_unknown_instrument_is_not_found(asked: UUID | str) -> None:
    with pytest.raises(NotFound, match="There is no such instrument") as refused:
        instrument_by_id(asked)
    assert refused.value.status == 404


def test_a_retired_instrument_cannot_be_traded_but_is_still_known(desk: Desk) -> None:
    bitcoin, ether = desk.instrument("BTC"), desk.instrument("ETH")
    retire_instrument(instrument=bitcoin)
    assert list(tradable_instruments(desk.namespace)) == [ether]
    assert instrument_by_id(bitcoin.id) == bitcoin
    assert instruments_by_id([bitcoin.id, ether.id, new_id()]) == {bitcoin.id: bitcoin, ether.id: ether}


def test_tradable_instruments_are_those_of_a_namespace_or_all(db: None) -> None:
    here, there = Desk(), Desk()
    bitcoin, other = here.instrument("BTC"), there.instrument("BTC")
    assert list(tradable_instruments(here.namespace)) == [bitcoin]
    assert set(tradable_instruments()) == {bitcoin, other}


def test_an_exchange_is_found_by_its_code(desk: Desk) -> None:
    assert exchange_by_code(desk.exchange.code) == desk.exchange
    with pytest.raises(NotFound, match="There is no such exchange"):
        exchange_by_code("nowhere")


@pytest.mark.parametrize(
    ("query", "bases"),
    [
        ("", ["BTC", "ETH"]),
        ("btc", ["BTC"]),
        ("BTC/USDT", ["BTC"]),
        ("btc-us", ["BTC"]),
        ("ether", ["ETH"]),
        ("usdt", ["BTC", "ETH"]),
        ("the desk eth", ["ETH"]),
        ("eth btc", []),
        ("%", []),
        ("'; drop", []),
    ],
)
def test_a_search_wants_every_word_somewhere(desk: Desk, query: str, bases: list[str]) -> None:
    for base in ("ETH", "BTC"):
        desk.instrument(base)
    retire_instrument(instrument=desk.instrument("DOGE"))
    Asset.objects.filter(code="ETH").update(name="Ether")
    assert [instrument.market.base_id for instrument in search_instruments(query)] == bases


def test_a_timeframe_somebody_typed_is_known_or_refused() -> None:
    assert known_timeframe("4h") == "4h"
    with pytest.raises(DomainError, match="'7m' is no timeframe: choose one of 1m, 3m") as refused:
        known_timeframe("7m")
    assert refused.value.code == "TIMEFRAME_UNKNOWN"


# --- candles --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "newest"),
    [(10.0, 5), (10.0 - 1 / 60_000, 0), (10.0 + 1 / 60_000, 5), (14.999, 5), (15.0, 10), (5.0, 0), (4.999, None)],
)
def test_no_candle_is_seen_before_its_end(desk: Desk, end: float, newest: int | None) -> None:
    instrument = desk.instrument()
    _store(instrument, [0, 5], "5m")
    _close(instrument, [10, 15], "5m")
    found = minutes_of(candle_arrays(instrument, "5m", end=_after(end)))
    assert found == [minute for minute in (0, 5, 10, 15) if newest is not None and minute <= newest]


def test_without_an_end_market_time_is_the_end(desk: Desk) -> None:
    instrument = desk.instrument()
    _store(instrument, range(30))
    assert minutes_of(candle_arrays(instrument, "1m")) == []
    clock.set_market_time(desk.namespace, _after(7.5))
    assert minutes_of(candle_arrays(instrument, "1m")) == [0, 1, 2, 3, 4, 5, 6]


def test_a_replay_sees_nothing_of_what_it_will_walk_next(db: None) -> None:
    desk = Desk(SourceKind.REPLAY)
    instrument = desk.instrument()
    _store(instrument, range(100))
    seen = []
    for minute in range(1, 100):
        clock.set_market_time(desk.namespace, _after(minute))
        seen.append(candle_arrays(instrument, "1m", count=3).close.tolist())
    assert seen[:3] == [[100.0], [100.0, 101.0], [100.0, 101.0, 102.0]]
    assert all(closes[-1] == 100.0 + minute - 1 for minute, closes in enumerate(seen, 1))


def test_start_count_and_both_sources_together(desk: Desk) -> None:
    instrument = desk.instrument()
    _store(instrument, [0, 1, 2, 3])
    _close(instrument, [4, 5, 7])
    everything = candle_arrays(instrument, "1m", end=FAR_FUTURE)
    assert minutes_of(everything) == [0, 1, 2, 3, 4, 5, 7]
    assert everything.close.tolist() == [100.0, 101.0, 102.0, 103.0, 104.0, 105.0, 107.0]
    assert everything.volume.tolist() == [2.0] * 7
    assert minutes_of(candle_arrays(instrument, "1m", start=_after(2), end=_after(6))) == [2, 3, 4, 5]
    assert minutes_of(candle_arrays(instrument, "1m", end=FAR_FUTURE, count=5)) == [2, 3, 4, 5, 7]
    assert minutes_of(candle_arrays(instrument, "1m", end=FAR_FUTURE, count=2)) == [5, 7]
    assert minutes_of(candle_arrays(instrument, "1m", end=_after(5), count=2)) == [3, 4]
    assert minutes_of(candle_arrays(instrument, "1m", start=_after(4), end=FAR_FUTURE, count=9)) == [4, 5, 7]


def test_candles_in_both_places_are_seen_once(desk: Desk) -> None:
    instrument = desk.instrument()
    _store(instrument, [0, 1, 2])
    _close(instrument, [1, 2, 3])
    assert minutes_of(candle_arrays(instrument, "1m", end=FAR_FUTURE)) == [0, 1, 2, 3]


def test_older_candles_that_came_live_stand_where_they_belong(desk: Desk) -> None:
    instrument = desk.instrument()
    _close(instrument, [1, 2])
    _store(instrument, [0, 3, 4])
    assert minutes_of(candle_arrays(instrument, "1m", end=FAR_FUTURE)) == [0, 1, 2, 3, 4]
    assert minutes_of(candle_arrays(instrument, "1m", end=FAR_FUTURE, count=3)) == [2, 3, 4]


def test_instruments_and_timeframes_are_apart(desk: Desk) -> None:
    bitcoin, ether = desk.instrument("BTC"), desk.instrument("ETH")
    _store(bitcoin, [0])
    _close(bitcoin, [5], "5m")
    _close(ether, [9])
    assert minutes_of(candle_arrays(bitcoin, "1m", end=FAR_FUTURE)) == [0]
    assert minutes_of(candle_arrays(bitcoin, "5m", end=FAR_FUTURE)) == [5]
    assert minutes_of(candle_arrays(ether, "1m", end=FAR_FUTURE)) == [9]
    assert timeframes_of(bitcoin) == ["1m", "5m"]
    assert timeframes_of(ether) == ["1m"]


def test_a_replayed_venue_costs_no_query(db: None, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    desk = Desk(SourceKind.REPLAY)
    instrument = desk.instrument()
    _store(instrument, range(5))
    with django_assert_num_queries(0):
        assert minutes_of(candle_arrays(instrument, "1m", end=FAR_FUTURE)) == [0, 1, 2, 3, 4]


def test_a_live_venue_costs_one_query(desk: Desk, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    instrument = desk.instrument()
    _close(instrument, range(5))
    with django_assert_num_queries(1):
        candle_arrays(instrument, "1m", end=FAR_FUTURE, count=2)


def test_an_unknown_timeframe_is_a_mistake_of_the_caller(desk: Desk) -> None:
    with pytest.raises(ValueError, match="'7m' is not a timeframe"):
        candle_arrays(desk.instrument(), "7m")


def test_recent_rows_name_their_candle(desk: Desk) -> None:
    instrument = desk.instrument()
    _close(instrument, [1])
    row = RecentCandle.objects.get()
    assert str(row) == f"1m 2026-03-02 12:01 of {instrument.id}"
    assert row.opened_at == moment(NOON_MS + 60_000)


# --- what there is --------------------------------------------------------------------------------------------------


def test_the_range_of_a_series_spans_both_sources_and_closed_candles_only(desk: Desk) -> None:
    instrument = desk.instrument()
    assert candle_range(instrument, "1m") is None
    _store(instrument, [-9, -8, -7])
    assert candle_range(instrument, "1m") == (_after(-9), _after(-7))
    _close(instrument, [-2, -1])
    assert candle_range(instrument, "1m") == (_after(-9), _after(-1))
    # What opened at noon is still open at noon.
    _store(instrument, [-6, 0])
    assert candle_range(instrument, "1m") == (_after(-9), _after(-1))
    assert candle_range(instrument, "5m") is None
