"""A limit order book with price-time priority, and a record of the levels that changed."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from decimal import Decimal

from engine.decimals import ZERO
from sandbox.core.orders import Order, Side

Level = tuple[Decimal, Decimal]


class _Ladder:
    """One side: prices from the best on, and at each price the orders in the order of their coming."""

    def __init__(self, side: Side) -> None:
        self._sign = -side.sign  # bids are sorted downwards
        self.keys: list[Decimal] = []
        self.queues: dict[Decimal, dict[int, Order]] = {}
        self.totals: dict[Decimal, Decimal] = {}

    def prices(self) -> Iterator[Decimal]:
        return (key * self._sign for key in self.keys)

    def best(self) -> Decimal | None:
        return self.keys[0] * self._sign if self.keys else None

    def add(self, price: Decimal, order: Order) -> None:
        if price not in self.queues:
            key = price * self._sign
            self.keys.insert(bisect_left(self.keys, key), key)
            self.queues[price] = {}
            self.totals[price] = ZERO
        self.queues[price][order.id] = order
        self.totals[price] += order.remaining

    def remove(self, price: Decimal, order: Order) -> None:
        self.totals[price] -= order.remaining
        del self.queues[price][order.id]
        if not self.queues[price]:
            del self.queues[price], self.totals[price]
            del self.keys[bisect_left(self.keys, price * self._sign)]


class OrderBook:
    """Both sides. `update_id` counts changes of levels; `changed` names those since it was last emptied."""

    def __init__(self) -> None:
        self._sides = {side: _Ladder(side) for side in Side}
        self.update_id = 1
        self.changed: set[tuple[Side, Decimal]] = set()

    def add(self, order: Order) -> None:
        """Let an order rest behind those already at its price."""
        price = _price_of(order)
        self._sides[order.side].add(price, order)
        self._touch(order.side, price)

    def remove(self, order: Order) -> bool:
        """Take an order out; False when it does not rest here."""
        price = _price_of(order)
        if order.id not in self._sides[order.side].queues.get(price, {}):
            return False
        self._sides[order.side].remove(price, order)
        self._touch(order.side, price)
        return True

    def take(self, order: Order, quantity: Decimal) -> None:
        """Note that a resting order gave up `quantity`. Call before the order's own `filled` grows."""
        price = _price_of(order)
        ladder = self._sides[order.side]
        if quantity == order.remaining:
            ladder.remove(price, order)
        else:
            ladder.totals[price] -= quantity
        self._touch(order.side, price)

    def best(self, side: Side) -> Decimal | None:
        """Return the best price of a side."""
        return self._sides[side].best()

    def first(self, side: Side) -> Order | None:
        """Return the order that trades next on a side."""
        ladder = self._sides[side]
        best = ladder.best()
        return None if best is None else next(iter(ladder.queues[best].values()))

    def levels(self, side: Side, limit: int) -> list[Level]:
        """Return up to `limit` (price, quantity) from the best on."""
        ladder = self._sides[side]
        return [(price, ladder.totals[price]) for price, _ in zip(ladder.prices(), range(limit), strict=False)]

    def quantity_at(self, side: Side, price: Decimal) -> Decimal:
        """Return what rests at a price."""
        return self._sides[side].totals.get(price, ZERO)

    def reachable(self, taker: Side, limit: Decimal | None) -> Iterator[Level]:
        """Yield the (price, quantity) levels that a taker may trade with, best first."""
        ladder = self._sides[taker.opposite]
        for price in ladder.prices():
            if not crosses(taker, limit, price):
                return
            yield price, ladder.totals[price]

    def _touch(self, side: Side, price: Decimal) -> None:
        self.update_id += 1
        self.changed.add((side, price))


def crosses(taker: Side, limit: Decimal | None, price: Decimal) -> bool:
    """Tell whether a taker with this limit (None: any price) trades at `price`."""
    if limit is None:
        return True
    return price <= limit if taker is Side.BUY else price >= limit


def _price_of(order: Order) -> Decimal:
    assert order.price is not None, "only orders with a price rest"
    return order.price
