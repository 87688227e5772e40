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


def code_in(mail: Any) -> str:
    """Return the code that a mail asks to be typed in."""
    found = re.search(r"^([A-Z0-9-]{6,9})$", mail.body, re.MULTILINE)
    assert found is not None, mail.body
    return found[1]


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
    # Not before the address is confirmed, by the code in the mail and in the browser that asked for it.
    assert "_auth_user_id" not in client.session
    code = code_in(mailoutbox[0])
    assert mailoutbox[0].subject == "Confirm your address at Slipstream"
    assert mailoutbox[0].body.startswith("Somebody gave this address to testserver.\n\nIf it was you, enter this code")
    assert mailoutbox[0].body.endswith("ignore this mail: without it nothing happens.\n\nSlipstream, testserver")
    assert Client().post("/accounts/confirm-email/", {"code": code}).status_code == 302
    client.post("/accounts/confirm-email/", {"code": "XXX-XXX"})
    assert EmailAddress.objects.get().verified is False
    assert client.post("/accounts/confirm-email/", {"code": code}).status_code == 302
    assert EmailAddress.objects.get().verified is True
    assert client.session["_auth_user_id"] == str(user.pk)


def test_a_code_is_good_once_and_not_for_long(client: Client, db: None, mailoutbox: list[Any], mode: Any) -> None:
    mode("open")
    _sign_up(client)
    for _ in range(3):
        client.post("/accounts/confirm-email/", {"code": "XXX-XXX"})
    # Guessed at three times it is void, and so is the log-in that waited for it.
    assert client.post("/accounts/confirm-email/", {"code": code_in(mailoutbox[0])})["Location"] == "/accounts/login/"
    assert EmailAddress.objects.get().verified is False


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


def _log_in(client: Client, password: str, address: str = "203.0.113.7") -> str:
    login = {"login": "alice@example.org", "password": password}
    answer = client.post("/accounts/login/", login, REMOTE_ADDR=address)
    too_many = "Too many failed login attempts" in answer.content.decode()
    return "in" if answer.status_code == 302 else "locked" if too_many else "refused"


def test_a_strangers_failures_close_the_door_to_the_stranger_alone(alice: User) -> None:
    EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    hers = Client()
    assert _log_in(hers, "correct horse") == "in"
    hers.post("/accounts/logout/")
    told = [_log_in(Client(), "wrong") for _ in range(6)]
    assert told == ["refused"] * 5 + ["locked"]
    # From the stranger's own address: her browser, which was here before, and nobody else.
    assert _log_in(hers, "correct horse") == "in"
    assert _log_in(Client(), "correct horse") == "locked"
    assert _log_in(Client(), "correct horse", address="198.51.100.2") == "in"


def test_guessing_from_many_addresses_is_stopped_and_locks_no_known_browser_out(alice: User, settings: Any) -> None:
    EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    settings.ACCOUNT_RATE_LIMITS = {**settings.ACCOUNT_RATE_LIMITS, "login_failed_account": "4/h/key"}
    hers = Client()
    assert _log_in(hers, "correct horse") == "in"
    hers.post("/accounts/logout/")
    told = [_log_in(Client(), "wrong", address=f"198.51.100.{number}") for number in range(6)]
    assert told == ["refused"] * 4 + ["locked"] * 2
    assert _log_in(Client(), "correct horse", address="198.51.100.99") == "locked"
    assert _log_in(hers, "correct horse") == "in"
    # A device cookie of one's own making is no known one.
    guesser = Client()
    guesser.cookies["device"] = "A" * 32
    assert _log_in(guesser, "correct horse", address="198.51.100.99") == "locked"


def test_guessing_a_password_is_stopped_even_with_the_right_one(client: Client, alice: User) -> None:
    EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    for _ in range(5):
        client.post("/accounts/login/", {"login": "alice@example.org", "password": "wrong"})
    answer = client.post("/accounts/login/", {"login": "alice@example.org", "password": "correct horse"})
    assert "Too many failed login attempts" in answer.content.decode()
    assert "_auth_user_id" not in client.session
