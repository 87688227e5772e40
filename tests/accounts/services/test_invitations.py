"""Invitations: made by operators, used once, by whom they were made for."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.models import Invitation, User
from accounts.services import create_invitation, use_invitation
from common.errors import DomainError
from tests.accounts.conftest import NOON, Wall


def test_an_operator_invites_and_the_invited_come_in_once(operator: User, alice: User, bob: User, wall: Wall) -> None:
    invitation = create_invitation(created_by=operator)
    assert len(invitation.code) == 22
    assert invitation.expires_at == NOON + timedelta(days=14)
    use_invitation(code=invitation.code, user=alice)
    invitation.refresh_from_db()
    assert (invitation.used_by, invitation.used_at) == (alice, NOON)
    with pytest.raises(DomainError, match="INVITATION_INVALID"):
        use_invitation(code=invitation.code, user=bob)
    invitation.refresh_from_db()
    assert invitation.used_by == alice


def test_only_operators_invite(alice: User, charlie: User) -> None:
    for person in (alice, charlie):
        with pytest.raises(DomainError) as refused:
            create_invitation(created_by=person)
        assert (refused.value.code, refused.value.status) == ("OPERATORS_ONLY", 403)
    assert Invitation.objects.count() == 0


@pytest.mark.parametrize("days", [0, -1, 91])
def test_an_invitation_is_valid_for_a_sensible_time(operator: User, days: int) -> None:
    with pytest.raises(DomainError, match="VALIDITY_INVALID"):
        create_invitation(created_by=operator, valid_days=days)
    assert Invitation.objects.count() == 0


@pytest.mark.parametrize("code", ["", "unknown"])
def test_an_unknown_code_is_refused(operator: User, alice: User, code: str) -> None:
    create_invitation(created_by=operator)
    with pytest.raises(DomainError, match="INVITATION_INVALID"):
        use_invitation(code=code, user=alice)
    assert Invitation.objects.filter(used_at=None).count() == 1


def test_an_expired_invitation_is_refused(operator: User, alice: User, wall: Wall) -> None:
    invitation = create_invitation(created_by=operator, valid_days=1)
    wall.pass_by(days=1)
    with pytest.raises(DomainError, match="INVITATION_INVALID"):
        use_invitation(code=invitation.code, user=alice)
    assert Invitation.objects.get().used_by is None


def test_an_invitation_for_one_address_admits_no_other(operator: User, alice: User, bob: User) -> None:
    invitation = create_invitation(created_by=operator, email=" Alice@example.org")
    with pytest.raises(DomainError, match="INVITATION_FOR_ANOTHER_ADDRESS"):
        use_invitation(code=invitation.code, user=bob)
    assert Invitation.objects.get().used_by is None
    use_invitation(code=invitation.code, user=alice)
    assert Invitation.objects.get().used_by == alice
