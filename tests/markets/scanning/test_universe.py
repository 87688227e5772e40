"""Which instruments scanners look at: shared markets, triangles, the most traded first, and never an inverse contract."""

from __future__ import annotations

import pytest

from markets.models import SourceKind
from markets.scanning import universe
from markets.scanning.universe import is_connected, mover_universe, spread_universe, triangle_universe
from markets.services import retire_instrument
from tests.fixtures_desk import Desk
from tests.markets.scanning.venues import Venues


def test_spreads_compare_markets_that_two_venues_list(venues: Venues) -> None:
    one, two = venues.exchange("one"), venues.exchange("two")
    shared = [venues.lists(one, "BTC"), venues.lists(two, "BTC")]
    venues.lists(one, "ETH")
    gone = [venues.lists(one, "SOL"), venues.lists(two, "SOL")]
    retire_instrument(instrument=gone[1])
    for venue in (one, two):
        venues.lists(venue, "BTC", "USD", "PERP-BTC")
    linear = [venues.lists(venue, "BTC", contract="PERP") for venue in (one, two)]
    assert spread_universe() == {venues.namespace: [shared, linear]}


def test_of_many_shared_markets_the_most_traded_are_compared(venues: Venues, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(universe, "SPREAD_MARKETS", 2)
    exchanges = [venues.exchange("one"), venues.exchange("two")]
    groups = {base: [venues.lists(one, base) for one in exchanges] for base in ("AAA", "BBB", "CCC", "DDD")}
    venues.tells(groups["BBB"][0], volume="700")
    venues.tells(groups["CCC"][0], volume="400")
    venues.tells(groups["CCC"][1], volume="500")
    venues.tells(groups["DDD"][1], volume="600")
    assert spread_universe() == {venues.namespace: [groups["BBB"], groups["CCC"]]}


def test_a_venue_without_a_network_has_no_books_to_scan(desk: Desk) -> None:
    for pair in (("BTC", "USDT"), ("ETH", "USDT"), ("ETH", "BTC")):
        desk.instrument(*pair)
    assert spread_universe() == {}
    assert triangle_universe() == {}


def test_triangles_are_made_of_what_links(venues: Venues, monkeypatch: pytest.MonkeyPatch) -> None:
    one = venues.exchange("one")
    linked = [venues.lists(one, *pair) for pair in (("BTC", "USDT"), ("ETH", "USDT"), ("ETH", "BTC"))]
    venues.lists(one, "DOGE")
    venues.lists(one, "BTC", contract="PERP")
    assert triangle_universe() == {"one": linked}
    alone = venues.exchange("two")
    venues.lists(alone, "BTC")
    assert list(triangle_universe()) == ["one"]
    # Two more ways through SOL, which is traded more than ETH: with room for three, its books are watched.
    for quote in ("USDT", "BTC"):
        venues.tells(venues.lists(one, "SOL", quote), volume="9")
    venues.tells(linked[0], volume="10")
    monkeypatch.setattr(universe, "TRIANGLE_INSTRUMENTS", 3)
    assert {one.symbol for one in triangle_universe()["one"]} == {"BTC-USDT", "SOL-USDT", "SOL-BTC"}


def test_movers_are_all_there_is_and_of_a_large_venue_what_moved_most(
    venues: Venues, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Desk(SourceKind.SIMULATED).instrument()
    one = venues.exchange("one")
    listed = [venues.lists(one, base) for base in ("AAA", "BBB", "CCC")]
    assert set(mover_universe()) == {here, *listed}
    assert [is_connected(instrument) for instrument in (here, listed[0])] == [False, True]
    monkeypatch.setattr(universe, "MOVER_INSTRUMENTS", 2)
    venues.tells(listed[1], change="0.01")
    venues.tells(listed[2], change="-0.4")
    assert set(mover_universe()) == {here, listed[2], listed[1]}
