"""Reads of instruments and candles. Instruments come with exchange and market: prices and candles need both."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import numpy as np
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.db.models import Max, Min, Prefetch, Q, QuerySet

from accounts.models import User
from common.clock import market_now
from common.db import Slot
from common.errors import DomainError, NotFound
from common.prepared import Prepared
from engine.candles import Candles
from engine.timeframes import TIMEFRAMES, candle_start, milliseconds, moment, timeframe_ms
from markets.candle_store import candle_store
from markets.models import (
    AlertState,
    Asset,
    Exchange,
    Instrument,
    InstrumentState,
    MarketClock,
    MarketKind,
    PriceAlert,
    RecentCandle,
    SourceKind,
    WatchList,
    WatchListEntry,
)

# An end by which every candle has closed, whatever market time says.
FAR_FUTURE = datetime(9999, 1, 1, tzinfo=UTC)
# What a price alert may choose from: a move's window, and the candles whose volume it watches.
MOVE_WINDOWS_SECONDS = (60, 300, 900, 3_600, 14_400, 86_400)
SPIKE_TIMEFRAMES = ("1m", "5m", "15m", "1h", "4h", "1d")
_FIELDS = ("opened_at", "open", "high", "low", "close", "volume")


def instruments() -> QuerySet[Instrument]:
    """Return all instruments, each with its exchange and market, by exchange and symbol."""
    return Instrument.objects.select_related("exchange", "market").order_by("exchange__code", "symbol")


def tradable_instruments(namespace: str | None = None) -> QuerySet[Instrument]:
    """Return the instruments that orders may name, of one namespace or of all."""
    found = instruments().filter(state=InstrumentState.ACTIVE)
    return found if namespace is None else found.filter(market__namespace=namespace)


def perpetuals_of(exchange: Exchange) -> QuerySet[Instrument]:
    """Return the perpetuals of an exchange that its venue lists and that are traded here: those that settle in their quote."""
    found = tradable_instruments().filter(exchange=exchange, market__kind=MarketKind.PERPETUAL, market__contract="PERP")
    return found.exclude(gateway_symbol="")


def search_instruments(query: str) -> QuerySet[Instrument]:
    """Return the tradable instruments whose every word of `query` is in their symbol, assets or exchange."""
    return searched(tradable_instruments().order_by("market__namespace", "exchange__code", "symbol"), query)


def searched(found: QuerySet[Instrument], query: str) -> QuerySet[Instrument]:
    """Return those of the instruments whose every word of `query` is in their symbol, assets or exchange."""
    for word in query.replace("/", " ").split():
        found = found.filter(
            Q(symbol__icontains=word)
            | Q(market__base__code__iexact=word)
            | Q(market__base__name__icontains=word)
            | Q(market__quote__code__iexact=word)
            | Q(exchange__name__icontains=word)
            | Q(exchange__code__iexact=word)
        )
    return found


def comparable_instruments(instrument: Instrument) -> QuerySet[Instrument]:
    """Return what trades the same coin in the same way at other venues of the namespace; the same market is among it."""
    market = instrument.market
    found = tradable_instruments(market.namespace).filter(market__base=market.base_id, market__kind=market.kind)
    return found.exclude(exchange=instrument.exchange_id).order_by(
        "market__quote_id", "market__contract", "exchange__name", "symbol"
    )


def known_timeframe(timeframe: str) -> str:
    """Return a timeframe that somebody typed, or raise DomainError TIMEFRAME_UNKNOWN."""
    if timeframe not in TIMEFRAMES:
        message = f"{timeframe[:20]!r} is no timeframe: choose one of {', '.join(TIMEFRAMES)}."
        raise DomainError("TIMEFRAME_UNKNOWN", message)
    return timeframe


def instrument_by_id(instrument_id: UUID | str) -> Instrument:
    """Return an instrument, retired ones included: history names them. What can be traded is public, so all may ask."""
    try:
        return instruments().get(pk=instrument_id)
    except (Instrument.DoesNotExist, ValidationError) as error:
        raise NotFound("instrument") from error


def instrument_by_symbol(code: str, symbol: str) -> Instrument:
    """Return an exchange's instrument by its symbol, such as BTC-USDT."""
    exchange = exchange_by_code(code)
    found = instruments().filter(exchange=exchange, symbol=symbol).first()
    if found is None:
        raise DomainError("INSTRUMENT_MISSING", f"{exchange} has no instrument {symbol[:60]!r} here.", status=404)
    return found


_BY_ID = Prepared(lambda: instruments().filter(pk__among=Slot("ids")))


def instruments_by_id(instrument_ids: Iterable[UUID]) -> dict[UUID, Instrument]:
    """Return those of the instruments that exist, in one query."""
    ids = set(instrument_ids)
    return {instrument.id: instrument for instrument in _BY_ID.found(ids=ids)} if ids else {}


_bases: dict[UUID, str] = {}


def bases_of(instrument_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Return the code of what each of the instruments trades. That never changes: a process reads it once."""
    wanted = set(instrument_ids)
    if missing := wanted - _bases.keys():
        _bases.update(Instrument.objects.filter(pk__in=missing).values_list("pk", "market__base_id"))
    return {pk: _bases[pk] for pk in wanted}


def exchange_by_code(code: str) -> Exchange:
    """Return an exchange by its code."""
    try:
        return Exchange.objects.get(code=code)
    except Exchange.DoesNotExist as error:
        raise NotFound("exchange") from error


def venue_to_run(code: str) -> Exchange:
    """Return the exchange that a feed or an engine is to run; raise DomainError VENUE_MISSING, which says how to make it."""
    try:
        return exchange_by_code(code)
    except NotFound as error:
        message = (
            f"There is no exchange {code!r} here: run manage.py seed_simulated, or manage.py import_candles, first."
        )
        raise DomainError("VENUE_MISSING", message, status=404) from error


def asset_by_code(code: str) -> Asset:
    """Return an asset by its code."""
    try:
        return Asset.objects.get(pk=code)
    except Asset.DoesNotExist as error:
        raise NotFound("asset") from error


def noted_time(namespace: str) -> datetime | None:
    """Return where a replayed market stood when that was last written down."""
    return MarketClock.objects.filter(namespace=namespace).values_list("at", flat=True).first()


def candle_arrays(
    instrument: Instrument,
    timeframe: str,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    count: int | None = None,
) -> Candles:
    """Return closed candles, oldest first: opened at or after `start`, ended at or before `end` (default: market time).

    `count` keeps the newest so many of them. Nothing of a candle that has not ended at `end` is ever seen.
    """
    end_ms = milliseconds(end or market_now(instrument.market.namespace)) - timeframe_ms(timeframe) + 1
    start_ms = None if start is None else milliseconds(start)
    # Rows first: compaction writes the file before it deletes rows, so what one read misses the other has.
    recent = _recent_candles(instrument, timeframe, start_ms, end_ms, count)
    stored = candle_store().read(
        instrument.exchange.code, instrument.symbol, timeframe, start_ms=start_ms, end_ms=end_ms, count=count
    )
    found = _joined(stored, recent)
    return found if count is None else found.part(max(0, len(found) - count), len(found))


@dataclass(frozen=True, slots=True)
class Span:
    """What is asked of one series: its candles that opened at or after `start` and ended at or before `end`."""

    instrument: Instrument
    timeframe: str
    start: datetime
    end: datetime


def candles_of_each(spans: Sequence[Span]) -> list[Candles]:
    """Return the closed candles of each span, oldest first, as `candle_arrays` does, with one query for all."""
    recent = _recent_rows([one for one in spans if one.instrument.exchange.source_kind != SourceKind.REPLAY])
    found = []
    for one in spans:
        start_ms = milliseconds(one.start)
        end_ms = milliseconds(one.end) - timeframe_ms(one.timeframe) + 1
        rows = [row for row in recent[one.instrument.pk, one.timeframe] if start_ms <= milliseconds(row[0]) < end_ms]
        names = (one.instrument.exchange.code, one.instrument.symbol, one.timeframe)
        found.append(_joined(candle_store().read(*names, start_ms=start_ms, end_ms=end_ms), _candles(rows)))
    return found


def candle_range(instrument: Instrument, timeframe: str) -> tuple[datetime, datetime] | None:
    """Return when the first and the last closed candle of a series opened; None where there is none."""
    stored = candle_store().bounds(instrument.exchange.code, instrument.symbol, timeframe)
    bounds = [] if stored is None else list(stored)
    if instrument.exchange.source_kind != SourceKind.REPLAY:
        ends = RecentCandle.objects.filter(instrument=instrument, timeframe=timeframe).order_by()
        found = ends.aggregate(first=Min("opened_at"), last=Max("opened_at"))
        bounds += [milliseconds(at) for at in found.values() if at is not None]
    last_closed = milliseconds(market_now(instrument.market.namespace)) - timeframe_ms(timeframe)
    if not bounds or min(bounds) > last_closed:
        return None
    return moment(min(bounds)), moment(min(max(bounds), candle_start(last_closed, timeframe)))


def candle_chunks(
    instrument: Instrument, timeframe: str, *, start: datetime, end: datetime, rows: int
) -> Iterator[Candles]:
    """Return what `candle_arrays` returns of a range, in parts of about `rows`; empty parts are left out.

    The database is asked at once, files as the parts are taken: whoever streams them needs no connection meanwhile.
    """
    length = timeframe_ms(timeframe)
    start_ms, end_ms = milliseconds(start), milliseconds(end) - length + 1
    recent = _recent_candles(instrument, timeframe, start_ms, end_ms, None)
    names = (instrument.exchange.code, instrument.symbol, timeframe)

    def parts() -> Iterator[Candles]:
        for first in range(start_ms, max(start_ms, end_ms), rows * length):
            last = min(first + rows * length, end_ms)
            found = _joined(candle_store().read(*names, start_ms=first, end_ms=last), _between(recent, first, last))
            if len(found):
                yield found

    return parts()


def _between(candles: Candles | None, start_ms: int, end_ms: int) -> Candles | None:
    if candles is None:
        return None
    first, last = candles.opened_at.searchsorted([start_ms, end_ms])
    return candles.part(int(first), int(last))


def timeframes_of(instrument: Instrument) -> list[str]:
    """Return the timeframes that an instrument has candles of, finest first."""
    return timeframes_of_each([instrument])[instrument.pk]


def timeframes_of_each(instruments: Iterable[Instrument]) -> dict[UUID, list[str]]:
    """Return the timeframes that each instrument has candles of, finest first, with one query for all."""
    wanted = list(instruments)
    known = {one.pk: candle_store().timeframes(one.exchange.code, one.symbol) for one in wanted}
    recent = RecentCandle.objects.filter(instrument__in=wanted).order_by()
    for instrument_id, timeframe in recent.values_list("instrument", "timeframe").distinct():
        known[instrument_id].add(timeframe)
    return {pk: [timeframe for timeframe in TIMEFRAMES if timeframe in names] for pk, names in known.items()}


def candles_from_rows(rows: QuerySet[RecentCandle]) -> Candles:
    """Return rows of one instrument and timeframe as candles, oldest first."""
    return _candles(sorted(rows.values_list(*_FIELDS)))


def _candles(found: Sequence[tuple[Any, ...]]) -> Candles:
    columns = np.array([row[1:] for row in found], dtype=np.float64).reshape(len(found), 5)
    return Candles(np.array([milliseconds(row[0]) for row in found], dtype=np.int64), *columns.T.copy())


def _recent_rows(spans: Sequence[Span]) -> dict[tuple[UUID, str], list[tuple[Any, ...]]]:
    """Return (instrument, timeframe) -> rows of _FIELDS, oldest first; at least those that the spans ask for."""
    rows: dict[tuple[UUID, str], list[tuple[Any, ...]]] = defaultdict(list)
    if spans:
        found = RecentCandle.objects.filter(
            instrument__in={one.instrument.pk for one in spans},
            timeframe__in={one.timeframe for one in spans},
            opened_at__gte=min(one.start for one in spans),
            opened_at__lt=max(one.end for one in spans),
        ).order_by("opened_at")
        for instrument_id, timeframe, *row in found.values_list("instrument", "timeframe", *_FIELDS):
            rows[instrument_id, timeframe].append(tuple(row))
    return rows


def _recent_candles(
    instrument: Instrument, timeframe: str, start_ms: int | None, end_ms: int, count: int | None
) -> Candles | None:
    """Return those of the asked candles that live sources made lately; None where no live source is."""
    if instrument.exchange.source_kind == SourceKind.REPLAY:
        return None  # its candles were in the store before it began: a replay is spared a query per candle
    rows = RecentCandle.objects.filter(instrument=instrument, timeframe=timeframe, opened_at__lt=moment(end_ms))
    if start_ms is not None:
        rows = rows.filter(opened_at__gte=moment(start_ms))
    return candles_from_rows(rows.order_by("-opened_at")[:count])


def _joined(stored: Candles, recent: Candles | None) -> Candles:
    """Return both in order of time; where a candle is in both, compaction was interrupted and they are the same."""
    if recent is None or not len(recent):
        return stored
    fresh = ~np.isin(recent.opened_at, stored.opened_at)
    times = np.concatenate([stored.opened_at, recent.opened_at[fresh]])
    order = times.argsort(kind="stable")
    columns = (np.concatenate([getattr(stored, name), getattr(recent, name)[fresh]])[order] for name in _FIELDS[1:])
    return Candles(times[order], *columns)


# --- watch lists and price alerts -----------------------------------------------------------------------------------
def watch_list_for_user(user: User | AnonymousUser | None, watch_list_id: UUID | str) -> WatchList:
    """The gate: return the user's own watch list, or NotFound for anybody else's and for none."""
    if (key := _key(watch_list_id)) and user is not None and user.is_authenticated:
        found = watch_lists_of(user).filter(pk=key).first()
        if found is not None:
            return found
    raise NotFound("watch list")


def watch_lists_of(user: User) -> QuerySet[WatchList]:
    """Return the user's watch lists by name, with their entries in order and each entry's instrument."""
    entries = WatchListEntry.objects.select_related("instrument__exchange", "instrument__market")
    return WatchList.objects.filter(owner=user).prefetch_related(Prefetch("entries", entries)).order_by("name", "pk")


def alert_for_user(user: User | AnonymousUser | None, alert_id: UUID | str) -> PriceAlert:
    """The gate: return the user's own price alert, or NotFound for anybody else's and for none."""
    if (key := _key(alert_id)) and user is not None and user.is_authenticated:
        found = alerts_of(user).filter(pk=key).first()
        if found is not None:
            return found
    raise NotFound("alert")


def alerts_of(user: User) -> QuerySet[PriceAlert]:
    """Return the user's price alerts, newest first, each with its instrument."""
    return PriceAlert.objects.filter(owner=user).select_related("instrument__exchange", "instrument__market")


def waiting_alerts() -> QuerySet[PriceAlert]:
    """Return the price alerts that are armed or rest until they are armed again."""
    return PriceAlert.objects.filter(state__in=[AlertState.ARMED, AlertState.RESTING])


def _key(value: UUID | str) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None
