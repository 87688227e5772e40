"""When a request is sent again, and after how long. No network and no clock: both clients decide by this."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from slipstream_client.errors import ApiError

KEY = "Idempotency-Key"
_AGAIN = {429, 500, 502, 503, 504}
_SAFE_TO_REPEAT = {"GET", "HEAD", "PUT", "DELETE"}


@dataclass(frozen=True, slots=True)
class Retries:
    """At most `attempts` in all; pauses of `base_seconds` doubled each time, up to `cap_seconds`, with full jitter.

    A server's `Retry-After` is obeyed, with up to a tenth more, unless it asks for more than `patience_seconds`: then
    the refusal is raised at once.
    """

    attempts: int = 4
    base_seconds: float = 0.25
    cap_seconds: float = 8.0
    patience_seconds: float = 60.0

    def pause(self, attempt: int, method: str, headers: Mapping[str, str], error: ApiError | None, after: str) -> float:
        """Return the seconds until attempt number `attempt + 1`, or a negative number where there is to be none.

        `error` is the refusal, None where no answer came; `after` is the answer's Retry-After, or blank.
        """
        repeats = method in _SAFE_TO_REPEAT or (method == "POST" and KEY in headers)
        if attempt >= self.attempts or not repeats or not _is_passing(error):
            return -1.0
        asked = _seconds(after)
        if asked is None:
            return self.backoff(attempt)
        return asked * random.uniform(1.0, 1.1) if asked <= self.patience_seconds else -1.0

    def backoff(self, attempt: int) -> float:
        """Return a pause after `attempt` failures in a row: anything up to a bound that doubles."""
        bound = min(self.cap_seconds, self.base_seconds * 2.0 ** min(attempt - 1, 30))
        return random.uniform(bound / 10, bound)


def _is_passing(error: ApiError | None) -> bool:
    """Return whether the same request can be answered otherwise in a moment."""
    return error is None or error.status in _AGAIN or error.code == "IDEMPOTENCY_KEY_IN_USE"


def _seconds(after: str) -> float | None:
    # The API says seconds; a proxy may say a date, which is then left to the back-off.
    return float(after) if after.isascii() and after.isdigit() else None
