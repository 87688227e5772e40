"""A plan led through candles by the matching kernel: the same orders that it would have wished for live, filled by `order_level`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Generic

from engine.candles import Candles
from engine.decimals import ZERO
from engine.execution import Costs, taker_fee, taker_price
from engine.matching.book import InstrumentBook
from engine.matching.resting import Resting, terms_of
from engine.matching.types import Event as Matched
from engine.matching.types import EventKind, Events, Liquidity, Step
from engine.matching.walk import walk, walks
from engine.plans.types import BUY, Event, Fill, Plan, State, Tick, Wish, Wishes
from engine.positions import PositionState, apply_fill


@dataclass(frozen=True, slots=True)
class PlanCosts:
    """Fees and a market order's slippage in basis points."""

    maker_fee_bps: Decimal = ZERO
    taker_fee_bps: Decimal = ZERO
    slippage_bps: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class PlanFill:
    """A fill with its fee in quote units."""

    fill: Fill
    liquidity: Liquidity
    fee: Decimal


@dataclass(frozen=True, slots=True)
class PlanResult:
    """What became of a plan. `profit`: realized and open, less fees, at each candle's close. `most_invested`: the highest cost held."""

    fills: tuple[PlanFill, ...]
    position: PositionState
    profit: tuple[Decimal, ...]
    most_invested: Decimal
    is_done: bool


def backtest_plan(candles: Candles, plan: Plan[State], costs: PlanCosts, *, length_ms: int) -> PlanResult:
    """Begin a plan at the first candle's open and lead it to the last close; `length_ms` is how long a candle lasts.

    The market walks each candle open, high, low, close. The plan answers each fill at the price then reached, and hears
    a tick at each close. Raises ValueError without candles.
    """
    if not len(candles):
        raise ValueError("A plan needs at least one candle.")
    prices = walks(candles, plan.grid.tick_size)
    run = _Run(plan, costs, prices[0][0], int(candles.opened_at[0]))
    for opened_at, one in zip(candles.opened_at.tolist(), prices, strict=True):
        run.at_ms = opened_at + length_ms
        walk(run.book, one, closes_at_ms=run.at_ms, answer=run.answer)
        run.close(plan.grid.price(one[3]))
    return run.result()


@dataclass
class _Kept:
    """What is counted along the way."""

    fills: list[PlanFill] = field(default_factory=list)
    profit: list[Decimal] = field(default_factory=list)
    position: PositionState = field(default_factory=PositionState)
    most_invested: Decimal = ZERO


class _Run(Generic[State]):
    """One backtest: the plan's state, its orders in the book, and what has been counted."""

    def __init__(self, plan: Plan[State], costs: PlanCosts, open_ticks: int, at_ms: int) -> None:
        self.plan, self.costs, self.at_ms, self.is_done = plan, costs, at_ms, False
        self.book = InstrumentBook(open_ticks)
        self.wished: dict[str, Wish] = {}
        self.kept = _Kept()
        self.state, wishes = plan.begin(plan.grid.price(open_ticks), at_ms)
        self.answer(self._put(wishes, None), None)

    def answer(self, events: Events, step: Step | None) -> Events:
        """Tell the plan of its fills, do what it wishes for, and so on until nothing more happens.

        What it wishes for within a move meets the rest of that move, from the fill's price on: placed at the move's end,
        it would buy at a candle's low that nobody knew yet.
        """
        told: Events = []
        while events:
            came = [event for event in events if event.kind is EventKind.FILLED]
            events = [after for event in came for after in self._tell(self._booked(event), _rest(step, event))]
            told += events
        return told

    def close(self, price: Decimal) -> None:
        """Tell the plan of a candle's close, and count what it has made so far."""
        self.answer(self._tell(Tick(price, self.at_ms), None), None)
        position = self.kept.position
        open_profit = position.quantity * price - position.cost
        self.kept.profit.append(position.realized_pnl + open_profit - position.fees_paid)

    def result(self) -> PlanResult:
        """Return what became of it."""
        kept = self.kept
        return PlanResult(tuple(kept.fills), kept.position, tuple(kept.profit), kept.most_invested, self.is_done)

    def _tell(self, event: Event, within: Step | None) -> Events:
        self.state, wishes = self.plan.step(self.state, event)
        return self._put(wishes, within)

    def _put(self, wishes: Wishes, within: Step | None) -> Events:
        self.is_done |= wishes.is_done
        events: Events = []
        for key in wishes.cancel:
            if key in self.book:
                events += self.book.cancel(key)
        for wish in wishes.place:
            order = Resting(wish.key, "", wish.kind, wish.side, wish.quantity, limit_price=wish.limit_price)
            self.wished[wish.key] = wish
            events += self.book.place([terms_of(order, self.plan.grid)], at_ms=self.at_ms, within=within)
        return events

    def _booked(self, event: Matched) -> Fill:
        assert event.price is not None, "a fill has a price"
        assert event.lots is not None, "a fill has a quantity"
        assert event.liquidity is not None, "a fill makes or takes"
        grid, wish = self.plan.grid, self.wished[str(event.key)]
        takes = event.liquidity is Liquidity.TAKER
        fee_bps = self.costs.taker_fee_bps if takes else self.costs.maker_fee_bps
        costs = Costs(fee_bps, self.costs.slippage_bps, grid.tick_size)
        price, quantity = grid.price(event.price), grid.quantity(event.lots)
        if wish.limit_price is None:
            price = taker_price(market_price=price, is_buy=wish.side == BUY, costs=costs)
        fee = taker_fee(quantity=quantity, price=price, costs=costs)
        fill = Fill(wish.key, wish.side, quantity, price, self.at_ms)
        self._count(fill, event.liquidity, fee)
        return fill

    def _count(self, fill: Fill, liquidity: Liquidity, fee: Decimal) -> None:
        kept, change = self.kept, fill.quantity if fill.side == BUY else -fill.quantity
        kept.fills.append(PlanFill(fill, liquidity, fee))
        kept.position = apply_fill(kept.position, change=change, price=fill.price, fee=fee)
        kept.most_invested = max(kept.most_invested, kept.position.cost)


def _rest(step: Step | None, event: Matched) -> Step | None:
    """Return what is left of a move after a fill in it."""
    return None if step is None or event.price is None else replace(step, origin=step.at(event.price))
