"""The accounts API, asked by alice, bob, charlie, an operator and nobody."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.test import Client, override_settings
from rest_framework.test import APIClient

from accounts.models import ApiToken, AuditEntry, Invitation, Notification, SignIn, User
from accounts.selectors import user_from_token
from accounts.services import create_person, issue_token, notify
from tests.accounts.conftest import NOON, Wall
from tests.fixtures_factor import code_now, with_factor

TOKENS = "/api/v1/tokens/"


@pytest.fixture
def dora(db: None) -> User:
    """Somebody whose address is confirmed."""
    return create_person(email="dora@example.org", password="correct horse")


@pytest.fixture
def api() -> APIClient:
    return APIClient()


def _as(user: User) -> APIClient:
    """Return a program of this user's."""
    _, secret = issue_token(user=user, name="test")
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return client


def _login(api: APIClient, **change: Any) -> Any:
    login = {"name": "bot", "email": "dora@example.org", "password": "correct horse", **change}
    return api.post(TOKENS, {key: value for key, value in login.items() if value is not None}, format="json")


# --- getting a token ------------------------------------------------------------------------------------------------
def test_email_and_password_open_the_api(api: APIClient, dora: User) -> None:
    answer = _login(api)
    assert answer.status_code == 201
    secret = answer.data["token"]
    assert user_from_token(secret) == dora
    assert answer.data["prefix"] == secret[:12]
    assert answer.data["name"] == "bot"
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    assert api.get("/api/v1/me/").data["email"] == "dora@example.org"
    # Once: no later answer holds it.
    assert secret not in api.get(TOKENS).content.decode()
    assert [(one.user, one.succeeded) for one in SignIn.objects.all()] == [(dora, True)]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"password": "wrong"}, 401, "LOGIN_REFUSED"),
        ({"email": "nobody@example.org"}, 401, "LOGIN_REFUSED"),
        ({"password": None}, 401, "LOGIN_MISSING"),
        ({"email": None}, 401, "LOGIN_MISSING"),
        ({"name": None}, 400, "INVALID_INPUT"),
        ({"name": "x" * 61}, 400, "INVALID_INPUT"),
        ({"email": "no address"}, 400, "INVALID_INPUT"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, 400, "EXPIRY_IN_THE_PAST"),
    ],
)
def test_no_token_without_a_proper_login(
    api: APIClient, dora: User, change: dict[str, Any], status: int, code: str
) -> None:
    answer = _login(api, **change)
    assert (answer.status_code, answer.data["code"]) == (status, code)
    assert answer["Content-Type"] == "application/problem+json"
    assert ApiToken.objects.count() == 0


def test_a_refused_login_is_logged_and_looks_the_same_for_known_and_unknown(api: APIClient, dora: User) -> None:
    known, unknown = _login(api, password="wrong"), _login(api, email="nobody@example.org")
    assert known.data["detail"] == unknown.data["detail"]
    assert [(one.user, one.succeeded) for one in SignIn.objects.all()] == [(None, False), (None, False)]


def test_an_unconfirmed_address_gets_no_token(api: APIClient, dora: User) -> None:
    EmailAddress.objects.update(verified=False)
    answer = _login(api)
    assert (answer.status_code, answer.data["code"]) == (403, "EMAIL_NOT_CONFIRMED")
    assert ApiToken.objects.count() == 0


def test_a_closed_account_gets_no_token(api: APIClient, dora: User) -> None:
    User.objects.update(is_active=False)
    answer = _login(api)
    assert (answer.status_code, answer.data["code"]) == (401, "LOGIN_REFUSED")
    assert ApiToken.objects.count() == 0


def test_guessing_is_slowed_down_per_account(api: APIClient, dora: User) -> None:
    for _ in range(5):
        assert _login(api, password="wrong").status_code == 401
    answer = _login(api)
    assert (answer.status_code, answer.data["code"]) == (429, "THROTTLED")
    assert ApiToken.objects.count() == 0


def test_attempts_are_counted_per_network_address(api: APIClient, dora: User) -> None:
    for number in range(10):
        assert _login(api, email=f"nobody{number}@example.org").status_code == 401
    answer = _login(api)
    assert (answer.status_code, answer.data["code"]) == (429, "THROTTLED")
    assert 1 <= int(answer["Retry-After"]) <= 10
    assert ApiToken.objects.count() == 0
    elsewhere = APIClient(REMOTE_ADDR="203.0.113.7")
    assert _login(elsewhere).status_code == 201


def test_a_strangers_tries_do_not_keep_the_owner_out(api: APIClient, dora: User) -> None:
    stranger = APIClient(REMOTE_ADDR="203.0.113.7")
    for _ in range(11):
        assert _login(stranger, password="wrong").status_code in {401, 429}
    assert _login(api).status_code == 201


def test_second_factors_are_guessed_no_faster_from_many_addresses(dora: User) -> None:
    with_factor(dora)
    for number in range(10):
        answer = _login(APIClient(REMOTE_ADDR=f"203.0.113.{number}"), code="000000")
        assert (answer.status_code, answer.data["code"]) == (403, "SECOND_FACTOR_WRONG")
    assert list(SignIn.objects.values_list("user", "succeeded")) == [(dora.pk, False)] * 10
    assert _login(APIClient(REMOTE_ADDR="203.0.113.99"), code=code_now()).status_code == 429
    assert ApiToken.objects.count() == 0


def test_somebody_signed_in_to_the_pages_gets_a_token_without_a_password(dora: User) -> None:
    page = APIClient(enforce_csrf_checks=True)
    page.force_login(dora)
    assert page.post(TOKENS, {"name": "bot"}, format="json").status_code == 403
    assert ApiToken.objects.count() == 0
    page.get("/api/v1/me/")
    csrf = _csrf(page)
    answer = page.post(TOKENS, {"name": "bot"}, format="json", headers={"X-CSRFToken": csrf})
    assert answer.status_code == 201
    assert user_from_token(answer.data["token"]) == dora


def test_a_session_that_was_left_open_gets_no_token(dora: User) -> None:
    page = APIClient()
    page.force_login(dora)
    with override_settings(ACCOUNT_REAUTHENTICATION_TIMEOUT=0):
        answer = page.post(TOKENS, {"name": "bot"}, format="json")
    assert (answer.status_code, answer.data["code"]) == (403, "REAUTHENTICATION_NEEDED")
    assert ApiToken.objects.count() == 0


def _csrf(page: APIClient) -> str:
    page.get("/accounts/logout/")
    return page.cookies["csrftoken"].value


def test_a_token_cannot_get_another(dora: User) -> None:
    answer = _as(dora).post(TOKENS, {"name": "more"}, format="json")
    assert (answer.status_code, answer.data["code"]) == (403, "TOKEN_CANNOT_ISSUE")
    assert ApiToken.objects.count() == 1


def test_the_plan_limits_tokens(api: APIClient, dora: User) -> None:
    for number in range(10):
        issue_token(user=dora, name=str(number))
    answer = _login(api)
    assert (answer.status_code, answer.data["code"]) == (409, "LIMIT_REACHED")
    assert ApiToken.objects.count() == 10


# --- presenting a token ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Bearer wrong", "Bearer a b", "bearer slip_x", "Bearer ü"])
def test_a_bad_token_is_refused_everywhere(api: APIClient, dora: User, header: str) -> None:
    api.credentials(HTTP_AUTHORIZATION=header.encode("utf-8").decode("latin1"))
    for answer in (api.get("/api/v1/me/"), api.get("/api/v1/schema/"), _login(api)):
        assert (answer.status_code, answer.data["code"]) == (401, "BAD_TOKEN")
        assert answer["WWW-Authenticate"] == 'Bearer realm="api"'
    assert ApiToken.objects.count() == 0


def test_a_revoked_token_is_refused_at_once(dora: User) -> None:
    program = _as(dora)
    assert program.get("/api/v1/me/").status_code == 200
    token = ApiToken.objects.get()
    assert program.delete(f"{TOKENS}{token.pk}/").status_code == 204
    answer = program.get("/api/v1/me/")
    assert (answer.status_code, answer.data["code"]) == (401, "BAD_TOKEN")


def test_using_a_token_is_noted(dora: User, wall: Wall) -> None:
    program = _as(dora)
    program.get("/api/v1/me/")
    wall.pass_by(seconds=30)
    program.get("/api/v1/me/")
    assert ApiToken.objects.get().last_used_at == NOON


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/api/v1/me/"),
        ("patch", "/api/v1/me/"),
        ("get", TOKENS),
        ("delete", f"{TOKENS}01890a5d-ac96-774b-bcce-b302099a8057/"),
        ("get", "/api/v1/notifications/"),
        ("post", "/api/v1/notifications/read/"),
        ("get", "/api/v1/invitations/"),
        ("post", "/api/v1/invitations/"),
    ],
)
def test_nobody_sees_or_changes_anything(api: APIClient, dora: User, method: str, path: str) -> None:
    notify(user=dora, event="test.happened", context={})
    answer = getattr(api, method)(path, {"display_name": "Mallory"}, format="json")
    assert (answer.status_code, answer.data["code"]) == (401, "NOT_AUTHENTICATED")
    assert Notification.objects.filter(read_at=None).count() == 1
    assert Invitation.objects.count() == 0
    assert User.objects.get().profile.display_name == "dora"


# --- one's own ------------------------------------------------------------------------------------------------------
def test_tokens_are_listed_and_revoked_by_their_owner_alone(alice: User, bob: User, charlie: User) -> None:
    token, _ = issue_token(user=alice, name="bot")
    for stranger in (bob, charlie):
        program = _as(stranger)
        assert [one["name"] for one in program.get(TOKENS).data["results"]] == ["test"]
        answer = program.delete(f"{TOKENS}{token.pk}/")
        assert (answer.status_code, answer.data["code"]) == (404, "NOT_FOUND")
    token.refresh_from_db()
    assert token.revoked_at is None
    program = _as(alice)
    listed = program.get(TOKENS).data["results"]
    assert [one["name"] for one in listed] == ["test", "bot"]
    limits = {"scopes", "networks", "portfolios"}
    assert set(listed[0]) == {"id", "name", "prefix", "created_at", "last_used_at", "expires_at"} | limits
    assert program.delete(f"{TOKENS}{token.pk}/").status_code == 204
    assert [one["name"] for one in program.get(TOKENS).data["results"]] == ["test"]


def test_oneself_is_shown_and_changed(alice: User, bob: User) -> None:
    program = _as(alice)
    assert {key: program.get("/api/v1/me/").data[key] for key in ("id", "email", "handle", "is_staff")} == {
        "id": str(alice.pk),
        "email": "alice@example.org",
        "handle": "alice",
        "is_staff": False,
    }
    answer = program.patch("/api/v1/me/", {"display_name": "Alice W.", "is_staff": True, "email": "x@y.org"}, "json")
    assert (answer.status_code, answer.data["display_name"]) == (200, "Alice W.")
    alice.refresh_from_db()
    assert (alice.is_staff, alice.email) == (False, "alice@example.org")
    refused = program.patch("/api/v1/me/", {"handle": "bob", "display_name": "Bob"}, format="json")
    assert (refused.status_code, refused.data["code"]) == (409, "HANDLE_TAKEN")
    assert program.get("/api/v1/me/").data["display_name"] == "Alice W."


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("post", "/api/v1/webhooks/", {"url": "https://example.com/hook", "events": ["x" * 1_000_000]}),
        (
            "patch",
            "/api/v1/notification-settings/",
            {"choices": [{"event": "x" * 1_000_000, "channel": "MAIL", "is_on": True}]},
        ),
    ],
)
def test_an_events_name_of_a_megabyte_is_refused_in_few_words(
    alice: User, method: str, path: str, body: dict[str, Any]
) -> None:
    answer = getattr(_as(alice), method)(path, body, format="json")
    assert (answer.status_code, answer.data["code"]) == (400, "INVALID_INPUT")
    assert len(answer.content) < 1_000
    assert not AuditEntry.objects.exclude(action="token.issued").exists()


def test_notifications_are_read_by_whom_they_are_for(alice: User, bob: User) -> None:
    first, second = (notify(user=alice, event="test.stopped", context={"n": n}) for n in range(2))
    program, stranger = _as(alice), _as(bob)
    assert stranger.get("/api/v1/notifications/").data["results"] == []
    listed = program.get("/api/v1/notifications/").data["results"]
    assert [(one["id"], one["title"]) for one in listed] == [
        (str(second.pk), "Test stopped"),
        (str(first.pk), "Test stopped"),
    ]
    answer = stranger.post("/api/v1/notifications/read/", {"ids": [str(first.pk)]}, format="json")
    assert answer.data == {"marked": 0}
    answer = program.post("/api/v1/notifications/read/", {"ids": [str(first.pk)]}, format="json")
    assert answer.data == {"marked": 1}
    unread = program.get("/api/v1/notifications/", {"unread": "true"}).data["results"]
    assert [one["id"] for one in unread] == [str(second.pk)]
    assert program.post("/api/v1/notifications/read/", {}, format="json").data == {"marked": 1}
    assert program.post("/api/v1/notifications/read/", {"ids": ["x"]}, format="json").status_code == 400


def test_operators_invite_and_nobody_else(operator: User, alice: User, charlie: User, wall: Wall) -> None:
    for person in (alice, charlie):
        for answer in (
            _as(person).get("/api/v1/invitations/"),
            _as(person).post("/api/v1/invitations/", {}, format="json"),
        ):
            assert (answer.status_code, answer.data["code"]) == (403, "PERMISSION_DENIED")
    assert Invitation.objects.count() == 0
    answer = _as(operator).post("/api/v1/invitations/", {"email": "new@example.org", "valid_days": 3}, format="json")
    assert answer.status_code == 201
    invitation = Invitation.objects.get()
    assert answer.data["code"] == invitation.code
    assert (invitation.email, invitation.expires_at) == ("new@example.org", NOON + timedelta(days=3))
    listed = _as(operator).get("/api/v1/invitations/").data["results"]
    assert [one["code"] for one in listed] == [invitation.code]


# --- the documentation ----------------------------------------------------------------------------------------------
def test_the_schema_is_public_and_names_the_ways_in(api: APIClient) -> None:
    schema = api.get("/api/v1/schema/", {"format": "json"}).json()
    assert schema["components"]["securitySchemes"]["token"] == {
        "type": "http",
        "scheme": "bearer",
        "description": "A token from POST /api/v1/tokens/.",
    }
    created = schema["paths"]["/api/v1/tokens/"]["post"]["responses"]
    assert created["201"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/IssuedToken"}
    assert created["default"] == {"$ref": "#/components/responses/Problem"}
    problem = schema["components"]["responses"]["Problem"]
    assert problem["content"]["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/Problem"}


def test_the_api_pages_keep_to_the_strict_policy_and_load_nothing_from_outside(client: Client) -> None:
    answer = client.get("/api/v1/docs/")
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert "<style" not in page
    assert "//" not in page.replace("http://testserver/", "")
    assert page.count("<script") == page.count("<script src=") == 3
