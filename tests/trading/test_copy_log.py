"""A follow's log: each event of the lead with what the follow did, and why the two differ; and the plan before a pause ends."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from tests.fixtures_trading import Pit
from trading.copy_log import events_of, log_of
from trading.follow_models import FollowState, StopMode
from trading.models import CauseKind, Follow, FollowPosition, Order
from trading.services.follows import pause_follow, resume_follow, stop_follow

D = Decimal


def told(follow: Follow) -> list[tuple[int, list[tuple[str, str, str]], str]]:
    fresh = Follow.objects.select_related("lead", "portfolio").get(pk=follow.pk)
    return [
        (
            line.event.seq,
            [(one.order.side, f"{one.order.filled_quantity.normalize():f}", one.difference) for one in line.copies],
            "" if line.copies else line.missing,
        )
        for line in log_of(fresh, list(events_of(fresh)))
    ]


def as_program(user: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


def as_browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_every_event_stands_beside_what_was_done_and_why_it_differs(pit: Pit, bob: User) -> None:
    pit.buy(1)
    follow = pit.follow(bob)
    pit.buy(4)
    pause_follow(actor=bob, follow=follow)
    pit.buy(4)
    pit.sell(3)
    paused = "Skipped: the follow is paused, and a pause opens nothing."
    # What happened before the follow began is none of it; newest first.
    assert told(follow) == [
        (4, [("SELL", "0.133", "")], ""),
        (3, [("BUY", "0", paused)], ""),
        (2, [("BUY", "0.4", "")], ""),
    ]
    # With slippage of its own the follower's price differs, and that is said.
    Order.objects.filter(follow=follow, side="BUY", filled_quantity__gt=0).update(average_price=D("100.12"))
    Order.objects.filter(follow=follow, side="SELL").update(average_price=D("100.20"))
    assert [copies[0][2] for _, copies, _ in told(follow)] == [
        "At a price 0.20% better.",
        paused,
        "At a price 0.12% worse.",
    ]


def test_an_event_that_waits_says_so_and_one_after_the_end_is_none(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    pit.buy(4)
    stop_follow(actor=bob, follow=follow, mode=StopMode.KEEP)
    pit.buy(4)
    assert [seq for seq, _, _ in told(follow)] == [1]
    Follow.objects.filter(pk=follow.pk).update(state=FollowState.WAITING)
    assert told(follow) == []
    Follow.objects.filter(pk=follow.pk).update(state=FollowState.ACTIVE)
    event = pit.event()
    type(event).objects.filter(pk=event.pk).update(state="WAITING")
    assert told(follow)[0] == (2, [], "Not copied yet.")


def test_the_log_is_paged_and_costs_the_same_however_long_it_is(pit: Pit, bob: User) -> None:
    follow = pit.follow(bob)
    api, page = as_program(bob), as_browser(bob)
    address = reverse("trading_api:follow_log", args=[follow.pk])
    log = reverse("portfolios:follow_log", args=[follow.portfolio_id])
    assert b"Nothing copied yet" in page.get(log).content
    pit.buy(1)
    first = api.get(address).json()
    with CaptureQueriesContext(connection) as one:
        assert api.get(address).json() == first
    for _ in range(3):
        pit.buy(1)
    with CaptureQueriesContext(connection) as many:
        answer = api.get(address, {"page_size": 3}).json()
    assert len(many) == len(one)
    assert [line["lead"]["seq"] for line in answer["results"]] == [4, 3, 2]
    older = api.get(answer["next"]).json()
    assert older["results"] == first["results"]
    [line] = older["results"]
    assert line["lead"] == {
        "seq": 1,
        "instrument": str(pit.instrument.pk),
        "symbol": "BTC-USDT",
        "side": "BUY",
        "opened_quantity": "1",
        "closed_fraction": "0",
        "price": "100",
        "happened_at": line["lead"]["happened_at"],
    }
    [copied] = line["copies"]
    assert (copied["order"]["filled_quantity"], copied["difference"], line["missing"]) == ("0.1", "", "")
    html = " ".join(page.get(log).content.decode().split())
    assert html.count('id="copy-') == 4
    assert "no. 4" in html


def test_the_log_is_its_followers_alone(pit: Pit, alice: User, bob: User, charlie: User) -> None:
    follow = pit.follow(bob)
    for user in (alice, charlie):
        assert as_program(user).get(reverse("trading_api:follow_log", args=[follow.pk])).status_code == 404
        assert as_browser(user).get(reverse("portfolios:follow_log", args=[follow.portfolio_id])).status_code == 404
        assert as_browser(user).get(reverse("trading:resume", args=[follow.pk])).status_code == 404
    assert as_browser(alice).get(reverse("portfolios:follow_log", args=[pit.lead.pk])).status_code == 404


def paused_behind(pit: Pit, bob: User) -> Follow:
    """Return a paused follow that holds 0.4 of the 0.8 that it aimed at before the pause: half was not had at its price."""
    follow = pit.follow(bob)
    pit.buy(4)
    FollowPosition.objects.filter(follow=follow).update(missed=D("0.4"), ratio=D("0.2"))
    pause_follow(actor=bob, follow=follow)
    return follow


@pytest.mark.parametrize(("wish", "held", "commands"), [({}, "0.4", 0), ({"catch_up": "on"}, "0.8", 1)])
def test_a_pause_ends_after_its_plan_was_shown(
    pit: Pit, bob: User, wish: dict[str, Any], held: str, commands: int
) -> None:
    follow, browser = paused_behind(pit, bob), as_browser(bob)
    address = reverse("trading:resume", args=[follow.pk])
    page = browser.get(address)
    assert [(f"{one.held:.1f}", f"{one.wanted:.1f}") for one in page.context["lines"]] == [("0.4", "0.8")]
    assert Follow.objects.get().state == FollowState.PAUSED
    with pit.working():
        browser.post(address, wish)
    assert (Follow.objects.get().state, pit.held(follow)) == (FollowState.ACTIVE, held)
    assert Order.objects.filter(cause_kind=CauseKind.FOLLOW_COMMAND).count() == commands
    # There is nothing to resume any more.
    assert browser.get(address).status_code == 302


def test_rule_30_a_program_resumes_with_or_without_the_plan(pit: Pit, bob: User) -> None:
    follow, api = paused_behind(pit, bob), as_program(bob)
    address = reverse("trading_api:resume", args=[follow.pk])
    assert api.post(address, {"catch_up": "perhaps"}, format="json").status_code == 400
    with pit.working():
        assert api.post(address, {"catch_up": True}, format="json").json()["state"] == "ACTIVE"
    assert pit.held(follow) == "0.8"
    pause_follow(actor=bob, follow=Follow.objects.get())
    assert resume_follow(actor=bob, follow=Follow.objects.get()).state == FollowState.ACTIVE
