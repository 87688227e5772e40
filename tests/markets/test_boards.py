"""What a feed writes down of a venue comes back digit by digit, from the bus of either kind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from markets import boards
from markets.boards import FeedState, FeedStatus
from markets.gateway.protocol import FundingRate, Level, OrderBook, PublicTrade, Side, Ticker
from markets.models import Exchange, Instrument

pytestmark = pytest.mark.django_db


@pytest.fixture
def btc(simulated: Exchange) -> Instrument:
    return simulated.instruments.select_related("exchange", "market").get(symbol="BTC-USDT")


AT = datetime(2024, 5, 1, 12, 30, 0, 123000, tzinfo=UTC)
LONG = Decimal("64123.123456789012345678")


def test_a_book_comes_back_and_is_cut_to_what_is_kept(btc: Instrument) -> None:
    levels = tuple(Level(LONG - step, Decimal("1E-8")) for step in range(boards.BOOK_LEVELS + 5))
    book = OrderBook("BTC/USDT", AT, levels, (Level(LONG + 1, Decimal("2.50")),), 77)
    boards.put_books(btc.exchange.code, {btc.id: book})
    found = boards.latest_books([btc])[btc.id]
    assert found == OrderBook("BTC/USDT", AT, levels[: boards.BOOK_LEVELS], book.asks, 77)
    assert boards.book_payload(found)["bids"][0] == ["64123.123456789012345678", "0.00000001"]


def test_a_book_for_scanners_comes_back_as_floats(btc: Instrument) -> None:
    book = OrderBook("BTC/USDT", AT, (Level(LONG, Decimal("0.1")),), (), None)
    boards.put_books(btc.exchange.code, {btc.id: book})
    assert boards.latest_levels([btc]) == {btc.id: boards.RoughBook(AT, [(64123.12345678901, 0.1)], [])}


def test_trades_come_back_oldest_first_and_only_the_newest_are_kept(btc: Instrument) -> None:
    trades = [
        PublicTrade(
            "BTC/USDT", str(number), AT + timedelta(seconds=number), Side.SELL if number % 2 else None, LONG, LONG
        )
        for number in range(boards.TRADES_KEPT + 3)
    ]
    boards.put_trades(btc.exchange.code, {btc.id: trades})
    assert boards.latest_trades([btc])[btc.id] == trades[3:]
    assert boards.trade_payload(trades[0])["side"] == ""


def test_tickers_and_funding_come_back_with_what_is_unknown(btc: Instrument) -> None:
    ticker = Ticker("BTC/USDT", AT, LONG, None, LONG, Decimal(0), None, LONG, None, Decimal("-0.05"))
    funding = FundingRate("BTC/USDT:USDT", AT, Decimal("-0.0001"))
    boards.put_tickers(btc.exchange.code, {btc.id: ticker})
    boards.put_funding(btc.exchange.code, {btc.id: funding})
    assert boards.latest_venue_tickers([btc]) == {btc.id: ticker}
    assert boards.latest_funding([btc]) == {btc.id: funding}


def test_nothing_written_is_nothing_known(btc: Instrument) -> None:
    assert not boards.latest_books([btc])
    assert not boards.latest_trades([btc])
    assert not boards.latest_funding([btc])
    assert boards.book_payload(None) == {"at": None, "bids": [], "asks": []}


def test_a_feeds_status_comes_back() -> None:
    status = FeedStatus("mine", FeedState.DOWN, AT, AT, "NETWORK: away", retry_at=AT, reconnects=3)
    boards.put_feed_status(status)
    assert boards.feed_statuses(["mine", "other"]) == {"mine": status}
    assert boards.feed_statuses()["mine"] == status
