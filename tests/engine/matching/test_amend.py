"""An open order that is changed: what is kept, what is lost, what is refused."""

from __future__ import annotations

import pytest

from engine.matching.book import InstrumentBook
from engine.matching.types import Depth, Kind
from tests.engine.matching.tables import lines, order


def queue() -> InstrumentBook:
    book = InstrumentBook(100)
    for key in ("a", "b"):
        book.place([order(key, "BUY", Kind.LIMIT, 5, limit=98)])
    return book


def test_a_smaller_order_keeps_its_place() -> None:
    book = queue()
    assert lines(book.amend("a", lots=3)) == ["a UPDATED"]
    assert lines(book.move(98)) == ["a FILLED 3@98 MAKER", "b FILLED 5@98 MAKER"]


def test_a_larger_order_goes_to_the_end() -> None:
    book = queue()
    assert lines(book.amend("a", lots=6)) == ["a UPDATED"]
    assert lines(book.move(98)) == ["b FILLED 5@98 MAKER", "a FILLED 6@98 MAKER"]


def test_a_moved_limit_waits_where_it_was_moved_and_takes_what_it_is_moved_into() -> None:
    book = queue()
    assert lines(book.amend("a", limit=97)) == ["a UPDATED"]
    assert lines(book.amend("b", limit=101)) == ["b UPDATED", "b FILLED 5@100 TAKER"]
    assert lines(book.move(98)) == []
    assert lines(book.move(97)) == ["a FILLED 5@97 MAKER"]


def test_a_moved_trigger_triggers_where_it_was_moved() -> None:
    book = InstrumentBook(100)
    book.place([order("a", "SELL", Kind.STOP, 5, trigger=95)])
    assert lines(book.amend("a", trigger=97)) == ["a UPDATED"]
    assert lines(book.move(97)) == ["a FILLED 5@97 TAKER"]


def test_what_was_filled_counts() -> None:
    book = queue()
    book.move(98, depth=Depth(asks=((98, 2),)))
    assert lines(book.amend("a", lots=2)) == ["a REJECTED QUANTITY_FILLED_ALREADY"]
    assert lines(book.amend("a", lots=3)) == ["a UPDATED"]
    assert lines(book.move(98)) == ["a FILLED 1@98 MAKER", "b FILLED 3@98 MAKER"]


def test_a_trail_goes_on_from_the_best_price_it_saw() -> None:
    book = InstrumentBook(100)
    book.place([order("a", "SELL", Kind.TRAILING_STOP, 5, trail=5)])
    book.move(110)
    book.move(108)
    assert lines(book.amend("a", lots=6)) == ["a UPDATED"]
    assert book.triggers() == {"a": 105}
    assert lines(book.move(105)) == ["a FILLED 6@105 TAKER"]


def test_an_exit_is_changed_before_its_entry_fills() -> None:
    book = InstrumentBook(100)
    stop = order("stop", "SELL", Kind.STOP, 5, trigger=95, parent="entry")
    book.place([order("entry", "BUY", Kind.LIMIT, 5, limit=98), stop])
    assert lines(book.amend("stop", trigger=96)) == ["stop UPDATED"]
    assert lines(book.move(98)) == ["entry FILLED 5@98 MAKER", "stop ACCEPTED"]
    assert lines(book.move(96)) == ["stop FILLED 5@96 TAKER"]


def test_what_could_not_be_placed_so_is_refused_and_stays_as_it_was() -> None:
    book = InstrumentBook(100)
    book.place(
        [
            order("stop", "SELL", Kind.STOP, 5, trigger=95),
            order("quiet", "BUY", Kind.LIMIT, 5, limit=98, is_post_only=True),
        ]
    )
    book.place([order(key, "SELL", Kind.LIMIT, 5, limit=limit, group="oco") for key, limit in (("x", 110), ("y", 120))])
    before = [book.state(key) for key in book]
    assert lines(book.amend("stop", trigger=100)) == ["stop REJECTED TRIGGER_IN_MARKET"]
    assert lines(book.amend("quiet", limit=100)) == ["quiet REJECTED POST_ONLY_WOULD_TAKE"]
    assert lines(book.amend("x", lots=4)) == ["x REJECTED GROUP_DIFFERS"]
    assert [book.state(key) for key in book] == before
    with pytest.raises(KeyError):
        book.amend("nobody", lots=1)
