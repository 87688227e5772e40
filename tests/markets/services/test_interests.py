"""Interests: renewed while somebody needs live data, lapsing by the wall, each reason for itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from common import clock
from markets.interests import wanted_data
from markets.models import AlertKind, Exchange, Instrument, Interest, InterestKind
from markets.selectors import instruments
from markets.services import (
    cancel_alert,
    create_alert,
    forget_expired_interests,
    renew_alert_interests,
    renew_interest,
)
from tests.fixtures_desk import Desk
from tests.fixtures_venues import add_instrument

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def wall() -> Iterator[list[datetime]]:
    now = [NOON]
    clock.use_wall_clock(lambda: now[0])
    yield now
    clock.use_wall_clock(None)


@pytest.fixture
def members(simulated: Exchange) -> list[Instrument]:
    return list(instruments().filter(exchange=simulated))


def wanted(exchange: Exchange) -> dict[str, int]:
    return {str(kind): len(found) for kind, found in wanted_data(exchange).items() if found}


def test_data_is_watched_until_the_interest_lapses(
    simulated: Exchange, members: list[Instrument], wall: list[datetime]
) -> None:
    renew_interest(instrument_ids=[members[0].pk], kind=InterestKind.TICKER, reason="page", seconds=60)
    assert wanted_data(simulated)[InterestKind.TICKER] == {members[0].pk}
    assert set(wanted_data(simulated)) == set(InterestKind)
    wall[0] += timedelta(seconds=59)
    assert wanted(simulated) == {"TICKER": 1}
    wall[0] += timedelta(seconds=1)
    assert wanted(simulated) == {}


def test_renewing_is_one_statement_and_makes_no_second_row(
    simulated: Exchange,
    members: list[Instrument],
    wall: list[datetime],
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    keys = [one.pk for one in members]
    for _ in range(3):
        wall[0] += timedelta(seconds=50)
        with django_assert_num_queries(3):  # a savepoint around it, in a test
            renew_interest(instrument_ids=[*keys, keys[0]], kind=InterestKind.CANDLES, reason="run:7", seconds=60)
    assert wanted(simulated) == {"CANDLES": len(members)}
    assert set(Interest.objects.values_list("expires_at", flat=True)) == {NOON + timedelta(seconds=210)}
    renew_interest(instrument_ids=[], kind=InterestKind.CANDLES, reason="run:7")


def test_reasons_lapse_apart(simulated: Exchange, members: list[Instrument], wall: list[datetime]) -> None:
    for reason, seconds in (("page", 10), ("position", 100)):
        renew_interest(instrument_ids=[members[0].pk], kind=InterestKind.BOOK, reason=reason, seconds=seconds)
    renew_interest(instrument_ids=[members[0].pk], kind=InterestKind.BOOK, reason="page", seconds=0)
    assert wanted(simulated) == {"BOOK": 1}
    wall[0] += timedelta(seconds=100)
    assert wanted(simulated) == {}


def test_what_lapsed_long_ago_is_forgotten(
    simulated: Exchange, members: list[Instrument], wall: list[datetime]
) -> None:
    renew_interest(instrument_ids=[members[0].pk], kind=InterestKind.TICKER, reason="page", seconds=1)
    renew_interest(instrument_ids=[members[1].pk], kind=InterestKind.TICKER, reason="page", seconds=600)
    assert forget_expired_interests() == 0
    wall[0] += timedelta(seconds=62)
    assert forget_expired_interests() == 1
    assert Interest.objects.get().instrument_id == members[1].pk


def test_waiting_alerts_have_their_instruments_watched_at_connected_exchanges_only(
    venue_instrument: Instrument, alice: User, bob: User, desk: Desk, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    eth = add_instrument(venue_instrument.exchange, "ETH")
    spike: dict[str, Any] = {"kind": AlertKind.VOLUME_SPIKE, "level": Decimal(3), "window_seconds": 60}
    rise: dict[str, Any] = {"kind": AlertKind.ABOVE, "level": Decimal(110)}
    for owner in (alice, bob):
        create_alert(owner=owner, instrument=venue_instrument, **rise)
    create_alert(owner=alice, instrument=eth, **spike)
    create_alert(owner=alice, instrument=desk.instrument(), **rise)
    gone = create_alert(owner=alice, instrument=add_instrument(venue_instrument.exchange, "SOL"), **rise)
    cancel_alert(alert=gone)
    with django_assert_num_queries(4):  # a savepoint around the second, in a test
        assert renew_alert_interests() == 3
    assert set(Interest.objects.values_list("instrument", "kind", "reason")) == {
        (venue_instrument.pk, "TICKER", "alert"),
        (eth.pk, "TICKER", "alert"),
        (eth.pk, "CANDLES", "alert"),
    }
    assert renew_alert_interests() == 3
    assert Interest.objects.count() == 3
