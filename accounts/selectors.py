"""Reads about people, each gate answered once: tokens, profiles, limits, one's own notifications and acts."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Exists, FilteredRelation, OuterRef, Q, QuerySet
from django.utils.crypto import salted_hmac

from accounts.models import (
    DEFAULT_LIMITS,
    FREE,
    HANDLE_PATTERN,
    ApiToken,
    AuditEntry,
    Invitation,
    Limit,
    LimitName,
    Notification,
    Plan,
    Profile,
    SignIn,
    User,
)
from accounts.registry import describe
from common.clock import wall_now
from common.errors import DomainError, NotFound

# A page's bell shows this many; the rest is on the notifications page.
SNAPSHOT_NOTIFICATIONS = 10
_CODE = re.compile(r"[A-Za-z0-9_-]{1,64}")


# --- tokens ---------------------------------------------------------------------------------------------------------
def token_digest(secret: str) -> str:
    """Return what is stored of a token, 64 hex digits; it has 256 random bits, so no salt or stretching is due."""
    return hashlib.sha256(secret.encode()).hexdigest()


def valid_tokens() -> QuerySet[ApiToken]:
    """Return the tokens that open a door now."""
    fresh = Q(expires_at=None) | Q(expires_at__gt=wall_now())
    return ApiToken.objects.filter(fresh, revoked_at=None, user__is_active=True)


def token_from_secret(secret: str) -> ApiToken:
    """Return the valid token with this secret, its user fetched; raise DomainError BAD_TOKEN (401) otherwise."""
    token = valid_tokens().filter(digest=token_digest(secret)).select_related("user").first()
    if token is None:
        raise DomainError("BAD_TOKEN", "This token is unknown, expired or revoked: create a new one.", status=401)
    return token


def user_from_token(secret: str) -> User:
    """Return the user whose valid token this is; raise DomainError BAD_TOKEN (401) otherwise."""
    return token_from_secret(secret).user


def tokens_of(user: User) -> QuerySet[ApiToken]:
    """Return the user's tokens that were not revoked, newest first."""
    return ApiToken.objects.filter(user=user, revoked_at=None).order_by("-id")


def token_for_user(user: User, token_id: UUID) -> ApiToken:
    """Gate: one's own token."""
    token = ApiToken.objects.filter(user=user, pk=token_id).first()
    if token is None:
        raise NotFound("token")
    return token


# What a live connection was opened with; a service that ends it calls `common.realtime.withdraw` with the same name.
def token_credential(token: ApiToken) -> str:
    return f"token:{token.pk}"


def session_credential(session_key: str) -> str:
    """Name a session without giving its key to the bus: whoever knows the key is signed in."""
    return f"session:{hashlib.sha256(session_key.encode()).hexdigest()}"


def user_credential(user: User) -> str:
    return f"user:{user.pk}"


def access_credential(user_id: UUID) -> str:
    """Name what a person may see of others' things: where it changes, their sockets are to ask every gate anew."""
    return f"access:{user_id}"


# --- limits ---------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Allowance:
    """How many of something there may be, and the name of the plan that says so; none where it is the same for everybody."""

    value: int
    plan: str = ""

    def __str__(self) -> str:
        """Return it as the end of a sentence: "your plan (Free) allows 600"."""
        return f"{f'your plan ({self.plan}) allows' if self.plan else 'the most is'} {self.value:,}"


def allowance(user: User, name: str) -> Allowance:
    """Return how many of `name` (a LimitName) the user may have: their plan's number, else the default plan's."""
    own = Exists(Profile.objects.filter(pk=user.pk, plan=OuterRef("pk")))
    plans = Plan.objects.filter(own | Q(is_default=True)).annotate(
        of_it=FilteredRelation("limits", condition=Q(limits__name=name))
    )
    rows = list(plans.order_by("is_default").values_list("name", "of_it__value"))
    value = next((value for _, value in rows if value is not None), DEFAULT_LIMITS[name])
    return Allowance(value, rows[0][0] if rows else FREE)


def limit(user: User, name: str) -> int:
    """Return how many of `name` (a LimitName) the user may have."""
    return allowance(user, name).value


def check_limit(user: User, name: str, used: int) -> None:
    """Raise DomainError LIMIT_REACHED (409), which names the plan, when `used` leaves no room for one more."""
    allowed = allowance(user, name)
    if used >= allowed.value:
        message = f"Y{str(allowed)[1:]} {LimitName(name).label}: end one that you no longer need, then try again."
        context = {"name": str(name), "limit": allowed.value, "used": used, "plan": allowed.plan}
        raise DomainError("LIMIT_REACHED", message, context, status=409)


def default_plan() -> Plan | None:
    """Return the plan of whoever has none of their own."""
    return Plan.objects.filter(is_default=True).first()


def limits_of(plans: Sequence[Plan]) -> list[tuple[str, list[int]]]:
    """Return what each limit is called, and what it is on each of these plans: what one does not list is the default one's."""
    rows = Limit.objects.filter(Q(plan__in=plans) | Q(plan__is_default=True))
    said = {(plan, name): value for plan, name, value in rows.values_list("plan", "name", "value")}
    default = dict(rows.filter(plan__is_default=True).values_list("name", "value"))
    return [
        (label, [said.get((plan.pk, name), default.get(name, DEFAULT_LIMITS[name])) for plan in plans])
        for name, label in LimitName.choices
    ]


# --- people ---------------------------------------------------------------------------------------------------------
def profile_by_handle(handle: str) -> Profile:
    """Return the public profile with this handle; raise NotFound for nobody's and for people who left."""
    profile = None
    if re.match(HANDLE_PATTERN, handle.lower()):
        profile = Profile.objects.select_related("user").filter(handle=handle.lower(), user__is_active=True).first()
    if profile is None:
        raise NotFound("handle")
    return profile


def invitation_by_code(code: str) -> Invitation:
    """Return the invitation that this code still opens; raise DomainError INVITATION_INVALID otherwise."""
    # What no code can be is not asked about: PostgreSQL would take a NUL in it for an error of ours.
    invitation = None
    if _CODE.fullmatch(code):
        invitation = Invitation.objects.filter(code=code, used_at=None, expires_at__gt=wall_now()).first()
    if invitation is None:
        raise DomainError("INVITATION_INVALID", "This invitation is unknown, used or expired: ask for a new one.")
    return invitation


def email_digest(email: str) -> str:
    """Return what the sign-in log keeps of a typed address: keyed, so that the log alone does not give it away."""
    return salted_hmac("accounts.sign_in", email.strip().lower(), algorithm="sha256").hexdigest()


# --- what one may read about oneself --------------------------------------------------------------------------------
def notifications_of(user: User) -> QuerySet[Notification]:
    """Return the user's notifications, newest first."""
    return Notification.objects.filter(user=user).order_by("-id")


def unread_count(user: User) -> int:
    return Notification.objects.filter(user=user, read_at=None).count()


def sign_ins_of(user: User) -> QuerySet[SignIn]:
    """Return attempts to log in as this user, newest first: the successful ones, and failed ones with their address."""
    return SignIn.objects.filter(Q(user=user) | Q(email_digest=email_digest(user.email))).order_by("-id")


def acts_of(user: User) -> QuerySet[AuditEntry]:
    """Return what the user did, newest first."""
    return AuditEntry.objects.filter(actor=user).order_by("-id")


def notification_facts(notification: Notification) -> dict[str, Any]:
    """Return a notification as doors show it, JSON-ready."""
    words = describe(notification.event, notification.context)
    return {
        "id": str(notification.pk),
        "event": notification.event,
        "title": words.title,
        "body": words.body,
        "url": words.url,
        "created_at": notification.created_at.isoformat(),
        "read_at": notification.read_at.isoformat() if notification.read_at else None,
    }


def user_snapshot(user: User | None, key: str) -> dict[str, Any]:
    """Gate and snapshot of the topic `user:<id>`: the newest notifications of oneself."""
    # What one is told is about all of one's portfolios: a token that is limited to some hears none of it.
    if user is None or str(user.pk) != key or user.token_portfolios is not None:
        raise NotFound("topic")
    return user_facts(user, notifications_of(user)[:SNAPSHOT_NOTIFICATIONS])


def user_facts(user: User, notifications: Iterable[Notification]) -> dict[str, Any]:
    """Return what the topic `user:<id>` says: how many are unread (a cell of the page's frame), and these in full."""
    return {
        "cells": {"unread": str(unread_count(user))},
        "notifications": [notification_facts(one) for one in notifications],
    }
