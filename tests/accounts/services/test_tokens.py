"""API tokens: shown once, kept as a digest, limited, revoked for good."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from django.db import connection

from accounts.models import ApiToken, AuditEntry, Limit, User
from accounts.selectors import token_from_secret
from accounts.services import issue_token, record_token_use, revoke_token
from common.errors import DomainError
from tests.accounts.conftest import NOON, Wall


def test_a_token_is_returned_once_and_stored_as_a_digest_only(alice: User) -> None:
    token, secret = issue_token(user=alice, name="  bot ")
    assert secret.startswith("slip_")
    assert len(secret) == 48
    assert token.prefix == secret[:12]
    assert (token.name, token.user, token.expires_at, token.revoked_at) == ("bot", alice, None, None)
    assert token.digest == hashlib.sha256(secret.encode()).hexdigest()
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            assert secret not in str(cursor.fetchall()), table


def test_two_tokens_differ(alice: User) -> None:
    assert issue_token(user=alice, name="a")[1] != issue_token(user=alice, name="a")[1]


def test_issuing_is_audited_without_the_secret(alice: User) -> None:
    token, secret = issue_token(user=alice, name="bot")
    entry = AuditEntry.objects.get(action="token.issued")
    assert (entry.actor, entry.object_kind, entry.object_id) == (alice, "accounts.apitoken", str(token.pk))
    limits = {"scopes": ["read", "trade", "publish", "manage"], "networks": [], "portfolios": []}
    assert entry.after == {"prefix": secret[:12], "expires_at": None, **limits}


@pytest.mark.parametrize("name", ["", "   ", "x" * 61])
def test_a_token_needs_a_name(alice: User, name: str) -> None:
    with pytest.raises(DomainError, match="TOKEN_NAME_INVALID"):
        issue_token(user=alice, name=name)
    assert ApiToken.objects.count() == AuditEntry.objects.count() == 0


def test_an_expiry_lies_in_the_future(alice: User, wall: Wall) -> None:
    with pytest.raises(DomainError, match="EXPIRY_IN_THE_PAST"):
        issue_token(user=alice, name="bot", expires_at=NOON)
    assert ApiToken.objects.count() == 0
    token, _ = issue_token(user=alice, name="bot", expires_at=NOON + timedelta(seconds=1))
    assert token.expires_at == NOON + timedelta(seconds=1)


def test_tokens_that_no_longer_open_a_door_make_room(alice: User, bob: User, wall: Wall) -> None:
    Limit.objects.filter(name="api_tokens").update(value=2)
    first, _ = issue_token(user=alice, name="first")
    issue_token(user=alice, name="second", expires_at=NOON + timedelta(hours=1))
    with pytest.raises(DomainError, match="LIMIT_REACHED"):
        issue_token(user=alice, name="third")
    assert alice.api_tokens.count() == 2
    issue_token(user=bob, name="another's")
    revoke_token(token=first)
    issue_token(user=alice, name="third")
    with pytest.raises(DomainError, match="LIMIT_REACHED"):
        issue_token(user=alice, name="fourth")
    wall.pass_by(hours=1)
    issue_token(user=alice, name="fourth")
    assert sorted(alice.api_tokens.values_list("name", flat=True)) == ["first", "fourth", "second", "third"]


def test_revoking_is_final_and_audited_once(alice: User, wall: Wall) -> None:
    token, secret = issue_token(user=alice, name="bot")
    revoke_token(token=token)
    wall.pass_by(minutes=5)
    revoke_token(token=token)
    token.refresh_from_db()
    assert token.revoked_at == NOON
    assert AuditEntry.objects.filter(action="token.revoked").count() == 1
    with pytest.raises(DomainError, match="BAD_TOKEN"):
        token_from_secret(secret)


def test_use_is_noted_at_most_once_a_minute(alice: User, wall: Wall) -> None:
    _, secret = issue_token(user=alice, name="bot")

    def used() -> object:
        token = token_from_secret(secret)
        record_token_use(token=token)
        token.refresh_from_db()
        return token.last_used_at

    assert used() == NOON
    wall.pass_by(seconds=59)
    assert used() == NOON
    wall.pass_by(seconds=1)
    assert used() == NOON + timedelta(seconds=60)


def test_a_use_that_another_process_noted_is_not_noted_again(alice: User, wall: Wall) -> None:
    token, _ = issue_token(user=alice, name="bot")
    ApiToken.objects.filter(pk=token.pk).update(last_used_at=NOON)
    wall.pass_by(seconds=30)
    record_token_use(token=token)  # its copy still says "never used"
    token.refresh_from_db()
    assert token.last_used_at == NOON
