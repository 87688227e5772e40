"""What the scanners must find, in plain Python and exact decimals: one level after the other, no array, no kernel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import permutations

Level = tuple[Decimal, Decimal]
# As near as this to the threshold floats and decimals may differ about whether a level pays.
NEAR = Decimal("1e-9")


@dataclass
class Book:
    """Levels as (price, size), best first."""

    bids: list[Level]
    asks: list[Level]


class TooClose(Exception):
    """A comparison that no float can be asked about."""


def _pays(brings: Decimal, takes: Decimal) -> bool:
    if abs(brings / takes - 1) < NEAR:
        raise TooClose
    return brings > takes


def spread(buy: Book, sell: Book, fees: tuple[Decimal, Decimal], least: Decimal) -> tuple[Decimal, Decimal, Decimal]:
    """Return (quantity, cost, income) of buying from one book and selling into another."""
    asks, bids = [list(level) for level in buy.asks], [list(level) for level in sell.bids]
    quantity = cost = income = Decimal(0)
    while asks and bids:
        takes, brings = asks[0][0] * (1 + fees[0]), bids[0][0] * (1 - fees[1])
        if not _pays(brings, takes * least):
            break
        step = min(asks[0][1], bids[0][1])
        quantity, cost, income = quantity + step, cost + step * takes, income + step * brings
        for side in (asks, bids):
            side[0][1] -= step
            if side[0][1] == 0:
                side.pop(0)
    return quantity, cost, income


Leg = tuple[str, str, str, int]  # from, to, "buy" or "sell", instrument


def rounds(pairs: Sequence[tuple[str, str]]) -> set[frozenset[tuple[int, str, str]]]:
    """Return every way around three assets as the set of its (instrument, from, to)."""
    legs = [(place, quote, base) for place, (base, quote) in enumerate(pairs)]
    legs += [(place, base, quote) for place, (base, quote) in enumerate(pairs)]
    return {
        frozenset(three)
        for three in permutations(legs, 3)
        if three[0][2] == three[1][1] and three[1][2] == three[2][1] and three[2][2] == three[0][1]
        if len({leg[1] for leg in three}) == 3
    }


def walk(legs: Sequence[tuple[Book, str, Decimal]], least: Decimal) -> tuple[Decimal, Decimal]:
    """Return (size, income) of going around over three (book, side, fee) in order."""
    ladders = [_ladder(*leg) for leg in legs]
    size = income = Decimal(0)
    while all(ladders):
        first, second, third = (ladder[0] for ladder in ladders)
        product = first[1] * second[1] * third[1]
        if not _pays(product, least):
            break
        step = min(first[0], second[0] / first[1], third[0] / (first[1] * second[1]))
        size, income = size + step, income + step * product
        into = step
        for ladder in ladders:
            ladder[0][0] -= into
            into *= ladder[0][1]
            if ladder[0][0] < Decimal("1e-30"):
                ladder.pop(0)
    return size, income


def _ladder(book: Book, side: str, fee: Decimal) -> list[list[Decimal]]:
    """Return (how much can go in, what a unit of it gives) of each level."""
    if side == "buy":
        return [[price * size, (1 - fee) / price] for price, size in book.asks]
    return [[size, price * (1 - fee)] for price, size in book.bids]
