"""One order and one price: what the book would make of it, for somebody who keeps orders as rows and decides one by one.

    met = arrive(order, grid, price)              # it comes to the market while that stands at `price`
    met = meet(order, grid, price, depth=...)     # it rests, and the market jumps to `price`

Where the depth is known a taker walks it, and may get less than it asked for; a maker gets its own limit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum

from engine.decimals import ZERO
from engine.matching.resting import Grid, Resting, RestingEvent
from engine.matching.resting_book import RestingBook
from engine.matching.types import Depth, EventKind, Kind, Liquidity

# What the market decides about when it arrives. Whatever waits for a trigger meets the price as if it had rested: one
# that is in the market already goes off, since it is there to protect.
_ARRIVING = (Kind.LIMIT, Kind.TRAILING_STOP)


class Effect(Enum):
    """What becomes of an order at a price. MAKER fills at its own limit, TAKER at what the market offers."""

    RESTS = "RESTS"
    MAKER = "MAKER"
    TAKER = "TAKER"
    CROSSES = "CROSSES"  # and must not: it is post-only
    MISSES = "MISSES"  # and may not wait


@dataclass(frozen=True, slots=True)
class Met:
    """An order after a price: what happens to it, as what it goes on, and its fills as (price, quantity), the best first."""

    effect: Effect
    order: Resting
    fills: tuple[tuple[Decimal, Decimal], ...] = ()


def arrive(order: Resting, grid: Grid, price: Decimal, *, depth: Depth | None = None) -> Met:
    """Return what becomes of an order that arrives while the market stands at `price`."""
    if order.kind not in _ARRIVING:
        return meet(order, grid, price, depth=depth)
    book = _book(order, grid)
    book.list_instrument(order.instrument_key, grid, price)
    # One that was changed comes with what is left of it.
    left = replace(order, quantity=order.quantity - order.filled_quantity, filled_quantity=ZERO)
    return _met(order, book, book.place(left, depth=depth))


def meet(order: Resting, grid: Grid, price: Decimal, *, depth: Depth | None = None) -> Met:
    """Return what a price does to an order that rests; RESTS with the same order where it does nothing."""
    book = _book(order, grid)
    book.restore(order)
    return _met(order, book, book.on_price(order.instrument_key, price, depth=depth))


def _book(order: Resting, grid: Grid) -> RestingBook:
    book = RestingBook()
    book.list_instrument(order.instrument_key, grid)
    return book


def _met(order: Resting, book: RestingBook, events: list[RestingEvent]) -> Met:
    fills = tuple((one.price, one.quantity) for one in events if one.price is not None and one.quantity is not None)
    kinds = {one.kind for one in events}
    standing = book.standing(order.order_key)
    after = replace(
        order,
        filled_quantity=order.filled_quantity + sum((quantity for _, quantity in fills), ZERO),
        is_triggered=standing.is_triggered if standing else order.is_triggered or EventKind.TRIGGERED in kinds,
        best_price=standing.best_price if standing else order.best_price,
    )
    if fills:
        is_maker = any(one.liquidity is Liquidity.MAKER for one in events)
        return Met(Effect.MAKER if is_maker else Effect.TAKER, after, fills)
    if EventKind.REJECTED in kinds:
        return Met(Effect.CROSSES, after)
    return Met(Effect.MISSES if EventKind.CANCELED in kinds else Effect.RESTS, after)
