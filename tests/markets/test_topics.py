"""Live topics of instruments and venues: what a subscriber hears first, and what feeds are asked to watch for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from common import realtime
from common.errors import NotFound
from common.ids import new_id
from markets import topics
from markets.boards import FeedState, FeedStatus, book_payload, put_feed_status, trade_payload
from markets.models import Instrument, Interest
from markets.selectors import instrument_by_id
from tests.fixtures_desk import NOON, Desk
from tests.markets.real_venue import networked, put_book, put_day, put_tape, wall_at, watched

PAGE = "page"


@pytest.fixture
def real(desk: Desk) -> Iterator[Instrument]:
    made = desk.instrument()
    networked(desk)
    with wall_at():
        yield instrument_by_id(made.id)


def test_a_ticker_has_the_cells_of_one_instrument(real: Instrument) -> None:
    put_day(real, "64000.00", "-0.015")
    heard = realtime.snapshot(None, f"ticker:{real.id}")
    assert heard == {"cells": {f"{real.id}.price": "64,000.00", f"{real.id}.change": "−1.50%"}}
    assert watched(real) == {("TICKER", PAGE)}


def test_a_book_and_trades_are_what_the_feed_put_down(real: Instrument) -> None:
    assert realtime.snapshot(None, f"book:{real.id}") == {"book": {"at": None, "bids": [], "asks": []}}
    book, trades = put_book(real, [("1", "2")], [("3", "4")]), put_tape(real, "5", "6")
    assert realtime.snapshot(None, f"book:{real.id}") == {"book": book_payload(book)}
    assert realtime.snapshot(None, f"trades:{real.id}") == {"trades": [trade_payload(one) for one in trades]}
    assert watched(real) == {("BOOK", PAGE), ("TRADES", PAGE)}


def test_candles_need_ticks_too(real: Instrument) -> None:
    assert set(realtime.snapshot(None, f"candles:{real.id}")["series"]) == {"1m", "5m", "15m", "1h", "4h", "1d"}
    assert watched(real) == {("CANDLES", PAGE), ("TICKER", PAGE)}


def test_nobody_watches_what_is_made_here(desk: Desk) -> None:
    bitcoin = desk.instrument()
    for kind in ("ticker", "book", "trades", "candles"):
        realtime.snapshot(None, f"{kind}:{bitcoin.id}")
    topics.keep_tickers([str(bitcoin.id)])
    assert not Interest.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["ticker", "book", "trades", "candles", "venues"])
def test_there_is_nothing_to_hear_of_what_is_not(kind: str) -> None:
    for key in (str(new_id()), "nonsense"):
        with pytest.raises(NotFound):
            realtime.snapshot(None, f"{kind}:{key}")


Keep = Callable[[list[str]], Any]


@pytest.mark.parametrize(
    ("keep", "kinds"),
    [
        (topics.keep_tickers, {"TICKER"}),
        (topics.keep_books, {"BOOK"}),
        (topics.keep_trades, {"TRADES"}),
        (topics.keep_candles, {"CANDLES", "TICKER"}),
    ],
)
def test_what_is_heard_is_renewed_together(real: Instrument, keep: Keep, kinds: set[str]) -> None:
    keep([str(real.id), str(new_id()), "nonsense"])
    assert watched(real) == {(kind, PAGE) for kind in kinds}


def test_a_crowd_writes_once(real: Instrument) -> None:
    realtime.snapshot(None, f"book:{real.id}")
    with CaptureQueriesContext(connection) as queries:
        realtime.snapshot(None, f"book:{real.id}")
    assert not [one for one in queries if "INSERT" in one["sql"]]
    Interest.objects.all().delete()
    with patch.object(topics, "RENEW_SECONDS", 0.0):
        realtime.snapshot(None, f"book:{real.id}")
    assert watched(real) == {("BOOK", PAGE)}


def test_every_venue_is_in_the_one_topic_of_venues(desk: Desk, real: Instrument) -> None:
    venues = realtime.snapshot(None, "venues:all")["venues"]
    assert list(venues) == [desk.exchange.code]
    assert venues[desk.exchange.code]["feed"] is None
    put_feed_status(FeedStatus(desk.exchange.code, FeedState.DOWN, NOON, NOON, reason="TIMED_OUT: wss://10.0.0.7"))
    told = realtime.snapshot(None, "venues:all")["venues"][desk.exchange.code]
    assert (told["feed"]["state"], told["feed"]["reason"], told["breaker"]["state"]) == ("DOWN", "TIMED_OUT", "CLOSED")
