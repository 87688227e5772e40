"""How much a follower opens for what the lead opened (rules 4-8), and closes for what the lead closed (rule 9)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from engine.copying.settings import CopySettings, SizingMode
from engine.decimals import ONE, ZERO, floor_to_step, money
from engine.positions import join_fractions
from engine.sizing import LARGEST, equity_ratio, part_of


@dataclass(frozen=True, slots=True)
class Opening:
    """What the lead opened, and what both are worth just then. `price` is what a unit costs the follower.

    `ratio` is the one fixed at the opening of the follower's position; 0 where this opens it.
    """

    lead_quantity: Decimal
    lead_price: Decimal
    lead_equity: Decimal
    follower_equity: Decimal
    follower_free: Decimal
    price: Decimal
    ratio: Decimal = ZERO


def open_size(opening: Opening, settings: CopySettings) -> tuple[Decimal, Decimal]:
    """Return (quantity, not yet in lots; ratio of the position); of modes that size each order anew the ratio is 0.

    >>> facts = Opening(Decimal(4), Decimal(100), Decimal(10_000), Decimal(1_000), Decimal(1_000), Decimal(100))
    >>> floor_to_step(open_size(facts, CopySettings())[0], Decimal("0.001"))
    Decimal('0.400')
    """
    match settings.sizing:
        case SizingMode.EQUITY_RATIO:
            ratio = opening.ratio or equity_ratio(
                follower_equity=opening.follower_equity,
                lead_equity=opening.lead_equity,
                multiplier=settings.multiplier,
            )
            return part_of(opening.lead_quantity, ratio), ratio
        case SizingMode.FIXED_MULTIPLE:
            ratio = opening.ratio or settings.fixed_multiple
            return part_of(opening.lead_quantity, ratio), ratio
        case SizingMode.FIXED_AMOUNT:
            return _bought(settings.fixed_amount, opening), ZERO
        case SizingMode.MARGIN_RATIO:
            return _bought(min(_same_share(opening), max(opening.follower_free, ZERO)), opening), ZERO
        case SizingMode.WEIGHTS:
            return _bought(_same_share(opening), opening), ZERO


def _same_share(opening: Opening) -> Decimal:
    """Return the cost to the follower of the share of equity that the lead's order cost."""
    share = share_of(opening.lead_quantity, opening.lead_price, opening.lead_equity)
    return money(share * max(opening.follower_equity, ZERO))


def _bought(cost: Decimal, opening: Opening) -> Decimal:
    return min(money(cost / opening.price), LARGEST)


def share_of(quantity: Decimal, price: Decimal, equity: Decimal) -> Decimal:
    """Return the share (0-1) of equity, cash included, that a quantity is worth; 0 without equity."""
    return money(quantity * price / equity) if equity > ZERO else ZERO


def weight_quantity(*, weight: Decimal, follower_equity: Decimal, price: Decimal, lot_step: Decimal) -> Decimal:
    """Return what a follower holds whose weight (0-1) of an instrument is the lead's."""
    return floor_to_step(weight * max(follower_equity, ZERO) / price, lot_step)


def closing_fraction(*, closed_fraction: Decimal, held: Decimal, pending: Decimal) -> Decimal:
    """Return the part (0-1) of what is held that closes what the lead closed after `pending`, which was too small to be sent.

    >>> closing_fraction(closed_fraction=Decimal("0.5"), held=Decimal(10), pending=Decimal(2)).normalize()
    Decimal('0.6')
    """
    if not held or not pending:
        return closed_fraction
    return join_fractions(min(money(pending / held), ONE), closed_fraction)
