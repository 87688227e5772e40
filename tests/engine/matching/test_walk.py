"""Candles as whole ticks, walked open, high, low, close."""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from engine.candles import Candles
from engine.matching.book import InstrumentBook
from engine.matching.types import Events, Kind, Step
from engine.matching.walk import walk, walks
from tests.engine.matching.tables import lines, order


def test_floats_become_the_ticks_that_they_mean() -> None:
    first, high, low, last = (np.array([value, value * 3]) for value in (0.1, 0.3, 0.07, 67294.01))
    candles = Candles(np.array([0, 60_000]), first, high, low, last, np.ones(2))
    # 0.1 × 3 is 0.30000000000000004, 0.07 × 3 is 0.21000000000000002.
    assert walks(candles, Decimal("0.01")) == [(10, 30, 7, 6_729_401), (30, 90, 21, 20_188_203)]
    assert walks(candles, Decimal("0.05"))[0] == (2, 6, 1, 1_345_880)


def test_an_answer_meets_the_rest_of_the_move_that_it_answers() -> None:
    book, steps = InstrumentBook(100), list[Step]()

    def answer(events: Events, step: Step) -> Events:
        steps.append(step)
        if events[0].key != "first":
            return []
        placed = [
            order("second", "BUY", Kind.LIMIT, 1, limit=94),
            order("stop", "SELL", Kind.STOP, 1, trigger=95),
            order("third", "BUY", Kind.LIMIT, 1, limit=89),
        ]
        return book.place(placed, within=Step(step.price, 96, step.is_jump))

    book.place([order("first", "BUY", Kind.LIMIT, 1, limit=96)])
    assert lines(walk(book, (100, 101, 90, 91), closes_at_ms=60_000, answer=answer)) == [
        "first FILLED 1@96 MAKER",
        "second ACCEPTED",
        "stop ACCEPTED",
        "third ACCEPTED",
        "stop FILLED 1@95 TAKER",
        "second FILLED 1@94 MAKER",
    ]
    assert steps == [Step(90, 101, False)]
    assert list(book) == ["third"]
