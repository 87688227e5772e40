"""Invitations: made by operators, used once."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from accounts.models import Invitation, User
from accounts.selectors import invitation_by_code
from accounts.services.auditing import audit
from common.clock import wall_now
from common.errors import DomainError
from common.ids import new_token

MAX_VALID_DAYS = 90


@transaction.atomic
def create_invitation(*, created_by: User, email: str = "", valid_days: int = 14) -> Invitation:
    """Make a right to sign up once, within `valid_days`, for one address where `email` is given."""
    if not created_by.is_staff:
        raise DomainError("OPERATORS_ONLY", "Only operators invite people: ask one of them.", status=403)
    if not 1 <= valid_days <= MAX_VALID_DAYS:
        raise DomainError("VALIDITY_INVALID", f"Let the invitation be valid for 1 to {MAX_VALID_DAYS} days.")
    invitation = Invitation.objects.create(
        code=new_token(16),
        email=email.strip().lower(),
        created_by=created_by,
        expires_at=wall_now() + timedelta(days=valid_days),
    )
    audit(action="invitation.created", obj=invitation, actor=created_by, after={"valid_days": valid_days})
    return invitation


@transaction.atomic
def use_invitation(*, code: str, user: User) -> Invitation:
    """Use an invitation up for this user; raises DomainError where it is invalid, used meanwhile, or another's."""
    invitation = invitation_by_code(code)
    check_invited(invitation, user.email)
    now = wall_now()
    # Of two sign-ups with one code at once, the conditional update lets one through.
    if not Invitation.objects.filter(pk=invitation.pk, used_at=None).update(used_by=user, used_at=now):
        raise DomainError("INVITATION_INVALID", "This invitation has just been used: ask for a new one.")
    invitation.used_by, invitation.used_at = user, now
    audit(action="invitation.used", obj=invitation, actor=user)
    return invitation


def check_invited(invitation: Invitation, email: str) -> None:
    """Raise DomainError INVITATION_FOR_ANOTHER_ADDRESS where the invitation names another address."""
    if invitation.email and invitation.email != email.strip().lower():
        message = "This invitation was made for another e-mail address: sign up with that one."
        raise DomainError("INVITATION_FOR_ANOTHER_ADDRESS", message)
