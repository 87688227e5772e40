"""Which instruments each scanner looks at: few enough that every book can be watched, the most traded first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, F, QuerySet, Value
from django.db.models.functions import Concat

from markets.boards import latest_venue_tickers
from markets.models import Instrument, MarketKind, SourceKind
from markets.selectors import tradable_instruments

# How many markets of a namespace are compared across venues, and how many instruments of one venue make its triangles
# and are asked how they move.
SPREAD_MARKETS, TRIANGLE_INSTRUMENTS, MOVER_INSTRUMENTS = 100, 100, 100
# What interests in live data are renewed for.
REASON = "scanner"
# What a triangle's size is given in where it has several: stablecoins and currencies before coins.
START_ASSETS = ("USDT", "USDC", "USD", "EUR", "BTC")


def connected_instruments() -> QuerySet[Instrument]:
    """Return what is traded on venues that are reached over the network, without inverse contracts.

    Those are counted in contracts, so that their sizes compare with nothing.
    """
    found = tradable_instruments().exclude(exchange__dialect="")
    return found.exclude(market__kind=MarketKind.PERPETUAL, market__contract=Concat(Value("PERP-"), F("market__base")))


def spread_universe() -> dict[str, list[list[Instrument]]]:
    """Return namespace → markets, each as the instruments of two or more venues that list it."""
    several = connected_instruments().order_by().values("market").annotate(venues=Count("exchange", distinct=True))
    shared = connected_instruments().filter(market__in=several.filter(venues__gte=2).values("market"))
    members: dict[UUID, dict[UUID, Instrument]] = defaultdict(dict)
    for instrument in shared:
        # One of each venue: the first by symbol, where a venue lists a market twice.
        members[instrument.market_id].setdefault(instrument.exchange_id, instrument)
    volumes = _volumes(shared)
    by_namespace: dict[str, list[list[Instrument]]] = defaultdict(list)
    for listed in members.values():
        group = list(listed.values())
        by_namespace[group[0].market.namespace].append(group)

    def traded(group: Sequence[Instrument]) -> Decimal:
        return sum((volumes.get(one.pk, Decimal(0)) for one in group), Decimal(0))

    # In an order that stays, so that an opportunity keeps its number from one look to the next.
    return {
        namespace: sorted(sorted(groups, key=traded, reverse=True)[:SPREAD_MARKETS], key=lambda one: one[0].market_id)
        for namespace, groups in by_namespace.items()
    }


def triangle_universe() -> dict[str, list[Instrument]]:
    """Return exchange code → spot instruments that can be part of a triangle: each of their assets has two markets or more."""
    by_exchange: dict[str, list[Instrument]] = defaultdict(list)
    for instrument in connected_instruments().filter(market__kind=MarketKind.SPOT):
        by_exchange[instrument.exchange.code].append(instrument)
    found = {}
    for code, listed in by_exchange.items():
        linked = _linked(listed)
        kept = _linked(_by_turnover(linked)[:TRIANGLE_INSTRUMENTS])
        if len(kept) > 2:
            found[code] = sorted(kept, key=lambda one: one.pk)
    return found


def mover_universe() -> list[Instrument]:
    """Return the instruments that are asked how they move: of each venue those that moved most in a day, as far as it says."""
    by_exchange: dict[str, list[Instrument]] = defaultdict(list)
    for instrument in tradable_instruments():
        by_exchange[instrument.exchange.code].append(instrument)
    found: list[Instrument] = []
    for listed in by_exchange.values():
        found += listed if len(listed) <= MOVER_INSTRUMENTS else _by_move(listed)[:MOVER_INSTRUMENTS]
    return found


def is_connected(instrument: Instrument) -> bool:
    """Return whether a feed has to be asked for this instrument's live data: made and replayed markets move anyway."""
    return instrument.exchange.source_kind == SourceKind.REAL and bool(instrument.exchange.dialect)


def _linked(instruments: Iterable[Instrument]) -> list[Instrument]:
    """Return those whose two assets are both traded in another instrument, too."""
    kept = list(instruments)
    while True:
        count: dict[str, int] = defaultdict(int)
        for one in kept:
            count[one.market.base_id] += 1
            count[one.market.quote_id] += 1
        left = [one for one in kept if count[one.market.base_id] > 1 and count[one.market.quote_id] > 1]
        if len(left) == len(kept):
            return kept
        kept = left


def _by_turnover(instruments: Sequence[Instrument]) -> list[Instrument]:
    """Sort by what is traded of each base in its liveliest market: volumes in several currencies do not compare."""
    volumes = _volumes(instruments)
    of_base: dict[str, Decimal] = defaultdict(Decimal)
    for one in instruments:
        if one.market.quote_id in START_ASSETS[:3]:
            of_base[one.market.base_id] = max(of_base[one.market.base_id], volumes.get(one.pk, Decimal(0)))
    return sorted(instruments, key=lambda one: (-of_base[one.market.base_id], one.symbol))


def _by_move(instruments: Sequence[Instrument]) -> list[Instrument]:
    told = latest_venue_tickers(instruments)
    moved = {key: abs(ticker.change_ratio or Decimal(0)) for key, ticker in told.items()}
    return sorted(instruments, key=lambda one: moved.get(one.pk, Decimal(-1)), reverse=True)


def _volumes(instruments: Iterable[Instrument]) -> dict[UUID, Decimal]:
    told = latest_venue_tickers(instruments)
    return {key: ticker.quote_volume for key, ticker in told.items() if ticker.quote_volume is not None}
