"""Time-weighted: a quantity in equal slices over a time, so that no single order moves the market."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from engine.decimals import ZERO, floor_to_step
from engine.matching.resting import Grid
from engine.matching.types import Kind
from engine.plans.types import (
    NOTHING,
    Event,
    Fill,
    Tick,
    Wish,
    Wishes,
    demand,
    demand_price,
    demand_quantity,
    demand_side,
)

MOST_SLICES = 500


@dataclass(frozen=True, slots=True)
class TwapState:
    """Slices sent, when the next is due, and how much was asked for and not taken back (`taken`, base units).

    Of the slice that was sent last, `asked` is its quantity and `got` what of it has filled.
    """

    sent: int
    due_at_ms: int
    taken: Decimal = ZERO
    asked: Decimal = ZERO
    got: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class TwapPlan:
    """`quantity` (base units) in `slices` equal parts, one every `duration_ms` / `slices`, the first at once.

    What rounding to lots leaves of a slice is carried to the next. With a limit price each slice waits at it until the
    next is due; what has not filled by then is carried as well, and given up when the time is over. Times that passed
    while nobody told it the price move the end back: it never hurries.
    """

    side: str
    quantity: Decimal
    duration_ms: int
    slices: int
    limit_price: Decimal | None
    grid: Grid

    def __post_init__(self) -> None:
        demand_side(self.side)
        demand_quantity(self.quantity, self.grid)
        demand(1 <= self.slices <= MOST_SLICES, "SLICES", f"It has 1 to {MOST_SLICES} slices.")
        demand(self.duration_ms >= self.slices, "DURATION", "The time must be above 0.")
        demand(self.quantity >= self.grid.lot_step * self.slices, "SLICES", "A slice would be less than a lot.")
        if self.limit_price is not None:
            demand_price(self.limit_price, self.grid)

    @property
    def interval_ms(self) -> int:
        """Return the time from one slice to the next."""
        return self.duration_ms // self.slices

    def begin(self, price: Decimal, at_ms: int) -> tuple[TwapState, Wishes]:
        """Send the first slice."""
        return self.step(TwapState(0, at_ms), Tick(price, at_ms))

    def step(self, state: TwapState, event: Event) -> tuple[TwapState, Wishes]:
        """Send a slice when it is time, and count what the last one has filled."""
        if isinstance(event, Fill):
            return self._filled(state, event)
        if self.due(state) is None or event.at_ms < state.due_at_ms:
            return state, NOTHING
        passed = (event.at_ms - state.due_at_ms) // self.interval_ms + 1
        missed = state.asked - state.got if self.limit_price is not None else ZERO
        cancel = (str(state.sent - 1),) if missed else ()
        if state.sent == self.slices:
            return replace(state, taken=state.taken - missed, asked=state.got), Wishes(cancel=cancel, is_done=True)
        taken = state.taken - missed
        quantity = self.target(state.sent + 1) - taken
        after = TwapState(state.sent + 1, state.due_at_ms + passed * self.interval_ms, taken + quantity, asked=quantity)
        place = (self._wish(state.sent, quantity),) if quantity else ()
        return after, Wishes(place, cancel, is_done=self.limit_price is None and after.sent == self.slices)

    def due(self, state: TwapState) -> int | None:
        """Return when the next slice is due, or, of limits, when the time is over."""
        is_waited_for = self.limit_price is not None and state.got < state.asked
        return state.due_at_ms if state.sent < self.slices or is_waited_for else None

    def target(self, slices: int) -> Decimal:
        """Return how much is to be asked for once so many slices were sent."""
        return floor_to_step(self.quantity * slices / self.slices, self.grid.lot_step)

    def _wish(self, number: int, quantity: Decimal) -> Wish:
        kind = Kind.MARKET if self.limit_price is None else Kind.LIMIT
        return Wish(str(number), self.side, kind, quantity, self.limit_price)

    def _filled(self, state: TwapState, fill: Fill) -> tuple[TwapState, Wishes]:
        if fill.key != str(state.sent - 1):
            return state, NOTHING
        state = replace(state, got=state.got + fill.quantity)
        is_done = state.sent == self.slices and state.got == state.asked
        return state, Wishes(is_done=True) if is_done else NOTHING
