"""How a book has fared when its owner pays money in and out: unit values, which only trading moves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from engine.decimals import ZERO

# (equity, net deposits up to then), in the settlement currency, oldest first.
Point = tuple[Decimal, Decimal]


@dataclass(frozen=True, slots=True)
class Performance:
    """What became of one unit worth 1 at the start, and the last point it was measured at.

    Ratios are floats, since nothing settles on them. `max_drawdown_ratio` (0–1) is the deepest fall below an earlier
    peak, in unit values: a withdrawal is no drawdown.
    """

    unit_value: float = 1.0
    peak: float = 1.0
    max_drawdown_ratio: float = 0.0
    equity: Decimal = ZERO
    net_deposits: Decimal = ZERO

    @property
    def return_ratio(self) -> float:
        """Return the time-weighted return: 0.1 is ten per cent."""
        return self.unit_value - 1


def extend(past: Performance, points: Iterable[Point]) -> Performance:
    """Return the performance after further points; a start is `Performance()`, an empty book.

    Between two points, money paid in counts as at work from the first on, money taken out until the second: so a
    flow is never a gain, and the growth (E1 - E0 - flow) / (E0 + paid in) has no denominator that a large withdrawal
    could make small.
    """
    unit_value, peak, drawdown = past.unit_value, past.peak, past.max_drawdown_ratio
    equity, net_deposits = past.equity, past.net_deposits
    for new_equity, new_deposits in points:
        flow = new_deposits - net_deposits
        at_work = equity + max(flow, ZERO)
        if at_work > 0:
            unit_value *= max(1 + float((new_equity - equity - flow) / at_work), 0.0)
        equity, net_deposits = new_equity, new_deposits
        peak = max(peak, unit_value)
        drawdown = max(drawdown, 1 - unit_value / peak)
    return Performance(unit_value, peak, drawdown, equity, net_deposits)


def unit_values(points: Iterable[Point]) -> list[float]:
    """Return the unit value at each point, 1 at the first."""
    values: list[float] = []
    now = Performance()
    for equity, net_deposits in points:
        # The first point is where the unit starts: all there is counts as paid in.
        now = extend(now, [(equity, net_deposits)]) if values else Performance(equity=equity, net_deposits=net_deposits)
        values.append(now.unit_value)
    return values
