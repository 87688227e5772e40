"""Reads about people, each gate answered once: tokens, profiles, limits, one's own notifications."""

from __future__ import annotations

import hashlib

from django.db.models import Q

from accounts.models import ApiToken, User
from common.clock import wall_now
from common.errors import DomainError


def token_digest(secret: str) -> str:
    """Return what is stored of a token, 64 hex digits; it has 256 random bits, so no salt or stretching is due."""
    return hashlib.sha256(secret.encode()).hexdigest()


def token_from_secret(secret: str) -> ApiToken:
    """Return the valid token with this secret, its user fetched; raise DomainError BAD_TOKEN (401) otherwise."""
    fresh = Q(expires_at=None) | Q(expires_at__gt=wall_now())
    token = (
        ApiToken.objects.filter(fresh, digest=token_digest(secret), revoked_at=None, user__is_active=True)
        .select_related("user")
        .first()
    )
    if token is None:
        raise DomainError("BAD_TOKEN", "This token is unknown, expired or revoked: create a new one.", status=401)
    return token


def user_from_token(secret: str) -> User:
    """Return the user whose valid token this is; raise DomainError BAD_TOKEN (401) otherwise."""
    return token_from_secret(secret).user
