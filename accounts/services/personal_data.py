"""A person's right to take their data along, and to be forgotten."""

from __future__ import annotations

from functools import partial
from typing import Any

from allauth.account.models import EmailAddress
from allauth.idp.oidc.models import Token
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.db import transaction
from django.db.models import Model, QuerySet

from accounts.models import Invitation, Profile, User
from accounts.notifying.models import Reach
from accounts.privacy.models import Departure
from accounts.privacy.services.archives import delete_file
from accounts.programs.checking import forget_program
from accounts.registry import personal_data
from accounts.selectors import user_credential
from accounts.services.auditing import audit
from accounts.teams.models import WorkspaceInvitation
from accounts.teams.services import leave_all
from common.realtime import withdraw

# What opens the account, and what was opened with it.
LOGINS: tuple[type[Model], ...] = (EmailAddress, Authenticator, SocialAccount, UserSession, Token)


@transaction.atomic
def export_personal_data(*, user: User) -> dict[str, Any]:
    """Return everything kept about the user, by app, as every app registered it."""
    audit(action="person.exported", obj=user, actor=user)
    return {label: _whole(kept.export(user)) for label, kept in personal_data().items()}


def _whole(told: Any) -> Any:
    """Return an app's answer with its long lists read: what an archive reads in pieces."""
    if isinstance(told, QuerySet):
        return list(told)
    return {name: _whole(one) for name, one in told.items()} if isinstance(told, dict) else told


@transaction.atomic
def erase_person(*, user: User) -> None:
    """Forget the user: every app anonymises or deletes what it keeps, and the login is closed for good.

    Rows that others' books rest on (orders, fills, ledger, audit) stay, under a name that leads to nobody. Raises
    DomainError, with nothing changed, where an app says that something must be ended first.
    """
    audit(action="person.erased", obj=user, actor=user)
    for kept in personal_data().values():
        kept.erase(user)


# What each part of the export holds (docs/privacy.md).
SUBJECTS = {
    "email": "the address that you log in with",
    "joined_at": "when you signed up",
    "profile": "what others see of you",
    "tokens": "your API tokens, without the tokens themselves",
    "second_factors": "what you prove a login with, without its secrets",
    "sign_ins": "attempts to log in, with network address and browser as long as those are kept",
    "notifications": "what you were told",
    "deliveries": "how it was sent to you, and what came of it",
    "notification_settings": "your hours, digest, Telegram chat and phone",
    "channel_choices": "where you departed from the defaults of an event",
    "push_subscriptions": "browsers that are told, without their addresses and keys",
    "webhooks": "servers of yours that are told",
    "consents": "what you agreed to, when, and when you took it back",
    "archives": "when you asked for your data",
    "acts": "what you did, from the audit",
}
_REACH = ("timezone", "quiet_from", "quiet_until", "digest", "digest_at", "telegram_name", "phone", "phone_verified_at")
_DELIVERY = ("notification_id", "channel", "state", "attempts", "created_at", "done_at", "error")


def export_account(user: User) -> dict[str, Any]:
    """Return what this app itself keeps about the user."""
    profile = user.profile
    return {
        "email": user.email,
        "joined_at": user.joined_at,
        "profile": {"handle": profile.handle, "display_name": profile.display_name, "bio": profile.bio},
        "tokens": list(
            user.api_tokens.values(
                *("name", "prefix", "created_at", "last_used_at", "expires_at", "revoked_at"),
                *("scopes", "networks", "portfolios"),
            )
        ),
        "keyed_requests": list(user.keyed_requests.values("created_at", "status")),
        "second_factors": list(
            Authenticator.objects.filter(user=user).order_by("pk").values("type", "created_at", "last_used_at")
        ),
        "wallets": list(user.wallets.values("chain", "address", "linked_at", "last_used_at")),
        "accounts_elsewhere": list(
            SocialAccount.objects.filter(user=user)
            .order_by("pk")
            .values("provider", "uid", "date_joined", "last_login")
        ),
        "sessions": list(
            UserSession.objects.filter(user=user)
            .order_by("pk")
            .values("ip", "user_agent", "created_at", "last_seen_at")
        ),
        "apps": list(Token.objects.filter(user=user).order_by("pk").values("client__name", "scopes", "created_at")),
        "sign_ins": list(user.sign_ins.values("at", "succeeded", "address", "user_agent")),
        "notifications": list(user.notifications.values("event", "context", "created_at", "read_at")),
        "deliveries": user.deliveries.order_by("pk").values(*_DELIVERY),
        "notification_settings": list(Reach.objects.filter(user=user).values(*_REACH)),
        "channel_choices": list(user.channel_choices.order_by("pk").values("event", "channel", "is_on")),
        "push_subscriptions": list(user.push_subscriptions.values("label", "created_at")),
        "webhooks": list(user.webhooks.values("url", "events", "created_at", "disabled_at")),
        "consents": list(user.consents.values("kind", "version", "given_at", "revoked_at")),
        "archives": list(user.archives.values("created_at", "state", "rows", "size_bytes", "expires_at")),
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
    logins = [model._default_manager.filter(user=user) for model in LOGINS]
    for archive in user.archives.all():
        # After the commit: what is undone must not have lost its file.
        transaction.on_commit(partial(delete_file, archive))
    told = (user.notifications, user.channel_choices, user.push_subscriptions, user.webhooks)
    for digest in user.api_tokens.values_list("digest", flat=True):
        forget_program(digest)
    programs = (user.api_tokens, user.keyed_requests)
    rows: list[Any] = [*programs, user.wallets, user.sign_ins, *told, user.consents, user.archives, *logins]
    for kept in rows:
        kept.all().delete()
    for model in (Reach, Departure):
        model.objects.filter(pk=user.pk).delete()
    Invitation.objects.filter(used_by=user).update(email="")
    Profile.objects.filter(user=user).update(handle=f"erased_{user.pk.hex[-16:]}", display_name="Left", bio="")
    user.email = f"erased-{user.pk.hex}@erased.invalid"
    user.is_active = user.is_staff = user.is_superuser = False
    # Also ends every session: each carries a keyed hash of the password it was opened with.
    user.set_unusable_password()
    user.save()
    withdraw(user_credential(user))
