"""The community API: leaderboard, competitions, profiles."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from common.ids import new_id
from community.models import Competition, CompetitionEntry
from community.services.competitions import enter_competition
from community.tasks import close_due_competitions
from marketplace.services.listings import publish_listing
from markets.models import Instrument
from portfolios.models import Portfolio
from tests.fixtures_desk import NOON, Desk


def program_of(user: User | None) -> APIClient:
    client = APIClient()
    if user is not None:
        client.force_authenticate(user)
    return client


def at(name: str, *key: object) -> str:
    return reverse(f"community_api:{name}", args=key)


@pytest.fixture
def body(desk: Desk, btc: Instrument) -> dict[str, Any]:
    return {
        "title": "Autumn sprint",
        "description": "",
        "exchange": desk.exchange.code,
        "settlement": "USDT",
        "starting_capital": "500.5",
        "allowed_instruments": [str(btc.pk)],
        "starts_at": "2026-03-02T12:00:00Z",
        "ends_at": "2026-03-02T14:00:00+01:00",
    }


def test_an_operator_sets_up_a_competition(operator: User, desk: Desk, btc: Instrument, body: dict[str, Any]) -> None:
    answer = program_of(operator).post(at("competitions"), body, format="json")
    competition = Competition.objects.get()
    shown = {
        "id": str(competition.pk),
        "title": "Autumn sprint",
        "description": "",
        "exchange": desk.exchange.code,
        "settlement": "USDT",
        "starting_capital": "500.5",
        "allowed_instruments": [str(btc.pk)],
        "starts_at": "2026-03-02T12:00:00Z",
        "ends_at": "2026-03-02T13:00:00Z",
        "phase": "RUNNING",
        "entrants": 0,
    }
    assert (answer.status_code, answer.json()) == (201, shown)
    client = program_of(operator)
    assert client.get(at("competition", competition.pk)).json() == shown
    assert client.get(at("competitions")).json()["results"] == [shown]


@pytest.mark.parametrize(
    ("wrong", "status", "code"),
    [
        ({"exchange": "nowhere"}, 404, "NOT_FOUND"),
        ({"settlement": "GOLD"}, 404, "NOT_FOUND"),
        ({"allowed_instruments": ["01890000-0000-7000-8000-000000000000"]}, 404, "NOT_FOUND"),
        ({"allowed_instruments": []}, 400, "INSTRUMENTS_MISSING"),
        ({"ends_at": "2026-03-02T11:00:00Z"}, 400, "WINDOW_INVALID"),
        ({"starting_capital": "-1"}, 400, "AMOUNT_NOT_POSITIVE"),
        ({"starts_at": "soon"}, 400, "INVALID_INPUT"),
    ],
)
def test_what_is_wrong_is_refused(
    operator: User, body: dict[str, Any], wrong: dict[str, Any], status: int, code: str
) -> None:
    answer = program_of(operator).post(at("competitions"), body | wrong, format="json")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert Competition.objects.count() == 0


def test_nobody_else_sets_one_up(alice: User, body: dict[str, Any]) -> None:
    for user, status in ((alice, 403), (None, 401)):
        assert program_of(user).post(at("competitions"), body, format="json").status_code == status
    assert Competition.objects.count() == 0


def test_a_competition_is_entered_once_and_ranked(
    alice: User, bob: User, desk: Desk, competition: Competition, btc: Instrument
) -> None:
    answer = program_of(alice).post(at("enter", competition.pk))
    entry = CompetitionEntry.objects.get()
    assert (answer.status_code, answer.json()) == (
        201,
        {
            "id": str(entry.pk),
            "competition": str(competition.pk),
            "portfolio": str(entry.portfolio_id),
            "entered_at": "2026-03-02T12:00:00Z",
        },
    )
    again = program_of(alice).post(at("enter", competition.pk))
    assert (again.status_code, again.json()["code"]) == (409, "ALREADY_ENTERED")
    assert program_of(None).post(at("enter", competition.pk)).status_code == 401
    assert Portfolio.objects.count() == 1
    standing = {
        "rank": 1,
        "entrant": "alice",
        "entered_at": "2026-03-02T12:00:00Z",
        "equity": "1000",
        "return_ratio": 0.0,
    }
    assert program_of(bob).get(at("ranking", competition.pk)).json() == [standing]
    desk.step({btc: 100}, at=NOON + timedelta(hours=1))
    close_due_competitions()
    assert program_of(bob).get(at("ranking", competition.pk)).json() == [standing]
    assert program_of(bob).get(at("competition", competition.pk)).json()["phase"] == "CLOSED"
    late = program_of(bob).post(at("enter", competition.pk))
    assert (late.status_code, late.json()["code"]) == (409, "COMPETITION_OVER")
    assert CompetitionEntry.objects.count() == 1


def test_a_competition_that_is_none_is_not_found(alice: User) -> None:
    for name in ("competition", "ranking"):
        assert program_of(alice).get(at(name, new_id())).status_code == 404
    assert program_of(alice).post(at("enter", new_id())).status_code == 404


def test_the_leaderboard_is_of_one_kind(alice: User, bob: User, desk: Desk) -> None:
    listing = publish_listing(owner=alice, portfolio=desk.portfolio(alice), title="Steady")
    board = program_of(bob).get(at("leaderboard", "PAPER")).json()
    assert [(one["rank"], one["id"], one["owner"], one["kind"]) for one in board] == [
        (1, str(listing.pk), "alice", "PAPER")
    ]
    assert program_of(bob).get(at("leaderboard", "paper")).json() == board
    assert program_of(bob).get(at("leaderboard", "LIVE")).json() == []
    assert program_of(None).get(at("leaderboard", "PAPER")).status_code == 401
    unknown = program_of(bob).get(at("leaderboard", "gold"))
    assert (unknown.status_code, unknown.json()["code"]) == (404, "NOT_FOUND")


def test_a_profile_shows_no_address(alice: User, bob: User) -> None:
    shown = program_of(bob).get(at("profile", "alice")).json()
    assert shown == {"handle": "alice", "display_name": "alice", "bio": ""}
    assert program_of(bob).get(at("profile", "nobody")).status_code == 404
    assert program_of(None).get(at("profile", "alice")).status_code == 401


def test_an_entry_is_read_only_by_its_ranking(alice: User, competition: Competition) -> None:
    entry = enter_competition(user=alice, competition=competition)
    [shown] = program_of(alice).get(at("ranking", competition.pk)).json()
    assert str(entry.portfolio_id) not in str(shown)
