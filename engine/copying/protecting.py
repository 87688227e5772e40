"""The protective stop of a live follow: of what quantity and at what price it rests at the exchange, as plain arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from engine.decimals import ONE, ZERO, floor_to_step, price_to_tick

# How far from the average entry it may lie (0-1), and in what steps: hundredths of a per cent.
LEAST_PROTECTION, MOST_PROTECTION, PROTECTION_STEP = Decimal("0.01"), Decimal("0.5"), Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Stop:
    """An order that closes a position once the market is at `price` (quote units) or beyond; `quantity` in base units, above zero."""

    is_buy: bool
    quantity: Decimal
    price: Decimal

    @property
    def worth(self) -> Decimal:
        """Return what the exchange counts it as, in quote units."""
        return self.quantity * self.price

    def is_passed(self, market_price: Decimal) -> bool:
        """Say whether the market is where the stop would go off at once."""
        return market_price >= self.price if self.is_buy else market_price <= self.price


def is_protection(share: Decimal) -> bool:
    """Say whether a stop may lie this far (0-1) from the entry."""
    return share.is_finite() and LEAST_PROTECTION <= share <= MOST_PROTECTION and not share % PROTECTION_STEP


def stop_of(*, held: Decimal, cost: Decimal, share: Decimal, tick_size: Decimal, lot_step: Decimal) -> Stop | None:
    """Return the stop of a position: `held` base units (below zero: short) that cost `cost` quote units; None of less than a lot.

    Below the average entry of a long and above that of a short, in whole lots, at a tick no nearer to the entry.

    >>> stop_of(held=Decimal("0.5"), cost=Decimal(50), share=Decimal("0.1"), tick_size=Decimal(1), lot_step=Decimal("0.1"))
    Stop(is_buy=False, quantity=Decimal('0.5'), price=Decimal('90'))
    """
    quantity = floor_to_step(abs(held), lot_step)
    if not quantity:
        return None
    is_short = held < ZERO
    entry = cost / held
    price = price_to_tick(entry * (ONE + share if is_short else ONE - share), tick_size, up=is_short)
    return Stop(is_short, quantity, max(price, tick_size))
