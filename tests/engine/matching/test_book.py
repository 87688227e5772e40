"""Every kind of order on a few candles written by hand, the market at 100 when it is sent: what becomes of it, and when."""

from __future__ import annotations

import pytest

from engine.matching.book import InstrumentBook
from engine.matching.types import Kind, Terms, TimeInForce
from engine.matching.walk import Walk
from tests.engine.matching.tables import MINUTE_MS, lines, order, told

QUIET: Walk = (100, 101, 99, 100)


def a(side: str, kind: Kind, **more: object) -> Terms:
    return order("a", side, kind, 2, **more)


TABLE: list[tuple[str, Terms, list[Walk], list[str]]] = [
    ("market buy", a("BUY", Kind.MARKET), [], ["-1 a FILLED 2@100 TAKER"]),
    ("market sell", a("SELL", Kind.MARKET), [], ["-1 a FILLED 2@100 TAKER"]),
    # Limit orders.
    ("limit within the market", a("BUY", Kind.LIMIT, limit=103), [], ["-1 a ACCEPTED", "-1 a FILLED 2@100 TAKER"]),
    ("limit at the market", a("SELL", Kind.LIMIT, limit=100), [], ["-1 a ACCEPTED", "-1 a FILLED 2@100 TAKER"]),
    ("limit touched", a("BUY", Kind.LIMIT, limit=95), [QUIET, (99, 99, 95, 97)], ["-1 a ACCEPTED", "1 a FILLED 2@95 MAKER"]),
    ("limit missed by a tick", a("BUY", Kind.LIMIT, limit=95), [(99, 99, 96, 97)], ["-1 a ACCEPTED"]),
    ("limit sale touched", a("SELL", Kind.LIMIT, limit=105), [(100, 105, 99, 99)], ["-1 a ACCEPTED", "0 a FILLED 2@105 MAKER"]),
    # Those before it in the queue got no better either.
    ("limit opened beyond", a("BUY", Kind.LIMIT, limit=95), [(90, 96, 89, 94)], ["-1 a ACCEPTED", "0 a FILLED 2@95 MAKER"]),
    # Stops: at the trigger, or at the open beyond it.
    ("stop passed", a("BUY", Kind.STOP, trigger=105), [(101, 107, 100, 104)], ["-1 a ACCEPTED", "0 a FILLED 2@105 TAKER"]),
    ("stop touched", a("SELL", Kind.STOP, trigger=95), [QUIET, (99, 99, 95, 99)], ["-1 a ACCEPTED", "1 a FILLED 2@95 TAKER"]),
    ("stop opened beyond", a("SELL", Kind.STOP, trigger=95), [(92, 93, 90, 91)], ["-1 a ACCEPTED", "0 a FILLED 2@92 TAKER"]),
    ("stop opened at", a("SELL", Kind.STOP, trigger=95), [(95, 96, 90, 91)], ["-1 a ACCEPTED", "0 a FILLED 2@95 TAKER"]),
    ("stop at the market", a("BUY", Kind.STOP, trigger=100), [QUIET], ["-1 a REJECTED TRIGGER_IN_MARKET"]),
    ("stop behind the market", a("SELL", Kind.STOP, trigger=101), [QUIET], ["-1 a REJECTED TRIGGER_IN_MARKET"]),
    # Take profit: the other way round.
    ("target passed", a("SELL", Kind.TAKE_PROFIT, trigger=105), [(101, 107, 100, 104)],
     ["-1 a ACCEPTED", "0 a FILLED 2@105 TAKER"]),
    ("target opened beyond", a("BUY", Kind.TAKE_PROFIT, trigger=95), [(93, 94, 92, 93)],
     ["-1 a ACCEPTED", "0 a FILLED 2@93 TAKER"]),
    ("target in the market", a("BUY", Kind.TAKE_PROFIT, trigger=101), [], ["-1 a REJECTED TRIGGER_IN_MARKET"]),
    # Stop-limit: a limit order once triggered.
    ("stop-limit within its limit", a("BUY", Kind.STOP_LIMIT, trigger=105, limit=108), [(101, 107, 100, 104)],
     ["-1 a ACCEPTED", "0 a TRIGGERED", "0 a FILLED 2@105 TAKER"]),
    ("stop-limit opened beyond the trigger", a("SELL", Kind.STOP_LIMIT, trigger=95, limit=90), [(93, 94, 92, 93)],
     ["-1 a ACCEPTED", "0 a TRIGGERED", "0 a FILLED 2@93 TAKER"]),
    ("stop-limit that rests behind its trigger", a("BUY", Kind.STOP_LIMIT, trigger=105, limit=102),
     [(101, 107, 103, 104), (104, 105, 102, 103)],
     ["-1 a ACCEPTED", "0 a TRIGGERED", "1 a FILLED 2@102 MAKER"]),
    # The market ran through trigger and limit at once: it waits, and then gets the market's price up to its trigger.
    ("stop-limit left behind", a("SELL", Kind.STOP_LIMIT, trigger=95, limit=92), [(99, 99, 88, 89), (89, 94, 89, 94)],
     ["-1 a ACCEPTED", "0 a TRIGGERED", "1 a FILLED 2@94 MAKER"]),
    ("stop-limit purchase left behind", a("BUY", Kind.STOP_LIMIT, trigger=105, limit=108),
     [(101, 112, 110, 111), (111, 111, 106, 107)], ["-1 a ACCEPTED", "0 a TRIGGERED", "1 a FILLED 2@106 MAKER"]),
    ("stop-limit left behind, market beyond its trigger", a("SELL", Kind.STOP_LIMIT, trigger=95, limit=92),
     [(99, 99, 88, 89), (89, 99, 89, 98)], ["-1 a ACCEPTED", "0 a TRIGGERED", "1 a FILLED 2@95 MAKER"]),
    ("stop-limit left behind by the open", a("BUY", Kind.STOP_LIMIT, trigger=105, limit=106), [(108, 109, 107, 108)],
     ["-1 a ACCEPTED", "0 a TRIGGERED"]),
    # Take-profit limit: the limit may be the better price, which the same move can still reach.
    ("target-limit at once", a("BUY", Kind.TAKE_PROFIT_LIMIT, trigger=95, limit=96), [(99, 99, 93, 94)],
     ["-1 a ACCEPTED", "0 a TRIGGERED", "0 a FILLED 2@95 TAKER"]),
    ("target-limit on the same way", a("BUY", Kind.TAKE_PROFIT_LIMIT, trigger=95, limit=94), [(99, 99, 93, 94)],
     ["-1 a ACCEPTED", "0 a TRIGGERED", "0 a FILLED 2@94 MAKER"]),
    ("target-limit later", a("SELL", Kind.TAKE_PROFIT_LIMIT, trigger=105, limit=106), [(101, 105, 100, 101), (101, 106, 100, 101)],
     ["-1 a ACCEPTED", "0 a TRIGGERED", "1 a FILLED 2@106 MAKER"]),
    # Trailing stops follow the best price by so many ticks, or by basis points (here 1 %).
    ("trail in ticks", a("SELL", Kind.TRAILING_STOP, trail=5), [(100, 110, 106, 107), (107, 107, 104, 106)],
     ["-1 a ACCEPTED", "-1 a UPDATED @95", "1 a FILLED 2@105 TAKER"]),
    ("trail within one candle", a("SELL", Kind.TRAILING_STOP, trail=5), [(100, 110, 100, 107)],
     ["-1 a ACCEPTED", "-1 a UPDATED @95", "0 a FILLED 2@105 TAKER"]),
    ("trail of a purchase", a("BUY", Kind.TRAILING_STOP, trail=5), [(100, 103, 90, 92), (92, 96, 91, 96)],
     ["-1 a ACCEPTED", "-1 a UPDATED @105", "1 a FILLED 2@95 TAKER"]),
    ("trail opened beyond", a("SELL", Kind.TRAILING_STOP, trail=5), [(100, 110, 106, 107), (101, 102, 100, 101)],
     ["-1 a ACCEPTED", "-1 a UPDATED @95", "1 a FILLED 2@101 TAKER"]),
    ("trail by share", a("SELL", Kind.TRAILING_STOP, trail_share=10**8), [(100, 250, 249, 249), (249, 249, 240, 245)],
     ["-1 a ACCEPTED", "-1 a UPDATED @99", "1 a FILLED 2@248 TAKER"]),
    ("trail that begins later", a("SELL", Kind.TRAILING_STOP, trail=5, activation=110),
     [(100, 109, 90, 100), (100, 112, 108, 109), (109, 109, 105, 106)],
     ["-1 a ACCEPTED", "1 a UPDATED @107", "2 a FILLED 2@107 TAKER"]),
    ("trail whose beginning is passed already", a("BUY", Kind.TRAILING_STOP, trail=5, activation=101), [],
     ["-1 a ACCEPTED", "-1 a UPDATED @105"]),
    # How long an order waits.
    ("IOC away", a("BUY", Kind.LIMIT, limit=99, time_in_force=TimeInForce.IOC), [], ["-1 a ACCEPTED", "-1 a CANCELED"]),
    ("IOC within", a("BUY", Kind.LIMIT, limit=101, time_in_force=TimeInForce.IOC), [],
     ["-1 a ACCEPTED", "-1 a FILLED 2@100 TAKER"]),
    ("FOK away", a("SELL", Kind.LIMIT, limit=101, time_in_force=TimeInForce.FOK), [], ["-1 a ACCEPTED", "-1 a CANCELED"]),
    ("IOC once triggered", a("SELL", Kind.STOP_LIMIT, trigger=95, limit=92, time_in_force=TimeInForce.IOC), [(99, 99, 88, 89)],
     ["-1 a ACCEPTED", "0 a TRIGGERED", "0 a CANCELED"]),
    ("GTD touched in the candle that ends with it",
     a("BUY", Kind.LIMIT, limit=95, time_in_force=TimeInForce.GTD, expires_at_ms=2 * MINUTE_MS), [QUIET, (99, 99, 95, 97)],
     ["-1 a ACCEPTED", "1 a FILLED 2@95 MAKER"]),
    ("GTD untouched",
     a("BUY", Kind.LIMIT, limit=95, time_in_force=TimeInForce.GTD, expires_at_ms=2 * MINUTE_MS), [QUIET, QUIET, (95, 95, 95, 95)],
     ["-1 a ACCEPTED", "1 a EXPIRED"]),
    ("GTD in the past", a("BUY", Kind.LIMIT, limit=95, time_in_force=TimeInForce.GTD, expires_at_ms=0), [],
     ["-1 a REJECTED EXPIRY_PASSED"]),
    # Post-only.
    ("post-only within", a("BUY", Kind.LIMIT, limit=100, is_post_only=True), [], ["-1 a REJECTED POST_ONLY_WOULD_TAKE"]),
    ("post-only away", a("BUY", Kind.LIMIT, limit=99, is_post_only=True), [(99, 99, 99, 99)],
     ["-1 a ACCEPTED", "0 a FILLED 2@99 MAKER"]),
    ("post-only once triggered", a("BUY", Kind.STOP_LIMIT, trigger=105, limit=108, is_post_only=True), [(101, 107, 100, 104)],
     ["-1 a ACCEPTED", "0 a TRIGGERED", "0 a CANCELED POST_ONLY_WOULD_TAKE"]),
]  # fmt: skip


@pytest.mark.parametrize(("placed", "rows", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_an_order_becomes_what_the_table_says(placed: Terms, rows: list[Walk], expected: list[str]) -> None:
    assert told(rows, {-1: [placed]}) == expected


def test_a_move_meets_orders_in_the_order_of_its_path_and_the_oldest_first_at_one_price() -> None:
    orders = [
        order("far", "BUY", Kind.LIMIT, 1, limit=95),
        order("stop", "SELL", Kind.STOP, 1, trigger=97),
        order("later", "BUY", Kind.LIMIT, 1, limit=98),
        order("trail", "SELL", Kind.TRAILING_STOP, 1, trail=4),
        order("last", "BUY", Kind.LIMIT, 1, limit=98),
    ]
    rows = [(100, 100, 94, 95)]
    filled = [one.split()[1:4] for one in told(rows, {-1: orders}) if "FILLED" in one]
    assert filled == [
        ["later", "FILLED", "1@98"],
        ["last", "FILLED", "1@98"],
        ["stop", "FILLED", "1@97"],
        ["trail", "FILLED", "1@96"],
        ["far", "FILLED", "1@95"],
    ]


def test_without_a_price_only_what_can_wait_is_taken() -> None:
    book = InstrumentBook()
    orders = [
        order("market", "BUY", Kind.MARKET, 1),
        order("ioc", "BUY", Kind.LIMIT, 1, limit=99, time_in_force=TimeInForce.IOC),
        order("trail", "SELL", Kind.TRAILING_STOP, 1, trail=5),
        order("limit", "BUY", Kind.LIMIT, 1, limit=99),
        order("later", "SELL", Kind.TRAILING_STOP, 1, trail=5, activation=110),
    ]
    assert lines([event for one in orders for event in book.place([one])]) == [
        "market REJECTED NO_MARKET",
        "ioc REJECTED NO_MARKET",
        "trail REJECTED NO_MARKET",
        "limit ACCEPTED",
        "later ACCEPTED",
    ]
    assert lines(book.move(98)) == ["limit FILLED 1@99 MAKER"]
    assert list(book) == ["later"]


def test_a_key_is_taken_as_long_as_its_order_is_open() -> None:
    book = InstrumentBook(100)
    book.place([order("a", "BUY", Kind.LIMIT, 1, limit=99)])
    assert lines(book.place([order("a", "SELL", Kind.LIMIT, 1, limit=101)])) == ["a REJECTED KEY_TAKEN"]
    assert lines(book.move(99)) == ["a FILLED 1@99 MAKER"]
    assert lines(book.place([order("a", "SELL", Kind.LIMIT, 1, limit=101)])) == ["a ACCEPTED"]


def test_a_canceled_order_meets_nothing() -> None:
    book = InstrumentBook(100)
    for one in (
        order("limit", "BUY", Kind.LIMIT, 1, limit=99),
        order("stop", "SELL", Kind.STOP, 1, trigger=98),
        order("trail", "SELL", Kind.TRAILING_STOP, 1, trail=2),
    ):
        book.place([one])
        assert lines(book.cancel(one.key)) == [f"{one.key} CANCELED"]
        assert one.key not in book
    assert book.move(90) == []
    with pytest.raises(KeyError):
        book.cancel("limit")


def test_a_tick_of_a_live_market_jumps_and_a_replayed_move_does_not() -> None:
    found = {}
    for is_jump in (True, False):
        book = InstrumentBook(100)
        book.place([order("a", "SELL", Kind.STOP, 1, trigger=95)])
        found[is_jump] = lines(book.move(90, is_jump=is_jump))
    assert found == {True: ["a FILLED 1@90 TAKER"], False: ["a FILLED 1@95 TAKER"]}


def test_the_state_of_an_order_shows_what_it_has_become() -> None:
    book = InstrumentBook(100)
    book.place([order("a", "SELL", Kind.TRAILING_STOP, 2, trail=5)])
    book.move(110)
    state = book.state("a")
    assert state is not None
    assert (state.best, state.trigger, state.left, state.filled, state.is_open) == (110, 105, 2, 0, True)
    assert book.triggers() == {"a": 105}
    book.move(105)
    assert book.state("a") is None
    assert len(book) == 0
