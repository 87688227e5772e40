"""Apps that sign a person in without a page: password, second factor, a token that the API takes, and its end."""

from __future__ import annotations

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.test import Client

from accounts.models import AuditEntry, SignIn, User
from accounts.sessions.services import end_sessions
from tests.fixtures_factor import recovery_code, with_factor

LOGIN, FACTOR, SESSION, ME = "/accounts/app/login/", "/accounts/app/factor/", "/accounts/app/session/", "/api/v1/me/"


@pytest.fixture
def anna(alice: User) -> User:
    """alice, whose address is confirmed: others are asked for that first."""
    EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    return alice


def ask(path: str, body: Any = None, token: str = "", method: str = "POST") -> Any:
    headers = {"X-Session-Token": token} if token else {}
    if method == "POST":
        return Client().post(path, body, content_type="application/json", headers=headers)
    return Client().generic(method, path, headers=headers)


def log_in(user: User, password: str = "correct horse") -> Any:
    return ask(LOGIN, {"email": user.email, "password": password})


def whose(token: str) -> tuple[int, str]:
    answer = ask(ME, token=token, method="GET")
    return answer.status_code, answer.json().get("handle") or answer.json()["code"]


def test_a_token_acts_for_its_person_until_the_app_ends_it(anna: User, bob: User) -> None:
    answer = log_in(anna)
    assert answer.status_code == 200
    assert list(answer.cookies) == ["device"], "no browser's session: the token is in the body, which nothing keeps"
    assert "no-store" in answer["Cache-Control"]
    token = answer.json()["meta"]["session_token"]
    assert whose(token) == (200, anna.profile.handle)
    assert SignIn.objects.get(succeeded=True).user == anna
    assert ask(SESSION, token=token, method="DELETE").status_code == 401
    assert whose(token) == (401, "AUTHENTICATION_FAILED")
    acts = AuditEntry.objects.filter(actor=anna).order_by("pk").values_list("action", "address")
    assert list(acts) == [("sign_in.accepted", "127.0.0.1"), ("session.signed_out", "127.0.0.1")]


def test_its_person_sees_it_among_the_sessions_and_ends_it_there(anna: User) -> None:
    token = log_in(anna).json()["meta"]["session_token"]
    end_sessions(sessions=[UserSession.objects.get(user=anna, session_key=token)])
    assert whose(token)[0] == 401
    assert ask(SESSION, token=token, method="GET").status_code == 410


def test_a_second_factor_is_due_before_the_token_opens_anything(anna: User) -> None:
    with_factor(anna)
    answer = log_in(anna)
    pending = answer.json()["meta"]["session_token"]
    assert answer.status_code == 401
    assert whose(pending)[0] == 401
    assert ask(FACTOR, {"code": "000000"}, pending).status_code == 400
    assert whose(pending)[0] == 401
    answer = ask(FACTOR, {"code": recovery_code(anna)}, pending)
    assert answer.status_code == 200
    assert whose(answer.json()["meta"]["session_token"]) == (200, anna.profile.handle)


def test_what_is_refused_opens_nothing(anna: User, bob: User) -> None:
    assert log_in(anna, "wrong").status_code == 400
    assert log_in(bob).status_code == 401, "bob's address is not confirmed"
    assert whose("a" * 32) == (401, "AUTHENTICATION_FAILED")
    assert ask(LOGIN, "[" * 10).status_code == 400
    assert not UserSession.objects.exists()


def test_a_new_password_ends_it(anna: User) -> None:
    token = log_in(anna).json()["meta"]["session_token"]
    anna.set_password("battery staple 99")
    anna.save()
    assert whose(token)[0] == 401


def test_no_door_of_allauths_but_these_is_open() -> None:
    for path in ("config", "auth/signup", "auth/password/request", "account/email", "account/authenticators"):
        assert ask(f"/_allauth/app/v1/{path}", {}).status_code == 404
        assert ask(f"/accounts/app/{path}", {}).status_code == 404
