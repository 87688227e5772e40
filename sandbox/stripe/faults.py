"""What can go wrong with the processor: its answers, and the webhooks it sends. Drawn with a probability or a count."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from common.ids import seeded_random
from sandbox.switchboard import Switchboard


class FaultKind(StrEnum):
    """Every fault of the switch."""

    LATENCY = "latency"  # `seconds` before the request is looked at
    SERVER_ERROR = "server_error"  # `status`, and nothing was done
    SERVER_ERROR_AFTER = "server_error_after"  # it was done, and `status` is answered
    TIMEOUT_AFTER_ACCEPT = "timeout_after_accept"  # done, then no answer for `seconds`, then the connection closes
    RATE_LIMIT = "rate_limit"  # 429, and nothing was done
    WEBHOOK_DELAY = "webhook_delay"  # `seconds` before an event is sent
    WEBHOOK_DUPLICATE = "webhook_duplicate"  # an event is sent twice
    WEBHOOK_DISORDER = "webhook_disorder"  # an event is sent after the one behind it
    WEBHOOK_DROP = "webhook_drop"  # an attempt gets lost on its way; the event is sent again later
    WEBHOOK_LOST = "webhook_lost"  # an event is never sent; it can be listed and asked for


@dataclass(slots=True)
class Fault:
    """One switched-on fault: `count` strikes at most (None: no end), each with `probability`, where `where` occurs in the place.

    A place is "POST /v1/customers" for a request and the event's type for a webhook.
    """

    kind: FaultKind
    probability: float = 1.0
    count: int | None = None
    where: str = ""
    seconds: float = 0.0
    status: int = 500
    id: int = 0
    struck: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return the fault as the control endpoint shows it."""
        return {**asdict(self), "kind": str(self.kind)}


class FaultBoard(Switchboard[Fault]):
    """The faults that are switched on at the processor."""

    def __init__(self, seed: int = 1) -> None:
        super().__init__(seeded_random("stripe", seed).random)


def parsed(body: dict[str, Any]) -> Fault:
    """Return the fault that a JSON object describes; ValueError says what is wrong with it."""
    unknown = set(body) - {"kind", "probability", "count", "where", "seconds", "status"}
    if unknown:
        raise ValueError(f"A fault has no {', '.join(sorted(unknown))}.")
    return Fault(**{**body, "kind": FaultKind(body.get("kind", ""))})
