"""What comes nearest to paying where nothing pays: the best prices alone, after fees, whatever their size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.candles import Floats
from engine.scanners.books import Books
from engine.scanners.triangles import BUY, Triangles


def nearest_spread(books: Books, taker_fees: Floats) -> tuple[int, int, int, float] | None:
    """Return (instrument, venue to buy on, venue to sell on, ratio) of the pair of best prices that pays most or loses least.

    `books` and `taker_fees` as for `scan_spreads`; `ratio` is what selling brings ÷ what buying takes − 1. None where no
    instrument has a book on two venues.
    """
    asks = _known(books.ask_prices, books.ask_sizes) * (1.0 + taker_fees)
    bids = _known(books.bid_prices, books.bid_sizes) * (1.0 - taker_fees)
    ratios = bids[None, :, :] / asks[:, None, :] - 1.0
    venues = len(asks)
    ratios[np.arange(venues), np.arange(venues), :] = np.nan
    place = _highest(ratios)
    if place is None:
        return None
    buy, sell, instrument = (int(one) for one in place)
    return instrument, buy, sell, float(ratios[place])


def nearest_round(triangles: Triangles, books: Books, taker_fees: Floats) -> tuple[int, float] | None:
    """Return (triangle, ratio) of the way around whose best prices give most; None where no way has all its books."""
    given = np.stack(
        [
            (1.0 - taker_fees) / _known(books.ask_prices, books.ask_sizes),
            (1.0 - taker_fees) * _known(books.bid_prices, books.bid_sizes),
        ]
    )
    sides = np.where(triangles.sides == BUY, 0, 1)
    ratios = given[sides, triangles.instruments].prod(axis=1) - 1.0
    place = _highest(ratios)
    return None if place is None else (int(place[0]), float(ratios[place]))


def _known(prices: Floats, sizes: Floats) -> Floats:
    """Return the best prices, NaN where nothing rests."""
    best: Floats = np.where(sizes[..., 0] > 0.0, prices[..., 0], np.nan)
    return best


def _highest(ratios: NDArray[np.float64]) -> tuple[np.intp, ...] | None:
    if not ratios.size or np.isnan(ratios).all():
        return None
    return np.unravel_index(np.nanargmax(ratios), ratios.shape)
