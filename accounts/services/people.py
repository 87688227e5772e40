"""People: how they come in, and what others see of them."""

from __future__ import annotations

import re

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.models import HANDLE_PATTERN, RESERVED_HANDLES, Profile, User
from accounts.selectors import user_credential
from accounts.services.auditing import audit
from accounts.services.invitations import use_invitation
from common.errors import DomainError
from common.realtime import withdraw

ACCESS = ("is_active", "is_staff", "is_superuser")


@transaction.atomic
def create_person(
    *,
    email: str,
    password: str | None,
    display_name: str = "",
    handle: str = "",
    is_staff: bool = False,
    is_superuser: bool = False,
) -> User:
    """Make a person whose address counts as confirmed: for operators, commands and the demo, never for a sign-up."""
    user = User.objects.create_user(email, password, is_staff=is_staff, is_superuser=is_superuser)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    if display_name or handle:
        update_profile(user=user, display_name=display_name or None, handle=handle or None)
    audit(action="person.created", obj=user, after={"is_staff": is_staff, "is_superuser": is_superuser})
    return user


def finish_sign_up(*, user: User, invitation_code: str = "") -> None:
    """Give a person who has just signed up a profile and, where sign-up is by invitation, use up theirs.

    Call in the transaction that saved the user; raises DomainError INVITATION_INVALID.
    """
    Profile.objects.create_for(user)
    if settings.SIGNUP_MODE == "invitation":
        use_invitation(code=invitation_code, user=user)
    audit(action="person.signed_up", obj=user, actor=user)


@transaction.atomic
def update_profile(
    *, user: User, display_name: str | None = None, handle: str | None = None, bio: str | None = None
) -> Profile:
    """Change what others see of the user; None leaves a field as it is. Raises DomainError for unfit values."""
    profile = Profile.objects.select_for_update(no_key=True).get(user=user)
    wanted = {"display_name": display_name, "handle": handle, "bio": bio}
    changes = {
        name: value.strip()
        for name, value in wanted.items()
        if value is not None and value.strip() != getattr(profile, name)
    }
    if not changes:
        return profile
    _check_profile(changes)
    before = profile.handle
    # So that the caller's `user.profile` is this row, not an older copy.
    profile.user = user
    for name, value in changes.items():
        setattr(profile, name, value)
    try:
        with transaction.atomic():
            profile.save(update_fields=list(changes))
    except IntegrityError:
        raise DomainError("HANDLE_TAKEN", "Somebody else has this handle: choose another.", status=409) from None
    # Free text stays out of the audit, which outlives the person's account; handles tell who somebody was.
    fields = sorted(changes)
    audit(
        action="profile.updated",
        obj=profile,
        before={"handle": before},
        after={"handle": profile.handle, "fields": fields},
    )
    return profile


@transaction.atomic
def change_access(*, user: User, is_active: bool, is_staff: bool, is_superuser: bool) -> None:
    """Set whether the user may come in, and whether they are an operator."""
    stored = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    before = {name: getattr(stored, name) for name in ACCESS}
    after = {"is_active": is_active, "is_staff": is_staff, "is_superuser": is_superuser}
    if after != before:
        User.objects.filter(pk=user.pk).update(**after)
        audit(action="access.changed", obj=user, before=before, after=after)
        withdraw(user_credential(user))


def _check_profile(changes: dict[str, str]) -> None:
    handle = changes.get("handle")
    if handle is not None and not re.match(HANDLE_PATTERN, handle):
        raise DomainError("HANDLE_MALFORMED", "A handle has 3 to 30 characters of a–z, 0–9 and _.")
    if handle in RESERVED_HANDLES:
        raise DomainError("HANDLE_TAKEN", "This handle is reserved: choose another.", status=409)
    if not 1 <= len(changes.get("display_name", "-")) <= 60:
        raise DomainError("DISPLAY_NAME_INVALID", "Give a display name of 1 to 60 characters.")
    if len(changes.get("bio", "")) > 1000:
        raise DomainError("BIO_TOO_LONG", "Shorten what you say about yourself to 1000 characters.")
