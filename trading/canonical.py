"""The one byte form of a fill: what it was, for ever, whatever columns come and go. Seals and exports are made of it.

Version 1 is JSON in ASCII without spaces: an object whose keys are sorted, among them "v": 1. Decimals are strings in plain
notation without trailing zeros, times UTC with microseconds and a Z, ids in their usual form. The numbers are the
version and `number`, the fill's place in its portfolio. A later form is another version beside this one, never a change of it:

    {"account":"paper","fee":"0.1","happened_at":"2026-03-02T12:00:00.000000Z","id":"01…",…,"side":"BUY","v":1,…}
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

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
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
