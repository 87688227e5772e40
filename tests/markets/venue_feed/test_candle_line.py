"""When a minute counts as closed: what one connection vouches for, what is asked for, what came late."""

from __future__ import annotations

import math

import pytest

from engine.candle_builder import Candle
from markets.venue_feed.candle_line import CandleLine, is_sound
from markets.venue_feed.coarse import CoarseCandles
from markets.venue_feed.venue_time import VenueTime
from tests.markets.series import NOON_MS

MINUTE = 60_000


def at(minute: int, close: float = 100.0, volume: float = 1.0) -> Candle:
    return Candle(NOON_MS + minute * MINUTE, 100.0, max(100.0, close), min(100.0, close), close, volume)


def line(minute: int = 0) -> CandleLine:
    """Return a line that is closed until a minute after noon; it lets late words come for a second."""
    return CandleLine(NOON_MS + minute * MINUTE, settle_seconds=1.0)


def test_a_minute_closes_once_its_successor_came_over_the_same_connection_and_late_words_had_their_time() -> None:
    one = line()
    one.hear(1, [at(0, 101)], 0.0)
    assert one.closed(50.0) == []
    one.hear(1, [at(1)], 60.0)
    assert one.closed(60.9) == []
    one.hear(1, [at(0, 102)], 60.9)  # in another order than they were sent
    assert one.closed(61.0) == [at(0, 102)]
    assert one.closed(62.0) == []
    assert (one.forming, one.has_hole(62.0)) == (at(1), False)


def test_several_minutes_in_one_message_close_in_order() -> None:
    one = line()
    one.hear(1, [at(0), at(1), at(2), at(3)], 0.0)
    assert one.closed(0.0) == [at(0), at(1)]
    assert one.closed(1.0) == [at(2)]


def test_what_spans_two_connections_is_asked_for_and_nothing_later_comes_first() -> None:
    one = line()
    one.hear(1, [at(0, 101)], 0.0)
    one.hear(2, [at(1)], 60.0)
    one.hear(2, [at(2)], 120.0)
    assert one.closed(130.0) == []
    assert one.has_hole(130.0)
    assert one.forming is None
    assert one.fill([at(0, 105), at(1), at(2)], 0) == [at(0, 105), at(1)]
    assert one.closed(130.0) == []
    assert not one.has_hole(130.0)
    assert one.forming == at(2)


def test_a_hole_in_the_stream_is_asked_for_and_a_minute_that_the_venue_does_not_list_had_no_trades() -> None:
    one = line()
    one.hear(1, [at(0)], 0.0)
    one.hear(1, [at(3)], 180.0)
    assert one.closed(190.0) == []
    assert one.has_hole(190.0)
    assert one.fill([at(0), at(3, 101)], 0) == [at(0)]
    assert one.until_ms == NOON_MS + 3 * MINUTE
    assert not one.has_hole(190.0)


def test_an_answer_closes_nothing_that_may_still_be_forming() -> None:
    one = line()
    assert one.fill([at(0)], 0) == []
    assert one.fill([], NOON_MS) == []
    assert one.fill([at(0)], NOON_MS + MINUTE) == [at(0)]
    assert one.fill([at(0)], NOON_MS + MINUTE) == []


def test_a_repeat_of_a_closed_minute_is_nothing_and_a_change_is_told_once() -> None:
    one = line()
    one.hear(1, [at(0), at(1)], 0.0)
    assert one.closed(1.0) == [at(0)]
    assert one.hear(2, [at(0), at(1)], 2.0) == []
    assert one.hear(2, [at(0, 99)], 3.0) == [at(0, 99)]
    assert one.hear(2, [at(0, 99)], 4.0) == []
    assert one.closed(5.0) == []


def test_a_line_begins_with_the_venues_history_and_the_forming_minute_is_not_of_it() -> None:
    one = CandleLine(settle_seconds=1.0)
    one.hear(1, [at(5), at(6)], 0.0)
    assert one.closed(10.0) == []
    assert one.begin([]) == []
    assert one.until_ms is None
    assert one.begin([at(3), at(4), at(5)]) == [at(3), at(4)]
    assert one.closed(10.0) == [at(5)]


def test_a_minute_without_a_successor_is_late_by_the_venues_time() -> None:
    one = line()
    one.hear(1, [at(0)], 0.0)
    assert not one.is_late(NOON_MS + MINUTE - 1)
    assert one.is_late(NOON_MS + MINUTE)
    one.hear(1, [at(1)], 0.0)
    assert not one.is_late(NOON_MS + 2 * MINUTE)


@pytest.mark.parametrize(
    "wrong",
    [
        Candle(NOON_MS, 100, 101, 0, 100, 1),
        Candle(NOON_MS, 100, 101, -5, 100, 1),
        Candle(NOON_MS, 100, 99, 98, 99, 1),
        Candle(NOON_MS, 100, math.inf, 98, 99, 1),
        Candle(NOON_MS, math.nan, 101, 98, 99, 1),
        Candle(NOON_MS, 100, 101, 98, 99, -1),
        Candle(NOON_MS, 1e15, 1e15, 98, 99, 1),
    ],
)
def test_a_minute_that_cannot_be_is_asked_for(wrong: Candle) -> None:
    assert not is_sound(wrong)
    one = line()
    one.hear(1, [wrong], 0.0)
    one.hear(1, [at(1)], 60.0)
    assert one.closed(70.0) == []
    assert one.has_hole(70.0)
    assert one.fill([wrong, at(1)], 0) == []
    assert one.until_ms == NOON_MS + MINUTE, "what the venue itself cannot tell is passed over"


def test_a_candle_off_the_grid_moves_nothing() -> None:
    one = line()
    assert one.hear(1, [Candle(NOON_MS + 90_500, 1, 1, 1, 1, 1)], 0.0) == []
    assert not one.has_hole(10.0)


def test_longer_candles_are_told_when_their_last_minute_closes_and_only_where_all_of_them_was_seen() -> None:
    coarse = CoarseCandles()
    told = coarse.add([at(minute) for minute in range(3, 10)], NOON_MS + 10 * MINUTE)
    assert [(name, (one.opened_at - NOON_MS) // MINUTE) for name, one in told] == [
        *(("1m", minute) for minute in (3, 4, 5, 6, 7, 8, 9)),
        ("5m", 5),
    ]
    assert told[-1][1].volume == 5.0
    # Nothing traded in the last minutes of the quarter.
    assert [name for name, _ in coarse.add([at(12)], NOON_MS + 15 * MINUTE)] == ["1m", "5m"]


def test_longer_candles_go_on_from_stored_minutes_and_what_ended_is_not_told_again() -> None:
    coarse = CoarseCandles([at(minute) for minute in range(8)], NOON_MS + 8 * MINUTE)
    told = coarse.add([at(8), at(9, 120)], NOON_MS + 10 * MINUTE)
    assert [name for name, _ in told] == ["1m", "1m", "5m"]
    assert (told[-1][1].opened_at, told[-1][1].close, told[-1][1].volume) == (NOON_MS + 5 * MINUTE, 120, 5.0)


def test_a_venue_whose_clock_is_a_minute_off_is_believed_about_its_own_time() -> None:
    ahead = VenueTime(NOON_MS, 0.0)
    assert (ahead.now_ms(2.0), ahead.is_sure) == (NOON_MS + 2000, False)
    ahead.hear_trade(NOON_MS + 62_000, 2.0)
    assert (ahead.now_ms(3.0), ahead.is_sure) == (NOON_MS + 63_000, True)
    behind = VenueTime(NOON_MS, 0.0)
    behind.hear_trade(NOON_MS - 58_000, 2.0)
    assert behind.now_ms(2.0) == NOON_MS - 58_000
    behind.hear_candle(NOON_MS - 60_000, 3.0)  # nothing new: the minute goes on
    assert behind.now_ms(3.0) == NOON_MS - 57_000
    late = VenueTime(NOON_MS, 0.0)
    late.hear_trade(NOON_MS - 10_000, 0.0)  # the network was slow
    late.hear_candle(NOON_MS - 60_000, 0.0)
    assert late.now_ms(0.0) == NOON_MS
    late.hear_candle(NOON_MS - 120_000, 0.0)
    assert late.now_ms(0.0) == NOON_MS - 60_000
