"""The audit as a file: CSV or NDJSON, in pieces, however long it is."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse

from accounts.models import AuditEntry
from common.errors import DomainError

COLUMNS = (
    "id",
    "at",
    "actor",
    "role",
    "workspace",
    "action",
    "object_kind",
    "object_id",
    "before",
    "after",
    "address",
    "request_id",
)
FORMATS = {"csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson"}
_PIECE = 1_000
# A spreadsheet takes what begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def audit_answer(request: HttpRequest, rows: QuerySet[AuditEntry], form: str) -> StreamingHttpResponse:
    """Return the download of these rows; raise DomainError FORMAT_UNKNOWN. No statement stays open between two pieces."""
    if form not in FORMATS:
        raise DomainError("FORMAT_UNKNOWN", f"Choose one of {', '.join(FORMATS)}.", {"field": "form"})
    pieces = _pieces(rows, form)
    content = _one_by_one(pieces) if isinstance(request, ASGIRequest) else pieces
    answer = StreamingHttpResponse(content, content_type=FORMATS[form])
    answer["Content-Disposition"] = f'attachment; filename="audit.{form}"'
    return answer


async def _one_by_one(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Make the next piece when it is asked for: Django would make all of them first."""
    while piece := await sync_to_async(_next)(pieces):
        yield piece


def _next(pieces: Iterator[bytes]) -> bytes:
    return next(pieces, b"")


def _pieces(rows: QuerySet[AuditEntry], form: str) -> Iterator[bytes]:
    if form == "csv":
        yield _csv([COLUMNS])
    last: int | None = None
    while chunk := list((rows if last is None else rows.filter(pk__lt=last))[:_PIECE]):
        last = chunk[-1].pk
        facts = [entry_facts(one) for one in chunk]
        if form == "csv":
            yield _csv([[_cell(one[name]) for name in COLUMNS] for one in facts])
        else:
            lines = (json.dumps(one, cls=DjangoJSONEncoder, separators=(",", ":")) for one in facts)
            yield "".join(f"{line}\n" for line in lines).encode()


def entry_facts(entry: AuditEntry) -> dict[str, Any]:
    """Return an entry as doors show it, JSON-ready; the actor by handle, null is the platform."""
    return {
        "id": entry.pk,
        "at": entry.at.isoformat(),
        "actor": entry.actor.profile.handle if entry.actor else None,
        "role": entry.role,
        "workspace": str(entry.workspace_id) if entry.workspace_id else None,
        "action": entry.action,
        "object_kind": entry.object_kind,
        "object_id": entry.object_id,
        "before": entry.before,
        "after": entry.after,
        "address": entry.address,
        "request_id": entry.request_id,
    }


def _csv(rows: list[Any]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, cls=DjangoJSONEncoder)
    return f"'{text}" if text.startswith(_FORMULA) else text
