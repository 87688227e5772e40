"""Reads of the audit: filtered lists, one's own and an operator's, and the check of its chain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet, TextField
from django.db.models.functions import Cast

from accounts.audit_log.chain import FIRST, canonical_entry, link
from accounts.audit_log.models import AuditSeal
from accounts.models import AuditEntry, User
from common.clock import wall_now
from common.errors import DomainError

# What no transaction lasts: an entry older than this that has no place in the chain was left out of it.
SETTLED_AFTER = timedelta(hours=2)
_CHUNK = 2_000
MAX_TEXT = 100


def entries() -> QuerySet[AuditEntry]:
    """Return entries with what showing them needs, newest first."""
    return AuditEntry.objects.select_related("actor__profile").order_by("-pk")


def entries_for(user: User, *, everybody: bool = False) -> QuerySet[AuditEntry]:
    """Gate: return one's own acts, or an operator everybody's; 403 OPERATORS_ONLY for others who ask for those."""
    if not everybody:
        return entries().filter(actor=user)
    if not user.is_staff:
        raise DomainError("OPERATORS_ONLY", "Only an operator reads what everybody did.", status=403)
    return entries()


def entries_of_workspace(workspace_id: UUID) -> QuerySet[AuditEntry]:
    """Return what was done in a workspace and with its portfolios, past the workspace's own gate."""
    return entries().filter(workspace_id=workspace_id)


def narrowed(rows: QuerySet[AuditEntry], asked: Mapping[str, Any]) -> QuerySet[AuditEntry]:
    """Return the rows that were asked for.

    `person` is a handle or an address, `action` the beginning of one, `object` a kind or an id, `since` and `until` days
    (both included) or moments, `text` stands anywhere in what changed.
    """
    if person := asked.get("person"):
        rows = rows.filter(Q(actor__profile__handle=person.lstrip("@").lower()) | Q(actor__email=person.lower()))
    if action := asked.get("action"):
        rows = rows.filter(action__startswith=action)
    if named := asked.get("object"):
        rows = rows.filter(Q(object_id=named) | Q(object_kind=named) | Q(object_kind__endswith=f".{named}"))
    if since := asked.get("since"):
        rows = rows.filter(at__gte=since)
    if until := asked.get("until"):
        rows = rows.filter(at__lt=until)
    if text := asked.get("text"):
        rows = rows.annotate(told_before=Cast("before", TextField()), told_after=Cast("after", TextField())).filter(
            Q(told_before__icontains=text)
            | Q(told_after__icontains=text)
            | Q(action__icontains=text)
            | Q(request_id=text)
            | Q(role=text)
        )
    return rows


@dataclass(frozen=True, slots=True)
class Broken:
    """Where the audit was tampered with: the first seal that is wrong, its entry, and how."""

    number: int
    entry_id: int
    message: str


def newest_seal() -> AuditSeal | None:
    return AuditSeal.objects.order_by("-number").first()


def first_broken(expected: Mapping[int, str] | None = None) -> Broken | None:
    """Return the first row of the audit that is not what the chain says, or None; reads everything.

    `expected` holds heads that were kept elsewhere, number → hash: only they tell of a chain that was made anew whole.
    """
    previous, last, wanted = FIRST, 0, dict(expected or {})
    for seals in _chunks():
        found = AuditEntry.objects.in_bulk([one.entry_id for one in seals])
        for seal in seals:
            if message := _fault(seal, last, previous, found.get(seal.entry_id)):
                return Broken(last + 1, seal.entry_id, message)
            if wanted.pop(seal.number, seal.hash) != seal.hash:
                return Broken(seal.number, seal.entry_id, "its hash is not the one that was kept elsewhere")
            previous, last = seal.hash, seal.number
    if wanted:
        return Broken(min(wanted), 0, "a seal that was kept elsewhere is missing: the end of the chain was cut off")
    return _left_out(last)


def _chunks() -> Iterator[list[AuditSeal]]:
    rows = AuditSeal.objects.order_by("number").iterator(chunk_size=_CHUNK)
    while chunk := list(islice(rows, _CHUNK)):
        yield chunk


def _fault(seal: AuditSeal, last: int, previous: str, entry: AuditEntry | None) -> str:
    if seal.number != last + 1:
        return "its seal is missing"
    if seal.previous != previous:
        return "its seal does not follow the one before"
    if entry is None:
        return "the entry is missing"
    if link(previous, canonical_entry(entry, seal.number)) != seal.hash:
        return "the entry is not what was sealed"
    return ""


def unsealed() -> QuerySet[AuditEntry]:
    """Return the entries that have no place in the chain yet, in the order in which they get one."""
    sealed = AuditSeal.objects.filter(entry_id=OuterRef("pk"))
    return AuditEntry.objects.filter(~Exists(sealed)).order_by("pk")


def _left_out(last: int) -> Broken | None:
    late = unsealed().filter(at__lt=wall_now() - SETTLED_AFTER).first()
    if late is None or not last:
        return None
    return Broken(last + 1, late.pk, "the entry is old and was never sealed")
