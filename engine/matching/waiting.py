"""Where the open orders of one instrument wait: at price levels, behind a moving price, or for any price at all."""

from __future__ import annotations

from collections.abc import Hashable

from engine.matching.levels import BEYOND, Levels
from engine.matching.rules import is_limit, wakes_at
from engine.matching.trails import Trails
from engine.matching.types import Kind, OrderState, Step


class Waiting:
    """Tells which orders a price concerns: two comparisons for most prices, whatever the number of orders."""

    __slots__ = ("_any", "_high", "_levels", "_low", "_trails")

    def __init__(self) -> None:
        self._levels = Levels()
        self._trails = {1: Trails(1), -1: Trails(-1)}
        # The rest of triggered market orders that found too little to take.
        self._any: dict[Hashable, None] = {}
        self._low, self._high = -BEYOND, BEYOND

    def arm(self, state: OrderState) -> None:
        """Let an order wait for what concerns it next."""
        key = state.terms.key
        if (level := wakes_at(state)) is not None:
            self._levels.arm(key, level[0], below=level[1])
        elif state.terms.kind is Kind.TRAILING_STOP and not state.is_triggered:
            self._trails[state.terms.sign].add(state)
        else:
            self._any[key] = None
        self.bound()

    def disarm(self, key: Hashable) -> None:
        """Let an order wait no more; nothing happens where it did not."""
        self._levels.disarm(key)
        for trails in self._trails.values():
            trails.remove(key)
        self._any.pop(key, None)
        self.bound()

    def passes(self, price: int) -> bool:
        """Say whether a price concerns nobody."""
        return self._low < price < self._high

    def bound(self) -> None:
        """Find the prices between which nothing happens."""
        if self._any:
            self._low, self._high = BEYOND, -BEYOND
            return
        lows, highs = zip(self._levels.bounds(), *(one.bounds() for one in self._trails.values()), strict=True)
        self._low, self._high = max(lows), min(highs)

    def wake(self, step: Step) -> tuple[list[tuple[int, Hashable]], list[OrderState]]:
        """Remove and return what a move reaches: (level, key), and the trailing stops with what they had become."""
        woken = [(step.origin, key) for key in self._any]
        self._any.clear()
        return woken + self._levels.cross(step.price), [
            state for trails in self._trails.values() for state in trails.fire(step.price)
        ]

    def follow(self, price: int) -> None:
        """Let the trailing stops follow a price."""
        for trails in self._trails.values():
            trails.follow(price)
        self.bound()

    def trailing(self, key: Hashable) -> OrderState | None:
        """Return a trailing stop as it has become; None for any other order."""
        return self._trails[1].now(key) or self._trails[-1].now(key)

    def bests(self) -> dict[Hashable, int]:
        """Return the best prices that all stops follow which trail. Looks at each of them."""
        return {key: best for trails in self._trails.values() for key, best in trails.bests()}

    def triggers(self) -> dict[Hashable, int]:
        """Return the present triggers of all stops that trail. Looks at each of them."""
        return {key: trigger for trails in self._trails.values() for key, trigger in trails.triggers()}


def waits_for(state: OrderState) -> int:
    """Return the price that concerns an open order next; 0 where any does."""
    level = wakes_at(state)
    return level[0] if level is not None else state.trigger or 0


def reached(state: OrderState, price: int) -> bool:
    """Say whether `price` reaches what an open order waits for."""
    if (level := wakes_at(state)) is not None:
        return price <= level[0] if level[1] else price >= level[0]
    if state.trigger is None or is_limit(state):
        return False
    return state.terms.sign * (price - state.trigger) >= 0
