"""Competitions are public; where they stand follows their own market's time; reading many costs no more than one."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import AnonymousUser
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from common.errors import NotFound
from common.ids import new_id
from common.realtime import snapshot
from community import selectors
from community.models import Competition
from community.services.competitions import close_competition, create_competition, enter_competition
from tests.fixtures_desk import NOON, Desk

HOUR = timedelta(hours=1)


@pytest.fixture
def competition(operator: User, desk: Desk) -> Competition:
    return create_competition(
        operator=operator,
        title="Sprint",
        description="",
        exchange=desk.exchange,
        settlement=desk.usdt,
        starting_capital=Decimal(1000),
        allowed_instruments=[desk.instrument()],
        starts_at=NOON + HOUR,
        ends_at=NOON + 2 * HOUR,
    )


def test_everybody_may_read_a_competition(alice: User, desk: Desk, competition: Competition) -> None:
    desk.step({}, at=NOON + HOUR)
    entry = enter_competition(user=alice, competition=competition)
    for reader in (alice, AnonymousUser(), None):
        cells = snapshot(reader, f"competition:{competition.pk}")["cells"]
        assert cells[f"entry.{entry.pk}.equity"] == "1,000.00"
    for key in (new_id(), "sprint", ""):
        with pytest.raises(NotFound):
            selectors.competition_for_reader(key)


def test_an_entry_is_ones_own(alice: User, bob: User, desk: Desk, competition: Competition) -> None:
    desk.step({}, at=NOON + HOUR)
    entry = enter_competition(user=alice, competition=competition)
    assert selectors.entry_of(alice, competition) == entry
    assert [selectors.entry_of(one, competition) for one in (bob, AnonymousUser(), None)] == [None, None, None]
    assert list(selectors.entries_of(alice)) == [entry]
    assert list(selectors.entries_of(bob)) == []


@pytest.mark.parametrize(
    ("at", "phase"),
    [
        (timedelta(0), "UPCOMING"),
        (HOUR, "RUNNING"),
        (2 * HOUR - timedelta(milliseconds=1), "RUNNING"),
        (2 * HOUR, "CLOSING"),
    ],
)
def test_the_phase_follows_market_time(desk: Desk, competition: Competition, at: timedelta, phase: str) -> None:
    desk.step({}, at=NOON + at)
    assert selectors.phase_of(competition).name == phase
    assert (competition in selectors.running_competitions()) is (phase == "RUNNING")


def test_after_the_close_it_is_closed(desk: Desk, competition: Competition) -> None:
    desk.step({}, at=NOON + 2 * HOUR)
    assert close_competition(competition_id=competition.pk) is True
    competition.refresh_from_db()
    assert selectors.phase_of(competition).name == "CLOSED"


def test_a_ranking_of_many_costs_as_many_statements_as_one(
    desk: Desk, competition: Competition, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    desk.step({}, at=NOON + HOUR)
    for number in range(1, 4):
        enter_competition(user=User.objects.create_user(f"p{number}@example.org"), competition=competition)
        with django_assert_num_queries(3):
            assert len([one.entry.user.profile.handle for one in selectors.ranking(competition)]) == number
