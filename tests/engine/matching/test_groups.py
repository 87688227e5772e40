"""Orders that hang together: one cancels the other, one starts the other, and those that may only reduce."""

from __future__ import annotations

import pytest

from engine.matching.book import InstrumentBook
from engine.matching.types import Depth, Kind, Terms
from engine.matching.walk import Walk
from tests.engine.matching.tables import lines, order, told

ENTRY = order("entry", "BUY", Kind.MARKET, 3)
LIMIT_ENTRY = order("entry", "BUY", Kind.LIMIT, 3, limit=98)


def leg(key: str, kind: Kind, **more: object) -> Terms:
    return order(key, "SELL", kind, 3, parent="entry", group="exit", is_reduce_only=True, **more)


STOP, TARGET = leg("stop", Kind.STOP, trigger=95), leg("target", Kind.LIMIT, limit=105)
STARTED = ["ACCEPTED", "stop ACCEPTED", "target ACCEPTED"]

BRACKETS: list[tuple[str, list[Terms], list[Walk], list[str]]] = [
    ("target first", [ENTRY, STOP, TARGET], [(100, 106, 99, 104), (104, 104, 90, 91)],
     ["-1 entry FILLED 3@100 TAKER", "-1 stop ACCEPTED", "-1 target ACCEPTED",
      "0 target FILLED 3@105 MAKER", "0 stop CANCELED GROUP_FILLED"]),
    ("stop first", [ENTRY, STOP, TARGET], [(100, 101, 94, 96), (96, 110, 96, 110)],
     ["-1 entry FILLED 3@100 TAKER", "-1 stop ACCEPTED", "-1 target ACCEPTED",
      "0 stop FILLED 3@95 TAKER", "0 target CANCELED GROUP_FILLED"]),
    ("an entry that waits", [LIMIT_ENTRY, STOP, TARGET], [(100, 107, 99, 100), (100, 101, 97, 98), (98, 106, 98, 100)],
     ["-1 entry ACCEPTED", "1 entry FILLED 3@98 MAKER", "1 stop ACCEPTED", "1 target ACCEPTED",
      "2 target FILLED 3@105 MAKER", "2 stop CANCELED GROUP_FILLED"]),
    # The fall that filled the entry went on through the stop.
    ("a stop on the way of the fill", [LIMIT_ENTRY, STOP, TARGET], [(100, 101, 93, 97)],
     ["-1 entry ACCEPTED", "0 entry FILLED 3@98 MAKER", "0 stop ACCEPTED", "0 target ACCEPTED",
      "0 stop FILLED 3@95 TAKER", "0 target CANCELED GROUP_FILLED"]),
    # The high lies before the low of the entry: it is no price of this position.
    ("a target that was passed before", [LIMIT_ENTRY, STOP, TARGET], [(100, 106, 97, 99)],
     ["-1 entry ACCEPTED", "0 entry FILLED 3@98 MAKER", "0 stop ACCEPTED", "0 target ACCEPTED"]),
    # What must protect is not refused because the market is beyond it already: it fires.
    ("a stop behind an open", [LIMIT_ENTRY, STOP, TARGET], [(93, 94, 92, 93)],
     ["-1 entry ACCEPTED", "0 entry FILLED 3@98 MAKER", "0 stop ACCEPTED", "0 target ACCEPTED",
      "0 stop FILLED 3@93 TAKER", "0 target CANCELED GROUP_FILLED"]),
    ("an entry that is refused", [order("entry", "BUY", Kind.STOP, 3, trigger=99), STOP, TARGET], [],
     ["-1 entry REJECTED TRIGGER_IN_MARKET", "-1 stop CANCELED PARENT_ENDED", "-1 target CANCELED PARENT_ENDED"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("placed", "rows", "expected"), [row[1:] for row in BRACKETS], ids=[row[0] for row in BRACKETS]
)
def test_a_bracket_becomes_what_the_table_says(placed: list[Terms], rows: list[Walk], expected: list[str]) -> None:
    assert told(rows, {-1: placed}) == expected


def test_a_trailing_stop_may_protect_an_entry() -> None:
    trail = order("trail", "SELL", Kind.TRAILING_STOP, 3, trail=4, parent="entry", is_reduce_only=True)
    rows = [(100, 101, 97, 98), (98, 105, 102, 103), (103, 104, 100, 101)]
    assert told(rows, {-1: [LIMIT_ENTRY, trail]}) == [
        "-1 entry ACCEPTED",
        "0 entry FILLED 3@98 MAKER",
        "0 trail ACCEPTED",
        "0 trail UPDATED @94",
        "2 trail FILLED 3@101 TAKER",
    ]


def test_an_entry_that_is_withdrawn_takes_its_exits_along() -> None:
    book = InstrumentBook(100)
    book.place([LIMIT_ENTRY, STOP, TARGET])
    assert lines(book.cancel("entry")) == [
        "entry CANCELED",
        "stop CANCELED PARENT_ENDED",
        "target CANCELED PARENT_ENDED",
    ]
    assert len(book) == 0


def test_an_exit_needs_an_entry_that_is_open() -> None:
    assert lines(InstrumentBook(100).place([STOP])) == ["stop REJECTED PARENT_UNKNOWN"]


def test_exits_grow_with_what_the_entry_has_filled() -> None:
    book = InstrumentBook(100)
    book.place([LIMIT_ENTRY, STOP, TARGET])
    assert lines(book.move(98, depth=Depth(asks=((98, 1),)))) == [
        "entry FILLED 1@98 MAKER",
        "stop ACCEPTED",
        "target ACCEPTED",
    ]
    assert lines(book.move(98, depth=Depth(asks=((97, 1),)))) == ["entry FILLED 1@98 MAKER"]
    for key in ("stop", "target"):
        state = book.state(key)
        assert state is not None
        assert (state.left, state.started) == (2, 2)
    # Both units are sold; the third may still be bought, and is then protected as well.
    assert lines(book.move(95)) == ["entry FILLED 1@98 MAKER", "stop FILLED 3@95 TAKER", "target CANCELED GROUP_FILLED"]


def test_exits_wait_for_the_rest_of_an_entry_that_they_have_sold_so_far() -> None:
    book = InstrumentBook(100)
    book.place([LIMIT_ENTRY, STOP, TARGET])
    book.move(98, depth=Depth(asks=((98, 1),)))
    assert lines(book.move(105)) == ["target FILLED 1@105 MAKER"]
    assert lines(book.move(97)) == ["entry FILLED 2@98 MAKER"]
    assert lines(book.move(95)) == [
        "stop FILLED 2@95 TAKER",
        "target CANCELED GROUP_FILLED",
        "stop CANCELED GROUP_FILLED",
    ]
    assert book.positions[None] == 0


def test_exits_end_with_an_entry_that_is_withdrawn_after_they_sold_all() -> None:
    book = InstrumentBook(100)
    book.place([LIMIT_ENTRY, STOP, TARGET])
    book.move(98, depth=Depth(asks=((98, 1),)))
    book.move(105)
    assert lines(book.cancel("entry")) == [
        "entry CANCELED",
        "stop CANCELED PARENT_ENDED",
        "target CANCELED PARENT_ENDED",
    ]


def pair(**more: int) -> list[Terms]:
    return [
        order("stop", "SELL", Kind.STOP, 3, trigger=95, group="oco"),
        order("target", "SELL", Kind.LIMIT, more.get("target_lots", 3), limit=105, group="oco"),
    ]


def test_one_cancels_the_other() -> None:
    assert told([(100, 105, 94, 94)], {-1: pair()}) == [
        "-1 stop ACCEPTED",
        "-1 target ACCEPTED",
        "0 target FILLED 3@105 MAKER",
        "0 stop CANCELED GROUP_FILLED",
    ]


def test_a_part_that_one_fills_is_no_more_the_others() -> None:
    book = InstrumentBook(100)
    book.place(pair())
    assert lines(book.move(105, depth=Depth(bids=((105, 1),)))) == ["target FILLED 1@105 MAKER"]
    assert lines(book.move(95)) == [
        "stop FILLED 2@95 TAKER",
        "target CANCELED GROUP_FILLED",
        "stop CANCELED GROUP_FILLED",
    ]


def test_a_leg_that_fills_at_once_ends_the_other_before_it_arrives() -> None:
    book = InstrumentBook(106)
    assert lines(book.place(list(reversed(pair())))) == [
        "target ACCEPTED",
        "target FILLED 3@106 TAKER",
        "stop CANCELED GROUP_FILLED",
    ]


def test_a_leg_that_is_withdrawn_leaves_the_other() -> None:
    book = InstrumentBook(100)
    book.place(pair())
    assert lines(book.cancel("target")) == ["target CANCELED"]
    assert lines(book.move(95)) == ["stop FILLED 3@95 TAKER"]


def test_legs_share_one_quantity() -> None:
    book = InstrumentBook(100)
    assert lines(book.place(pair(target_lots=2))) == ["target REJECTED GROUP_DIFFERS", "stop ACCEPTED"]


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        (0, ["a REJECTED REDUCE_ONLY_WOULD_OPEN"]),
        (-5, ["a REJECTED REDUCE_ONLY_WOULD_OPEN"]),
        (2, ["a FILLED 2@100 TAKER", "a CANCELED REDUCE_ONLY_WOULD_OPEN"]),
        (3, ["a FILLED 3@100 TAKER"]),
        (5, ["a FILLED 3@100 TAKER"]),
    ],
)
def test_what_may_only_reduce_never_opens(held: int, expected: list[str]) -> None:
    book = InstrumentBook(100)
    book.positions["bob"] = held
    placed = order("a", "SELL", Kind.MARKET, 3, is_reduce_only=True, account="bob")
    assert lines(book.place([placed])) == expected
    assert book.positions["bob"] == (held if held <= 0 else max(0, held - 3))


def test_what_may_only_reduce_ends_when_its_position_has_gone_before_it() -> None:
    book = InstrumentBook(100)
    book.positions["bob"] = 3
    book.place([order("stop", "SELL", Kind.STOP, 3, trigger=95, is_reduce_only=True, account="bob")])
    book.place([order("hand", "SELL", Kind.MARKET, 3, account="bob")])
    assert lines(book.move(94)) == ["stop CANCELED REDUCE_ONLY_WOULD_OPEN"]
    assert book.positions["bob"] == 0


def test_the_position_that_counts_is_the_accounts_own() -> None:
    book = InstrumentBook(100)
    book.positions["alice"] = 3
    placed = order("a", "SELL", Kind.MARKET, 3, is_reduce_only=True, account="charlie")
    assert lines(book.place([placed])) == ["a REJECTED REDUCE_ONLY_WOULD_OPEN"]
    assert book.positions == {"alice": 3}


def test_an_exit_that_may_not_wait_sells_each_part_at_once() -> None:
    book = InstrumentBook(100)
    book.place([LIMIT_ENTRY, order("out", "SELL", Kind.MARKET, 3, parent="entry")])
    assert lines(book.move(98, depth=Depth(bids=((97, 9),), asks=((98, 1),)))) == [
        "entry FILLED 1@98 MAKER",
        "out FILLED 1@97 TAKER",
    ]
    assert lines(book.move(98)) == ["entry FILLED 2@98 MAKER", "out FILLED 2@98 TAKER"]
    assert len(book) == 0
