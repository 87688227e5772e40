"""Triangular arbitrage: an asset sold for a second, that for a third and that for the first, on one venue, after fees.

Which triangles there are follows from the instruments alone and is found once; a scan walks the books of each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.candles import Floats
from engine.scanners.books import Books
from engine.simulation.compiled import kernel, part

Places = NDArray[np.int64]
BUY, SELL = 0, 1
_LEGS = 3
# One way from an asset to another: (instrument's place, side, the asset that it gives).
_Way = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Triangles:
    """The ways around, t of them: `instruments` and `sides` (BUY or SELL the base) with shape (t, 3), in order of trading.

    `starts` names the asset with which each begins and ends.
    """

    instruments: Places
    sides: Places
    starts: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.starts)


@dataclass(frozen=True, slots=True)
class Rounds:
    """What was found, highest ratio first; arrays of one length.

    `triangle` is a place in the Triangles; `size` is what goes in and `profit` what comes out beyond it, in units of
    the start asset; `ratio` = profit / size.
    """

    triangle: Places
    size: Floats
    profit: Floats
    ratio: Floats

    def __len__(self) -> int:
        return len(self.triangle)


def triangles_of(pairs: Sequence[tuple[str, str]], preferred: Sequence[str] = ("USDT", "USDC", "BTC")) -> Triangles:
    """Return every way around three assets, in both directions, by instruments of (base, quote).

    A way begins at the first of its assets that is `preferred`, else at the first by name: so sizes of most are in the
    same few assets, and no way is listed once per beginning. Several instruments of one pair each have their own.
    """
    rank = {asset: place for place, asset in enumerate(preferred)}
    ways: dict[str, list[_Way]] = defaultdict(list)
    for place, (base, quote) in enumerate(pairs):
        ways[quote].append((place, BUY, base))
        ways[base].append((place, SELL, quote))

    def order(asset: str) -> tuple[int, str]:
        return rank.get(asset, len(rank)), asset

    found = sorted((order(start), start, legs) for start in ways for legs in _rounds_from(start, ways, order))
    count = len(found)
    instruments = np.array([[leg[0] for leg in legs] for _, _, legs in found], np.int64).reshape(count, _LEGS)
    sides = np.array([[leg[1] for leg in legs] for _, _, legs in found], np.int64).reshape(count, _LEGS)
    return Triangles(instruments, sides, tuple(start for _, start, _ in found))


def _rounds_from(start: str, ways: Mapping[str, Sequence[_Way]], order: Any) -> Iterator[tuple[_Way, ...]]:
    """Yield the ways around from `start` through assets that come after it in order."""
    last_legs: dict[str, list[_Way]] = defaultdict(list)
    for place, side, asset in ways[start]:
        # The way back over an instrument is the other side of the way there.
        last_legs[asset].append((place, 1 - side, start))
    for first in ways[start]:
        if order(first[2]) <= order(start):
            continue
        for second in ways[first[2]]:
            third = second[2]
            if third in (start, first[2]) or order(third) <= order(start):
                continue
            for last in last_legs.get(third, ()):
                yield first, second, last


def scan_triangles(
    triangles: Triangles, books: Books, taker_fees: Floats, *, min_ratio: float = 0.0, min_size: float = 0.0
) -> Rounds:
    """Return the triangles that pay, each walked through the three books as long as every unit earns over `min_ratio`.

    `books` (instruments, k) and `taker_fees` (instruments; ratios, taken from what a trade gives) are those whose pairs
    made the triangles. What begins with less than `min_size` of its start asset is left out.
    """
    places, amounts = np.empty(len(triangles), np.int64), np.empty((len(triangles), 2))
    count = _scan(
        triangles.instruments,
        triangles.sides,
        books.bid_prices,
        books.bid_sizes,
        books.ask_prices,
        books.ask_sizes,
        np.ascontiguousarray(taker_fees, np.float64),
        min_ratio,
        min_size,
        places,
        amounts,
    )
    places, amounts = places[:count], amounts[:count]
    ratio = amounts[:, 1] / amounts[:, 0]
    order = np.argsort(-ratio, kind="stable")
    return Rounds(places[order], amounts[order, 0], amounts[order, 1], ratio[order])


@part
def _rate(side: int, price: float, fee: float) -> float:
    """Return what one unit that goes into a level gives after the fee."""
    return (1.0 - fee) / price if side == 0 else price * (1.0 - fee)


@part
def _room(side: int, price: float, size: float) -> float:
    """Return how much can go into a level."""
    return price * size if side == 0 else size


@part
def _best(bids: Any, bid_sizes: Any, asks: Any, ask_sizes: Any, fees: Any) -> Any:
    """Return what a unit gives at the best level of each book and side, (instruments, 2); 0 where there is none."""
    best = np.zeros((fees.size, 2))
    for i in range(fees.size):
        if ask_sizes[i, 0] > 0.0:
            best[i, 0] = _rate(0, asks[i, 0], fees[i])
        if bid_sizes[i, 0] > 0.0:
            best[i, 1] = _rate(1, bids[i, 0], fees[i])
    return best


@part
def _next(side: int, level: int, bids: Any, bid_sizes: Any, asks: Any, ask_sizes: Any, fee: float) -> Any:
    """Return (rate, room) of a level; nothing (0, 0) beyond the last."""
    prices, sizes = (asks, ask_sizes) if side == 0 else (bids, bid_sizes)
    if level >= prices.size or not sizes[level] > 0.0:
        return 0.0, 0.0
    return _rate(side, prices[level], fee), _room(side, prices[level], sizes[level])


@part
def _walk(places: Any, ways: Any, bids: Any, bid_sizes: Any, asks: Any, ask_sizes: Any, fees: Any, least: float) -> Any:
    """Return (size, income) of all units of the start asset that bring more than `least`."""
    level, left, rate = np.zeros(3, np.int64), np.zeros(3), np.zeros(3)
    for leg in range(3):
        i = places[leg]
        rate[leg], left[leg] = _next(ways[leg], 0, bids[i], bid_sizes[i], asks[i], ask_sizes[i], fees[i])
    size, income = 0.0, 0.0
    while rate[0] * rate[1] * rate[2] > least:
        # What each leg has room for, in units of the start asset; the narrowest is used up, and exactly so.
        first, second, third = left[0], left[1] / rate[0], left[2] / (rate[0] * rate[1])
        step = min(first, second, third)
        narrowest = 0 if first == step else (1 if second == step else 2)
        size += step
        income += step * rate[0] * rate[1] * rate[2]
        left[0] -= step
        left[1] -= step * rate[0]
        left[2] -= step * rate[0] * rate[1]
        left[narrowest] = 0.0
        for leg in range(3):
            if left[leg] <= 0.0:
                level[leg] += 1
                i = places[leg]
                rate[leg], left[leg] = _next(
                    ways[leg], level[leg], bids[i], bid_sizes[i], asks[i], ask_sizes[i], fees[i]
                )
    return size, income


@kernel
def _scan(
    instruments: Any,
    sides: Any,
    bids: Any,
    bid_sizes: Any,
    asks: Any,
    ask_sizes: Any,
    fees: Any,
    min_ratio: float,
    min_size: float,
    places: Any,
    amounts: Any,
) -> int:
    count, least = 0, 1.0 + min_ratio
    best = _best(bids, bid_sizes, asks, ask_sizes, fees)
    for t in range(instruments.shape[0]):
        places_of, ways = instruments[t], sides[t]
        # Most end here: their best prices do not pay.
        if not best[places_of[0], ways[0]] * best[places_of[1], ways[1]] * best[places_of[2], ways[2]] > least:
            continue
        size, income = _walk(places_of, ways, bids, bid_sizes, asks, ask_sizes, fees, least)
        if size > 0.0 and size >= min_size:
            places[count], amounts[count, 0], amounts[count, 1] = t, size, income - size
            count += 1
    return count
