"""How assets of a market move together: measured once an hour from stored candles, kept on the bus board, read while judging."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import combinations

from common.bus import bus
from engine.risk.correlations import correlations_of
from markets.selectors import Span, candles_of_each, instruments
from portfolios.models import Position

TIMEFRAME, SPAN, RENEWED_EVERY = "1h", timedelta(days=7), timedelta(hours=1)
# The square of it is measured; the assets of a market that anybody has traded are fewer as a rule.
MOST_ASSETS = 100
_MEASURED = "measured"


def _board(namespace: str) -> str:
    return f"correlations:{namespace}"


def correlations(namespaces: Iterable[str], bases: Iterable[str]) -> dict[tuple[str, str], Decimal]:
    """Return what is known of each two of the assets, by their codes in order; one board read per namespace."""
    pairs = {f"{first}:{second}": (first, second) for first, second in combinations(sorted(set(bases)), 2)}
    found: dict[tuple[str, str], Decimal] = {}
    for namespace in sorted(set(namespaces)) if pairs else ():
        cells = bus().board_get(_board(namespace), pairs)
        found |= {pairs[key]: Decimal(cell) for key, cell in cells.items()}
    return found


def measure_correlations(namespace: str, at: datetime) -> int:
    """Measure what has been traded in a namespace, unless that was done within the hour; return how many pairs were written."""
    measured = bus().board_get(_board(namespace), [_MEASURED]).get(_MEASURED)
    if measured and timedelta(0) <= at - datetime.fromisoformat(measured) < RENEWED_EVERY:
        return 0
    traded = Position.objects.filter(portfolio__namespace=namespace).values("instrument")
    chosen = {one.market.base_id: one for one in instruments().filter(pk__in=traded).order_by("-pk")}
    spans = [Span(one, TIMEFRAME, at - SPAN, at) for one in list(chosen.values())[:MOST_ASSETS]]
    candles = dict(zip(chosen, candles_of_each(spans), strict=False))
    cells = {f"{first}:{second}": str(value) for (first, second), value in correlations_of(candles).items()}
    bus().board_put(_board(namespace), {**cells, _MEASURED: at.isoformat()})
    return len(cells)
