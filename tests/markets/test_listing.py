"""The list of markets: what an address asks for, in which order it comes, and what it costs when there are thousands."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from common.bus import bus
from markets import listing
from markets.listing import Question, market_page
from markets.models import Asset, Instrument, Market
from tests.fixtures_desk import Desk
from tests.markets.real_venue import networked, perpetual, put_day


def _shown(**given: str) -> list[str]:
    page = market_page(Question.of(given), given.get("page", "1"))
    return [str(one.instrument.market) for one in page.object_list]


@pytest.fixture
def venue(desk: Desk) -> Desk:
    """A real venue with four markets; of DOGE nothing is known."""
    for base in ("BTC", "ETH", "SOL", "DOGE"):
        desk.instrument(base)
    networked(desk)
    found = {one.market.base_id: one for one in Instrument.objects.select_related("exchange", "market")}
    put_day(found["BTC"], "64000.00", "0.01", "900")
    put_day(found["ETH"], "3200.00", "-0.05", "50000")
    put_day(found["SOL"], "150.00", "0.20", "70")
    return desk


def test_an_address_that_makes_no_sense_asks_for_the_whole_list() -> None:
    assert Question.of({"q": " btc ", "venue": "x", "kind": "SPOT", "sort": "name"}) == Question(
        "btc", "x", "SPOT", "name"
    )
    assert Question.of({"kind": "FUTURE", "sort": "-nonsense", "q": "x" * 99}) == Question(query="x" * 60)


def test_headings_lead_to_the_useful_order_first_and_turn_it_round_after() -> None:
    headings = Question.of({"q": "btc", "sort": "-change"}).headings()
    assert headings["change"] == {"href": "?q=btc&sort=change", "order": "descending"}
    assert headings["name"] == {"href": "?q=btc&sort=name", "order": "none"}
    assert headings["volume"]["href"] == "?q=btc&sort=-volume"
    assert Question.of({"sort": "name"}).headings()["name"] == {"href": "?sort=-name", "order": "ascending"}


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("-volume", "ETH BTC SOL DOGE"),
        ("volume", "SOL BTC ETH DOGE"),
        ("-change", "SOL BTC ETH DOGE"),
        ("change", "ETH BTC SOL DOGE"),
        ("-price", "BTC ETH SOL DOGE"),
        ("name", "BTC DOGE ETH SOL"),
        ("-name", "SOL ETH DOGE BTC"),
    ],
)
def test_every_order_is_kept_and_what_is_unknown_comes_last(venue: Desk, sort: str, expected: str) -> None:
    assert _shown(sort=sort) == [f"{base}-USDT" for base in expected.split()]


def test_words_venue_and_kind_narrow_the_list(venue: Desk) -> None:
    perpetual(venue, "BTC")
    Desk().instrument("BTC")
    assert _shown(q="btc", sort="name") == ["BTC-USDT", "BTC-USDT", "BTC-USDT-PERP"]
    assert _shown(q="btc", venue=venue.exchange.code, sort="name") == ["BTC-USDT", "BTC-USDT-PERP"]
    assert _shown(kind="PERPETUAL") == ["BTC-USDT-PERP"]
    assert _shown(venue="nowhere") == []


def test_pages_follow_each_other_and_a_number_that_is_none_is_the_first(venue: Desk) -> None:
    with patch.object(listing, "PAGE_ROWS", 3):
        assert _shown(sort="-volume", page="2") == ["DOGE-USDT"]
        assert _shown(sort="name", page="2") == ["SOL-USDT"]
        assert _shown(sort="name", page="many") == ["BTC-USDT", "DOGE-USDT", "ETH-USDT"]
        assert _shown(sort="name", page="99") == ["SOL-USDT"]


def _cost(sort: str) -> tuple[int, int]:
    """Return how many queries and board reads a page takes."""
    with CaptureQueriesContext(connection) as queries, patch.object(bus(), "board_get", wraps=bus().board_get) as reads:
        market_page(Question(sort=sort), "1")
    return len(queries), reads.call_count


@pytest.mark.parametrize("sort", ["-volume", "name"])
def test_a_page_of_hundreds_costs_what_a_page_of_four_does(venue: Desk, sort: str) -> None:
    few = _cost(sort)
    assets = Asset.objects.bulk_create([Asset(code=f"C{number}") for number in range(200)])
    facts: dict[str, Any] = {"quote_id": "USDT", "namespace": venue.namespace}
    markets = Market.objects.bulk_create([Market(base=one, **facts) for one in assets])
    Instrument.objects.bulk_create(
        [
            Instrument(exchange=venue.exchange, market=one, symbol=str(one), tick_size="0.01", lot_step="1")
            for one in markets
        ]
    )
    assert _cost(sort) == few
    assert few == ({"-volume": 3, "name": 3}[sort], {"-volume": 3, "name": 2}[sort])
