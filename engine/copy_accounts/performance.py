"""How a lead is measured (copy-trading rules 17 and 38): money-weighted and follower-weighted returns, copy success, execution times.

Ratios are floats, since nothing settles on them. The time-weighted return and the drawdown are `engine.performance`'s,
over daily and hourly points.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from engine.decimals import ZERO

# Milliseconds: upper ends of the buckets of execution times; what is slower lies in one more.
BUCKETS_MS = (25, 50, 100, 200, 300, 500, 750, 1_000, 1_500, 2_000, 3_000, 5_000, 10_000)
_TRIES = 200
_LARGEST_RETURN = 1e6


def money_weighted_return(flows: Sequence[tuple[datetime, Decimal]], value: Decimal, at: datetime) -> float | None:
    """Return the internal rate of return over the whole span: what every unit paid in would have had to earn from its day on.

    `flows` are (time, amount), paid in positive, taken out negative; `value` is what is there at `at`. 0.1 is ten per
    cent from the first flow to the end, not a year. None where nothing was paid in, no time has passed, or no rate solves it.

    >>> start, end = datetime(2026, 1, 1), datetime(2026, 1, 3)
    >>> round(money_weighted_return([(start, Decimal(100)), (datetime(2026, 1, 2), Decimal(100))], Decimal(231), end), 9)
    0.21
    """
    if not flows or sum((amount for _, amount in flows if amount > 0), ZERO) <= ZERO:
        return None
    start = min(moment for moment, _ in flows)
    span = (at - start).total_seconds()
    if span <= 0:
        return None
    parts = [(float(amount), (at - moment).total_seconds() / span) for moment, amount in flows]

    def left(growth: float) -> float:
        return sum(float(amount * growth**share) for amount, share in parts) - float(value)

    low, high = 0.0, 1.0
    while left(high) < 0 and high < _LARGEST_RETURN:
        high *= 2
    if left(high) < 0 or left(low) > 0:
        return None
    for _ in range(_TRIES):
        middle = (low + high) / 2
        low, high = (middle, high) if left(middle) < 0 else (low, middle)
    return (low + high) / 2 - 1


@dataclass(frozen=True, slots=True)
class Member:
    """One follower between two points of time: equity and net deposits before and after, and the profit share settled between."""

    equity: Decimal
    net_deposits: Decimal
    new_equity: Decimal
    new_net_deposits: Decimal
    shared: Decimal = ZERO

    @property
    def flow(self) -> Decimal:
        return self.new_net_deposits - self.net_deposits

    @property
    def gain(self) -> Decimal:
        return self.new_equity - self.equity - self.flow - self.shared

    @property
    def at_work(self) -> Decimal:
        """Return what the gain was made with: money paid in counts from the first moment, money taken out to the second."""
        return self.equity + max(self.flow, ZERO)


def pooled_growth(members: Iterable[Member]) -> float:
    """Return by which factor the money of all followers together grew between two points: their asset-weighted net return.

    >>> pooled_growth([Member(*map(Decimal, (900, 900, 990, 900))), Member(*map(Decimal, (100, 100, 50, 100)))])
    1.04
    """
    found = list(members)
    work = sum((one.at_work for one in found), ZERO)
    gain = sum((one.gain for one in found), ZERO)
    return max(1 + float(gain / work), 0.0) if work > ZERO else 1.0


def bucket_of(milliseconds: float) -> int:
    """Return the place of an execution time among the buckets."""
    return sum(milliseconds > end for end in BUCKETS_MS)


def percentile_ms(counts: Sequence[int], share: float) -> float | None:
    """Return the execution time (ms) below which a share (0–1) of the orders were sent, even within a bucket; None without any.

    Of what is slower than the last bucket its end is told: at least that.
    """
    wanted = share * sum(counts)
    if not wanted:
        return None
    for place, end in enumerate(BUCKETS_MS):
        if counts[place] and wanted <= counts[place]:
            start = BUCKETS_MS[place - 1] if place else 0
            return start + (end - start) * wanted / counts[place]
        wanted -= counts[place]
    return float(BUCKETS_MS[-1])


def success_ratio(*, traded: int, wished: int) -> float | None:
    """Return which share (0–1) of the copies that were to be made traded; None without any."""
    return traded / wished if wished else None
