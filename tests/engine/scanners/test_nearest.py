"""What comes nearest to paying: worked examples by hand, and nothing where there is nothing to compare."""

from __future__ import annotations

import numpy as np
import pytest

from engine.scanners.books import Books
from engine.scanners.nearest import nearest_round, nearest_spread
from engine.scanners.triangles import BUY, SELL, triangles_of


def _two_venues() -> Books:
    """BTC costs 101 on venue 0 and brings 100 on venue 1; ETH costs 51 there and brings 49 here."""
    books = Books.empty(2, 2, depth=1)
    books.put((0, 0), [(90.0, 1.0)], [(101.0, 1.0)], 0)
    books.put((1, 0), [(100.0, 1.0)], [(110.0, 1.0)], 0)
    books.put((0, 1), [(49.0, 1.0)], [(52.0, 1.0)], 0)
    books.put((1, 1), [(48.0, 1.0)], [(51.0, 1.0)], 0)
    return books


def _is(found: tuple[int, int, int, float] | None, places: tuple[int, int, int], ratio: float) -> None:
    assert found is not None
    assert found[:3] == places
    assert found[3] == pytest.approx(ratio)


def test_the_nearest_spread_is_the_one_that_loses_least_after_fees() -> None:
    _is(nearest_spread(_two_venues(), np.zeros((2, 2))), (0, 0, 1), 100 / 101 - 1)
    dear = np.array([[0.1, 0.0], [0.0, 0.0]])  # buying BTC on venue 0 costs a tenth more
    _is(nearest_spread(_two_venues(), dear), (1, 1, 0), 49 / 51 - 1)


def test_one_venue_s_own_bid_and_ask_are_no_spread() -> None:
    books = Books.empty(2, 1, depth=1)
    books.put((0, 0), [(99.99, 1.0)], [(100.0, 1.0)], 0)
    assert nearest_spread(books, np.zeros((2, 1))) is None
    books.put((1, 0), [], [(100.01, 1.0)], 0)
    _is(nearest_spread(books, np.zeros((2, 1))), (0, 1, 0), 99.99 / 100.01 - 1)


def test_the_nearest_way_around_is_found_by_best_prices() -> None:
    triangles = triangles_of([("BTC", "USDT"), ("ETH", "USDT"), ("ETH", "BTC")])
    books = Books.empty(3, depth=1)
    books.put((0,), [(100.0, 1.0)], [(101.0, 1.0)], 0)
    books.put((1,), [(9.5, 1.0)], [(10.0, 1.0)], 0)
    assert nearest_round(triangles, books, np.zeros(3)) is None  # the third book is not there
    books.put((2,), [(0.098, 1.0)], [(0.1, 1.0)], 0)
    found = nearest_round(triangles, books, np.full(3, 0.001))
    assert found is not None
    place, ratio = found
    # USDT buys ETH at 10, which sells for 0.098 BTC, which sells at 100: 0.98 before fees.
    assert triangles.instruments[place].tolist() == [1, 2, 0]
    assert triangles.sides[place].tolist() == [BUY, SELL, SELL]
    assert ratio == pytest.approx(0.98 * 0.999**3 - 1)


def test_without_triangles_there_is_none() -> None:
    nothing = triangles_of([("BTC", "USDT")])
    assert nearest_round(nothing, Books.empty(1, depth=1), np.zeros(1)) is None
