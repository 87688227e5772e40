"""A position as the sum of its fills: quantity, what it cost, what it has earned. Average cost; any split of a fill gives the same."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from engine.decimals import ONE, QUANTUM, ZERO, money


@dataclass(frozen=True, slots=True)
class PositionState:
    """Signed quantity in base units (negative is short); `cost` is what that quantity was opened for, in quote units, same sign.

    `realized_pnl` counts price differences of what was closed, before fees; `fees_paid` stands beside it.
    """

    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    realized_pnl: Decimal = ZERO
    fees_paid: Decimal = ZERO

    @property
    def average_price(self) -> Decimal:
        """Return the average opening price, 0 when flat."""
        return money(self.cost / self.quantity) if self.quantity else ZERO


def closed_quantity(quantity: Decimal, change: Decimal) -> Decimal:
    """Return how many units of a position a signed change closes; 0 for one that adds."""
    return min(abs(quantity), abs(change)) if quantity * change < 0 else ZERO


def closed_fraction(quantity: Decimal, change: Decimal) -> Decimal:
    """Return which part (0–1) of a position a signed change closes: 0 for one that adds, 1 for one that flattens or reverses."""
    closed = closed_quantity(quantity, change)
    if not closed:
        return ZERO
    if closed == abs(quantity):
        return ONE
    # Never rounded up to the whole: 1 says that nothing is left.
    return min(money(closed / abs(quantity)), ONE - QUANTUM)


def join_fractions(first: Decimal, second: Decimal) -> Decimal:
    """Return which part of a position is gone after a part of it was closed, and then a part of what was left.

    >>> join_fractions(Decimal("0.5"), Decimal("0.5")) == Decimal("0.75")
    True
    """
    if ONE in (first, second):
        return ONE
    return min(money(ONE - (ONE - first) * (ONE - second)), ONE - QUANTUM)


def apply_fill(state: PositionState, *, change: Decimal, price: Decimal, fee: Decimal) -> PositionState:
    """Return the state after a fill of signed quantity `change` at `price` with `fee` in quote units.

    >>> apply_fill(PositionState(Decimal(2), Decimal(200)), change=Decimal(-1), price=Decimal(110), fee=ZERO).realized_pnl == 10
    True
    """
    fees = state.fees_paid + fee
    adds = not state.quantity or (state.quantity > 0) == (change > 0)
    if adds:
        return replace(state, quantity=state.quantity + change, cost=state.cost + change * price, fees_paid=fees)
    flattens = abs(change) >= abs(state.quantity)
    closed = -state.quantity if flattens else change
    # The last unit takes all the cost that is left, so rounding never leaves cost without quantity.
    cost_out = state.cost if flattens else money(state.cost * -closed / state.quantity)
    rest = change - closed
    return PositionState(
        quantity=state.quantity + change,
        cost=rest * price if flattens else state.cost - cost_out,
        realized_pnl=state.realized_pnl - closed * price - cost_out,
        fees_paid=fees,
    )
