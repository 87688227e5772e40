"""Armed prices as sorted arrays: which of thousands of stops a price crosses, found by bisection instead of a scan or a query."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Hashable
from decimal import Decimal
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
_LOWEST, _HIGHEST = Decimal("-Infinity"), Decimal("Infinity")


class PriceLadder(Generic[Key]):
    """The armed triggers of one instrument. Two ways to cross: at or below a price (a long's stop), at or above it."""

    def __init__(self) -> None:
        self._below: list[tuple[Decimal, Key]] = []
        self._above: list[tuple[Decimal, Key]] = []
        self._armed: dict[Key, tuple[Decimal, bool]] = {}

    def __len__(self) -> int:
        return len(self._armed)

    def bounds(self) -> tuple[Decimal, Decimal]:
        """Return the prices between which nothing is crossed: both excluded, infinite where nothing is armed."""
        return (
            self._below[-1][0] if self._below else _LOWEST,
            self._above[0][0] if self._above else _HIGHEST,
        )

    def arm(self, key: Key, price: Decimal, *, below: bool) -> None:
        """Add a trigger, or move it where it is armed already."""
        self.disarm(key)
        self._armed[key] = (price, below)
        insort(self._below if below else self._above, (price, key), key=_price)

    def disarm(self, key: Key) -> None:
        """Remove a trigger; nothing happens where there is none."""
        if (held := self._armed.pop(key, None)) is None:
            return
        price, below = held
        side = self._below if below else self._above
        index = bisect_left(side, price, key=_price)
        while side[index][1] != key:
            index += 1
        del side[index]

    def reaches(self, price: Decimal) -> bool:
        """Say whether `price` would cross something."""
        lower, upper = self.bounds()
        return price <= lower or price >= upper

    def cross(self, price: Decimal) -> list[Key]:
        """Remove and return the triggers that `price` reaches, the nearest to the market first."""
        first_below = bisect_left(self._below, price, key=_price)
        last_above = bisect_right(self._above, price, key=_price)
        crossed = [key for _, key in reversed(self._below[first_below:])] + [key for _, key in self._above[:last_above]]
        del self._below[first_below:]
        del self._above[:last_above]
        for key in crossed:
            del self._armed[key]
        return crossed


def _price(entry: tuple[Decimal, Key]) -> Decimal:
    return entry[0]
