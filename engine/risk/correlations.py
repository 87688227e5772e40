"""How assets move together: the correlation of their returns, as exact figures that limits can be held against."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from itertools import combinations

import numpy as np

from engine.candles import Candles
from engine.decimals import ZERO

# Fewer returns in common say nothing.
LEAST_RETURNS = 20
_PLACES = Decimal("0.0001")


def correlations_of(candles: Mapping[str, Candles]) -> dict[tuple[str, str], Decimal]:
    """Return the correlation (0-1) of the log returns of each two assets, by their codes in order.

    A negative one counts as none: that one rises while the other falls is not to be relied on. Left out are pairs that
    have too little in common.
    """
    return {
        (first, second): value
        for first, second in combinations(sorted(candles), 2)
        if (value := _correlation(candles[first], candles[second])) is not None
    }


def _correlation(one: Candles, other: Candles) -> Decimal | None:
    _, mine, theirs = np.intersect1d(one.opened_at, other.opened_at, assume_unique=True, return_indices=True)
    if len(mine) <= LEAST_RETURNS:
        return None
    first, second = np.diff(np.log(one.close[mine])), np.diff(np.log(other.close[theirs]))
    if not first.std() or not second.std():
        return None
    value = float(np.corrcoef(first, second)[0, 1])
    return max(Decimal(str(round(value, 4))), ZERO).quantize(_PLACES)
