"""Waiting orders by price level: the levels sorted, the orders of one level in the order in which they came."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Hashable

# No price in ticks comes near it.
BEYOND = 1 << 128


class Levels:
    """What one instrument's orders wait for. Two ways to be reached: by a price at or below a level, or at or above it."""

    __slots__ = ("_above", "_at", "_below", "_queues")

    def __init__(self) -> None:
        self._below: list[int] = []
        self._above: list[int] = []
        self._queues: dict[tuple[int, bool], dict[Hashable, None]] = {}
        self._at: dict[Hashable, tuple[int, bool]] = {}

    def __len__(self) -> int:
        return len(self._at)

    def arm(self, key: Hashable, level: int, *, below: bool) -> None:
        """Add an order at the end of a level's queue; it must not wait anywhere yet."""
        queue = self._queues.get((level, below))
        if queue is None:
            queue = self._queues[level, below] = {}
            insort(self._below if below else self._above, level)
        queue[key] = None
        self._at[key] = level, below

    def disarm(self, key: Hashable) -> None:
        """Remove an order; nothing happens where it does not wait."""
        if (place := self._at.pop(key, None)) is None:
            return
        queue = self._queues[place]
        del queue[key]
        if not queue:
            del self._queues[place]
            side = self._below if place[1] else self._above
            del side[bisect_left(side, place[0])]

    def bounds(self) -> tuple[int, int]:
        """Return the prices between which nothing is reached, both excluded."""
        return self._below[-1] if self._below else -BEYOND, self._above[0] if self._above else BEYOND

    def cross(self, price: int) -> list[tuple[int, Hashable]]:
        """Remove and return (level, key) of all that `price` reaches, the nearest to the market first, then the oldest."""
        reached: list[tuple[int, Hashable]] = []
        while self._below and self._below[-1] >= price:
            self._take(self._below.pop(), True, reached)
        passed = 0
        while passed < len(self._above) and self._above[passed] <= price:
            self._take(self._above[passed], False, reached)
            passed += 1
        del self._above[:passed]
        return reached

    def _take(self, level: int, below: bool, reached: list[tuple[int, Hashable]]) -> None:
        for key in self._queues.pop((level, below)):
            del self._at[key]
            reached.append((level, key))
