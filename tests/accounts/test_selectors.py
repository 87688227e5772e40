"""Every gate of accounts, asked by alice, bob, charlie and nobody."""

from __future__ import annotations

import pytest

from accounts.models import DEFAULT_LIMITS, Limit, LimitName, Notification, Plan, User
from accounts.notifying.selectors import found_notifications
from accounts.selectors import (
    acts_of,
    check_limit,
    email_digest,
    limit,
    notifications_of,
    profile_by_handle,
    sign_ins_of,
    token_for_user,
    token_from_secret,
    tokens_of,
    unread_count,
    user_from_token,
    user_snapshot,
)
from accounts.services import audit, issue_token, notify, record_sign_in, revoke_token
from common.errors import DomainError, NotFound
from common.ids import new_id
from tests.accounts.conftest import Wall


def test_a_token_opens_its_owners_account_only(alice: User, bob: User) -> None:
    _, secret = issue_token(user=alice, name="bot")
    issue_token(user=bob, name="bot")
    assert user_from_token(secret) == alice


@pytest.mark.parametrize("secret", ["", "slip_", "slip_unknown", "nonsense"])
def test_an_unknown_token_opens_nothing(alice: User, secret: str) -> None:
    issue_token(user=alice, name="bot")
    with pytest.raises(DomainError) as refused:
        token_from_secret(secret)
    assert (refused.value.code, refused.value.status) == ("BAD_TOKEN", 401)


def test_the_stored_digest_is_no_token(alice: User) -> None:
    token, _ = issue_token(user=alice, name="bot")
    for stored in (token.digest, token.prefix):
        with pytest.raises(DomainError, match="BAD_TOKEN"):
            token_from_secret(stored)


def test_a_revoked_expired_or_orphaned_token_opens_nothing(alice: User, wall: Wall) -> None:
    revoked, secret_of_revoked = issue_token(user=alice, name="revoked")
    _, secret_of_expired = issue_token(user=alice, name="expired", expires_at=wall.now.replace(hour=13))
    _, secret_of_orphan = issue_token(user=alice, name="orphan")
    assert token_from_secret(secret_of_expired).name == "expired"
    revoke_token(token=revoked)
    wall.pass_by(hours=1)
    for secret in (secret_of_revoked, secret_of_expired):
        with pytest.raises(DomainError, match="BAD_TOKEN"):
            token_from_secret(secret)
    assert token_from_secret(secret_of_orphan).name == "orphan"
    User.objects.filter(pk=alice.pk).update(is_active=False)
    with pytest.raises(DomainError, match="BAD_TOKEN"):
        token_from_secret(secret_of_orphan)


def test_a_token_is_seen_by_its_owner_alone(alice: User, bob: User, charlie: User) -> None:
    token, _ = issue_token(user=alice, name="bot")
    assert token_for_user(alice, token.pk) == token
    assert list(tokens_of(alice)) == [token]
    for stranger in (bob, charlie):
        assert list(tokens_of(stranger)) == []
        with pytest.raises(NotFound):
            token_for_user(stranger, token.pk)
    with pytest.raises(NotFound):
        token_for_user(alice, new_id())


def test_everybody_has_the_default_limits(alice: User) -> None:
    assert {name: limit(alice, name) for name in LimitName.values} == DEFAULT_LIMITS
    assert limit(alice, "portfolios") == 20


def test_a_plan_of_ones_own_goes_before_the_default(alice: User, bob: User) -> None:
    plan = Plan.objects.create(name="Large")
    Limit.objects.create(plan=plan, name="follows", value=500)
    alice.profile.plan = plan
    alice.profile.save()
    assert (limit(alice, "follows"), limit(bob, "follows")) == (500, 50)
    # What the plan does not name comes from the default plan, which an operator may have changed.
    Limit.objects.filter(plan__is_default=True, name="portfolios").update(value=3)
    assert (limit(alice, "portfolios"), limit(bob, "portfolios")) == (3, 3)


def test_without_any_plan_the_built_in_limits_hold(alice: User) -> None:
    Plan.objects.all().delete()
    assert limit(alice, "api_tokens") == 10


def test_a_limit_leaves_room_until_it_is_reached(alice: User) -> None:
    check_limit(alice, LimitName.API_TOKENS, 9)
    with pytest.raises(DomainError) as refused:
        check_limit(alice, LimitName.API_TOKENS, 10)
    assert (refused.value.code, refused.value.status) == ("LIMIT_REACHED", 409)
    assert refused.value.context == {"name": "api_tokens", "limit": 10, "used": 10, "plan": "Free"}
    assert refused.value.message == (
        "Your plan (Free) allows 10 API tokens: end one that you no longer need, then try again."
    )


def test_a_profile_is_found_by_its_handle_in_any_case(alice: User) -> None:
    assert profile_by_handle("Alice").user == alice


def test_nobodys_handle_and_a_closed_account_are_alike_unknown(alice: User) -> None:
    with pytest.raises(NotFound) as unknown:
        profile_by_handle("nobody")
    with pytest.raises(NotFound):
        profile_by_handle("no\x00body")
    User.objects.filter(pk=alice.pk).update(is_active=False)
    with pytest.raises(NotFound) as closed:
        profile_by_handle("alice")
    assert unknown.value.message == closed.value.message


def test_notifications_acts_and_sign_ins_are_ones_own(alice: User, bob: User, charlie: User) -> None:
    notify(user=alice, event="test.happened", context={})
    audit(action="test.done", obj=alice, actor=alice)
    record_sign_in(email="alice@example.org", user=alice, succeeded=True)
    record_sign_in(email="Alice@example.org ", user=None, succeeded=False)
    assert [one.event for one in notifications_of(alice)] == ["test.happened"]
    assert [one.action for one in acts_of(alice)] == ["test.done"]
    assert [one.succeeded for one in sign_ins_of(alice)] == [False, True]
    for other in (bob, charlie):
        assert not notifications_of(other).exists()
        assert not acts_of(other).exists()
        assert not sign_ins_of(other).exists()


def test_the_sign_in_log_keeps_no_typed_address(alice: User) -> None:
    refused = record_sign_in(email="alice@example.org", user=None, succeeded=False)
    assert refused.email_digest == email_digest("alice@example.org")
    assert len(refused.email_digest) == 64
    assert "alice" not in str(refused.__dict__)


def test_the_live_topic_of_a_person_is_for_themselves(alice: User, bob: User, charlie: User) -> None:
    first = notify(user=alice, event="test.stopped", context={})
    second = notify(user=alice, event="test.started", context={})
    Notification.objects.filter(pk=first.pk).update(read_at=first.created_at)
    snapshot = user_snapshot(alice, str(alice.pk))
    assert snapshot["cells"] == {"unread": "1"}
    assert [one["id"] for one in snapshot["notifications"]] == [str(second.pk), str(first.pk)]
    assert snapshot["notifications"][0]["title"] == "Test started"
    for stranger in (bob, charlie, None):
        with pytest.raises(NotFound):
            user_snapshot(stranger, str(alice.pk))


def test_only_unread_notifications_are_counted(alice: User, bob: User) -> None:
    first = notify(user=alice, event="test.happened", context={})
    notify(user=alice, event="test.happened", context={})
    assert (unread_count(alice), unread_count(bob)) == (2, 0)
    Notification.objects.filter(pk=first.pk).update(read_at=first.created_at)
    assert unread_count(alice) == 1
    assert found_notifications(alice, unread=True).count() == 1
