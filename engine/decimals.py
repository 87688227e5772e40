"""Exact decimal arithmetic for everything that settles.

The product of a price and a quantity of 19 digits each has 38; Python's default context of 28 digits would round it
silently. Sixty digits hold every product; quotients are rounded by `money` where they arise.
"""

from __future__ import annotations

import decimal
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_UP, Decimal

PRECISION = 60
decimal.DefaultContext.prec = PRECISION  # threads started from now on
decimal.getcontext().prec = PRECISION  # this thread

ZERO = Decimal(0)
ONE = Decimal(1)
# The smallest amount that storage holds.
QUANTUM = Decimal("1E-18")
BPS = Decimal(10_000)


def money(value: Decimal) -> Decimal:
    """Round to what storage holds (18 decimals), half to even."""
    return value.quantize(QUANTUM, ROUND_HALF_EVEN)


def floor_to_step(quantity: Decimal, step: Decimal) -> Decimal:
    """Round a quantity toward zero to a multiple of `step` (rule 10)."""
    return (quantity / step).to_integral_value(ROUND_DOWN) * step


def ceil_to_step(quantity: Decimal, step: Decimal) -> Decimal:
    """Round a quantity away from zero to a multiple of `step`."""
    return (quantity / step).to_integral_value(ROUND_UP) * step


def price_to_tick(price: Decimal, tick: Decimal, *, up: bool) -> Decimal:
    """Round a price to a multiple of `tick`, up or down."""
    return (price / tick).to_integral_value(ROUND_CEILING if up else ROUND_FLOOR) * tick


def nearest_tick(price: Decimal, tick: Decimal) -> Decimal:
    """Round a price to the nearest multiple of `tick`, half to even."""
    return (price / tick).to_integral_value(ROUND_HALF_EVEN) * tick
