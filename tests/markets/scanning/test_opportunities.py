"""What live books yield: after fees and depth, with size, age and decay; and what comes nearest where nothing pays."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from common import clock
from markets.models import Interest, InterestKind
from markets.scanning.opportunities import SpreadScanner, TriangleScanner
from tests.fixtures_desk import NOON
from tests.markets.scanning.venues import Venues


@pytest.fixture(autouse=True)
def wall_goes_on() -> Iterator[None]:
    """Let a test say what time it is."""
    yield
    clock.use_wall_clock(None)


def _at(seconds: float) -> None:
    clock.use_wall_clock(lambda: NOON + timedelta(seconds=seconds))


def _two(venues: Venues, **rules: Any) -> list[Any]:
    exchanges = [venues.exchange("one"), venues.exchange("two", is_sandbox=True)]
    return [venues.lists(one, "BTC", **rules) for one in exchanges]


def test_a_spread_is_walked_as_deep_as_it_pays(venues: Venues) -> None:
    one, two = _two(venues)
    scanner = SpreadScanner()
    scanner.prepare()
    venues.quote(one, [("99", "5")], [("100", "1"), ("101", "2"), ("110", "9")])
    venues.quote(two, [("103", "2"), ("101.5", "5")], [("104", "5")])
    found = scanner.scan()
    [row] = found["rows"]
    # One at 100 and one at 101 sold at 103; the next would cost 101.101 and bring 101.3985.
    cost, income = (100 + 2 * 101) * 1.001, (2 * 103 + 101.5) * 0.999
    assert row["quantity"] == 3.0
    assert row["size"] == pytest.approx(cost)
    assert row["profit"] == pytest.approx(income - cost)
    assert row["profit_bps"] == pytest.approx((income / cost - 1) * 1e4, abs=0.01)
    assert [(leg["side"], leg["instrument"], leg["exchange_name"]) for leg in row["legs"]] == [
        ("BUY", str(one.pk), "One"),
        ("SELL", str(two.pk), "Two"),
    ]
    assert (row["asset"], row["kind"], row["age_ms"], row["half_life_ms"]) == ("USDT", "", 0, None)
    assert (found["looked_at"], found["fresh"]) == (2, 2)


def test_fees_alone_turn_a_spread_into_a_near_miss(venues: Venues) -> None:
    one, two = _two(venues)
    scanner = SpreadScanner()
    scanner.prepare()
    venues.quote(one, [("99", "5")], [("100", "1")])
    venues.quote(two, [("100.1", "2")], [("101", "5")])
    found = scanner.scan()
    assert found["rows"] == []
    near = found["nearest"]
    assert near is not None
    assert near["profit_bps"] == round((100.1 * 0.999 / (100 * 1.001) - 1) * 1e4, 2) == -10.0
    assert near["size"] is near["profit"] is near["age_ms"] is None


def test_an_old_book_and_a_crossed_one_are_left_out(venues: Venues) -> None:
    one, two = _two(venues)
    scanner = SpreadScanner()
    scanner.prepare()
    venues.quote(one, [("99", "5")], [("100", "1")])
    venues.quote(two, [("110", "2")], [("111", "5")], seconds_ago=11)
    found = scanner.scan()
    assert (found["rows"], found["nearest"], found["looked_at"], found["fresh"]) == ([], None, 2, 1)
    venues.quote(two, [("110", "2")], [("109", "5")])
    assert scanner.scan()["rows"] == []


def test_an_opportunity_ages_shrinks_and_is_new_when_it_comes_again(venues: Venues) -> None:
    one, two = _two(venues, taker_fee_bps=0)
    scanner = SpreadScanner()

    def seen(seconds: float, bid: str) -> Any:
        _at(seconds)
        scanner.prepare()  # what is chosen anew and is the same goes on living
        venues.quote(one, [("99", "5")], [("100", "1")])
        venues.quote(two, [(bid, "1")], [("120", "5")])
        rows = scanner.scan()["rows"]
        return [(row["age_ms"], row["shrunk_ratio"], row["half_life_ms"]) for row in rows]

    assert seen(0, "108") == [(0, 0.0, None)]
    assert seen(2, "104") == [(2000, 0.5, 2000)]
    assert seen(4, "102") == [(4000, 0.75, 2000)]
    assert seen(5, "100") == []
    assert seen(6, "104") == [(0, 0.0, None)]


def test_books_that_are_needed_are_asked_for(venues: Venues) -> None:
    members = _two(venues)
    SpreadScanner().prepare()
    asked = Interest.objects.all()
    assert {(one.instrument_id, one.kind, one.reason) for one in asked} == {
        (one.pk, InterestKind.BOOK, "scanner") for one in members
    }


def test_a_triangle_goes_around_stablecoins_with_its_size_in_the_first_of_them(venues: Venues) -> None:
    one = venues.exchange("one")
    pairs = [("BTC", "USDT"), ("BTC", "USDC"), ("USDC", "USDT")]
    in_usdt, in_usdc, between = (venues.lists(one, *pair) for pair in pairs)
    scanner = TriangleScanner()
    scanner.prepare()
    venues.quote(in_usdt, [("99.5", "9")], [("100", "2")])
    venues.quote(in_usdc, [("102", "1")], [("103", "9")])
    venues.quote(between, [("0.999", "500")], [("1.001", "500")])
    found = scanner.scan()
    [row] = found["rows"]
    assert [(leg["side"], leg["instrument"]) for leg in row["legs"]] == [
        ("BUY", str(in_usdt.pk)),
        ("SELL", str(in_usdc.pk)),
        ("SELL", str(between.pk)),
    ]
    # One BTC can be sold for USDC; it is what is left of 1 ÷ 0.999 BTC, at 100 each.
    size = 100 / 0.999
    income = 102 * 0.999 * 0.999 * 0.999
    assert (row["asset"], row["quantity"]) == ("USDT", None)
    assert row["size"] == pytest.approx(size)
    assert row["profit"] == pytest.approx(income - size)
    assert (found["looked_at"], found["fresh"]) == (3, 3)


def test_where_no_way_around_pays_the_nearest_is_told(venues: Venues) -> None:
    one = venues.exchange("one")
    for base, quote, bid, ask in (
        ("BTC", "USDT", "99", "100"),
        ("ETH", "USDT", "9.9", "10"),
        ("ETH", "BTC", "0.099", "0.1"),
    ):
        venues.quote(venues.lists(one, base, quote), [(bid, "1")], [(ask, "1")])
    scanner = TriangleScanner()
    scanner.prepare()
    found = scanner.scan()
    assert found["rows"] == []
    assert found["nearest"] is not None
    # Either way round loses the same: 0.099 × 99 ÷ 10, or 9.9 ÷ 0.1 ÷ 100.
    assert found["nearest"]["profit_bps"] == pytest.approx((0.99 * 0.99 * 0.999**3 - 1) * 1e4, abs=100)


def test_nothing_connected_is_nothing_found(venues: Venues) -> None:
    for scanner in (SpreadScanner(), TriangleScanner()):
        scanner.prepare()
        found = scanner.scan()
        assert (found["rows"], found["nearest"], found["looked_at"]) == ([], None, 0)
