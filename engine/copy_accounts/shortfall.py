"""Why a follower earned less (or more) than a perfect copy of the lead: the implementation shortfall, part by part.

A perfect copy does all that the lead did since the follow began, at the follow's own ratio: at once, whole, at the
lead's price and at the lead's rate of fees. Between it and the follower's books lie the parts; each is an exact sum over
the orders, so that they leave no residual but rounding. The decomposition is Perold's (1988), with the paper portfolio
being the lead's.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from engine.decimals import ZERO


class Part(StrEnum):
    """What lies between the lead's result and the follower's, in the order in which it is told."""

    DELAY = "delay"
    SPREAD = "spread"
    ROUNDING = "rounding"
    SKIPPED = "skipped"
    OWN = "own"
    FEES = "fees"
    FUNDING = "funding"
    PROFIT_SHARE = "profit_share"


@dataclass(frozen=True, slots=True)
class Copy:
    """One order of a follow, in the order of time. Quantities are signed base units, prices and amounts quote units.

    `opened` is what a perfect copy opens, `closed_fraction` (0–1) which part of its position it closes; both are zero in
    an order that the lead knows nothing of. `requested` is what was asked for after rounding, `change` what the fills
    did to the position, and `paid` the sum of change × price over them.
    """

    instrument: Hashable
    lead_price: Decimal
    market_price: Decimal
    opened: Decimal = ZERO
    closed_fraction: Decimal = ZERO
    requested: Decimal = ZERO
    change: Decimal = ZERO
    paid: Decimal = ZERO
    fee: Decimal = ZERO
    # The lead's fee as a share (0-1) of the value traded.
    lead_fee_ratio: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Shortfall:
    """The account. `parts` are costs: what is above zero the follower lost against the lead. Quote units; ratios are of `capital`."""

    capital: Decimal
    lead_profit: Decimal
    follower_profit: Decimal
    parts: Mapping[Part, Decimal]

    @property
    def gap(self) -> Decimal:
        return self.lead_profit - self.follower_profit

    @property
    def residual(self) -> Decimal:
        """Return what of the gap no part explains: rounding of the books, and nothing else."""
        return self.gap - sum(self.parts.values(), ZERO)

    def ratio(self, amount: Decimal) -> Decimal:
        """Return an amount as a share of the capital, 0 without any."""
        return amount / self.capital if self.capital > ZERO else ZERO


@dataclass(slots=True)
class _Line:
    """One instrument: what the follower holds, and by what of each cause that differs from a perfect copy (missing: positive)."""

    held: Decimal = ZERO
    missing: dict[Part, Decimal] = field(default_factory=dict)

    @property
    def perfect(self) -> Decimal:
        return self.held + sum(self.missing.values(), ZERO)


def shortfall_of(
    copies: Iterable[Copy],
    marks: Mapping[Hashable, Decimal],
    *,
    capital: Decimal,
    book_profit: Decimal,
    funding: Decimal = ZERO,
    insured: Decimal = ZERO,
    profit_share: Decimal = ZERO,
) -> Shortfall:
    """Return the account of a follow whose positions are worth `marks` now.

    `book_profit` is what its books say it has earned, net of fees and funding (paid: positive), before the profit share.
    `insured` is what the insurance fund bore of liquidations, which the lead knows nothing of.
    """
    parts = dict.fromkeys(Part, ZERO) | {Part.FUNDING: funding, Part.OWN: -insured, Part.PROFIT_SHARE: profit_share}
    lines: dict[Hashable, _Line] = {}
    lead_profit = ZERO
    for copy in copies:
        line, mark = lines.setdefault(copy.instrument, _Line()), marks[copy.instrument]
        before = line.perfect
        for part, missing in _newly_missing(line, copy).items():
            parts[part] += missing * (mark - copy.lead_price)
            line.missing[part] = line.missing.get(part, ZERO) + missing
        line.held += copy.change
        traded = line.perfect - before
        lead_fee = abs(traded) * copy.lead_price * copy.lead_fee_ratio
        lead_profit += traded * (mark - copy.lead_price) - lead_fee
        parts[Part.DELAY] += copy.change * (copy.market_price - copy.lead_price)
        parts[Part.SPREAD] += copy.paid - copy.change * copy.market_price
        parts[Part.FEES] += copy.fee - lead_fee
    return Shortfall(capital, lead_profit, book_profit - profit_share, parts)


def _newly_missing(line: _Line, copy: Copy) -> dict[Part, Decimal]:
    """Return by how much more or less is missing of each cause after an order: before the follower's own change is counted."""
    if copy.closed_fraction:
        # What was missing of an opening is missing no more in the part that the lead sold.
        gone = {part: -missing * copy.closed_fraction for part, missing in line.missing.items()}
        wished = -line.held * copy.closed_fraction
    elif copy.opened:
        gone, wished = {}, copy.opened
    else:
        return {Part.OWN: -copy.change}
    # What was never traded was skipped, whatever it had been rounded to.
    rounded = wished - copy.requested if copy.change else ZERO
    gone[Part.ROUNDING] = gone.get(Part.ROUNDING, ZERO) + rounded
    gone[Part.SKIPPED] = gone.get(Part.SKIPPED, ZERO) + wished - rounded - copy.change
    return gone


def perfect_quantity(*, lead_quantity: Decimal, ratio: Decimal, requested: Decimal, lot_step: Decimal) -> Decimal:
    """Return what a perfect copy opens: the lead's quantity at the ratio, held to what the order's rounding leaves possible.

    The ratio that an older order was sized by is only known within a lot of it.

    >>> perfect_quantity(lead_quantity=Decimal(10), ratio=Decimal("0.123"), requested=Decimal(1), lot_step=Decimal(1)) == Decimal("1.23")
    True
    """
    return min(max(lead_quantity * ratio, requested), requested + lot_step)


@dataclass(frozen=True, slots=True)
class Bar:
    """A step of the waterfall: from one return to the next (ratios of the capital)."""

    name: str
    start: Decimal
    end: Decimal

    @property
    def change(self) -> Decimal:
        return self.end - self.start


def waterfall(account: Shortfall) -> list[Bar]:
    """Return the steps from the lead's return over each part to the follower's; the last one ends at what the books say."""
    at = account.ratio(account.lead_profit)
    bars = [Bar("lead", ZERO, at)]
    for part, amount in account.parts.items():
        bars.append(Bar(part.value, at, at - account.ratio(amount)))
        at = bars[-1].end
    return [*bars, Bar("follower", ZERO, account.ratio(account.follower_profit))]
