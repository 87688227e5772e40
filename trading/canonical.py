"""The one byte form of a fill: what it was, for ever, whatever columns come and go. Seals and exports are made of it.

Version 1 is JSON in ASCII without spaces: an object whose keys are sorted, among them "v": 1. Decimals are strings in plain
notation without trailing zeros, times UTC with microseconds and a Z, ids in their usual form. The numbers are the
version and `number`, the fill's place in its portfolio. A later form is another version beside this one, never a change of it:

    {"account":"paper","fee":"0.1","happened_at":"2026-03-02T12:00:00.000000Z","id":"01…",…,"side":"BUY","v":1,…}
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

from common.db import copied_texts
from common.fields import canonical
from trading.models import Fill

VERSION = 1
# As version 1, with the base units that the venue kept as its fee; of fills of which it kept some, and of no others.
VERSION_WITH_BASE_FEE = 2


def fill_bytes(fill: Fill) -> bytes:
    """Return the canonical bytes of a stored fill; the same fill gives the same bytes on every database and machine."""
    facts: dict[str, int | str] = {
        "v": VERSION,
        "id": str(fill.pk),
        "portfolio": str(fill.portfolio_id),
        "number": fill.number,
        "order": str(fill.order_id),
        "instrument": str(fill.instrument_id),
        "account": fill.venue_account,
        "venue_fill": fill.venue_fill_id,
        "side": str(fill.side),
        "quantity": canonical(fill.quantity),
        "price": canonical(fill.price),
        "fee": canonical(fill.fee),
        "happened_at": _moment(fill.happened_at),
        "recorded_at": _moment(fill.recorded_at),
    }
    if fill.base_fee:
        facts |= {"v": VERSION_WITH_BASE_FEE, "base_fee": canonical(fill.base_fee)}
    return _written(facts)


def fill_lines(portfolio_id: UUID, *, first: int = 1, last: int | None = None) -> Iterator[bytes]:
    """Return the canonical bytes of a portfolio's fills by number, `first` and `last` included, none held longer than needed.

    PostgreSQL puts them together itself, while the caller works on those before: a million take seconds. Until the last one
    has come, the connection can be asked nothing else.
    """
    made = copied_texts(_LINES, [portfolio_id, first, last, last])
    if made is not None:
        return map(_in_ascii, made)
    rows = Fill.objects.filter(portfolio=portfolio_id, number__gte=first).order_by("number")
    return map(fill_bytes, (rows if last is None else rows.filter(number__lte=last)).iterator())


# What fill_bytes writes; texts with other than ASCII in them are not yet as JSON writes those there.
_LINES = """
SELECT '{"account":' || to_json(venue_account)::text
    || CASE WHEN base_fee = 0 THEN '' ELSE ',"base_fee":"' || trim_scale(base_fee)::text || '"' END
    || ',"fee":"' || trim_scale(fee)::text
    || '","happened_at":"' || to_char(happened_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    || '","id":"' || id::text || '","instrument":"' || instrument_id::text
    || '","number":' || number::text || ',"order":"' || order_id::text
    || '","portfolio":"' || portfolio_id::text || '","price":"' || trim_scale(price)::text
    || '","quantity":"' || trim_scale(quantity)::text
    || '","recorded_at":"' || to_char(recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    || '","side":"' || side || '","v":' || CASE WHEN base_fee = 0 THEN '1' ELSE '2' END
    || ',"venue_fill":' || to_json(venue_fill_id)::text || '}'
FROM trading_fill WHERE portfolio_id = %s AND number >= %s AND (%s::bigint IS NULL OR number <= %s) ORDER BY number
"""


def _in_ascii(line: bytes) -> bytes:
    if line.isascii() and b"\x7f" not in line:
        return line
    return _written(json.loads(line))


def _written(facts: dict[str, int | str]) -> bytes:
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
