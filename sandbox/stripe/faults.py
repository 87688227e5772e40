"""What can go wrong with the processor: its answers, and the webhooks it sends. Drawn with a probability or a count."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from common.ids import seeded_random


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


class FaultBoard:
    """The faults that are switched on."""

    def __init__(self, seed: int = 1) -> None:
        self._random = seeded_random("stripe", seed)
        self._faults: list[Fault] = []
        self._next = 0

    def switch_on(self, fault: Fault) -> Fault:
        """Add a fault and give it its id."""
        self._next += 1
        fault.id = self._next
        self._faults.append(fault)
        return fault

    def switch_off(self, fault_id: int | None = None) -> int:
        """Remove one fault, or all; return how many went."""
        before = len(self._faults)
        self._faults = [fault for fault in self._faults if fault_id is not None and fault.id != fault_id]
        return before - len(self._faults)

    def listed(self) -> list[Fault]:
        """Return what is switched on."""
        return list(self._faults)

    def draw(self, kind: FaultKind, where: str) -> Fault | None:
        """Return the first fault of a kind that strikes here and now, and count the strike."""
        for fault in self._faults:
            if fault.kind is kind and fault.where in where and self._strikes(fault):
                fault.struck += 1
                return fault
        return None

    def _strikes(self, fault: Fault) -> bool:
        if fault.count is not None and fault.struck >= fault.count:
            return False
        return fault.probability >= 1 or self._random.random() < fault.probability


def parsed(body: dict[str, Any]) -> Fault:
    """Return the fault that a JSON object describes; ValueError says what is wrong with it."""
    unknown = set(body) - {"kind", "probability", "count", "where", "seconds", "status"}
    if unknown:
        raise ValueError(f"A fault has no {', '.join(sorted(unknown))}.")
    return Fault(**{**body, "kind": FaultKind(body.get("kind", ""))})
