"""A person's right to take their data along, and to be forgotten."""

from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.db import transaction

from accounts.models import Invitation, Profile, User
from accounts.registry import personal_data
from accounts.selectors import user_credential
from accounts.services.auditing import audit
from accounts.teams.models import WorkspaceInvitation
from accounts.teams.services import leave_all
from common.realtime import withdraw


@transaction.atomic
def export_personal_data(*, user: User) -> dict[str, Any]:
    """Return everything kept about the user, by app, as every app registered it."""
    audit(action="person.exported", obj=user, actor=user)
    return {label: kept.export(user) for label, kept in personal_data().items()}


@transaction.atomic
def erase_person(*, user: User) -> None:
    """Forget the user: every app anonymises or deletes what it keeps, and the login is closed for good.

    Rows that others' books rest on (orders, fills, ledger, audit) stay, under a name that leads to nobody. Raises
    DomainError, with nothing changed, where an app says that something must be ended first.
    """
    audit(action="person.erased", obj=user, actor=user)
    for kept in personal_data().values():
        kept.erase(user)


def export_account(user: User) -> dict[str, Any]:
    """Return what this app itself keeps about the user."""
    profile = user.profile
    return {
        "email": user.email,
        "joined_at": user.joined_at,
        "profile": {"handle": profile.handle, "display_name": profile.display_name, "bio": profile.bio},
        "tokens": list(user.api_tokens.values("name", "prefix", "created_at", "last_used_at", "revoked_at")),
        "second_factors": list(
            Authenticator.objects.filter(user=user).order_by("pk").values("type", "created_at", "last_used_at")
        ),
        "sign_ins": list(user.sign_ins.values("at", "succeeded", "address", "user_agent")),
        "notifications": list(user.notifications.values("event", "context", "created_at", "read_at")),
        "webhooks": list(user.webhooks.values("url", "events", "created_at", "disabled_at")),
        "workspaces": list(user.memberships.values("workspace__name", "role", "permission_set__name", "joined_at")),
        "workspace_invitations": list(
            WorkspaceInvitation.objects.filter(email=user.email).values("workspace__name", "role", "expires_at")
        ),
        "acts": list(user.audit_entries.values("at", "action", "object_kind", "object_id", "role", "address")),
    }


def erase_account(user: User) -> None:
    """Anonymise what this app itself keeps about the user, and close the login."""
    leave_all(user)
    WorkspaceInvitation.objects.filter(email=user.email).update(email=f"erased-{user.pk.hex}@erased.invalid")
    logins = [model.objects.filter(user=user) for model in (EmailAddress, Authenticator)]
    for kept in (user.api_tokens, user.sign_ins, user.notifications, user.webhooks, *logins):
        kept.all().delete()
    Invitation.objects.filter(used_by=user).update(email="")
    Profile.objects.filter(user=user).update(handle=f"erased_{user.pk.hex[-16:]}", display_name="Left", bio="")
    user.email = f"erased-{user.pk.hex}@erased.invalid"
    user.is_active = user.is_staff = user.is_superuser = False
    # Also ends every session: each carries a keyed hash of the password it was opened with.
    user.set_unusable_password()
    user.save()
    withdraw(user_credential(user))
