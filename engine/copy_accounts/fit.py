"""Whether a lead fits an amount: what minimums would skip, how far the copy would stray, and how little is enough."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from engine.copy_accounts.rerun import Result

# A copy that skips more than this share of the trades is another strategy.
VIABLE_SKIPPED = 0.05
_STEP = Decimal("1.25")
_TRIES = 12


@dataclass(frozen=True, slots=True)
class Fit:
    """A forecast from what the lead did of late. Ratios are shares (0–1); `smallest_capital` is None where nothing was to copy.

    `tracking_error` is annual: the standard deviation of the difference to a perfect copy.
    """

    capital: Decimal
    orders: int
    skipped: int
    skipped_ratio: float
    tracking_error: float
    clipped: int
    smallest_capital: Decimal | None

    @property
    def is_viable(self) -> bool:
        return self.skipped_ratio <= VIABLE_SKIPPED


def fit_of(run: Callable[[Decimal], Result], capital: Decimal) -> Fit:
    """Return the forecast for `capital`; `run` re-runs the lead's moves with an amount."""
    found = run(capital)
    return Fit(
        capital=capital,
        orders=found.orders,
        skipped=found.skipped,
        skipped_ratio=found.skipped_ratio,
        tracking_error=found.tracking_error,
        clipped=found.clipped,
        smallest_capital=_smallest(run, found),
    )


def _smallest(run: Callable[[Decimal], Result], found: Result) -> Decimal | None:
    """Return the smallest amount, to two digits, at which a re-run skips no more than is viable.

    It is sought among the amounts that the opens needed, by halving; exits in parts may need more than all of them.
    """
    amounts = sorted({_two_digits(needed) for needed in found.needed})
    if not amounts:
        return None

    def suffices(amount: Decimal) -> bool:
        return run(amount).skipped_ratio <= VIABLE_SKIPPED

    place = bisect_left(amounts, True, key=suffices)
    if place < len(amounts):
        return amounts[place]
    amount = amounts[-1]
    for _ in range(_TRIES):
        amount = _two_digits(amount * _STEP)
        if suffices(amount):
            break
    return amount


def _two_digits(amount: Decimal) -> Decimal:
    """Round up to two significant digits, and never below one.

    >>> str(_two_digits(Decimal("1234.5")))
    '1300'
    """
    least = max(amount, Decimal(1))
    quantum = Decimal(1).scaleb(least.adjusted() - 1)
    return Decimal(format(least.quantize(quantum, ROUND_CEILING), "f"))
