"""What listings are narrowed by: each facet with its values in the order in which they are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from portfolios.models import PortfolioKind

# Kinds of money, in the order in which they are shown: real money first (copy-trading rule 37).
KINDS = (PortfolioKind.LIVE, PortfolioKind.PAPER, PortfolioKind.SANDBOX, PortfolioKind.SIMULATED)
# Of so many markets a listing is found by: the first ones that it traded.
MOST_MARKETS = 8


@dataclass(frozen=True, slots=True)
class Bands:
    """Spans of a figure: value n is for figures from `starts[n - 1]` up to below `starts[n]`."""

    starts: Sequence[float]
    values: Sequence[tuple[str, str]]

    def codes_of(self, figures: Sequence[float | None]) -> np.ndarray:
        """Return the place of each figure's value; none counts as 0."""
        return np.searchsorted(self.starts, np.array([figure or 0.0 for figure in figures], np.float64), side="right")


AGE = Bands(
    (30, 90, 180, 365),
    (
        ("0", "Under 30 days"),
        ("30", "30–89 days"),
        ("90", "90–179 days"),
        ("180", "180 days–1 year"),
        ("365", "Over a year"),
    ),
)
DRAWDOWN = Bands(
    (0.05, 0.1, 0.2, 0.4),
    (("0", "Under 5 %"), ("5", "5–10 %"), ("10", "10–20 %"), ("20", "20–40 %"), ("40", "40 % and more")),
)
# (From the smallest price on: nothing is free but what costs nothing.)
PRICE = Bands(
    (1e-9, 20, 50, 100),
    (("free", "Free"), ("0", "Under 20"), ("20", "20–50"), ("50", "50–100"), ("100", "100 and more")),
)
ROOM = Bands((1e-9,), (("full", "Full: a waiting list"), ("open", "Takes followers")))
RATING = Bands(
    (1.0, 3.0, 4.0, 4.5),
    (("none", "Not rated"), ("1", "Under 3"), ("3", "3–4"), ("4", "4–4.5"), ("4.5", "4.5 and more")),
)


@dataclass(frozen=True, slots=True)
class Facet:
    """`bands` of a figure, or none where the values are what listings say themselves."""

    name: str
    label: str
    bands: Bands | None = None


FACETS = (
    Facet("kind", "Kind"),
    Facet("market", "Market"),
    Facet("timeframe", "Timeframe"),
    Facet("risk", "Risk class"),
    Facet("age", "Live for", AGE),
    Facet("drawdown", "Max drawdown", DRAWDOWN),
    Facet("price", "Price a month, in its currency", PRICE),
    Facet("room", "Room", ROOM),
    Facet("rating", "Rating", RATING),
)
BY_NAME = {facet.name: facet for facet in FACETS}

SORTS = {
    "followers_return": "Followers' return",
    "return": "Return",
    "drawdown": "Smallest drawdown",
    "newest": "Newest",
    "rating": "Rating",
    "followers": "Most followers",
    "relevance": "Best match",
}
DEFAULT_SORT = "followers_return"
