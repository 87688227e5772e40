"""Cross-venue spreads: bought on one venue and sold on another at once, after both fees, as deep as it pays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.candles import Floats
from engine.scanners.books import Books
from engine.simulation.compiled import kernel, part

Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Spreads:
    """What was found, dearest profit first; arrays of one length.

    `instrument`, `buy_venue`, `sell_venue` are places in the books' axes. `quantity` is in base units; `cost` (what
    buying takes, its fee included) and `profit` (what selling brings after its fee, less the cost) in quote units;
    `ratio` = profit / cost.
    """

    instrument: Places
    buy_venue: Places
    sell_venue: Places
    quantity: Floats
    cost: Floats
    profit: Floats
    ratio: Floats

    def __len__(self) -> int:
        return len(self.profit)

    def keys(self, venues: int) -> Places:
        """Return a number for each opportunity that is the same in every scan of so many venues (see lives.py)."""
        return (self.instrument * venues + self.buy_venue) * venues + self.sell_venue


def scan_spreads(books: Books, taker_fees: Floats, *, min_ratio: float = 0.0, min_cost: float = 0.0) -> Spreads:
    """Return every instrument and ordered pair of venues at which buying and selling at once pays.

    `books` (venues, instruments, k) of instruments that are the same on each venue; `taker_fees` (venues, instruments)
    are ratios of the value traded. Levels are walked while each unit earns more than `min_ratio` of its cost; what
    costs less than `min_cost` quote units is left out.
    """
    venues, instruments = books.at_ms.shape
    room = instruments * venues * (venues - 1)
    places, amounts = np.empty((room, 3), np.int64), np.empty((room, 3))
    count = _scan(
        books.bid_prices,
        books.bid_sizes,
        books.ask_prices,
        books.ask_sizes,
        np.ascontiguousarray(taker_fees, np.float64),
        min_ratio,
        min_cost,
        places,
        amounts,
    )
    places, amounts = places[:count], amounts[:count]
    order = np.argsort(-amounts[:, 2], kind="stable")
    instrument, buy, sell = places[order].T
    quantity, cost, profit = amounts[order].T
    return Spreads(instrument, buy, sell, quantity, cost, profit, profit / cost)


@part
def _walk(asks: Any, ask_sizes: Any, bids: Any, bid_sizes: Any, paid: float, got: float, least: float) -> Any:
    """Return (quantity, cost, income) of all units that bring more than `least` times their cost.

    `paid` and `got` are what a unit of price costs and brings, fees included.
    """
    quantity, cost, income = 0.0, 0.0, 0.0
    a, b = 0, 0
    ask_left, bid_left = ask_sizes[0], bid_sizes[0]
    while ask_left > 0.0 and bid_left > 0.0 and bids[b] * got > asks[a] * paid * least:
        step = min(ask_left, bid_left)
        quantity += step
        cost += step * asks[a] * paid
        income += step * bids[b] * got
        ask_left -= step
        bid_left -= step
        if ask_left <= 0.0:
            a += 1
            ask_left = ask_sizes[a] if a < asks.size else 0.0
        if bid_left <= 0.0:
            b += 1
            bid_left = bid_sizes[b] if b < bids.size else 0.0
    return quantity, cost, income


@kernel
def _scan(
    bids: Any,
    bid_sizes: Any,
    asks: Any,
    ask_sizes: Any,
    fees: Any,
    min_ratio: float,
    min_cost: float,
    places: Any,
    amounts: Any,
) -> int:
    venues, instruments, _ = bids.shape
    count, least = 0, 1.0 + min_ratio
    for i in range(instruments):
        for buy in range(venues):
            paid = 1.0 + fees[buy, i]
            beaten = asks[buy, i, 0] * paid * least
            for sell in range(venues):
                got = 1.0 - fees[sell, i]
                # Most pairs end here: their best prices do not pay.
                if sell == buy or not bids[sell, i, 0] * got > beaten:
                    continue
                quantity, cost, income = _walk(
                    asks[buy, i], ask_sizes[buy, i], bids[sell, i], bid_sizes[sell, i], paid, got, least
                )
                if quantity > 0.0 and cost >= min_cost:
                    places[count, 0], places[count, 1], places[count, 2] = i, buy, sell
                    amounts[count, 0], amounts[count, 1], amounts[count, 2] = quantity, cost, income - cost
                    count += 1
    return count
