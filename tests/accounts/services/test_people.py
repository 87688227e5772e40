"""People: made by operators, changed by themselves, let in or kept out."""

from __future__ import annotations

import pytest
from allauth.account.models import EmailAddress

from accounts.models import AuditEntry, User
from accounts.services import change_access, create_person, update_profile
from common.errors import DomainError


def test_a_person_made_by_an_operator_can_log_in_at_once(db: None) -> None:
    user = create_person(email="Dora@Example.org", password="correct horse", display_name="Dora D.", handle="dora_d")
    assert user.check_password("correct horse")
    assert EmailAddress.objects.get(user=user).verified is True
    assert EmailAddress.objects.get_primary(user).email == "dora@example.org"
    assert (user.profile.handle, user.profile.display_name) == ("dora_d", "Dora D.")
    assert (user.is_staff, user.is_superuser) == (False, False)


def test_ones_profile_changes_and_the_audit_keeps_no_free_text(alice: User) -> None:
    profile = update_profile(user=alice, display_name=" Alice W. ", handle="alice_w", bio="I trade pears.")
    assert alice.profile is profile
    profile.refresh_from_db()
    assert (profile.display_name, profile.handle, profile.bio) == ("Alice W.", "alice_w", "I trade pears.")
    entry = AuditEntry.objects.get(action="profile.updated")
    assert entry.before == {"handle": "alice"}
    assert entry.after == {"handle": "alice_w", "fields": ["bio", "display_name", "handle"]}


def test_what_is_not_named_stays_as_it_is(alice: User) -> None:
    update_profile(user=alice, bio="I trade pears.")
    profile = update_profile(user=alice, display_name="Alice")
    assert (profile.handle, profile.display_name, profile.bio) == ("alice", "Alice", "I trade pears.")


def test_a_change_that_changes_nothing_is_not_audited(alice: User) -> None:
    update_profile(user=alice, handle="alice", display_name="alice", bio="")
    assert AuditEntry.objects.count() == 0


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"handle": "bob"}, "HANDLE_TAKEN"),
        ({"handle": "support"}, "HANDLE_TAKEN"),
        ({"handle": "al"}, "HANDLE_MALFORMED"),
        ({"handle": "Alice"}, "HANDLE_MALFORMED"),
        ({"handle": ""}, "HANDLE_MALFORMED"),
        ({"handle": "x" * 31}, "HANDLE_MALFORMED"),
        ({"display_name": ""}, "DISPLAY_NAME_INVALID"),
        ({"display_name": "x" * 61}, "DISPLAY_NAME_INVALID"),
        ({"bio": "x" * 1001}, "BIO_TOO_LONG"),
    ],
)
def test_a_profile_that_does_not_fit_is_refused(alice: User, bob: User, change: dict[str, str], code: str) -> None:
    with pytest.raises(DomainError) as refused:
        update_profile(user=alice, **change)
    assert refused.value.code == code
    alice.profile.refresh_from_db()
    assert (alice.profile.handle, alice.profile.display_name, alice.profile.bio) == ("alice", "alice", "")
    assert AuditEntry.objects.count() == 0


def test_access_is_changed_and_audited_with_what_it_was(alice: User, operator: User) -> None:
    change_access(user=alice, is_active=False, is_staff=False, is_superuser=False)
    alice.refresh_from_db()
    assert alice.is_active is False
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.object_id) == ("access.changed", str(alice.pk))
    assert entry.before == {"is_active": True, "is_staff": False, "is_superuser": False}
    assert entry.after == {"is_active": False, "is_staff": False, "is_superuser": False}
    change_access(user=alice, is_active=False, is_staff=False, is_superuser=False)
    assert AuditEntry.objects.count() == 1
