"""Price tables for the matching kernel: rows of open, high, low, close in ticks and orders in, one line per event out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.matching.book import InstrumentBook
from engine.matching.types import Event, Kind, Terms
from engine.matching.walk import Walk, walk

MINUTE_MS = 60_000
# By the number of the row after whose close they are sent; -1 is before the first.
Sent = Mapping[int, Sequence[Terms]]


def order(key: str, side: str, kind: Kind, lots: int, **more: Any) -> Terms:
    """Return an order; `side` is BUY or SELL."""
    return Terms(key, 1 if side == "BUY" else -1, kind, lots, **more)


def line(event: Event) -> str:
    """Return an event as one readable line: order, what, lots@price, and by whom or why."""
    parts = [str(event.key), event.kind.value]
    if event.lots is not None:
        parts.append(f"{event.lots}@{event.price}")
    elif event.price is not None:
        parts.append(f"@{event.price}")
    parts += [word.value for word in (event.liquidity, event.reason) if word is not None]
    return " ".join(parts)


def lines(events: Sequence[Event]) -> list[str]:
    """Return events as lines."""
    return [line(event) for event in events]


def told(rows: Sequence[Walk], sent: Sent, *, last: int | None = 100, held: int = 0) -> list[str]:
    """Walk the rows and return what happened, each line with the number of its row in front."""
    book = InstrumentBook(last)
    if held:
        book.positions[None] = held
    found = [(-1, event) for event in book.place(sent.get(-1, ()))]
    for number, row in enumerate(rows):
        closes = (number + 1) * MINUTE_MS
        found += [(number, event) for event in walk(book, row, closes_at_ms=closes)]
        if number in sent:
            found += [(number, event) for event in book.place(sent[number], at_ms=closes)]
    return [f"{number} {line(event)}" for number, event in found]
