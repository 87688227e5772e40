"""Who may send a signal: whoever knows the source's secret, within a minute of the signal's own time."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils.crypto import constant_time_compare, salted_hmac

from common.clock import wall_now
from common.errors import DomainError
from trading.signals.models import SignalSource

SIGNATURE, TIMESTAMP = "X-Slipstream-Signature", "X-Slipstream-Timestamp"
MAX_BODY = 4_096
OLDEST, NEWEST = timedelta(seconds=60), timedelta(seconds=10)
# One sentence for all who do not prove it, so that nobody learns which part was wrong.
REFUSED = DomainError("SIGNAL_REFUSED", "The signal's secret or signature is not this source's.", status=401)


@dataclass(frozen=True, slots=True)
class Heard:
    """A signal whose sender knows the secret: its fields, its time, and the name by which a repeat is known."""

    fields: Mapping[str, Any]
    at: datetime
    key: str


def secret_of(source: SignalSource) -> str:
    """Return a source's secret. It follows from the site's own: what is in the database opens nothing."""
    return salted_hmac("trading.signals", f"{source.pk}:{source.version}", algorithm="sha256").hexdigest()


def signature_of(secret: str, timestamp: str, body: bytes) -> str:
    """Return what a signed signal's header says: HMAC-SHA256 (hex) of the time in seconds, a dot and the body as sent."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def proven(source: SignalSource | None, headers: Mapping[str, str], body: bytes) -> Heard:
    """Return a signal that is signed, or that carries the secret in its body as charting sites' alerts must.

    Raises SIGNAL_REFUSED for a sender who does not know the secret (or a source that is not there), SIGNAL_INVALID for a
    body that is none, and SIGNAL_TOO_OLD for one that was sent at another time, which a recording would be.
    """
    if len(body) > MAX_BODY:
        raise DomainError("SIGNAL_INVALID", f"Send at most {MAX_BODY:,} bytes.", status=413)
    fields = _fields(body)
    signature, timestamp = headers.get(SIGNATURE), headers.get(TIMESTAMP, "")
    # Compared also where there is no source: the answer takes as long.
    secret = secret_of(source or SignalSource())
    if signature is not None:
        is_known = constant_time_compare(signature, signature_of(secret, timestamp, body))
    else:
        is_known = constant_time_compare(str(fields.pop("secret", "")), secret)
        timestamp = str(fields.get("time", ""))
    if not is_known or source is None:
        raise REFUSED
    at = _moment(timestamp)
    age = wall_now() - at
    if not -NEWEST <= age <= OLDEST:
        message = (
            f"The signal is of {at.isoformat()}; it counts for {OLDEST.seconds} seconds. Check the sender's clock."
        )
        raise DomainError("SIGNAL_TOO_OLD", message, status=409)
    # Without a name of its own a signal is the one that says the same at the same time.
    given = fields.get("id")
    if given is not None and not (isinstance(given, str) and 0 < len(given) <= 64):
        raise DomainError("SIGNAL_INVALID", "Give `id` as a text of 1 to 64 characters.", {"field": "id"})
    return Heard(fields, at, given or hashlib.sha256(timestamp.encode() + body).hexdigest())


def _fields(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise DomainError("SIGNAL_INVALID", "Send one JSON object.")
    # JSON may hold halves of characters and zero bytes, which neither a comparison nor a database takes.
    if not all(text.isprintable() for pair in found.items() for text in pair if isinstance(text, str)):
        raise DomainError("SIGNAL_INVALID", "Send plain text: names and values are printable characters.")
    return found


def _moment(text: str) -> datetime:
    """Return a time that is given in seconds since 1970 or in ISO 8601 (UTC where it names no zone)."""
    try:
        at = datetime.fromtimestamp(int(text), UTC) if text.isdecimal() else datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        message = (
            "Say when the signal was made: `time` in the body, as in 2026-03-02T12:00:00Z, or the timestamp header."
        )
        raise DomainError("SIGNAL_INVALID", message, {"field": "time"}) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
