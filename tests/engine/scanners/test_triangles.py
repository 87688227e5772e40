"""Triangles: all that there are, once each, and walked as exact arithmetic walks them."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from engine.scanners.books import Books
from engine.scanners.triangles import BUY, SELL, Triangles, scan_triangles, triangles_of
from engine.scanners.warm import warm
from tests.engine.scanners import reference
from tests.engine.scanners.drawn import DEPTH, FEES, books, put

PAIRS = [("ETH", "USDT"), ("BTC", "USDT"), ("ETH", "BTC"), ("USDC", "USDT"), ("BTC", "USDC")]
ASSETS = ["USDT", "USDC", "BTC", "ETH", "DOGE"]


def _legs(triangles: Triangles, pairs: list[tuple[str, str]], place: int) -> list[tuple[int, str, str]]:
    legs = []
    for instrument, side in zip(triangles.instruments[place].tolist(), triangles.sides[place].tolist(), strict=True):
        base, quote = pairs[instrument]
        legs.append((instrument, quote, base) if side == BUY else (instrument, base, quote))
    return legs


@given(
    st.lists(st.tuples(st.sampled_from(ASSETS), st.sampled_from(ASSETS)).filter(lambda it: it[0] != it[1]), max_size=6)
)
def test_every_way_around_is_listed_once(pairs: list[tuple[str, str]]) -> None:
    triangles = triangles_of(pairs)
    listed = [_legs(triangles, pairs, place) for place in range(len(triangles))]
    for legs, start in zip(listed, triangles.starts, strict=True):
        assert legs[0][1] == start == legs[2][2]
        assert (legs[0][2], legs[1][2]) == (legs[1][1], legs[2][1])
        assert start == min((leg[1] for leg in legs), key=_preference)
    sets = [frozenset(legs) for legs in listed]
    assert len(sets) == len(set(sets))
    assert set(sets) == reference.rounds(pairs)


def _preference(asset: str) -> tuple[int, str]:
    return ("USDT", "USDC", "BTC").index(asset) if asset in ("USDT", "USDC", "BTC") else 3, asset


def test_stablecoin_triangles_are_among_them() -> None:
    triangles = triangles_of(PAIRS)
    # USDT-BTC-ETH and USDT-USDC-BTC, both ways around.
    assert triangles.starts == ("USDT",) * 4
    assert _legs(triangles, PAIRS, 3) == [(3, "USDT", "USDC"), (4, "USDC", "BTC"), (1, "BTC", "USDT")]
    assert triangles.sides.tolist()[3] == [BUY, BUY, SELL]


@settings(max_examples=150)
@given(
    books(middle=20, reach=8),
    books(middle=40, reach=8),
    books(middle=2, reach=2),
    FEES,
    st.sampled_from([Decimal(0), Decimal("0.003")]),
)
def test_a_scan_finds_what_a_walk_by_hand_finds(
    first: reference.Book, second: reference.Book, third: reference.Book, fee: Decimal, margin: Decimal
) -> None:
    pairs = [("A", "USDT"), ("B", "USDT"), ("B", "A")]
    drawn = [first, second, third]
    if any(price <= 0 for book in drawn for price, _ in book.bids):
        reject()
    arrays = Books.empty(3, depth=DEPTH)
    for place, book in enumerate(drawn):
        put(arrays, (place,), book)
    triangles = triangles_of(pairs)
    expected: dict[int, tuple[float, float]] = {}
    for place in range(len(triangles)):
        sides = zip(triangles.instruments[place].tolist(), triangles.sides[place].tolist(), strict=True)
        try:
            size, income = reference.walk([(drawn[i], ("buy", "sell")[side], fee) for i, side in sides], 1 + margin)
        except reference.TooClose:
            reject()
        if size:
            expected[place] = float(size), float(income - size)
    found = scan_triangles(triangles, arrays, np.full(3, float(fee)), min_ratio=float(margin))
    got = dict(zip(found.triangle.tolist(), zip(found.size.tolist(), found.profit.tolist(), strict=True), strict=True))
    assert got.keys() == expected.keys()
    for place, values in expected.items():
        assert got[place] == pytest.approx(values, rel=1e-9, abs=1e-9)


def _books() -> Books:
    """100 USDT buy 1 A, 0.5 A buys 1 B, B sells for 60 (3 of them) and 51 USDT (4 of them)."""
    arrays = Books.empty(3, depth=2)
    arrays.put((0,), [(99.0, 9.0)], [(100.0, 5.0)], 0)
    arrays.put((1,), [(60.0, 3.0), (51.0, 4.0)], [(61.0, 9.0)], 0)
    arrays.put((2,), [(0.49, 9.0)], [(0.5, 6.0)], 0)
    return arrays


def test_the_size_is_what_pays_through_all_three_books() -> None:
    triangles = triangles_of([("A", "USDT"), ("B", "USDT"), ("B", "A")])
    found = scan_triangles(triangles, _books(), np.zeros(3))
    # Three B at 60, then three more at 51 until the 6 B of the second leg are gone: 300 USDT give 180 + 153.
    assert (found.size.tolist(), found.profit.tolist()) == ([300.0], [pytest.approx(33.0)])
    assert found.ratio.tolist() == pytest.approx([0.11])
    assert _legs(triangles, [("A", "USDT"), ("B", "USDT"), ("B", "A")], int(found.triangle[0])) == [
        (0, "USDT", "A"),
        (2, "A", "B"),
        (1, "B", "USDT"),
    ]


def test_three_fees_are_paid_and_small_ones_left_out() -> None:
    triangles = triangles_of([("A", "USDT"), ("B", "USDT"), ("B", "A")])
    # 51 · 0.99³ / 50 is below one: only the first level of B pays.
    found = scan_triangles(triangles, _books(), np.full(3, 0.01))
    assert found.size.tolist() == pytest.approx([3 * 50 / 0.99**2])
    assert found.profit.tolist() == pytest.approx([180 * 0.99 - 150 / 0.99**2])
    assert len(scan_triangles(triangles, _books(), np.full(3, 0.01), min_size=153.0)) == 1
    assert len(scan_triangles(triangles, _books(), np.full(3, 0.01), min_size=153.1)) == 0
    assert len(scan_triangles(triangles, _books().fresh(9, 8), np.zeros(3))) == 0


def test_no_triangle_and_no_instrument_are_no_trouble() -> None:
    nothing = triangles_of([])
    assert len(nothing) == 0
    assert len(scan_triangles(nothing, Books.empty(0, depth=3), np.empty(0))) == 0
    warm()
