"""Tokens: where from, for what, for how long a check is kept, and how often."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.models import ApiToken, Limit, LimitName, Plan, User
from accounts.programs import checking
from accounts.services import issue_token, revoke_token, update_profile
from accounts.services.plans import give_plan
from common import clock
from common.clock import wall_now
from common.errors import DomainError
from tests.accounts.conftest import Wall

ME = "/api/v1/me/"


def _program(user: User, **limits: Any) -> tuple[APIClient, ApiToken]:
    token, secret = issue_token(user=user, name="bot", **limits)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return client, token


def _told(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


def test_a_token_is_used_from_its_networks_alone(alice: User) -> None:
    client, token = _program(alice, networks=["192.0.2.7", " 2001:db8::/32", "198.51.100.77/24"])
    assert token.networks == ["192.0.2.7/32", "198.51.100.0/24", "2001:db8::/32"]
    for address in ("192.0.2.7", "198.51.100.1", "2001:db8:1::5"):
        assert client.get(ME, REMOTE_ADDR=address).status_code == 200
    for address in ("192.0.2.8", "127.0.0.1", "2001:db9::1"):
        assert _told(client.get(ME, REMOTE_ADDR=address)) == (403, "TOKEN_ADDRESS_REFUSED")
        assert _told(client.patch(ME, {"bio": "x"}, REMOTE_ADDR=address)) == (403, "TOKEN_ADDRESS_REFUSED")
    alice.profile.refresh_from_db()
    assert alice.profile.bio == ""


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"scopes": []}, "SCOPES_INVALID"),
        ({"scopes": ["read", "root"]}, "SCOPES_INVALID"),
        ({"networks": ["here"]}, "NETWORKS_INVALID"),
        ({"networks": ["10.0.0.0/33"]}, "NETWORKS_INVALID"),
        ({"networks": ["10.0.0.1"] * 51}, "NETWORKS_INVALID"),
    ],
)
def test_limits_that_make_no_sense_issue_nothing(alice: User, limits: dict[str, Any], code: str) -> None:
    with pytest.raises(DomainError) as refusal:
        issue_token(user=alice, name="bot", **limits)
    assert (refusal.value.code, ApiToken.objects.count()) == (code, 0)


def test_a_scope_is_needed_and_says_which(alice: User) -> None:
    client, _ = _program(alice, scopes=["read"])
    assert client.get(ME).status_code == 200
    answer = client.patch(ME, {"bio": "x"}, format="json")
    assert (*_told(answer), answer.json()["context"]) == (
        403,
        "SCOPE_MISSING",
        {"needed": "manage", "held": ["read"]},
    )
    writer, _ = _program(alice, scopes=["manage"])
    assert _told(writer.get(ME)) == (403, "SCOPE_MISSING")
    assert writer.patch(ME, {"bio": "x"}, format="json").status_code == 200


def test_a_check_that_is_kept_asks_nothing_and_grows_old_within_a_second(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert checking.FRESH_SECONDS < 1
    now = 100.0
    monkeypatch.setattr(clock, "monotonic", lambda: now)
    token, secret = issue_token(user=alice, name="bot")
    checking.program_of(secret)
    with CaptureQueriesContext(connection) as queries:
        assert checking.program_of(secret).user() == alice
    assert len(queries) == 0
    # Revoked by another process, which tells this one nothing.
    ApiToken.objects.filter(pk=token.pk).update(revoked_at=wall_now())
    now += checking.FRESH_SECONDS - 0.01
    assert checking.program_of(secret).token == token
    now += 0.02
    with pytest.raises(DomainError, match="BAD_TOKEN"):
        checking.program_of(secret)


def test_revoking_works_at_once_where_it_is_done_and_expiry_to_the_moment(alice: User, wall: Wall) -> None:
    token, secret = issue_token(user=alice, name="bot")
    checking.program_of(secret)
    revoke_token(token=token)
    with pytest.raises(DomainError, match="BAD_TOKEN"):
        checking.program_of(secret)
    _, short = issue_token(user=alice, name="short", expires_at=wall.now.replace(hour=13))
    checking.program_of(short)
    wall.pass_by(hours=1)
    with pytest.raises(DomainError, match="BAD_TOKEN"):
        checking.program_of(short)


def test_what_one_request_loaded_is_not_shown_to_the_next(alice: User) -> None:
    _, secret = issue_token(user=alice, name="bot")
    assert checking.program_of(secret).user().profile.bio == ""
    update_profile(user=User.objects.get(pk=alice.pk), bio="new")
    assert checking.program_of(secret).user().profile.bio == "new"


def test_every_answer_says_what_is_left_and_the_plan_says_how_much(alice: User, bob: User) -> None:
    Limit.objects.filter(name=LimitName.API_REQUESTS, plan__is_default=True).update(value=3)
    checking._limits.clear()
    client, _ = _program(alice)
    told = [client.get(ME) for _ in range(4)]
    assert [one.status_code for one in told] == [200, 200, 200, 429]
    assert [(one["RateLimit-Limit"], one["RateLimit-Remaining"]) for one in told] == [
        ("3", "2"),
        ("3", "1"),
        ("3", "0"),
        ("3", "0"),
    ]
    assert (told[0]["RateLimit-Policy"], told[0]["RateLimit-Reset"]) == ("3;w=60", "20")
    assert told[3].json()["code"] == "THROTTLED"
    assert "your plan (Free) allows 3 a minute" in told[3].json()["detail"]
    assert 1 <= int(told[3]["Retry-After"]) <= 20
    # Each token has its own.
    assert _program(alice)[0].get(ME).status_code == 200
    # Another plan allows more.
    give_plan(user=bob, plan=Plan.objects.get(name="Pro"))
    assert _program(bob)[0].get(ME)["RateLimit-Policy"] == "6000;w=60"
    checking._limits.clear()
