"""Cross-venue spreads: what they find on random books is what exact arithmetic finds, and worked examples by hand."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from engine.scanners.books import Books
from engine.scanners.spreads import scan_spreads
from tests.engine.scanners.drawn import DEPTH, FEES, books, put
from tests.engine.scanners.reference import Book, TooClose, spread

VENUES, INSTRUMENTS = 3, 2


@settings(max_examples=150)
@given(
    st.lists(books(middle=100, reach=25), min_size=VENUES * INSTRUMENTS, max_size=VENUES * INSTRUMENTS),
    st.lists(FEES, min_size=VENUES, max_size=VENUES),
    st.sampled_from([Decimal(0), Decimal("0.002")]),
)
def test_a_scan_finds_what_a_walk_by_hand_finds(drawn: list[Book], fees: list[Decimal], margin: Decimal) -> None:
    arrays = Books.empty(VENUES, INSTRUMENTS, depth=DEPTH)
    expected: dict[tuple[int, int, int], tuple[float, float, float]] = {}
    for venue in range(VENUES):
        for instrument in range(INSTRUMENTS):
            put(arrays, (venue, instrument), drawn[venue * INSTRUMENTS + instrument])
            for other in {0, 1, 2} - {venue}:
                try:
                    quantity, cost, income = spread(
                        drawn[venue * INSTRUMENTS + instrument],
                        drawn[other * INSTRUMENTS + instrument],
                        (fees[venue], fees[other]),
                        1 + margin,
                    )
                except TooClose:
                    reject()
                if quantity:
                    expected[instrument, venue, other] = float(quantity), float(cost), float(income - cost)
    rates = np.array([[float(fee)] * INSTRUMENTS for fee in fees])
    found = scan_spreads(arrays, rates, min_ratio=float(margin))
    places = zip(found.instrument.tolist(), found.buy_venue.tolist(), found.sell_venue.tolist(), strict=True)
    amounts = zip(found.quantity.tolist(), found.cost.tolist(), found.profit.tolist(), strict=True)
    got = dict(zip(places, amounts, strict=True))
    assert got.keys() == expected.keys()
    for key, values in expected.items():
        assert got[key] == pytest.approx(values, rel=1e-9, abs=1e-9)
    assert found.profit.tolist() == sorted(found.profit.tolist(), reverse=True)
    assert found.ratio.tolist() == (found.profit / found.cost).tolist()


def _two_venues() -> Books:
    """Venue 0 sells at 100 (1 there) and 101 (2 there), venue 1 buys at 103 (2) and 100.5 (5)."""
    arrays = Books.empty(2, 1, depth=2)
    arrays.put((0, 0), [(99.0, 9.0)], [(100.0, 1.0), (101.0, 2.0)], 0)
    arrays.put((1, 0), [(103.0, 2.0), (100.5, 5.0)], [(104.0, 9.0)], 0)
    return arrays


def test_depth_and_both_fees_decide_how_much_pays() -> None:
    free = scan_spreads(_two_venues(), np.zeros((2, 1)))
    # One at 100 and one at 101 into the 103; the next bid, 100.5, is below the second ask.
    assert (free.quantity.tolist(), free.cost.tolist(), free.profit.tolist()) == ([2.0], [201.0], [5.0])
    assert (free.buy_venue.tolist(), free.sell_venue.tolist()) == ([0], [1])
    dear = scan_spreads(_two_venues(), np.array([[0.01], [0.01]]))
    # 101 · 1.01 is above 103 · 0.99: only the first level is left.
    assert dear.quantity.tolist() == [1.0]
    assert dear.profit.tolist() == pytest.approx([103.0 * 0.99 - 101.0])


def test_what_is_small_or_earns_too_little_is_left_out() -> None:
    books_, fees = _two_venues(), np.zeros((2, 1))
    assert len(scan_spreads(books_, fees, min_cost=201.0)) == 1
    assert len(scan_spreads(books_, fees, min_cost=201.5)) == 0
    assert scan_spreads(books_, fees, min_ratio=0.025).quantity.tolist() == [1.0]
    assert len(scan_spreads(books_, fees, min_ratio=0.03)) == 0


def test_an_old_or_crossed_book_is_no_opportunity() -> None:
    arrays = _two_venues()
    arrays.at_ms[:] = [[1_000], [4_000]]
    fees = np.zeros((2, 1))
    assert len(scan_spreads(arrays.fresh(6_000, 5_000), fees)) == 1
    assert len(scan_spreads(arrays.fresh(6_001, 5_000), fees)) == 0
    crossed = _two_venues()
    crossed.put((1, 0), [(103.0, 2.0)], [(103.0, 1.0)], 0)
    assert len(scan_spreads(crossed, fees)) == 1
    assert len(scan_spreads(crossed.fresh(0, 1), fees)) == 0


def test_a_shorter_book_leaves_nothing_of_the_longer_one_before() -> None:
    arrays = _two_venues()
    arrays.put((0, 0), [], [(100.0, 1.0)], 5)
    assert arrays.ask_prices[0, 0].tolist() == [100.0, 0.0]
    assert arrays.bid_sizes[0, 0].tolist() == [0.0, 0.0]
    assert scan_spreads(arrays, np.zeros((2, 1))).quantity.tolist() == [1.0]
    arrays.put((0, 0), [], [(100.0, 1.0), (101.0, 2.0), (101.5, 7.0)], 6)
    assert arrays.ask_prices[0, 0].tolist() == [100.0, 101.0]


def test_keys_name_an_opportunity_whatever_else_is_found() -> None:
    found = scan_spreads(_two_venues(), np.zeros((2, 1)))
    assert found.keys(2).tolist() == [1]
    arrays = Books.empty(3, 4, depth=1)
    arrays.put((2, 3), [], [(10.0, 1.0)], 0)
    arrays.put((1, 3), [(11.0, 1.0)], [], 0)
    assert scan_spreads(arrays, np.zeros((3, 4))).keys(3).tolist() == [(3 * 3 + 2) * 3 + 1]
