"""Dollar-cost averaging: the same amount of money, at the market's price, at regular times."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from engine.decimals import floor_to_step
from engine.matching.resting import Grid
from engine.matching.types import Kind
from engine.plans.types import BUY, NOTHING, Event, Tick, Wish, Wishes, demand


@dataclass(frozen=True, slots=True)
class DcaState:
    """How many purchases were wished for, and when the next is due."""

    bought: int
    due_at_ms: int


@dataclass(frozen=True, slots=True)
class DcaPlan:
    """`times` purchases for `amount` (quote units) each, every `interval_ms`, the first at once.

    Times that passed while nobody told it the price are not made up for: one purchase, and the next at its own time.
    """

    amount: Decimal
    interval_ms: int
    times: int
    grid: Grid

    def __post_init__(self) -> None:
        demand(self.amount.is_finite() and self.amount > 0, "AMOUNT", "The amount must be above 0.")
        demand(self.interval_ms > 0, "INTERVAL", "The interval must be above 0.")
        demand(self.times >= 1, "TIMES", "It buys at least once.")

    def begin(self, price: Decimal, at_ms: int) -> tuple[DcaState, Wishes]:
        """Buy for the first time."""
        return self.step(DcaState(0, at_ms), Tick(price, at_ms))

    def step(self, state: DcaState, event: Event) -> tuple[DcaState, Wishes]:
        """Buy when it is time. A price at which the amount buys not even one lot counts as a time, and buys nothing."""
        if not isinstance(event, Tick) or event.at_ms < state.due_at_ms or state.bought == self.times:
            return state, NOTHING
        passed = (event.at_ms - state.due_at_ms) // self.interval_ms + 1
        number = state.bought
        state = replace(state, bought=number + 1, due_at_ms=state.due_at_ms + passed * self.interval_ms)
        quantity = floor_to_step(self.amount / event.price, self.grid.lot_step)
        wishes = (Wish(str(number), BUY, Kind.MARKET, quantity),) if quantity else ()
        return state, Wishes(wishes, is_done=state.bought == self.times)

    def due(self, state: DcaState) -> int | None:
        """Return when it buys next."""
        return state.due_at_ms if state.bought < self.times else None
