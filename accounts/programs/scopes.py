"""What a program may do: four scopes, and the one place that says which of them a request takes."""

from __future__ import annotations

from collections.abc import Collection

from django.db import models

from common.errors import DomainError

_SAFE = {"GET", "HEAD", "OPTIONS"}


class Scope(models.TextChoices):
    """What a token or an OAuth application may do. Reading is a scope of its own, which the others do not include."""

    READ = "read", "Read everything"
    TRADE = "trade", "Trade and copy: orders, plans, follows, strategies at work"
    PUBLISH = "publish", "Publish: listings, their pages, reviews, competitions"
    MANAGE = "manage", "Manage: portfolios and money, exchange accounts, tokens, webhooks, profile"


ALL_SCOPES: tuple[str, ...] = tuple(Scope.values)


def needed_scope(view: object, method: str) -> Scope:
    """Return what a request takes: READ to look; to change something, the view's `scope` (MANAGE where it names none).

    A view whose POST changes nothing, a preview or a check, says so with `scope = Scope.READ`.
    """
    return Scope.READ if method in _SAFE else getattr(view, "scope", Scope.MANAGE)


def require_scope(held: Collection[str], view: object, method: str) -> None:
    """Raise DomainError SCOPE_MISSING (403) where a request takes a scope that is not held."""
    needed = needed_scope(view, method)
    if needed not in held:
        message = f"This takes the scope “{needed.value}”: use a token that has it."
        facts = {"needed": needed.value, "held": sorted(held)}
        raise DomainError("SCOPE_MISSING", message, facts, status=403)
