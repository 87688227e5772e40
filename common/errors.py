"""What a service raises when it refuses: one error type with a stable code, a sentence for the person, and facts for the program."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class DomainError(Exception):
    """A refusal that its reader can act on.

    `code` is stable and reads like `QUANTITY_BELOW_MINIMUM`; `message` is one sentence that says what to do;
    `context` holds JSON-ready facts (never secrets); `status` is the HTTP status a door answers with.
    """

    def __init__(self, code: str, message: str, context: Mapping[str, Any] | None = None, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.context: dict[str, Any] = dict(context or {})
        self.status = status

    def write_again(self) -> None:
        """Write once more what tells of this refusal, when a transaction around the refused act was undone after it."""


class NotFound(DomainError):
    """The object does not exist, or the asker must not learn that it does: the answer is the same."""

    def __init__(self, what: str) -> None:
        super().__init__("NOT_FOUND", f"There is no such {what}.", status=404)
