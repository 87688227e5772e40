"""/metrics: for operators and for who has the token; what Prometheus reads there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from common.bus import bus
from markets.boards import FEEDS, FeedState, FeedStatus, put_feed_status
from markets.gateway.errors import Retry
from markets.health import BOARD, Breaker, forget_counts
from tests.fixtures_desk import NOON
from tests.markets.real_venue import wall_at

pytestmark = pytest.mark.django_db


@pytest.fixture
def kraken() -> Iterator[None]:
    """A feed that is live, and a breaker that five time-outs opened."""
    forget_counts()
    with wall_at():
        seen = NOON - timedelta(seconds=2)
        put_feed_status(
            FeedStatus(
                "kraken", FeedState.LIVE, NOON, seen, last_message_at=seen, messages_per_second=12.5, reconnects=3
            )
        )
        breaker = Breaker("kraken")
        for _ in range(5):
            breaker.failed(Retry("kraken", "TIMED_OUT"))
        yield
    forget_counts()
    bus().board_drop(FEEDS)
    bus().board_drop(BOARD)


@pytest.mark.usefixtures("kraken")
def test_an_operator_reads_states_and_counts(client: Client, operator: User) -> None:
    client.force_login(operator)
    answer = client.get("/metrics")
    assert answer["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = answer.content.decode().splitlines()
    for expected in (
        "# TYPE venue_breaker_state gauge",
        'venue_breaker_state{venue="kraken"} 2',
        "# TYPE venue_requests_total counter",
        'venue_requests_total{venue="kraken",outcome="TIMED_OUT"} 5',
        'venue_feed_state{venue="kraken",state="LIVE"} 1',
        'venue_feed_state{venue="kraken",state="DOWN"} 0',
        'venue_feed_seen_seconds{venue="kraken"} 2',
        'venue_feed_messages_per_second{venue="kraken"} 12.5',
        'venue_feed_reconnects_total{venue="kraken"} 3',
    ):
        assert lines.count(expected) == 1, expected


@pytest.mark.usefixtures("kraken")
def test_a_token_opens_it_and_nothing_else_does(client: Client, charlie: User, settings: Settings) -> None:
    def status(header: str = "") -> int:
        return client.get("/metrics", headers={"Authorization": header} if header else {}).status_code

    assert [status(), status("Bearer "), status("Bearer None")] == [404, 404, 404]
    settings.METRICS_TOKEN = "open sesame"
    assert [status("Bearer open sesame"), status("bearer open sesame")] == [200, 200]
    assert [status(), status("Bearer wrong"), status("Basic open sesame"), status("Bearer é")] == [404] * 4
    client.force_login(charlie)
    assert status() == 404
