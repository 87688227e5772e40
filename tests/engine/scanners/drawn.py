"""Random books for the scanners, the same as decimals and as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from hypothesis import strategies as st

from engine.scanners.books import Books
from tests.engine.scanners.reference import Book

DEPTH = 4
FEES = st.sampled_from([Decimal(0), Decimal("0.0005"), Decimal("0.001")])


@st.composite
def books(draw: st.DrawFn, middle: int, reach: int) -> Book:
    """Draw a book around a price, in steps of a tenth; a side may be empty."""
    centre = draw(st.integers(10 * middle - reach, 10 * middle + reach))
    gaps = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 40)), max_size=DEPTH)
    return Book(_side(centre, -1, draw(gaps)), _side(centre, 1, draw(gaps)))


def _side(centre: int, sign: int, gaps: list[tuple[int, int]]) -> list[tuple[Decimal, Decimal]]:
    levels = []
    for gap, size in gaps:
        centre += sign * gap
        levels.append((Decimal(centre).scaleb(-1), Decimal(size).scaleb(-1)))
    return levels


def put(arrays: Books, place: tuple[int, ...], book: Book, at_ms: int = 0) -> None:
    """Write a book into arrays."""
    arrays.put(place, _floats(book.bids), _floats(book.asks), at_ms)


def _floats(levels: Sequence[tuple[Decimal, Decimal]]) -> list[tuple[float, float]]:
    return [(float(price), float(size)) for price, size in levels]
