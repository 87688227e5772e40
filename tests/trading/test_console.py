"""What a lead sees of being followed, and what the operator sees of the queues."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from tests.fixtures_trading import Pit
from trading.console import console_of
from trading.models import FollowState, LeadStream, Side
from trading.queues import queues, recent_outcomes
from trading.services.follows import pause_follow


def test_a_lead_sees_who_copies_and_how_well(pit: Pit, bob: User, charlie: User) -> None:
    follows = [pit.follow(bob, 500), pit.follow(charlie, 2_000)]
    pit.buy(10)
    pause_follow(actor=bob, follow=follows[0])
    pit.buy(10)
    console = console_of(pit.lead)
    assert (console.room.followers, console.waiting) == (2, 0)
    assert console.room.capital == 2_500
    # Who copies with most comes first.
    assert [one.follower for one in console.follows] == [charlie, bob]
    assert (console.copies.filled, console.copies.total, console.copies.success) == (3, 4, Decimal("0.75"))
    assert console.copies.reasons == [("Skipped: the follow is paused, and a pause opens nothing.", 1)]


def test_the_page_shows_it_to_its_owner_alone(pit: Pit, alice: User, bob: User) -> None:
    pit.follow(bob)
    LeadStream.objects.filter(portfolio=pit.lead).update(most_followers=3)
    address = reverse("portfolios:followers", args=[pit.lead.pk])
    mine, theirs = Client(), Client()
    mine.force_login(alice)
    theirs.force_login(bob)
    page = mine.get(address).content.decode()
    assert "of at most 3" in page
    assert "Nothing was there to be copied." in page
    assert theirs.get(address).status_code == 404


def test_it_takes_as_many_statements_for_many_followers(pit: Pit, bob: User) -> None:
    pit.follow(bob)
    pit.buy(10)
    with CaptureQueriesContext(connection) as few:
        console_of(pit.lead)
    pit.crowd(20)
    pit.buy(10)
    with CaptureQueriesContext(connection) as many:
        assert len(console_of(pit.lead).follows) == 21
    assert len(many) == len(few)


def test_the_operator_sees_what_waits_and_has_it_tried_again(pit: Pit, bob: User, operator: User) -> None:
    follow = pit.follow(bob)
    pit.fan_out(Side.BUY, 10)
    waiting = {one.name: one.count for one in queues()}
    assert waiting == {
        "Lead events to be copied": 0,
        "Copies to be sent": 1,
        "Copies being sent": 0,
        "Copies whose fate is asked for": 0,
        "Commands of follows": 0,
    }
    client = Client()
    client.force_login(operator)
    address = reverse("admin:trading_safetyswitch_queues")
    assert "Copies to be sent" in client.get(address).content.decode()
    with pit.working():
        client.post(address)
    assert pit.held(follow) == "1"
    assert {one.name: one.count for one in queues()} == dict.fromkeys(waiting, 0)
    assert [(one.state, one.code, one.count) for one in recent_outcomes()] == [("FILLED", "", 1)]
    follow.refresh_from_db()
    assert follow.state == FollowState.ACTIVE


@pytest.mark.parametrize("name", ["Lead events to be copied", "Copies to be sent"])
def test_an_empty_queue_has_waited_for_nothing(pit: Pit, name: str) -> None:
    assert next(one for one in queues() if one.name == name).seconds is None
