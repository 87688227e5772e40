"""One POST to a service that the operator has set: where it goes is trusted, what comes back is not.

Addresses of strangers' choice (browsers' push services) go through accounts/webhooks/sending.py instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
import urllib3

TIMEOUT_SECONDS = 10.0
MOST_BYTES = 1_000_000
MOST_SECONDS_TO_WAIT = 3_600.0

# It would log each address it asks, and Telegram's hold the bot's token: settings keep urllib3 from that (LOGGING).
_pool = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(connect=TIMEOUT_SECONDS, read=TIMEOUT_SECONDS))


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its status (0: none came), its JSON object ({} where it is none), and how long it asks to wait."""

    status: int
    data: dict[str, Any]
    retry_after: float = 0.0
    # Why no answer came: a name of an error, since its text may hold the address.
    failure: str = ""

    @property
    def is_good(self) -> bool:
        return 200 <= self.status < 300


def call(url: str, body: bytes, headers: dict[str, str]) -> Reply:
    """Send a body and return the answer; every failure is a reply with status 0. Redirects are not followed."""
    try:
        answer = _pool.request("POST", url, body=body, headers=headers, redirect=False, preload_content=False)
        try:
            text = answer.read(MOST_BYTES)
        finally:
            answer.release_conn()
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        return Reply(0, {}, failure=type(error).__name__)
    return Reply(answer.status, _object(text), _seconds(answer.headers.get("Retry-After", "")))


def _object(text: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _seconds(text: str) -> float:
    return min(float(text), MOST_SECONDS_TO_WAIT) if text.isascii() and text.isdigit() else 0.0
