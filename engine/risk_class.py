"""How risky a record was, from 1 (calm) to 5: computed from what happened, never claimed.

Each figure has a table of upper bounds; the class is the highest that volatility, drawdown or leverage give, and one
more where all of it hung on few instruments. Bounds follow what people know: a year of a broad share index moves about
15 to 20 %, of Bitcoin 50 to 80 %.

| class | volatility of a year | deepest fall | leverage | largest instrument's share |
| --- | --- | --- | --- | --- |
| 1 | to 10 % | to 5 % | to 0.5 | to 25 % |
| 2 | to 20 % | to 10 % | to 1 | to 50 % |
| 3 | to 40 % | to 20 % | to 2 | to 75 % |
| 4 | to 80 % | to 40 % | to 3 | to 100 % |
| 5 | above | above | above | |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# Fewer days show one mood of a market.
FEWEST_DAYS = 30
HIGHEST = 5
BOUNDS: Mapping[str, tuple[float, ...]] = {
    "volatility": (0.10, 0.20, 0.40, 0.80),
    "drawdown": (0.05, 0.10, 0.20, 0.40),
    "leverage": (0.5, 1.0, 2.0, 3.0),
    "concentration": (0.25, 0.50, 0.75, 1.0),
}


@dataclass(frozen=True, slots=True)
class RiskFigures:
    """What a class follows from. Ratios (0.2 is 20 %); `leverage` is the largest exposure by equity, `days` of daily returns."""

    days: int
    volatility: float
    drawdown: float
    leverage: float
    concentration: float


@dataclass(frozen=True, slots=True)
class RiskClass:
    """The class (None: unproven, too few days), and the class that each figure alone would give, by name."""

    level: int | None
    of_each: Mapping[str, int]


def risk_class(figures: RiskFigures) -> RiskClass:
    """Return the class of a record.

    >>> risk_class(RiskFigures(90, 0.15, 0.08, 0.9, 0.4)).level
    2
    >>> risk_class(RiskFigures(90, 0.15, 0.08, 0.9, 1.0)).level
    3
    >>> risk_class(RiskFigures(29, 0.15, 0.08, 0.9, 0.4)).level is None
    True
    """
    of_each = {name: _class_of(getattr(figures, name), bounds) for name, bounds in BOUNDS.items()}
    if figures.days < FEWEST_DAYS:
        return RiskClass(None, of_each)
    level = max(of_each[name] for name in ("volatility", "drawdown", "leverage"))
    hangs_on_few = of_each["concentration"] > level
    return RiskClass(min(HIGHEST, level + hangs_on_few), of_each)


def _class_of(value: float, bounds: tuple[float, ...]) -> int:
    # Not a number is no reassurance.
    return next((place for place, bound in enumerate(bounds, start=1) if value <= bound), HIGHEST)
