"""How much a follower trades (copy-trading rules 4, 9 and 10)."""

from __future__ import annotations

from decimal import Decimal

from engine.decimals import QUANTUM, ZERO, floor_to_step, money

# More than anybody can pay for, and less than storage holds: a lead that grew a billionfold since a ratio was fixed
# must not make an order that cannot be stored, and with it stop everybody else's.
LARGEST = Decimal(10) ** 18


def equity_ratio(*, follower_equity: Decimal, lead_equity: Decimal, multiplier: Decimal) -> Decimal:
    """Return E_follower ÷ E_lead × multiplier (rule 4), 0 where either side has no equity.

    >>> equity_ratio(follower_equity=Decimal(500), lead_equity=Decimal(10000), multiplier=Decimal(2)).normalize()
    Decimal('0.1')
    """
    if lead_equity <= ZERO or follower_equity <= ZERO:
        return ZERO
    return money(follower_equity * multiplier / lead_equity)


def open_quantity(*, lead_quantity: Decimal, ratio: Decimal, lot_step: Decimal) -> Decimal:
    """Return the follower's quantity for the lead's opened quantity, rounded toward zero to the lot step."""
    return _part_in_lots(lead_quantity, ratio, lot_step)


def reduction_quantity(*, held: Decimal, closed_fraction: Decimal, lot_step: Decimal) -> Decimal:
    """Return the part of what is actually held that mirrors the lead's closed fraction (rule 9); all of it, dust included, at 1."""
    if closed_fraction >= 1:
        return held
    return _part_in_lots(held, closed_fraction, lot_step)


def stake_quantity(*, equity: Decimal, share: Decimal, price: Decimal, lot_step: Decimal) -> Decimal:
    """Return how much of an instrument a share (0–1) of equity buys at `price`, rounded toward zero to the lot step."""
    return floor_to_step(equity * share / price, lot_step)


def part_of(quantity: Decimal, share: Decimal) -> Decimal:
    """Return a share of a quantity, not yet in lots; a third of three lots is one lot, not none.

    The share was itself rounded to 18 decimals, perhaps down: it stands for what lies up to one unit above it.
    """
    return min(quantity * (share + QUANTUM), LARGEST) if share else ZERO


def _part_in_lots(quantity: Decimal, share: Decimal, lot_step: Decimal) -> Decimal:
    return floor_to_step(part_of(quantity, share), lot_step)
