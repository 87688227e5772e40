"""A candle as the market walked it: it jumps to its open, then passes every price to its high, its low and its close."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from engine.candles import Candles
from engine.matching.book import InstrumentBook
from engine.matching.types import Events, Step

# Four prices in ticks: open, high, low, close.
Walk = tuple[int, int, int, int]


def walks(candles: Candles, tick_size: Decimal) -> list[Walk]:
    """Return each candle's prices in ticks, open, high, low, close. Floats carry about 15 digits: the nearest tick is meant."""
    columns = (candles.open, candles.high, candles.low, candles.close)
    ticks: NDArray[np.int64] = np.rint(np.column_stack(columns) / float(tick_size)).astype(np.int64)
    return [(first, high, low, last) for first, high, low, last in ticks.tolist()]


def walk(
    book: InstrumentBook,
    prices: Walk,
    *,
    closes_at_ms: int,
    answer: Callable[[Events, Step], Events] | None = None,
) -> Events:
    """Lead the market through a candle and return what happened. Orders that expire when it closes see it to its end.

    `answer` is told of each move and its events; it may place or withdraw orders, and returns what came of that.
    """
    events: Events = []
    for number, price in enumerate(prices):
        step = Step(price, price if book.last is None else book.last, number == 0)
        came = book.move(price, is_jump=step.is_jump)
        events += came
        if came and answer is not None:
            events += answer(came, step)
    return events + book.expire(closes_at_ms)
