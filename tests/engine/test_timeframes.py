"""Timeframes: exact times, the grid, and coarser candles from finer ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.candles import Candles
from engine.timeframes import (
    MINUTE_MS,
    TIMEFRAMES,
    aggregate,
    candle_start,
    milliseconds,
    moment,
    timeframe_ms,
)


def _candles(*rows: tuple[int, float, float, float, float, float]) -> Candles:
    times, *columns = zip(*rows, strict=True)
    return Candles(np.array(times) * MINUTE_MS, *(np.array(column) for column in columns))


def test_every_timeframe_divides_a_day_and_the_next_finest_comes_first() -> None:
    lengths = list(TIMEFRAMES.values())
    assert lengths == sorted(lengths)
    assert all(86_400_000 % length == 0 for length in lengths)
    assert (timeframe_ms("5m"), timeframe_ms("1d")) == (300_000, 86_400_000)


def test_a_word_that_is_no_timeframe_is_refused_with_those_that_are() -> None:
    with pytest.raises(ValueError, match=r"'7m' is not a timeframe; choose one of 1m, 3m, 5m"):
        timeframe_ms("7m")


@pytest.mark.parametrize(
    ("at", "timeframe", "start"),
    [
        ("2026-03-02T12:34:56.789", "1m", "2026-03-02T12:34"),
        ("2026-03-02T12:34:56.789", "15m", "2026-03-02T12:30"),
        ("2026-03-02T12:00:00", "4h", "2026-03-02T12:00"),
        ("2026-03-02T23:59:59.999", "1d", "2026-03-02T00:00"),
    ],
)
def test_a_moment_lies_in_the_candle_that_opened_last(at: str, timeframe: str, start: str) -> None:
    at_ms = milliseconds(datetime.fromisoformat(at).replace(tzinfo=UTC))
    assert moment(candle_start(at_ms, timeframe)) == datetime.fromisoformat(start).replace(tzinfo=UTC)


@given(st.integers(0, 253_402_300_799_999))
def test_times_survive_the_way_there_and_back(at_ms: int) -> None:
    assert milliseconds(moment(at_ms)) == at_ms
    assert milliseconds(moment(at_ms) + timedelta(microseconds=999)) == at_ms


def test_coarser_candles_are_first_open_highest_high_lowest_low_last_close_and_summed_volume() -> None:
    minutes = _candles(
        (4, 10, 12, 9, 11, 1.0),  # the tail of a bucket
        (5, 11, 15, 10, 14, 2.0),
        (7, 14, 16, 13, 13, 0.5),  # minute 6 is missing
        (9, 13, 14, 8, 9, 0.25),
        (20, 9, 9, 9, 9, 0.0),  # two buckets are missing
    )
    five = aggregate(minutes, "5m")
    assert (five.opened_at // MINUTE_MS).tolist() == [0, 5, 20]
    assert five.open.tolist() == [10, 11, 9]
    assert five.high.tolist() == [12, 16, 9]
    assert five.low.tolist() == [9, 8, 9]
    assert five.close.tolist() == [11, 9, 9]
    assert five.volume.tolist() == [1.0, 2.75, 0.0]


def test_nothing_aggregates_to_nothing() -> None:
    assert len(aggregate(_candles((1, 1, 1, 1, 1, 1)).part(0, 0), "1h")) == 0
