"""An iceberg: a large limit order of which the market sees one slice at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal

from engine.decimals import ZERO
from engine.matching.resting import Grid
from engine.matching.types import Kind
from engine.plans.types import NOTHING, Event, Fill, Wish, Wishes, demand, demand_price, demand_quantity, demand_side

MOST_SHOWN = 500


@dataclass(frozen=True, slots=True)
class IcebergState:
    """Slices that have filled whole, and what of the one that waits has filled (base units)."""

    done: int = 0
    slice_filled: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class IcebergPlan:
    """`quantity` (base units) at `limit_price`, never more than `visible` of it at a time: the next when one has filled whole."""

    side: str
    quantity: Decimal
    visible: Decimal
    limit_price: Decimal
    grid: Grid

    def __post_init__(self) -> None:
        demand_side(self.side)
        demand_quantity(self.quantity, self.grid)
        demand_quantity(self.visible, self.grid)
        demand_price(self.limit_price, self.grid)
        demand(self.visible <= self.quantity, "VISIBLE", "The visible part is at most the whole quantity.")
        demand(self.slices <= MOST_SHOWN, "VISIBLE", f"The visible part would be shown more than {MOST_SHOWN} times.")

    @property
    def slices(self) -> int:
        """Return how many slices it takes."""
        return int((self.quantity / self.visible).to_integral_value(ROUND_CEILING))

    def slice_quantity(self, number: int) -> Decimal:
        """Return the quantity of slice `number` (from 0); the last may be smaller."""
        return min(self.visible, self.quantity - number * self.visible)

    def begin(self, price: Decimal, at_ms: int) -> tuple[IcebergState, Wishes]:
        """Show the first slice."""
        return IcebergState(), Wishes((self._wish(0),))

    def step(self, state: IcebergState, event: Event) -> tuple[IcebergState, Wishes]:
        """Show the next slice once one has filled whole."""
        if not isinstance(event, Fill) or event.key != str(state.done) or state.done == self.slices:
            return state, NOTHING
        filled = state.slice_filled + event.quantity
        if filled < self.slice_quantity(state.done):
            return replace(state, slice_filled=filled), NOTHING
        state = IcebergState(state.done + 1)
        if state.done == self.slices:
            return state, Wishes(is_done=True)
        return state, Wishes((self._wish(state.done),))

    def due(self, state: IcebergState) -> None:
        """Only fills concern it."""

    def _wish(self, number: int) -> Wish:
        return Wish(str(number), self.side, Kind.LIMIT, self.slice_quantity(number), self.limit_price)
