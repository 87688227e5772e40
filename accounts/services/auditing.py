"""The audit: who changed what, when, from where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import models

from accounts.models import AuditEntry, User
from accounts.requests import current_origin
from common.http import request_id


def audit(
    *,
    action: str,
    obj: models.Model,
    actor: User | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Write down an act, in the caller's transaction.

    `action` reads like "portfolio.opened". The actor is whoever is signed in to the present request unless given;
    None is the platform itself. `before` and `after` hold what changed, never secrets or free text.
    """
    origin = current_origin()
    return AuditEntry.objects.create(
        action=action,
        object_kind=obj._meta.label_lower,
        object_id=str(obj.pk),
        actor=actor or (origin.user if origin else None),
        before=None if before is None else dict(before),
        after=None if after is None else dict(after),
        address=origin.address if origin else None,
        request_id=request_id.get(),
    )
