"""Spreads and triangles over live books: from boards to arrays, through the pure scanners, to rows that doors show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import numpy as np

from common.clock import market_now, wall_now
from engine.candles import Floats
from engine.scanners.books import Books
from engine.scanners.lives import Lives, follow
from engine.scanners.nearest import nearest_round, nearest_spread
from engine.scanners.spreads import scan_spreads
from engine.scanners.triangles import BUY, Triangles, scan_triangles, triangles_of
from engine.timeframes import milliseconds
from markets.boards import RoughBook, latest_levels
from markets.models import Instrument, InterestKind
from markets.scanning.results import Found, Leg, Opportunity, kind_of, leg
from markets.scanning.universe import REASON, START_ASSETS, spread_universe, triangle_universe
from markets.services.interests import renew_interest

# A book that nothing was heard of for so long shows prices that nobody may give any more.
MAX_BOOK_AGE_MS = 10_000
# Levels of each side that are walked, and rows that are told of.
DEPTH, MOST_ROWS = 20, 100
# What rounding alone may seem to pay.
_LEAST_RATIO = 1e-9
_BPS, _BPS_PLACES, _PLACES = 1e4, 2, 10


@dataclass
class _Market:
    """One set of books that is scanned as a whole, and what was found in it: a namespace's, or one venue's."""

    instruments: list[Instrument]
    lives: Lives = field(default_factory=Lives.none)


@dataclass
class _SpreadMarket(_Market):
    """A namespace: `groups` hold each market's instruments, `venues` are the exchanges' codes."""

    groups: list[list[Instrument]] = field(default_factory=list)
    venues: list[str] = field(default_factory=list)


@dataclass
class _TriangleMarket(_Market):
    """A venue with its ways around."""

    triangles: Triangles = field(default_factory=lambda: triangles_of([]))


class SpreadScanner:
    """Bought on one venue, sold on another, of each namespace."""

    def __init__(self) -> None:
        self._markets: dict[str, _SpreadMarket] = {}

    def prepare(self) -> None:
        """Choose what to look at, and have its books watched; what is looked at already keeps its lives."""
        chosen: dict[str, _SpreadMarket] = {}
        for namespace, groups in spread_universe().items():
            members = [one for group in groups for one in group]
            venues = sorted({one.exchange.code for one in members})
            chosen[namespace] = _SpreadMarket(members, groups=groups, venues=venues)
        _keep_lives(self._markets, chosen)
        self._markets = chosen
        _watch_books(chosen.values())

    def scan(self) -> Found:
        """Look through all books once."""
        looks = [self._scan(namespace, market) for namespace, market in self._markets.items()]
        return _merged(looks)

    def _scan(self, namespace: str, market: _SpreadMarket) -> Found:
        at = market_now(namespace)
        books = Books.empty(len(market.venues), len(market.groups), depth=DEPTH)
        fees = np.zeros((len(market.venues), len(market.groups)))
        held: dict[tuple[int, int], Instrument] = {}
        known = latest_levels(market.instruments)
        for place, group in enumerate(market.groups):
            for instrument in group:
                venue = market.venues.index(instrument.exchange.code)
                held[venue, place] = instrument
                fees[venue, place] = _fee(instrument)
                _put(books, (venue, place), known.get(instrument.pk))
        usable = _usable(books, at)
        found = scan_spreads(usable, fees, min_ratio=_LEAST_RATIO)
        keys = found.keys(len(market.venues))
        market.lives = follow(market.lives, keys, found.profit, milliseconds(at))
        rows = []
        for place in range(min(len(found), MOST_ROWS)):
            buy = held[int(found.buy_venue[place]), int(found.instrument[place])]
            sell = held[int(found.sell_venue[place]), int(found.instrument[place])]
            legs = [leg("BUY", buy), leg("SELL", sell)]
            row = _row(buy, legs, buy.market.quote_id, float(found.ratio[place]))
            row["quantity"] = round(float(found.quantity[place]), _PLACES)
            _size(row, float(found.cost[place]), float(found.profit[place]))
            rows.append(_aged(row, market.lives, int(keys[place])))
        near = nearest_spread(usable, fees)
        nearest = None
        if near is not None:
            buy, sell = held[near[1], near[0]], held[near[2], near[0]]
            nearest = _row(buy, [leg("BUY", buy), leg("SELL", sell)], buy.market.quote_id, near[3])
        return _found(rows, nearest, market.instruments, usable)


class TriangleScanner:
    """Around three assets on one venue, of each venue."""

    def __init__(self) -> None:
        self._markets: dict[str, _TriangleMarket] = {}

    def prepare(self) -> None:
        """Choose what to look at, and have its books watched; what is looked at already keeps its lives."""
        chosen = {}
        for code, members in triangle_universe().items():
            pairs = [(one.market.base_id, one.market.quote_id) for one in members]
            chosen[code] = _TriangleMarket(members, triangles=triangles_of(pairs, START_ASSETS))
        _keep_lives(self._markets, chosen)
        self._markets = chosen
        _watch_books(chosen.values())

    def scan(self) -> Found:
        """Look through all books once."""
        return _merged([self._scan(market) for market in self._markets.values()])

    def _scan(self, market: _TriangleMarket) -> Found:
        at = market_now(market.instruments[0].market.namespace)
        books = Books.empty(len(market.instruments), depth=DEPTH)
        known = latest_levels(market.instruments)
        for place, instrument in enumerate(market.instruments):
            _put(books, (place,), known.get(instrument.pk))
        fees = np.array([_fee(one) for one in market.instruments])
        usable = _usable(books, at)
        found = scan_triangles(market.triangles, usable, fees, min_ratio=_LEAST_RATIO)
        market.lives = follow(market.lives, found.triangle, found.profit, milliseconds(at))
        rows = []
        for place in range(min(len(found), MOST_ROWS)):
            way = int(found.triangle[place])
            row = self._way(market, way, float(found.ratio[place]))
            _size(row, float(found.size[place]), float(found.profit[place]))
            rows.append(_aged(row, market.lives, way))
        near = nearest_round(market.triangles, usable, fees)
        return _found(rows, near and self._way(market, *near), market.instruments, usable)

    def _way(self, market: _TriangleMarket, way: int, ratio: float) -> Opportunity:
        """Return a way around as a row, without its size."""
        places, sides = market.triangles.instruments[way].tolist(), market.triangles.sides[way].tolist()
        legs = [
            leg("BUY" if side == BUY else "SELL", market.instruments[place])
            for place, side in zip(places, sides, strict=True)
        ]
        return _row(market.instruments[places[0]], legs, market.triangles.starts[way], ratio)


def _keep_lives(known: Mapping[str, _Market], chosen: Mapping[str, _Market]) -> None:
    """Let what is looked at as before go on living: the numbers of opportunities mean the same as long as nothing joins."""
    for name, market in chosen.items():
        before = known.get(name)
        if before is not None and [one.pk for one in before.instruments] == [one.pk for one in market.instruments]:
            market.lives = before.lives


def _watch_books(markets: Iterable[_Market]) -> None:
    members: set[UUID] = {one.pk for market in markets for one in market.instruments}
    renew_interest(instrument_ids=members, kind=InterestKind.BOOK, reason=REASON)


def _fee(instrument: Instrument) -> float:
    return float(instrument.taker_fee_bps / Decimal(10_000))


def _put(books: Books, place: tuple[int, ...], book: RoughBook | None) -> None:
    if book is not None:
        books.put(place, book.bids, book.asks, milliseconds(book.at))


def _usable(books: Books, at: datetime) -> Books:
    return books.fresh(milliseconds(at), MAX_BOOK_AGE_MS)


def _row(first: Instrument, legs: list[Leg], asset: str, ratio: float) -> Opportunity:
    """Return an opportunity of which no more is known than what it pays."""
    return Opportunity(
        key="-".join(one["instrument"][-12:] for one in legs),
        namespace=first.market.namespace,
        kind=kind_of(first.exchange),
        legs=legs,
        asset=asset,
        size=None,
        quantity=None,
        profit=None,
        profit_bps=round(ratio * _BPS, _BPS_PLACES),
        age_ms=None,
        shrunk_ratio=None,
        half_life_ms=None,
    )


def _size(row: Opportunity, size: float, profit: float) -> None:
    row["size"], row["profit"] = round(size, _PLACES), round(profit, _PLACES)


def _aged(row: Opportunity, lives: Lives, key: int) -> Opportunity:
    """Write down how long an opportunity has existed and how it shrinks."""
    place = int(np.searchsorted(lives.keys, key))
    half = float(lives.half_life_ms()[place])
    row["age_ms"] = int(lives.age_ms()[place])
    row["shrunk_ratio"] = round(float(lives.shrunk()[place]), 4)
    row["half_life_ms"] = round(half) if np.isfinite(half) else None
    return row


def _found(rows: list[Opportunity], nearest: Opportunity | None, members: list[Instrument], usable: Books) -> Found:
    quoted: Floats = usable.bid_sizes[..., 0] + usable.ask_sizes[..., 0]
    return Found(
        at=wall_now().isoformat(),
        rows=list(rows),
        nearest=nearest,
        looked_at=len(members),
        fresh=int(np.count_nonzero(quoted > 0.0)),
    )


def _merged(looks: Sequence[Found]) -> Found:
    """Return the looks at several markets as one, what pays most first."""
    rows = sorted((row for one in looks for row in one["rows"]), key=lambda row: row["profit_bps"], reverse=True)
    near = [one["nearest"] for one in looks if one["nearest"] is not None]
    return Found(
        at=wall_now().isoformat(),
        rows=rows[:MOST_ROWS],
        nearest=max(near, key=lambda row: row["profit_bps"], default=None),
        looked_at=sum(one["looked_at"] for one in looks),
        fresh=sum(one["fresh"] for one in looks),
    )
