"""Where the market's depth is known: fills level by level, parts, all or nothing, and icebergs."""

from __future__ import annotations

import pytest

from engine.matching.book import InstrumentBook
from engine.matching.types import Depth, Kind, Terms, TimeInForce
from tests.engine.matching.tables import lines, order

DEPTH = Depth(bids=((99, 2), (98, 3), (96, 9)), asks=((101, 2), (102, 3), (104, 9)))
NONE_LEFT = "a CANCELED NO_LIQUIDITY"


@pytest.mark.parametrize(
    ("placed", "expected"),
    [
        (order("a", "BUY", Kind.MARKET, 2), ["a FILLED 2@101 TAKER"]),
        (order("a", "BUY", Kind.MARKET, 6), ["a FILLED 2@101 TAKER", "a FILLED 3@102 TAKER", "a FILLED 1@104 TAKER"]),
        (order("a", "SELL", Kind.MARKET, 5), ["a FILLED 2@99 TAKER", "a FILLED 3@98 TAKER"]),
        (
            order("a", "SELL", Kind.MARKET, 15),
            ["a FILLED 2@99 TAKER", "a FILLED 3@98 TAKER", "a FILLED 9@96 TAKER", NONE_LEFT],
        ),
        (order("a", "BUY", Kind.MARKET, 15, time_in_force=TimeInForce.FOK), [NONE_LEFT]),
        # Within its limit at once, the rest waits.
        (order("a", "BUY", Kind.LIMIT, 9, limit=102), ["a ACCEPTED", "a FILLED 2@101 TAKER", "a FILLED 3@102 TAKER"]),
        (order("a", "BUY", Kind.LIMIT, 9, limit=100), ["a ACCEPTED"]),
        (
            order("a", "BUY", Kind.LIMIT, 9, limit=102, time_in_force=TimeInForce.IOC),
            ["a ACCEPTED", "a FILLED 2@101 TAKER", "a FILLED 3@102 TAKER", "a CANCELED"],
        ),
        (order("a", "BUY", Kind.LIMIT, 6, limit=102, time_in_force=TimeInForce.FOK), ["a ACCEPTED", "a CANCELED"]),
        (
            order("a", "BUY", Kind.LIMIT, 5, limit=102, time_in_force=TimeInForce.FOK),
            ["a ACCEPTED", "a FILLED 2@101 TAKER", "a FILLED 3@102 TAKER"],
        ),
        (order("a", "SELL", Kind.LIMIT, 1, limit=99, is_post_only=True), ["a REJECTED POST_ONLY_WOULD_TAKE"]),
        (order("a", "SELL", Kind.LIMIT, 1, limit=100, is_post_only=True), ["a ACCEPTED"]),
    ],
)
def test_an_order_that_arrives_takes_what_lies_within_its_limit(placed: Terms, expected: list[str]) -> None:
    assert lines(InstrumentBook(100).place([placed], depth=DEPTH)) == expected


def test_an_empty_side_refuses_a_market_order() -> None:
    placed = order("a", "BUY", Kind.MARKET, 1)
    assert lines(InstrumentBook(100).place([placed], depth=Depth(bids=((99, 1),)))) == ["a REJECTED NO_LIQUIDITY"]


def test_each_order_meets_the_whole_depth() -> None:
    book = InstrumentBook(100)
    placed = [order(key, "BUY", Kind.MARKET, 2) for key in ("alice", "bob")]
    assert lines(book.place(placed, depth=DEPTH)) == ["alice FILLED 2@101 TAKER", "bob FILLED 2@101 TAKER"]


def test_what_rests_fills_as_far_as_somebody_lies_against_it() -> None:
    book = InstrumentBook(100)
    book.place([order("a", "BUY", Kind.LIMIT, 6, limit=98)])
    assert lines(book.move(98, depth=Depth(asks=((99, 5),)))) == []
    assert lines(book.move(98, depth=Depth(asks=((97, 1), (98, 1), (99, 5))))) == ["a FILLED 2@98 MAKER"]
    assert lines(book.move(99)) == []
    assert lines(book.move(98)) == ["a FILLED 4@98 MAKER"]


def test_a_stop_that_finds_too_little_goes_on_at_the_next_price() -> None:
    book = InstrumentBook(100)
    book.place([order("a", "SELL", Kind.STOP, 6, trigger=95)])
    assert lines(book.move(95, depth=Depth(bids=((94, 2),)))) == ["a FILLED 2@94 TAKER"]
    # Even back above its trigger: it is a market order by now.
    assert lines(book.move(97, depth=Depth(bids=((96, 1),)))) == ["a FILLED 1@96 TAKER"]
    assert lines(book.move(98)) == ["a FILLED 3@98 TAKER"]
    assert len(book) == 0


def test_a_triggered_market_order_that_may_not_wait_ends() -> None:
    book = InstrumentBook(100)
    book.place([order("a", "SELL", Kind.STOP, 6, trigger=95, time_in_force=TimeInForce.IOC)])
    assert lines(book.move(95, depth=Depth(bids=((94, 2),)))) == ["a FILLED 2@94 TAKER", NONE_LEFT]


def test_an_iceberg_shows_one_slice_at_a_touch() -> None:
    book = InstrumentBook(100)
    book.place(
        [order("ice", "BUY", Kind.LIMIT, 5, limit=98, display=2), order("plain", "BUY", Kind.LIMIT, 5, limit=98)]
    )
    assert lines(book.move(98)) == ["ice FILLED 2@98 MAKER", "plain FILLED 5@98 MAKER"]
    assert lines(book.move(98)) == ["ice FILLED 2@98 MAKER"]
    assert lines(book.move(99)) == []
    assert lines(book.move(98)) == ["ice FILLED 1@98 MAKER"]
    assert len(book) == 0


def test_a_market_that_goes_beyond_an_icebergs_limit_fills_all_of_it() -> None:
    book = InstrumentBook(100)
    book.place([order("ice", "BUY", Kind.LIMIT, 5, limit=98, display=2)])
    assert lines(book.move(97)) == ["ice FILLED 5@98 MAKER"]


def test_an_iceberg_that_arrives_within_the_market_takes_all_it_asks_for() -> None:
    placed = order("ice", "BUY", Kind.LIMIT, 5, limit=101, display=2)
    assert lines(InstrumentBook(100).place([placed])) == ["ice ACCEPTED", "ice FILLED 5@100 TAKER"]
