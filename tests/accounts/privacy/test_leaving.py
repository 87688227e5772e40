"""Consents, leaving with days of grace, and forgetting what is old."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.contrib.sessions.models import Session

from accounts import registry
from accounts.models import Notification, SignIn, User
from accounts.notifying.models import Delivery
from accounts.notifying.services.delivering import deliver
from accounts.privacy.models import Consent, Departure
from accounts.privacy.selectors import consents_of
from accounts.privacy.services.consents import give_consent, revoke_consent
from accounts.privacy.services.leaving import ask_to_leave, close_due_accounts, stay
from accounts.privacy.services.retention import forget_old
from accounts.services import notify, record_sign_in
from accounts.teams.models import Role, WorkspaceInvitation
from accounts.teams.services import create_workspace, invite_member
from common.errors import DomainError, NotFound
from tests.accounts.conftest import NOON, Wall

GRACE = timedelta(days=7)


@pytest.fixture
def upper_app() -> Iterator[dict[str, object]]:
    """An app above accounts; what it was asked to unwind, and what stands in the way of forgetting."""
    state: dict[str, object] = {"unwound": [], "obstacle": ""}

    def unwind(user: User, keeps: bool, due_at: datetime) -> None:
        state["unwound"] = [(user.pk, keeps, due_at)]

    def erase(user: User) -> None:
        if state["obstacle"]:
            raise DomainError("FOLLOWS_UNFINISHED", str(state["obstacle"]))

    registry.register_personal_data("upper", export=lambda user: {}, erase=erase, unwind=unwind)
    yield state
    del registry._personal_data["upper"]


def test_an_account_is_closed_when_its_days_of_grace_are_over(
    alice: User, bob: User, wall: Wall, upper_app: dict[str, object]
) -> None:
    departure = ask_to_leave(user=alice, keeps_holdings=True)
    assert (departure.due_at, upper_app["unwound"]) == (NOON + GRACE, [(alice.pk, True, NOON + GRACE)])
    with pytest.raises(DomainError, match="ALREADY_LEAVING"):
        ask_to_leave(user=alice, keeps_holdings=False)
    wall.pass_by(days=7, seconds=-1)
    assert close_due_accounts() == 0
    alice.refresh_from_db()
    assert alice.is_active
    wall.pass_by(seconds=1)
    assert close_due_accounts() == 1
    assert close_due_accounts() == 0
    alice.refresh_from_db()
    bob.refresh_from_db()
    assert (alice.is_active, alice.email, bob.is_active) == (False, f"erased-{alice.pk.hex}@erased.invalid", True)
    assert Departure.objects.count() == Delivery.objects.filter(user=alice).count() == 0


def test_who_thinks_better_of_it_stays(alice: User, bob: User, wall: Wall) -> None:
    ask_to_leave(user=alice, keeps_holdings=False)
    assert stay(user=bob) is False
    assert stay(user=alice) is True
    wall.pass_by(days=30)
    assert close_due_accounts() == 0
    alice.refresh_from_db()
    assert (alice.is_active, alice.email) == (True, "alice@example.org")


def test_what_stands_in_the_way_is_told_once_and_tried_each_hour(
    alice: User, wall: Wall, upper_app: dict[str, object]
) -> None:
    ask_to_leave(user=alice, keeps_holdings=False)
    upper_app["obstacle"] = "An order is still being sold."
    wall.pass_by(days=7)
    for _ in range(2):
        assert close_due_accounts() == 0
        assert Departure.objects.get().due_at == wall.now + timedelta(hours=1)
        wall.pass_by(hours=1)
    told = Notification.objects.filter(event="account.not_closed")
    assert [one.context["reason"] for one in told] == ["An order is still being sold."]
    upper_app["obstacle"] = ""
    assert close_due_accounts() == 1


def test_consents_are_kept_with_version_and_time_and_some_are_taken_back(alice: User, bob: User, wall: Wall) -> None:
    give_consent(user=alice, kind="MARKETING")
    give_consent(user=alice, kind="MARKETING")
    give_consent(user=alice, kind="RISK")
    with pytest.raises(DomainError, match="CONSENT_NOT_REVOCABLE"):
        revoke_consent(user=alice, kind="RISK")
    with pytest.raises(NotFound):
        give_consent(user=alice, kind="SOUL")
    wall.pass_by(hours=1)
    assert revoke_consent(user=bob, kind="MARKETING") == 0
    assert revoke_consent(user=alice, kind="MARKETING") == 1
    kept = list(Consent.objects.order_by("kind").values_list("kind", "given_at", "revoked_at"))
    assert kept == [("MARKETING", NOON, NOON + timedelta(hours=1)), ("RISK", NOON, None)]
    assert {one.kind: one.is_current for one in consents_of(alice)}["RISK"] is True
    assert [one.kind for one in consents_of(bob) if one.given_at] == []


def test_what_is_old_is_forgotten_and_nothing_else(alice: User, wall: Wall) -> None:
    def live() -> None:
        record_sign_in(email=alice.email, user=alice, succeeded=True)
        SignIn.objects.filter(address=None).update(address="203.0.113.7", user_agent="curl")
        notify(user=alice, event="test.old", context={})

    live()
    assert deliver(delivery_id=Delivery.objects.get().pk) is True
    Session.objects.create(session_key="old", session_data="", expire_date=NOON + timedelta(days=14))
    wall.pass_by(days=30)
    assert forget_old() | {"deliveries": 0} == dict.fromkeys(forget_old(), 0) | {"sessions": 1}
    wall.pass_by(days=1)
    assert forget_old()["deliveries"] == 1
    wall.pass_by(days=60)
    live()
    assert forget_old()["addresses"] == 1
    assert list(SignIn.objects.order_by("at").values_list("address", "user_agent")) == [
        (None, ""),
        ("203.0.113.7", "curl"),
    ]
    wall.pass_by(days=275)
    done = forget_old()
    assert (done["sign_ins"], done["notifications"]) == (1, 1)
    # A notification of which a delivery still waits stays.
    wall.pass_by(days=365)
    assert (forget_old()["notifications"], Notification.objects.count()) == (0, 1)


def test_invitations_into_workspaces_are_forgotten_after_their_time(alice: User, wall: Wall) -> None:
    team = create_workspace(actor=alice, name="Desk")
    invite_member(actor=alice, workspace=team, email="dora@example.org", role=Role.VIEWER)
    wall.pass_by(days=7 + 90)
    assert (forget_old()["invitations"], WorkspaceInvitation.objects.count()) == (0, 1)
    wall.pass_by(days=1)
    assert (forget_old()["invitations"], WorkspaceInvitation.objects.count()) == (1, 0)
