"""One order at a time of the market's clock."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from engine.matching.resting import Grid
from engine.matching.types import Kind
from engine.plans.types import NOTHING, Event, Tick, Wish, Wishes, demand_price, demand_quantity, demand_side

KEY = "0"


@dataclass(frozen=True, slots=True)
class ScheduledState:
    """Whether its order was sent."""

    is_sent: bool = False


@dataclass(frozen=True, slots=True)
class ScheduledPlan:
    """`quantity` (base units) at the first price from `at_ms` on: at the market, or as a limit that waits from then on."""

    side: str
    quantity: Decimal
    at_ms: int
    limit_price: Decimal | None
    grid: Grid

    def __post_init__(self) -> None:
        demand_side(self.side)
        demand_quantity(self.quantity, self.grid)
        if self.limit_price is not None:
            demand_price(self.limit_price, self.grid)

    def begin(self, price: Decimal, at_ms: int) -> tuple[ScheduledState, Wishes]:
        """Wait for the time, if it is still to come."""
        return self.step(ScheduledState(), Tick(price, at_ms))

    def step(self, state: ScheduledState, event: Event) -> tuple[ScheduledState, Wishes]:
        """Send the order when it is time; that is all it wishes for."""
        if state.is_sent or not isinstance(event, Tick) or event.at_ms < self.at_ms:
            return state, NOTHING
        kind = Kind.MARKET if self.limit_price is None else Kind.LIMIT
        wish = Wish(KEY, self.side, kind, self.quantity, self.limit_price)
        return ScheduledState(is_sent=True), Wishes((wish,), is_done=True)

    def due(self, state: ScheduledState) -> int | None:
        """Return its time, until the order was sent."""
        return None if state.is_sent else self.at_ms
