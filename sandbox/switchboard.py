"""Faults that are switched on and off, and whether one of them strikes: what both stand-ins share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar


class Strike(Protocol):
    """A fault: `count` strikes at most (None: no end), each with `probability`, where `where` occurs in the place."""

    probability: float
    count: int | None
    where: str
    id: int
    struck: int

    @property
    def kind(self) -> Any: ...


F = TypeVar("F", bound=Strike)


class Switchboard(Generic[F]):
    """The faults that are switched on. `chance` returns the next number from 0 to 1."""

    def __init__(self, chance: Callable[[], float]) -> None:
        self._chance = chance
        self._faults: list[F] = []
        self._next = 0

    def switch_on(self, fault: F) -> F:
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

    def listed(self) -> list[F]:
        """Return what is switched on."""
        return list(self._faults)

    def draw(self, kind: Any, where: str = "") -> F | None:
        """Return the first fault of a kind that strikes here and now, and count the strike."""
        for fault in self._faults:
            if fault.kind is kind and fault.where in where and self._strikes(fault):
                fault.struck += 1
                return fault
        return None

    def _strikes(self, fault: F) -> bool:
        if fault.count is not None and fault.struck >= fault.count:
            return False
        return fault.probability >= 1 or bool(self._chance() < fault.probability)
