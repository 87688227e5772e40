"""How venues are doing: what a feed last said, what nobody says any more, and nothing that is an operator's alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from common.bus import bus
from markets.boards import FEEDS, FeedState, FeedStatus, put_feed_status
from markets.gateway.errors import Retry
from markets.health import BOARD, Breaker
from markets.models import SourceKind
from markets.venues import venue_facts, venue_statuses
from tests.fixtures_desk import NOON, Desk
from tests.markets.real_venue import networked, wall_at

SECRET = "wss://10.0.0.7/stream"


@pytest.fixture
def venue(desk: Desk) -> Iterator[Desk]:
    networked(desk)
    desk.instrument()
    with wall_at():
        yield desk
    bus().board_drop(FEEDS)
    bus().board_drop(BOARD)


def _status(code: str, state: FeedState, seen_seconds_ago: float = 1) -> FeedStatus:
    return FeedStatus(
        code,
        state,
        since=NOON - timedelta(hours=1),
        seen_at=NOON - timedelta(seconds=seen_seconds_ago),
        reason=f"NO_MESSAGES: nothing from {SECRET}",
        retry_at=NOON + timedelta(seconds=12),
        last_message_at=NOON - timedelta(seconds=2),
        messages_per_second=183.4,
        instruments=20,
        reconnects=3,
        gap_candles=17,
        outliers=2,
        revised_candles=1,
    )


def _page(client: Client, **headers: str) -> str:
    answer = client.get(reverse("markets:venues"), headers=headers)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.content.decode())


@pytest.mark.parametrize(
    ("state", "seen_seconds_ago", "expected"),
    [
        (FeedState.LIVE, 29, "LIVE"),
        (FeedState.LIVE, 31, "LOST"),
        (FeedState.DOWN, 31, "LOST"),
        (FeedState.STOPPED, 3_600, "STOPPED"),
    ],
)
def test_a_feed_that_no_longer_speaks_is_lost_unless_it_said_goodbye(
    venue: Desk, state: FeedState, seen_seconds_ago: float, expected: str
) -> None:
    put_feed_status(_status(venue.exchange.code, state, seen_seconds_ago))
    assert [one.state for one in venue_statuses()] == [expected]


def test_the_facts_have_everything_but_the_venues_words(venue: Desk) -> None:
    put_feed_status(_status(venue.exchange.code, FeedState.DOWN))
    breaker = Breaker(venue.exchange.code)
    for _ in range(5):
        breaker.failed(Retry(venue.exchange.code, "TIMED_OUT", SECRET))
    [status] = venue_statuses()
    assert venue_facts(status) == {
        "exchange": venue.exchange.code,
        "name": "The desk",
        "source_kind": "REAL",
        "is_sandbox": True,
        "state": "DOWN",
        "since": "2026-03-02T11:00:00+00:00",
        "seen_at": "2026-03-02T11:59:59+00:00",
        "reason": "NO_MESSAGES",
        "retry_at": "2026-03-02T12:00:12+00:00",
        "last_message_at": "2026-03-02T11:59:58+00:00",
        "messages_per_second": 183.4,
        "watched": 20,
        "reconnects": 3,
        "gap_candles": 17,
        "outliers": 2,
        "revised_candles": 1,
        "breaker": "OPEN",
        "breaker_since": "2026-03-02T12:00:00+00:00",
        "breaker_reason": "TIMED_OUT",
        "breaker_retry_at": "2026-03-02T12:00:05+00:00",
        "instruments": 1,
        "synchronised_at": None,
    }
    assert not status.is_well


def test_a_visitor_reads_codes_and_an_operator_the_venues_own_words(
    client: Client, venue: Desk, charlie: User, operator: User
) -> None:
    put_feed_status(_status(venue.exchange.code, FeedState.DOWN))
    for person in (None, charlie):
        if person:
            client.force_login(person)
        page = _page(client)
        assert "Cannot be reached" in page
        assert "<dt>Why</dt><dd>No messages</dd>" in page
        assert "<dt>Candles filled in after gaps</dt><dd>17</dd>" in page
        assert SECRET not in page
    client.force_login(operator)
    assert SECRET in _page(client)


def test_the_part_that_refreshes_comes_alone(client: Client, venue: Desk) -> None:
    part = _page(client, **{"HX-Request": "true", "HX-Target": "venues"})
    assert "<html" not in part
    assert "No feed has run" in part
    assert 'data-topic="venues:all"' in _page(client)


def test_what_is_made_here_shows_its_market_time(client: Client, db: None) -> None:
    Desk(SourceKind.SIMULATED)
    page = _page(client)
    assert "Made here" in page
    assert ">SIMULATED<" in page
    assert "2 Mar 2026, 12:00:00 UTC" in page


@pytest.mark.django_db
def test_without_venues_the_page_says_so(client: Client) -> None:
    assert "No venues yet" in _page(client)
