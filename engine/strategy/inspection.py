"""Whether signals keep to what was known: no look into the future, and none that an older beginning of the data would change.

Both tests take signals as a function of a market, so that they judge whatever makes them: a graph, or another function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from engine.candles import Candles
from engine.strategy.types import SIGNALS, Bools, Market, Signals

Evaluate = Callable[[Market], Signals]
_Columns = Mapping[str, Bools]
# So many moments are looked at, half of them where there is a signal: a look ahead shows just before it.
PROBES = 60


class Check(StrEnum):
    LOOK_AHEAD = "look_ahead"
    WARM_UP = "warm_up"


@dataclass(frozen=True, slots=True)
class Fault:
    """The first signal that a test caught: its name, its candle's opening time (ms since 1970 UTC), and what was said of it.

    `said` is what all candles say, `instead` what those say that were there at the time (or that a live decision reads).
    """

    check: Check
    signal: str
    opened_at: int
    said: bool
    instead: bool


def look_ahead(evaluate: Evaluate, market: Market, probes: int = PROBES) -> Fault | None:
    """Return a signal that changes when the candles after it are not there yet; None where none does.

    At every probed candle the signals of all candles up to it are compared with those of the whole history.
    """
    whole = _columns(evaluate(market))
    for last in _probes(whole, 0, probes):
        known = _columns(evaluate(part(market, 0, last + 1)))
        for name in SIGNALS:
            differ = np.flatnonzero(known[name] != whole[name][: last + 1])
            if len(differ):
                return _fault(Check.LOOK_AHEAD, name, market, int(differ[0]), whole, bool(known[name][differ[0]]))
    return None


def warm_up_fault(evaluate: Evaluate, market: Market, history: int, probes: int = PROBES) -> Fault | None:
    """Return a signal that the `history` candles of a live decision do not give, and a longer past does; None where none is."""
    whole = _columns(evaluate(market))
    for last in _probes(whole, history - 1, probes):
        known = _columns(evaluate(part(market, last + 1 - history, last + 1)))
        for name in SIGNALS:
            if known[name][-1] != whole[name][last]:
                return _fault(Check.WARM_UP, name, market, last, whole, bool(known[name][-1]))
    return None


def part(market: Market, start: int, stop: int) -> Market:
    """Return a market as it was when candle stop − 1 closed, beginning with candle `start`; of all its instruments."""
    opened_at = market.candles.opened_at
    first, last = int(opened_at[start]), int(opened_at[stop - 1])

    def cut(candles: Candles) -> Candles:
        begin, end = np.searchsorted(candles.opened_at, [first, last + 1])
        return candles.part(int(begin), int(end))

    candles = market.candles.part(start, stop)
    universe = tuple(candles if place == market.place else cut(one) for place, one in enumerate(market.universe))
    others = {symbol: cut(one) for symbol, one in market.others.items()}
    return replace(market, candles=candles, others=others, universe=universe)


def _columns(signals: Signals) -> _Columns:
    return {name: getattr(signals, name) for name in SIGNALS}


def _probes(columns: _Columns, first: int, count: int) -> Iterable[int]:
    """Return the candles to look at, in order: some before and at signals, the others spread over all from `first` on."""
    there = len(next(iter(columns.values())))
    if there <= first:
        return []
    said = np.flatnonzero(np.logical_or.reduce(list(columns.values())))
    said = said[said > first]
    chosen = said[np.linspace(0, len(said) - 1, min(len(said), count // 4)).astype(np.int64)] if len(said) else said
    spread = np.linspace(first, there - 1, min(there - first, count // 2)).astype(np.int64)
    found: list[int] = np.unique(np.concatenate([chosen - 1, chosen, spread])).tolist()
    return found


def _fault(
    check: Check,
    name: str,
    market: Market,
    place: int,
    whole: _Columns,
    instead: bool,
) -> Fault:
    return Fault(check, name, int(market.candles.opened_at[place]), bool(whole[name][place]), instead)
