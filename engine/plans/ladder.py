"""A grid: between two prices, each rung buys at its lower edge and sells at its upper one, again and again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from engine.decimals import ZERO, nearest_tick
from engine.matching.resting import Grid
from engine.matching.types import Kind
from engine.plans.types import BUY, NOTHING, SELL, Event, Fill, Wish, Wishes, demand, demand_quantity

MOST_RUNGS = 500


@dataclass(frozen=True, slots=True)
class Rung:
    """One rung: which side it waits for, how much of that has filled, and how many rounds it has sold."""

    side: str
    filled: Decimal = ZERO
    rounds: int = 0


@dataclass(frozen=True, slots=True)
class LadderState:
    """Every rung from the lowest on; the first purchase is for those from number `first` on, `to_come` of it has not filled."""

    rungs: tuple[Rung, ...]
    first: int = 0
    to_come: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class LadderPlan:
    """`rungs` equal steps from `lower` to `upper` (quote units), `quantity` (base units) on each.

    Rungs that lie above the market when it begins are bought at once with one market order, so that they can sell. What
    it can invest is bounded by its settings: `quantity` × the sum of the rungs' lower edges, or the first price.
    """

    lower: Decimal
    upper: Decimal
    rungs: int
    quantity: Decimal
    grid: Grid

    def __post_init__(self) -> None:
        demand(0 < self.lower < self.upper, "RANGE", "The lower price must be above 0 and below the upper one.")
        demand(1 <= self.rungs <= MOST_RUNGS, "RUNGS", f"A grid has 1 to {MOST_RUNGS} rungs.")
        demand_quantity(self.quantity, self.grid)
        edges = [self.edge(number) for number in range(self.rungs + 1)]
        demand(len(set(edges)) == len(edges), "RUNGS", "So many rungs are closer together than the price tick.")

    def edge(self, number: int) -> Decimal:
        """Return the lower edge of rung `number` (from 0), or the upper one of the rung before, on the price tick."""
        return nearest_tick(self.lower + (self.upper - self.lower) * number / self.rungs, self.grid.tick_size)

    def begin(self, price: Decimal, at_ms: int) -> tuple[LadderState, Wishes]:
        """Buy what lies above the market at once, and wait below it."""
        sides = [BUY if self.edge(number) < price else SELL for number in range(self.rungs)]
        first = sides.count(BUY)
        state = LadderState(tuple(Rung(side) for side in sides), first, self.quantity * (self.rungs - first))
        wishes = [self._wish(state, number) for number in range(first)]
        if state.to_come:
            wishes.insert(0, Wish("start", BUY, Kind.MARKET, state.to_come))
        return state, Wishes(tuple(wishes))

    def step(self, state: LadderState, event: Event) -> tuple[LadderState, Wishes]:
        """Turn a rung round once it has filled."""
        if not isinstance(event, Fill):
            return state, NOTHING
        if event.key == "start":
            return self._started(state, event)
        number = next((one for one in range(self.rungs) if self._key(state, one) == event.key), None)
        if number is None:
            return state, NOTHING
        rung = state.rungs[number]
        rung = replace(rung, filled=rung.filled + event.quantity)
        if rung.filled < self.quantity:
            return self._with(state, number, rung), NOTHING
        turned = Rung(SELL, rounds=rung.rounds) if rung.side == BUY else Rung(BUY, rounds=rung.rounds + 1)
        state = self._with(state, number, turned)
        return state, Wishes((self._wish(state, number),))

    def due(self, state: LadderState) -> None:
        """Only fills concern it."""

    def _started(self, state: LadderState, event: Fill) -> tuple[LadderState, Wishes]:
        state = replace(state, to_come=state.to_come - event.quantity)
        if state.to_come:
            return state, NOTHING
        return state, Wishes(tuple(self._wish(state, number) for number in range(state.first, self.rungs)))

    def _wish(self, state: LadderState, number: int) -> Wish:
        side = state.rungs[number].side
        price = self.edge(number if side == BUY else number + 1)
        return Wish(self._key(state, number), side, Kind.LIMIT, self.quantity, price)

    def _key(self, state: LadderState, number: int) -> str:
        rung = state.rungs[number]
        return f"{number}-{rung.rounds}-{rung.side.lower()}"

    def _with(self, state: LadderState, number: int, rung: Rung) -> LadderState:
        return replace(state, rungs=(*state.rungs[:number], rung, *state.rungs[number + 1 :]))
