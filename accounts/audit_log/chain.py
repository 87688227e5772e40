"""The canonical form of an entry, and its link. Version 1 stands for good: another form is another version."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC

from accounts.models import AuditEntry

VERSION = 1
# What the first seal follows.
FIRST = hashlib.sha256(b"slipstream audit 1").hexdigest()


def canonical_entry(entry: AuditEntry, number: int) -> bytes:
    """Return an entry as what its hash is made of: JSON with sorted keys, no spaces, ASCII; times in UTC to the microsecond."""
    facts = {
        "v": VERSION,
        "number": number,
        "id": entry.pk,
        "at": entry.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "actor": str(entry.actor_id) if entry.actor_id else None,
        "role": entry.role,
        "workspace": str(entry.workspace_id) if entry.workspace_id else None,
        "action": entry.action,
        "object": [entry.object_kind, entry.object_id],
        "before": entry.before,
        "after": entry.after,
        "address": entry.address,
        "request": entry.request_id,
    }
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def link(previous: str, data: bytes) -> str:
    """Return the hash of an entry behind another: SHA-256 of the one before (32 bytes) and the canonical bytes, as hex."""
    return hashlib.sha256(bytes.fromhex(previous) + data).hexdigest()
