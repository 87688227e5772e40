"""The audit: who changed what, when, from where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, TypedDict
from uuid import UUID

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
    role: str | None = None,
    workspace_id: UUID | None = None,
) -> AuditEntry:
    """Write down an act, in the caller's transaction.

    `action` reads like "portfolio.opened". The actor is whoever is signed in to the present request unless given;
    None is the platform itself. `before` and `after` hold what changed, never secrets or free text (`changes`). The
    role is what the request's gate has noted (`accounts.requests.act_as`), unless given.
    """
    origin = current_origin()
    acting = actor or (origin.user if origin else None)
    if role is None:
        role = origin.role if origin and acting is not None and acting == origin.user else ""
        workspace_id = workspace_id or (origin.workspace_id if role and origin else None)
    return AuditEntry.objects.create(
        action=action,
        object_kind=obj._meta.label_lower,
        object_id=str(obj.pk),
        actor=acting,
        role=role or ("operator" if acting is not None and acting.is_staff else ""),
        workspace_id=workspace_id,
        before=None if before is None else dict(before),
        after=None if after is None else dict(after),
        address=origin.address if origin else None,
        request_id=request_id.get(),
    )


class Changes(TypedDict):
    """What `audit` is given of a change."""

    before: dict[str, Any] | None
    after: dict[str, Any] | None


# A column whose name holds one of these is never told, whatever it holds.
_SECRET = ("secret", "password", "digest", "credential", "token", "code", "key", "seal", "session")
# Long texts are people's own words; that they changed is told, not what they say.
_LONGEST = 120


def changes(before: models.Model | None, after: models.Model | None) -> Changes:
    """Return `before` and `after` for an audit entry: the columns in which two states of one row differ.

    Of a new or a gone row all columns are told. Secrets are left out by their names; of free text, binary and JSON only
    that it changed is told.
    """
    row = after or before
    fields = [] if row is None else row._meta.concrete_fields
    shown = [one for one in fields if not one.primary_key and not any(part in one.attname for part in _SECRET)]
    if before is not None and after is not None:
        shown = [one for one in shown if getattr(before, one.attname) != getattr(after, one.attname)]
    return {"before": _told(before, shown), "after": _told(after, shown)}


def _told(row: models.Model | None, fields: Sequence[models.Field[Any, Any]]) -> dict[str, Any] | None:
    return None if row is None else {one.attname: _plain(one, getattr(row, one.attname)) for one in fields}


def _plain(field: models.Field[Any, Any], value: Any) -> Any:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(field, models.TextField | models.JSONField | models.BinaryField):
        return "…"
    return str(value)[:_LONGEST]
