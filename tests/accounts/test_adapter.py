"""Sign-up, open, closed or by invitation, and the confirmation of the address."""

from __future__ import annotations

import re
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.test import Client

from accounts.models import AuditEntry, Invitation, SignIn, User
from accounts.services import create_invitation
from tests.accounts.conftest import Wall

FORM = {"email": "New@example.org", "password1": "correct horse 7", "password2": "correct horse 7"}


@pytest.fixture
def mode(settings: Any) -> Any:
    def set_mode(name: str) -> None:
        settings.SIGNUP_MODE = name

    return set_mode


@pytest.fixture
def invitation(operator: User) -> Invitation:
    return create_invitation(created_by=operator)


def _sign_up(client: Client, **change: str) -> Any:
    return client.post("/accounts/signup/", {**FORM, **change})


def _newcomers() -> list[str]:
    return list(User.objects.filter(is_staff=False).values_list("email", flat=True))


def test_open_sign_up_leads_to_a_confirmed_login(client: Client, db: None, mailoutbox: list[Any], mode: Any) -> None:
    mode("open")
    assert client.get("/accounts/signup/").status_code == 200
    assert _sign_up(client).status_code == 302
    user = User.objects.get()
    assert (user.email, user.profile.handle) == ("new@example.org", "new")
    assert AuditEntry.objects.get(action="person.signed_up").actor == user
    # Not before the address is confirmed, and not by following the link alone: mail scanners do that.
    login = {"login": "new@example.org", "password": FORM["password1"]}
    client.post("/accounts/login/", login)
    assert "_auth_user_id" not in client.session
    link = re.search(r"/accounts/confirm-email/\S+", mailoutbox[0].body)
    assert link is not None
    client.get(link[0])
    assert EmailAddress.objects.get().verified is False
    client.post(link[0])
    assert EmailAddress.objects.get().verified is True
    assert client.post("/accounts/login/", login).status_code == 302
    assert client.session["_auth_user_id"] == str(user.pk)


def test_an_address_that_has_an_account_makes_no_second_and_is_not_given_away(
    client: Client, alice: User, mailoutbox: list[Any], mode: Any
) -> None:
    mode("open")
    EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    taken, fresh = _sign_up(client, email="alice@example.org"), _sign_up(Client(), email="fresh@example.org")
    assert (taken.status_code, taken["Location"]) == (fresh.status_code, fresh["Location"])
    assert _newcomers() == ["alice@example.org", "fresh@example.org"]
    assert [mail.to for mail in mailoutbox] == [["alice@example.org"], ["fresh@example.org"]]


@pytest.mark.parametrize(
    "change",
    [
        {"email": "no address"},
        {"email": ""},
        {"password1": "short", "password2": "short"},
        {"password1": "password", "password2": "password"},
        {"password2": "something else 7"},
    ],
)
def test_an_unfit_form_makes_nobody(client: Client, db: None, mode: Any, change: dict[str, str]) -> None:
    mode("open")
    assert _sign_up(client, **change).status_code == 200
    assert _newcomers() == []


def test_closed_sign_up_says_so_and_makes_nobody(client: Client, invitation: Invitation, mode: Any) -> None:
    mode("closed")
    for answer in (
        client.get("/accounts/signup/"),
        client.get("/accounts/signup/", {"invitation": invitation.code}),
        _sign_up(client),
    ):
        assert answer.status_code == 403
        assert "Sign-up is closed here at present: ask the operator for an account." in answer.content.decode()
    assert _newcomers() == []


def test_without_an_invitation_nobody_comes_in(client: Client, db: None, mode: Any) -> None:
    mode("invitation")
    for answer in (client.get("/accounts/signup/"), _sign_up(client)):
        assert answer.status_code == 403
        assert "Sign-up is by invitation here: open the link in your invitation." in answer.content.decode()
    assert _newcomers() == []


@pytest.mark.parametrize("code", ["unknown", "not a code", "x" * 300])
def test_a_made_up_invitation_is_refused(client: Client, invitation: Invitation, mode: Any, code: str) -> None:
    mode("invitation")
    answer = client.get("/accounts/signup/", {"invitation": code})
    assert answer.status_code == 403
    assert "This invitation is unknown, used or expired: ask for a new one." in answer.content.decode()
    assert _sign_up(client).status_code == 403
    assert _newcomers() == []


def test_an_invitation_admits_one_person(client: Client, invitation: Invitation, mode: Any) -> None:
    mode("invitation")
    other = Client()
    for browser in (client, other):
        assert browser.get("/accounts/signup/", {"invitation": invitation.code}).status_code == 200
    assert _sign_up(client).status_code == 302
    invitation.refresh_from_db()
    assert invitation.used_by == User.objects.get(email="new@example.org")
    late = _sign_up(other, email="late@example.org")
    assert late.status_code == 403
    assert "used or expired" in late.content.decode()
    assert _newcomers() == ["new@example.org"]


def test_an_invitation_that_expires_in_between_admits_nobody(
    client: Client, operator: User, mode: Any, wall: Wall
) -> None:
    mode("invitation")
    invitation = create_invitation(created_by=operator, valid_days=1)
    client.get("/accounts/signup/", {"invitation": invitation.code})
    wall.pass_by(days=1)
    assert _sign_up(client).status_code == 403
    assert _newcomers() == []


def test_an_invitation_for_one_address_admits_no_other(client: Client, operator: User, mode: Any) -> None:
    mode("invitation")
    invitation = create_invitation(created_by=operator, email="new@example.org")
    client.get("/accounts/signup/", {"invitation": invitation.code})
    answer = _sign_up(client, email="other@example.org")
    assert "This invitation was made for another e-mail address" in answer.content.decode()
    assert _newcomers() == []
    assert _sign_up(client).status_code == 302
    assert _newcomers() == ["new@example.org"]


def test_sign_ins_are_logged_with_address_and_device(client: Client, alice: User) -> None:
    EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    for password in ("wrong", "correct horse"):
        client.post(
            "/accounts/login/",
            {"login": "alice@example.org", "password": password},
            headers={"User-Agent": "Firefox"},
            REMOTE_ADDR="203.0.113.7",
        )
    refused, accepted = SignIn.objects.order_by("id")
    assert (refused.user, refused.succeeded, accepted.user, accepted.succeeded) == (None, False, alice, True)
    assert {one.address for one in (refused, accepted)} == {"203.0.113.7"}
    assert {one.user_agent for one in (refused, accepted)} == {"Firefox"}
    assert refused.email_digest == accepted.email_digest
    # One browser, one random cookie, of which only a digest is kept.
    cookie = client.cookies["device"]
    assert refused.device_digest == accepted.device_digest
    assert len(cookie.value) == 32
    assert cookie.value not in accepted.device_digest
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")


def test_a_cookie_of_ones_own_making_is_replaced(client: Client, alice: User) -> None:
    client.cookies["device"] = "<script>"
    client.post("/accounts/login/", {"login": "alice@example.org", "password": "wrong"})
    assert re.fullmatch(r"[A-Za-z0-9_-]{32}", client.cookies["device"].value)


def test_pages_that_log_nothing_set_no_cookie(client: Client, db: None) -> None:
    client.get("/accounts/login/")
    assert "device" not in client.cookies


def test_guessing_a_password_is_stopped_even_with_the_right_one(client: Client, alice: User) -> None:
    EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    for _ in range(5):
        client.post("/accounts/login/", {"login": "alice@example.org", "password": "wrong"})
    answer = client.post("/accounts/login/", {"login": "alice@example.org", "password": "correct horse"})
    assert "Too many failed login attempts" in answer.content.decode()
    assert "_auth_user_id" not in client.session
