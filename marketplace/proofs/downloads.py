"""A record as a file: a line that says what it is, then each seal on a line of its own, followed by its fills.

JSON on every line; those of fills are their canonical bytes. docs/records.md has the form.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict
from datetime import timedelta
from itertools import islice
from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse

from accounts.models import User
from engine.records.hashes import split_hashes
from marketplace.models import Listing
from marketplace.proofs.models import RecordKey, RecordRoot, Seal
from marketplace.proofs.selectors import delay_of, shown_seals
from marketplace.proofs.statements import root_statement, seal_statement
from trading.canonical import fill_lines

VERSION = 1
# So many seals, each of 1,000 fills at most, are read at a time.
_SEALS = 16


def record_answer(request: HttpRequest, listing: Listing, reader: User | None) -> StreamingHttpResponse:
    """Return what a reader gets of the record. No statement is left open between two pieces, however slowly somebody reads."""
    pieces = record_pieces(listing, delay=delay_of(listing, reader))
    content = _one_by_one(pieces) if isinstance(request, ASGIRequest) else pieces
    answer = StreamingHttpResponse(content, content_type="application/x-ndjson")
    answer["Content-Disposition"] = f'attachment; filename="record-{listing.pk}.ndjson"'
    return answer


async def _one_by_one(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Make the next piece when it is asked for: Django would make all of them first."""
    while piece := await sync_to_async(_next)(pieces):
        yield piece


def _next(pieces: Iterator[bytes]) -> bytes:
    return next(pieces, b"")


def record_pieces(listing: Listing, *, delay: timedelta | None = None) -> Iterator[bytes]:
    """Yield the sealed part of a listing's record, several lines at a time; with a delay only what was sealed before."""
    seals = shown_seals(listing, delay).order_by("first")
    last = seals.values_list("last", flat=True).last() or 0
    yield _line(_header(listing, last))
    done = 0
    while chunk := list(seals.filter(first__gt=done, last__lte=last)[:_SEALS]):
        # All at once: the connection cannot be asked anything else before the last has come.
        fills = iter(list(fill_lines(listing.portfolio_id, first=chunk[0].first, last=chunk[-1].last)))
        lines = bytearray()
        for seal in chunk:
            lines += _line(_seal(seal))
            lines += b"".join(data + b"\n" for data in islice(fills, seal.last - seal.first + 1))
        yield bytes(lines)
        done = chunk[-1].last


def _header(listing: Listing, last: int) -> dict[str, Any]:
    used = Seal.objects.filter(portfolio=listing.portfolio_id, last__lte=last).exclude(root=None)
    roots = RecordRoot.objects.filter(pk__in=used.values("root")).order_by("number")
    keys = RecordKey.objects.filter(pk__in=roots.values("key"))
    return {
        "kind": "record",
        "v": VERSION,
        "listing": str(listing.pk),
        "title": listing.title,
        "portfolio": str(listing.portfolio_id),
        "money": str(listing.portfolio.kind),
        "fills": last,
        "roots": [told_root(root) for root in roots],
        "keys": dict(keys.values_list("pk", "public")),
    }


def told_root(root: RecordRoot) -> dict[str, Any]:
    """Return a root as files and API tell it."""
    return {**asdict(root_statement(root)), "signature": root.signature}


def _seal(seal: Seal) -> dict[str, Any]:
    return {
        "seal": asdict(seal_statement(seal)),
        "leaves": bytes(seal.leaves).hex(),
        "root": seal.root_id or 0,
        "place": seal.place,
        "path": [one.hex() for one in split_hashes(bytes(seal.path))],
    }


def _line(facts: dict[str, Any]) -> bytes:
    return json.dumps(facts, sort_keys=True, separators=(",", ":")).encode("ascii") + b"\n"
