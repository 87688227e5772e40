"""What a follower owes a lead: a share of new profit only, above a high-water mark (copy-trading rules 34 and 35).

All amounts are in the settlement currency of the follow's portfolio. Cash flows are in none of them: profit is what
trading earned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal

from engine.decimals import ONE, QUANTUM, ZERO, money

MIN_RATIO, MAX_RATIO, DEFAULT_RATIO = ZERO, Decimal("0.3"), Decimal("0.1")
# Of what is due the platform keeps a tenth.
PLATFORM_RATIO = Decimal("0.1")
# A loss that nobody follows to make good is forgotten after so long.
LOSS_KEPT_FOR = timedelta(days=180)


@dataclass(frozen=True, slots=True)
class Basis:
    """What a follow has earned since it began; `realized_pnl` and `unrealized_pnl` are before fees, fees and funding are paid amounts."""

    realized_pnl: Decimal = ZERO
    unrealized_pnl: Decimal = ZERO
    fees: Decimal = ZERO
    funding: Decimal = ZERO

    @property
    def profit(self) -> Decimal:
        """Return P = min(realized, realized + unrealized), net of fees and funding: a paper gain is no profit, a paper loss is a loss.

        >>> Basis(Decimal(50), Decimal(-20), Decimal(2)).profit == 28
        True
        """
        realized = self.realized_pnl - self.fees - self.funding
        return min(realized, realized + self.unrealized_pnl)


@dataclass(frozen=True, slots=True)
class Settled:
    """One settlement: what is due of a profit above the mark, and where the mark stands afterwards."""

    profit: Decimal
    high_before: Decimal
    high_after: Decimal
    ratio: Decimal
    due: Decimal
    platform_fee: Decimal

    @property
    def loss(self) -> Decimal:
        """Return how much must be earned before anything is due again."""
        return self.high_after - self.profit


def settle(profit: Decimal, high: Decimal, ratio: Decimal) -> Settled:
    """Return what is due: ratio × max(0, P − H), rounded down to what storage holds; then H = max(H, P).

    >>> one = settle(Decimal(150), Decimal(100), Decimal("0.1"))
    >>> (one.due == 5, one.platform_fee == Decimal("0.5"), one.high_after == 150)
    (True, True, True)
    """
    due = (ratio * max(ZERO, profit - high)).quantize(QUANTUM, ROUND_DOWN)
    return Settled(profit, high, max(high, profit), ratio, due, money(due * PLATFORM_RATIO))


def scaled(loss: Decimal, *, equity: Decimal, withdrawn: Decimal) -> Decimal:
    """Return the loss to make good after `withdrawn` was taken out of `equity`: what stays must earn the same return as before.

    >>> scaled(Decimal(500), equity=Decimal(500), withdrawn=Decimal(125)) == 375
    True
    """
    if withdrawn <= ZERO or equity <= ZERO:
        return loss
    return money(loss * max(ZERO, ONE - withdrawn / equity))


def taken_up(loss: Decimal, *, equity: Decimal, capital: Decimal, stopped_at: datetime, at: datetime) -> Decimal:
    """Return the kept loss that a new start with `capital` makes good, `equity` having been there at the stop.

    None after 180 days. Coming back with less is a withdrawal of the difference, so that a stop and a restart are
    worth what a withdrawal is; coming back with more adds nothing.
    """
    if at - stopped_at > LOSS_KEPT_FOR:
        return ZERO
    return scaled(loss, equity=equity, withdrawn=equity - capital)


def divided(loss: Decimal, capitals: Sequence[Decimal]) -> list[Decimal]:
    """Divide a loss among follows by their contributed capital; the parts sum to it exactly, the last taking what rounding leaves.

    Without any capital the first one bears it.

    >>> divided(Decimal(90), [Decimal(100), Decimal(200)]) == [30, 60]
    True
    """
    total = sum(capitals, ZERO)
    if total <= ZERO:
        return [loss, *[ZERO] * (len(capitals) - 1)] if capitals else []
    parts = [money(loss * capital / total) for capital in capitals[:-1]]
    return [*parts, loss - sum(parts, ZERO)]


def next_settlement(after: datetime) -> datetime:
    """Return the first Monday 00:00 of `after`'s time zone (UTC) that is later than it."""
    midnight = after.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + timedelta(days=7 - midnight.weekday())


def last_settlement(until: datetime) -> datetime:
    """Return the newest Monday 00:00 that has come by `until`."""
    return next_settlement(until) - timedelta(days=7)
