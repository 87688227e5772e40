"""A martingale: buys more the deeper it falls, sells all at a gain on the average. Capped in steps and in money, always."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from engine.decimals import BPS, ONE, ZERO, floor_to_step, price_to_tick
from engine.matching.resting import Grid
from engine.matching.types import Kind
from engine.plans.types import BUY, NOTHING, SELL, Event, Fill, Wish, Wishes, demand, demand_quantity

# No setting goes beyond it: doubled so often, the last purchase is 512 times the first.
MOST_STEPS = 10


@dataclass(frozen=True, slots=True)
class MartingaleState:
    """One cycle: purchases made so far (`steps`), what the one that waits has filled, what is held and what it cost.

    `spent` are the purchases of this cycle in quote units. `exits` counts the orders that were to sell: the newest is
    the one that stands.
    """

    cycle: int = 0
    steps: int = 0
    step_filled: Decimal = ZERO
    last_price: Decimal = ZERO
    held: Decimal = ZERO
    spent: Decimal = ZERO
    exits: int = 0
    is_done: bool = False


@dataclass(frozen=True, slots=True)
class MartingalePlan:
    """Begins with `quantity` at the market; each further purchase lies `step_bps` below the last and is `factor` times as large.

    At most `most_steps` purchases (never above MOST_STEPS) for at most `most_spent` (quote units, before fees) in a cycle:
    a purchase that would go beyond is not wished for. It sells all at `gain_bps` above the average price, and begins
    anew until it has sold `cycles` times.
    """

    quantity: Decimal
    factor: Decimal
    step_bps: Decimal
    gain_bps: Decimal
    most_steps: int
    most_spent: Decimal
    cycles: int
    grid: Grid

    def __post_init__(self) -> None:
        demand_quantity(self.quantity, self.grid)
        demand(ONE <= self.factor <= 4, "FACTOR", "Each purchase is 1 to 4 times as large as the one before.")
        demand(0 < self.step_bps < BPS, "STEP", "The step must be between 0 and 10,000 basis points.")
        demand(0 < self.gain_bps <= BPS, "GAIN", "The gain must be above 0 and at most 10,000 basis points.")
        demand(1 <= self.most_steps <= MOST_STEPS, "STEPS", f"At most {MOST_STEPS} purchases in a cycle.")
        demand(self.most_spent.is_finite() and self.most_spent > 0, "SPENT", "The money must be above 0.")
        demand(self.cycles >= 1, "CYCLES", "It runs at least once.")

    def begin(self, price: Decimal, at_ms: int) -> tuple[MartingaleState, Wishes]:
        """Buy at the market, if the money reaches that far."""
        return self._begin_cycle(MartingaleState(), price, ())

    def step(self, state: MartingaleState, event: Event) -> tuple[MartingaleState, Wishes]:
        """Answer a fill; prices by themselves change nothing, the orders that wait know what to do."""
        if not isinstance(event, Fill) or state.is_done or not event.key.startswith(f"{state.cycle}-"):
            return state, NOTHING
        return self._bought(state, event) if event.side == BUY else self._sold(state, event)

    def due(self, state: MartingaleState) -> None:
        """Only fills concern it."""

    def step_quantity(self, number: int) -> Decimal:
        """Return the quantity of purchase `number` (from 0), rounded down to the lot step."""
        return floor_to_step(self.quantity * self.factor**number, self.grid.lot_step)

    def _bought(self, state: MartingaleState, fill: Fill) -> tuple[MartingaleState, Wishes]:
        """Move the exit to the new average, and wait further below once the step is whole."""
        withdrawn = (_exit_key(state),) if state.exits else ()
        state = replace(
            state,
            step_filled=state.step_filled + fill.quantity,
            last_price=fill.price,
            held=state.held + fill.quantity,
            spent=state.spent + fill.quantity * fill.price,
            exits=state.exits + 1,
        )
        average = state.spent / self._bought_in_all(state)
        price = price_to_tick(average * (ONE + self.gain_bps / BPS), self.grid.tick_size, up=True)
        place = [Wish(_exit_key(state), SELL, Kind.LIMIT, state.held, price)]
        if state.step_filled == self.step_quantity(state.steps):
            state = replace(state, steps=state.steps + 1, step_filled=ZERO)
            if (deeper := self._deeper(state)) is not None:
                place.append(deeper)
        return state, Wishes(tuple(place), withdrawn)

    def _sold(self, state: MartingaleState, fill: Fill) -> tuple[MartingaleState, Wishes]:
        state = replace(state, held=state.held - fill.quantity)
        if state.held:
            return state, NOTHING
        waiting = (_step_key(state),) if self._waits(state) else ()
        if state.cycle + 1 == self.cycles:
            return replace(state, is_done=True), Wishes(cancel=waiting, is_done=True)
        return self._begin_cycle(MartingaleState(state.cycle + 1), fill.price, waiting)

    def _begin_cycle(
        self, state: MartingaleState, price: Decimal, cancel: tuple[str, ...]
    ) -> tuple[MartingaleState, Wishes]:
        if self.quantity * price > self.most_spent:
            return replace(state, is_done=True), Wishes(cancel=cancel, is_done=True)
        return state, Wishes((Wish(_step_key(state), BUY, Kind.MARKET, self.quantity),), cancel)

    def _deeper(self, state: MartingaleState) -> Wish | None:
        """Return the next purchase below the last; None where it would go beyond a cap."""
        price = price_to_tick(state.last_price * (ONE - self.step_bps / BPS), self.grid.tick_size, up=False)
        quantity = self.step_quantity(state.steps)
        if state.steps >= self.most_steps or price <= 0 or state.spent + quantity * price > self.most_spent:
            return None
        return Wish(_step_key(state), BUY, Kind.LIMIT, quantity, price)

    def _waits(self, state: MartingaleState) -> bool:
        """Say whether a purchase stands: one in part, or one further below."""
        return bool(state.step_filled) or self._deeper(state) is not None

    def _bought_in_all(self, state: MartingaleState) -> Decimal:
        return sum((self.step_quantity(number) for number in range(state.steps)), state.step_filled)


def _step_key(state: MartingaleState) -> str:
    return f"{state.cycle}-buy-{state.steps}"


def _exit_key(state: MartingaleState) -> str:
    return f"{state.cycle}-sell-{state.exits}"
