"""What came of an attempt to reach somebody."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Came(StrEnum):
    THROUGH = "THROUGH"
    # It may work later.
    LATER = "LATER"
    # It will not, however often it is tried.
    NEVER = "NEVER"
    # Nor will anything else on this way: the browser, or the chat, is gone.
    GONE = "GONE"


@dataclass(frozen=True, slots=True)
class Outcome:
    """`error` is for the person's log: words without a secret. `retry_after` is in seconds, 0 where nobody asked for more."""

    came: Came
    error: str = ""
    retry_after: float = 0.0


THROUGH = Outcome(Came.THROUGH)
