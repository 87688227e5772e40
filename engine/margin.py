"""The arithmetic of linear perpetuals: margin, liquidation price, funding, and what a fill does to cash and margin.

Amounts are in the settlement currency, quantities in signed base units. A maintenance margin is *notional x ratio -
deduction* of the tier that the notional falls into, as large venues publish it; the deductions make it continuous.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_FLOOR, Decimal

from engine.decimals import QUANTUM, ZERO, money
from engine.positions import PositionState, apply_fill, closed_quantity

# What a position that is closed by force pays instead of the taker's fee: less than any tier's maintenance margin.
LIQUIDATION_FEE_BPS = Decimal(30)
FUNDING_INTERVAL = timedelta(hours=8)


@dataclass(frozen=True, slots=True)
class Tier:
    """From `floor` of notional on: the most leverage, and the ratio (0-1) that must stay as margin."""

    floor: Decimal
    max_leverage: int
    maintenance_ratio: Decimal
    deduction: Decimal = ZERO


Tiers = tuple[Tier, ...]


def tiers_of(rows: Iterable[tuple[Decimal, int, Decimal]]) -> Tiers:
    """Return tiers from (floor, most leverage, maintenance ratio), smallest floor first; ValueError where they make none.

    >>> tiers_of([(ZERO, 20, Decimal("0.01")), (Decimal(50_000), 10, Decimal("0.02"))])[1].deduction == 500
    True
    """
    found: list[Tier] = []
    for floor, leverage, ratio in sorted(rows):
        if not 0 < ratio < 1 or leverage < 1 or floor < 0:
            raise ValueError("A tier has a ratio between 0 and 1, a leverage of at least 1, and no floor below 0.")
        last = found[-1] if found else None
        if (last is None) != (floor == 0) or (last is not None and ratio < last.maintenance_ratio):
            raise ValueError("Tiers begin at 0, each higher than the one before, and none with a lower ratio.")
        deduction = last.deduction + floor * (ratio - last.maintenance_ratio) if last else ZERO
        found.append(Tier(floor, leverage, ratio, deduction))
    if not found:
        raise ValueError("There must be a tier.")
    return tuple(found)


# Of an instrument whose venue told us none: careful enough for anything that is listed.
ONE_TIER = tiers_of([(ZERO, 20, Decimal("0.025"))])


def tier_at(notional: Decimal, tiers: Tiers) -> Tier:
    """Return the tier that an absolute notional falls into."""
    return next(tier for tier in reversed(tiers) if notional >= tier.floor)


def maintenance_margin(notional: Decimal, tiers: Tiers) -> Decimal:
    """Return what must stay as margin of a position of this absolute notional.

    >>> maintenance_margin(Decimal(1000), ONE_TIER)
    Decimal('25.000')
    """
    tier = tier_at(notional, tiers)
    return notional * tier.maintenance_ratio - tier.deduction


def initial_margin(notional: Decimal, leverage: int) -> Decimal:
    """Return what an open of this absolute notional must bring along.

    Rounded down to what storage holds: parts of an order never need more than the whole of it promised.
    """
    return (notional / leverage).quantize(QUANTUM, ROUND_FLOOR)


def liquidation_price(quantity: Decimal, cost: Decimal, backing: Decimal, tiers: Tiers) -> Decimal | None:
    """Return the mark at which `backing` and the unrealized profit are down to the maintenance margin; None where none is.

    `cost` has the sign of `quantity`. Of cross margin, `backing` is all else: free cash, and the unrealized profits less the
    maintenance margins of the other positions. With one tier it is Binance's formula
    *(backing + deduction - side x size x entry) / (size x ratio - side x size)*.

    >>> money(liquidation_price(Decimal(1), Decimal(100), Decimal(10), ONE_TIER)).normalize()
    Decimal('92.307692307692307692')
    """
    size = abs(quantity)
    for index, tier in enumerate(tiers):
        price = (cost - backing - tier.deduction) / (quantity - size * tier.maintenance_ratio)
        ends = tiers[index + 1].floor if index + 1 < len(tiers) else None
        if price * size >= tier.floor and (ends is None or price * size < ends):
            return price if price > ZERO else None
    return None


def cross_needs(positions: Iterable[tuple[Decimal, Decimal, int]]) -> Decimal:
    """Return what cross positions (worth and cost, both signed, and leverage) keep of free cash: initial margins less profits.

    Profits that nobody has realized stand for margin, and for nothing else: never less than 0.
    """
    return max(sum((initial_margin(abs(v), lev) - (v - cost) for v, cost, lev in positions), ZERO), ZERO)


def is_liquidated(equity: Decimal, maintenance: Decimal) -> bool:
    """Say whether what backs positions (unrealized profit included) is no more than their maintenance margins."""
    return equity <= maintenance


def funding_payment(quantity: Decimal, mark: Decimal, rate: Decimal) -> Decimal:
    """Return what a position pays (negative: receives) at a funding time: with a positive rate longs pay shorts."""
    return money(quantity * mark * rate)


def funding_times(after: datetime, until: datetime) -> Sequence[datetime]:
    """Return the funding times of made-up markets (every eight hours of UTC) that lie after one moment and up to another."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    first = (after - epoch) // FUNDING_INTERVAL + 1
    last = (until - epoch) // FUNDING_INTERVAL
    return [epoch + number * FUNDING_INTERVAL for number in range(first, last + 1)]


def made_up_rate(symbol: str, at: datetime) -> Decimal:
    """Return the funding rate of a made-up market: between -0.01 % and +0.03 %, always the same for a symbol and time."""
    draw = zlib.crc32(f"funding:{symbol}:{int(at.timestamp())}".encode()) % 401
    return Decimal(draw - 100) / 1_000_000


@dataclass(frozen=True, slots=True)
class Settled:
    """What a fill makes of a position on margin: the position, its isolated margin, and what it adds to cash.

    `insured` is the part of a loss that nothing backs: the insurance fund pays it, and it is in `cash` already.
    """

    state: PositionState
    margin: Decimal
    realized: Decimal
    cash: Decimal
    insured: Decimal


def settle(
    before: PositionState,
    margin: Decimal,
    *,
    change: Decimal,
    price: Decimal,
    fee: Decimal,
    leverage: int,
    is_isolated: bool,
) -> Settled:
    """Return what a fill of signed quantity `change` does. No coins move: profit, loss and fee are cash.

    An isolated position sets its initial margin aside as it opens, and lets it go as it closes, part by part; a loss takes
    what is let go first, then what stays, and then the insurance fund's.
    """
    after = apply_fill(before, change=change, price=price, fee=fee)
    realized = after.realized_pnl - before.realized_pnl
    if not is_isolated:
        return Settled(after, ZERO, realized, realized - fee, ZERO)
    closed = closed_quantity(before.quantity, change)
    kept, short = margin, ZERO
    if closed:
        size = abs(before.quantity)
        kept = ZERO if closed == size else money(margin * (size - closed) / size)
        short = max(-(margin - kept + realized - money(fee * closed / abs(change))), ZERO)
    drawn = min(short, kept)
    bound = initial_margin((abs(change) - closed) * price, leverage)
    return Settled(after, kept - drawn + bound, realized, realized - fee + short - drawn, short - drawn)


def paid_from_margin(margin: Decimal, payment: Decimal) -> tuple[Decimal, Decimal]:
    """Return an isolated margin after a funding payment, and the part of the payment that it could not bear."""
    insured = max(payment - margin, ZERO)
    return margin - payment + insured, insured


def margin_at(cost: Decimal, margin: Decimal, *, before: int, after: int) -> Decimal:
    """Return the isolated margin of an open position whose leverage changes: what was added or lost stays added or lost."""
    change = initial_margin(abs(cost), after) - initial_margin(abs(cost), before)
    return margin + change if before != after else margin
