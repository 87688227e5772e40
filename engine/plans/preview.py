"""What a plan will do, before it does anything: its levels or slices, the most it may cost, and what it may lose.

Amounts are before fees and slippage; prices and quantities as the plan itself would wish for them at a market's price.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

from engine.decimals import ZERO, floor_to_step
from engine.plans.dca import DcaPlan
from engine.plans.iceberg import IcebergPlan
from engine.plans.ladder import LadderPlan
from engine.plans.martingale import MartingalePlan
from engine.plans.scheduled import ScheduledPlan
from engine.plans.twap import TwapPlan
from engine.plans.types import BUY, SELL, Fill, Plan, Wish


@dataclass(frozen=True, slots=True)
class Step:
    """One order that a plan would place: `at_ms` where the clock decides, `sells_at` where a sale above follows it."""

    label: str
    side: str
    price: Decimal
    quantity: Decimal
    at_ms: int | None = None
    sells_at: Decimal | None = None

    @property
    def value(self) -> Decimal:
        return self.price * self.quantity

    @property
    def at(self) -> datetime | None:
        return None if self.at_ms is None else datetime.fromtimestamp(self.at_ms / 1000, UTC)


@dataclass(frozen=True, slots=True)
class Preview:
    """The steps; `cost` is the most that may be invested at a time, `proceeds` what sales would bring (quote units).

    `worst_loss` is what a purchase loses should the price fall to nothing: all of it. `loss_at`, where the plan has a lowest
    price of its own, is that price, `loss_there` what it has lost when the market stands there.
    """

    steps: tuple[Step, ...]
    cost: Decimal
    proceeds: Decimal
    worst_loss: Decimal
    loss_at: Decimal | None = None
    loss_there: Decimal | None = None


def preview(plan: Plan[Any], price: Decimal, at_ms: int) -> Preview:
    """Return what a plan that begins at a market's price will do."""
    if isinstance(plan, LadderPlan):
        return _of_ladder(plan, price)
    if isinstance(plan, MartingalePlan):
        return _of_martingale(plan, price)
    return _of_steps(tuple(_steps(plan, price, at_ms)))


def _steps(plan: Plan[Any], price: Decimal, at_ms: int) -> list[Step]:
    if isinstance(plan, DcaPlan):
        quantity = floor_to_step(plan.amount / price, plan.grid.lot_step)
        times = [at_ms + number * plan.interval_ms for number in range(plan.times)]
        return [Step(str(number), BUY, price, quantity, at) for number, at in enumerate(times, 1)]
    if isinstance(plan, TwapPlan):
        targets = [plan.target(number) for number in range(plan.slices + 1)]
        parts = [after - before for before, after in pairwise(targets)]
        times = [at_ms + number * plan.interval_ms for number in range(plan.slices)]
        at_price = plan.limit_price or price
        rows = zip(parts, times, strict=True)
        return [Step(str(number), plan.side, at_price, part, at) for number, (part, at) in enumerate(rows, 1)]
    if isinstance(plan, IcebergPlan):
        parts = [plan.slice_quantity(number) for number in range(plan.slices)]
        return [Step(str(number), plan.side, plan.limit_price, part) for number, part in enumerate(parts, 1)]
    assert isinstance(plan, ScheduledPlan), "every kind is named above"
    return [Step("1", plan.side, plan.limit_price or price, plan.quantity, plan.at_ms)]


def _of_steps(steps: tuple[Step, ...]) -> Preview:
    cost = sum((one.value for one in steps if one.side == BUY), ZERO)
    proceeds = sum((one.value for one in steps if one.side == SELL), ZERO)
    return Preview(steps, cost, proceeds, worst_loss=cost)


def _of_ladder(plan: LadderPlan, price: Decimal) -> Preview:
    state, _ = plan.begin(price, 0)
    steps = []
    for number, rung in enumerate(state.rungs):
        # What lies above the market is bought at once.
        at = plan.edge(number) if rung.side == BUY else price
        steps.append(Step(str(number + 1), BUY, at, plan.quantity, sells_at=plan.edge(number + 1)))
    found = _of_steps(tuple(steps))
    there = found.cost - plan.quantity * plan.rungs * plan.lower
    return replace(found, loss_at=plan.lower, loss_there=there)


def _of_martingale(plan: MartingalePlan, price: Decimal) -> Preview:
    """Let the market fall from step to step, and ask the plan itself what it wishes for."""
    steps: list[Step] = []
    state, wishes = plan.begin(price, 0)
    waiting = next(iter(wishes.place), None)
    while waiting is not None:
        at = waiting.limit_price or price
        state, wishes = plan.step(state, Fill(waiting.key, BUY, waiting.quantity, at, 0))
        sale, deeper = _answer(wishes.place)
        steps.append(Step(str(len(steps) + 1), BUY, at, waiting.quantity, sells_at=sale))
        waiting = deeper
    found = _of_steps(tuple(steps))
    if not steps:
        return found
    last = steps[-1].price
    return replace(found, loss_at=last, loss_there=state.spent - state.held * last)


def _answer(place: tuple[Wish, ...]) -> tuple[Decimal | None, Wish | None]:
    sales = [one.limit_price for one in place if one.side == SELL]
    deeper = [one for one in place if one.side == BUY]
    return next(iter(sales), None), next(iter(deeper), None)
