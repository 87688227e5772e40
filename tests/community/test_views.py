"""The community pages: everybody may look, people take part, operators set up."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from community.models import Competition, CompetitionEntry
from community.services.competitions import enter_competition
from community.tasks import close_due_competitions
from marketplace.models import TrackRecord
from marketplace.services.listings import publish_listing
from markets.models import Instrument, SourceKind
from portfolios.models import Portfolio
from tests.fixtures_desk import NOON, Desk


def browser_of(user: User | None) -> Client:
    client = Client()
    if user is not None:
        client.force_login(user)
    return client


def at(name: str, *key: object) -> str:
    return reverse(f"community:{name}", args=key)


# --- leaderboard ----------------------------------------------------------------------------------------------------
def test_kinds_have_a_leaderboard_each(alice: User, desk: Desk) -> None:
    nobody = browser_of(None)
    assert b"Nobody is ranked yet" in nobody.get(at("leaderboard")).content
    for number, unit_value in enumerate((1.0, 1.25)):
        portfolio = desk.portfolio(alice, name=f"Paper {number}")
        listing = publish_listing(owner=alice, portfolio=portfolio, title=portfolio.name)
        TrackRecord.objects.filter(pk=listing.pk).update(unit_value=unit_value)
    made = Desk(SourceKind.SIMULATED)
    publish_listing(owner=alice, portfolio=made.portfolio(alice, name="Made"), title="Made up")
    page = nobody.get(at("leaderboard"))
    assert [one.title for one in page.context["listings"]] == ["Paper 1", "Paper 0"]
    assert "+25.00%" in page.content.decode()
    assert [(one["label"], one["active"]) for one in page.context["tabs"]] == [("Paper", True), ("Simulated", False)]
    page = nobody.get(at("leaderboard"), {"kind": "SIMULATED"})
    assert [one.title for one in page.context["listings"]] == ["Made up"]
    assert nobody.get(at("leaderboard"), {"kind": "LIVE"}).context["kind"] == "PAPER"


# --- profiles -------------------------------------------------------------------------------------------------------
def test_a_profile_is_public(alice: User, bob: User, desk: Desk, competition: Competition) -> None:
    publish_listing(owner=alice, portfolio=desk.portfolio(alice), title="Steady")
    enter_competition(user=alice, competition=competition)
    for user in (None, bob, alice):
        page = browser_of(user).get(at("profile", "alice"))
        assert [one.title for one, *_ in page.context["cards"]] == ["Steady"]
        assert [one.competition.title for one in page.context["entries"]] == ["Spring sprint"]
        assert page.context["is_own"] is (user == alice)
        assert (b"alice@example.org" in page.content) is (user == alice)
    assert b"Nothing published" in browser_of(None).get(at("profile", "bob")).content


def test_somebody_who_left_or_never_was_has_none(alice: User) -> None:
    alice.is_active = False
    alice.save()
    for handle in ("alice", "nobody"):
        assert browser_of(None).get(at("profile", handle)).status_code == 404


# --- competitions ---------------------------------------------------------------------------------------------------
def test_competitions_are_listed_with_their_phase(desk: Desk, competition: Competition, btc: Instrument) -> None:
    nobody = browser_of(None)
    rows = nobody.get(at("competitions")).context["rows"]
    assert [(one.title, phase.name) for one, phase in rows] == [("Spring sprint", "RUNNING")]
    desk.step({btc: 100}, at=NOON + timedelta(hours=1))
    close_due_competitions()
    rows = nobody.get(at("competitions")).context["rows"]
    assert [(one.title, phase.name) for one, phase in rows] == [("Spring sprint", "CLOSED")]


def test_no_competition_is_said(db: None) -> None:
    assert b"No competition yet" in browser_of(None).get(at("competitions")).content


def test_a_competition_is_entered(alice: User, competition: Competition) -> None:
    browser, address = browser_of(alice), at("competition", competition.pk)
    assert b"Nobody has entered yet" in browser.get(address).content
    answer = browser.post(at("enter", competition.pk))
    entry = CompetitionEntry.objects.get()
    assert answer.headers["Location"] == reverse("portfolios:detail", args=[entry.portfolio_id])
    page = browser.get(address)
    assert (page.context["entry"], [one.rank for one in page.context["standings"]]) == (entry, [1])
    again = browser.post(at("enter", competition.pk), follow=True)
    assert [str(one) for one in again.context["messages"]] == ["You take part in this competition already."]
    assert Portfolio.objects.count() == 1


def test_the_live_parts_are_answered_alone(competition: Competition) -> None:
    for part, template in (
        ("competition-state", "community/_competition_state.html"),
        ("ranking", "community/_ranking.html"),
    ):
        answer = browser_of(None).get(at("competition", competition.pk), headers={"HX-Target": part})
        assert answer.templates[0].name == template


def test_nobody_enters_without_login(competition: Competition) -> None:
    address = at("enter", competition.pk)
    nobody = browser_of(None)
    assert nobody.post(address).headers["Location"] == f"{reverse('account_login')}?next={address}"
    assert b"Log in to enter" in nobody.get(at("competition", competition.pk)).content
    assert CompetitionEntry.objects.count() == 0


@pytest.fixture
def entered(btc: Instrument) -> dict[str, Any]:
    return {
        "title": "Autumn sprint",
        "description": "",
        "settlement": "USDT",
        "starting_capital": "500",
        "starts_at": "2026-03-02 12:00",
        "ends_at": "2026-03-09 12:00",
        "allowed_instruments": [str(btc.pk)],
    }


def test_an_operator_sets_one_up(operator: User, desk: Desk, entered: dict[str, Any]) -> None:
    browser = browser_of(operator)
    first = browser.post(at("new_competition"), {"exchange": str(desk.exchange.pk)})
    address = first.headers["Location"]
    assert address == f"{at('new_competition')}?exchange={desk.exchange.code}"
    assert browser.get(address).context["form"].initial["ends_at"] == NOON + timedelta(days=7)
    answer = browser.post(address, entered)
    competition = Competition.objects.get()
    assert answer.headers["Location"] == at("competition", competition.pk)
    assert (competition.starting_capital, competition.ends_at) == (Decimal(500), NOON + timedelta(days=7))


@pytest.mark.parametrize(
    ("wrong", "field", "message"),
    [
        ({"ends_at": "2026-03-02 12:00"}, "ends_at", "Let the competition end after it starts."),
        ({"starting_capital": "-1"}, "starting_capital", "Enter an amount above zero."),
        ({"allowed_instruments": []}, "allowed_instruments", "Choose at least one instrument to trade."),
        ({"starts_at": "soon"}, "starts_at", "Enter a valid date/time."),
    ],
)
def test_what_is_wrong_is_shown_at_its_field(
    operator: User, desk: Desk, entered: dict[str, Any], wrong: dict[str, Any], field: str, message: str
) -> None:
    address = f"{at('new_competition')}?exchange={desk.exchange.code}"
    page = browser_of(operator).post(address, entered | wrong)
    assert (page.status_code, page.context["form"].errors) == (400, {field: [message]})
    assert Competition.objects.count() == 0


def test_the_page_is_there_for_operators_alone(alice: User, desk: Desk, entered: dict[str, Any]) -> None:
    address = f"{at('new_competition')}?exchange={desk.exchange.code}"
    assert browser_of(alice).get(address).status_code == 404
    assert browser_of(alice).post(address, entered).status_code == 404
    assert browser_of(None).post(address, entered).status_code == 302
    assert Competition.objects.count() == 0


def test_operators_look_at_competitions_in_the_admin(operator: User, alice: User, competition: Competition) -> None:
    operator.is_superuser = True
    operator.save()
    enter_competition(user=alice, competition=competition)
    browser = browser_of(operator)
    assert b"Spring sprint" in browser.get(reverse("admin:community_competition_changelist")).content
    page = browser.get(reverse("admin:community_competition_change", args=[competition.pk]))
    assert b"alice@example.org" in page.content
    assert browser.get(reverse("admin:community_competition_add")).headers["Location"] == at("new_competition")
