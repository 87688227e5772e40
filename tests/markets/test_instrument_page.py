"""An instrument's page at a real venue: book, trades, funding, neighbours, history, and what it says where there are none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from markets.boards import FeedState, FeedStatus, put_feed_status, put_funding
from markets.gateway.protocol import FundingRate
from markets.instrument_page import instrument_page
from markets.models import Exchange, Instrument, Interest, Market, SourceKind
from markets.selectors import instrument_by_id
from tests.fixtures_desk import NOON, Desk
from tests.markets.real_venue import networked, perpetual, put_book, put_day, put_tape, wall_at

pytestmark = pytest.mark.usefixtures("still_wall")


@pytest.fixture
def still_wall() -> Iterator[None]:
    with wall_at():
        yield


@pytest.fixture
def bitcoin(desk: Desk) -> Instrument:
    """BTC-USDT at a sandbox whose feed is live."""
    made = desk.instrument()
    networked(desk)
    _say(desk.exchange.code, FeedState.LIVE)
    return instrument_by_id(made.id)


def _say(code: str, state: FeedState, reason: str = "") -> None:
    put_feed_status(FeedStatus(code, state, NOON - timedelta(minutes=5), NOON, reason))


def _page(client: Client, instrument: Instrument, query: str = "") -> str:
    answer = client.get(reverse("markets:instrument", args=[instrument.id]) + query)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.content.decode())


def test_the_book_is_a_ladder_with_totals_and_the_spread(client: Client, bitcoin: Instrument) -> None:
    put_book(bitcoin, [("63999.90", "1"), ("63999.80", "2.5")], [("64000.10", "4"), ("64000.20", "3")])
    page = _page(client, bitcoin)
    assert f'data-topic="book:{bitcoin.id}" data-book data-precision="2" data-state="ready"' in page
    assert '<b class="num" data-book-spread>0.20</b>' in page
    assert '<span class="num" data-book-bps>0.03 bps</span>' in page
    assert (
        '<tr data-level="0.5000"><td class="ladder-total" data-part="total">3.5</td>'
        '<td data-part="quantity">2.5</td><th scope="row" data-part="price">63,999.80</th></tr>'
    ) in page
    assert '<th scope="row" data-part="price">64,000.20</th><td data-part="quantity">3</td>' in page
    assert page.count("<tr hidden>") == 36 + 30  # rows for levels and trades that may still come


def test_trades_come_newest_first_with_their_side_in_words(client: Client, bitcoin: Instrument) -> None:
    put_tape(bitcoin, "64000.5", "64001")
    page = _page(client, bitcoin)
    assert f'data-topic="trades:{bitcoin.id}" data-tape data-precision="2" data-state="ready"' in page
    rows = re.findall(r'<tr data-trade="(\w+)" data-side="(\w+)">(.*?)</tr>', page)
    assert [(key, side, re.findall(r">([^<]+)<", cells)) for key, side, cells in rows] == [
        ("t1", "sell", ["12:00:00", "Sell", "0.5", "64,001.00"]),
        ("t0", "buy", ["12:00:00", "Buy", "0.5", "64,000.50"]),
    ]


def test_a_venue_without_data_yet_is_waited_for_and_labelled(client: Client, bitcoin: Instrument) -> None:
    page = _page(client, bitcoin)
    assert page.count('data-state="empty"') == 2
    assert "Waiting for the order book of The desk." in page
    assert "Waiting for trades at The desk." in page
    assert page.count(">SANDBOX<") == 2  # the ribbon and the label beside the name
    assert 'data-series="5m"' in page  # the chart waits for its first candles
    assert f'data-topic="ticker:{bitcoin.id}" data-key="{bitcoin.id}"' in page


def test_prices_that_are_made_here_have_no_book_and_the_page_says_why(client: Client, desk: Desk) -> None:
    page = _page(client, desk.instrument())
    assert "No order book here" in page
    assert "data-book" not in page
    assert "data-tape" not in page


@pytest.mark.parametrize("state", [FeedState.DOWN, FeedState.SILENT])
def test_a_feed_that_is_not_well_is_told_above_the_figures(
    client: Client, bitcoin: Instrument, state: FeedState
) -> None:
    assert "last known ones" not in _page(client, bitcoin)
    _say(bitcoin.exchange.code, state, "TIMED_OUT: wss://10.0.0.1/secret")
    page = _page(client, bitcoin)
    words = {FeedState.DOWN: "cannot be reached", FeedState.SILENT: "connected, but silent"}[state]
    assert f"<strong>The desk: {words} since" in page
    assert "last known ones" in page
    assert "10.0.0.1" not in page


def test_the_days_figures_are_the_venues_own(client: Client, bitcoin: Instrument) -> None:
    put_day(bitcoin, "64000.00", "0.0125", "1234567")
    page = _page(client, bitcoin)
    assert '<span data-cell="price">64,000.00</span>' in page
    assert '<span data-cell="change" data-sign="pos">+1.25%</span>' in page
    assert "64,010.00" in page
    assert "<dt>24 h volume</dt><dd>1.23M USDT</dd>" in page


def test_a_perpetual_shows_its_funding_and_contract(client: Client, desk: Desk, bitcoin: Instrument) -> None:
    linear, inverse = perpetual(desk), perpetual(desk, contract="PERP-BTC", contract_size=Decimal(100))
    assert "has not told its next rate yet" in _page(client, linear)
    rate = FundingRate("x", NOON + timedelta(hours=4), Decimal("-0.000125"), Decimal("64001.2"))
    put_funding(desk.exchange.code, {linear.id: rate})
    page = _page(client, linear)
    assert '<span data-sign="neg">−0.0125%</span>' in page
    assert "<dt>Mark price</dt><dd>64,001.2 USDT</dd>" in page
    assert ">Perpetual<" in page
    page = _page(client, inverse)
    assert "<dt>Contract</dt><dd>100 USD</dd>" in page
    assert "<dt>Settled in</dt><dd>BTC</dd>" in page
    assert "<dt>Lot step</dt><dd>0.001 contracts</dd>" in page
    assert "<dt>Funding" not in _page(client, bitcoin)


def _elsewhere(instrument: Instrument, name: str, market: Market | None = None) -> Instrument:
    other = Exchange.objects.create(
        code=f"{instrument.exchange.code}-{name.lower()}",
        name=name,
        namespace=instrument.exchange.namespace,
        source_kind=SourceKind.REAL,
        dialect="kraken",
    )
    made = Instrument.objects.create(
        exchange=other,
        market=market or instrument.market,
        symbol=f"{name}1",
        tick_size=Decimal("0.1"),
        lot_step=Decimal("0.1"),
    )
    return instrument_by_id(made.id)


def test_the_same_market_elsewhere_is_compared_and_another_currency_only_named(
    client: Client, desk: Desk, bitcoin: Instrument
) -> None:
    dollars = Market.objects.create(base_id="BTC", quote=desk.instrument("USD").market.base, namespace=desk.namespace)
    same, other = _elsewhere(bitcoin, "Kraken"), _elsewhere(bitcoin, "Coinbase", dollars)
    perpetual(desk)
    put_day(bitcoin, "64000.00", "0")
    put_day(same, "64064.0", "0")
    put_day(other, "64100.0", "0")
    found = [(one.ticker.instrument.id, one.premium_ratio) for one in instrument_page(bitcoin).neighbours]
    assert found == [(same.id, Decimal("0.001")), (other.id, None)]
    page = _page(client, bitcoin)
    assert "+0.100%" in page
    assert f'data-topic="ticker:{same.id}" data-key="{same.id}"' in page
    assert "At other venues" not in _page(client, desk.instrument("SOL"))


def test_a_delisted_market_says_so(client: Client, bitcoin: Instrument) -> None:
    Instrument.objects.filter(pk=bitcoin.pk).update(state="RETIRED", is_delisted=True)
    page = _page(client, bitcoin)
    assert ">Delisted<" in page
    assert "The desk no longer lists this market." in page


def test_a_choice_of_chart_stands_in_the_address(client: Client, bitcoin: Instrument) -> None:
    page = _page(client, bitcoin, "?timeframe=1h&indicators=rsi,nonsense,sma")
    assert 'data-chart-series="1h" aria-pressed="true"' in page
    pressed = re.findall(r'data-chart-indicator="(\w+)" title="[^"]+" aria-pressed="true"', page)
    assert pressed == ["sma", "rsi"]
    assert 'data-series="5m"' in _page(client, bitcoin, "?timeframe=9w")


def test_looking_writes_nothing_and_costs_the_same_for_everybody(
    client: Client, bitcoin: Instrument, charlie: User
) -> None:
    with CaptureQueriesContext(connection) as nobody:
        _page(client, bitcoin)
    assert len(nobody) <= 8
    client.force_login(charlie)
    _page(client, bitcoin)
    assert not Interest.objects.exists()
