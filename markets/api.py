"""The markets API: instruments, candles, tickers, order books, trades, funding, and how venues are doing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

import django_filters
from django.core.handlers.asgi import ASGIRequest
from django.db.models import QuerySet
from django.http import HttpResponseBase
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.programs.doors import ApiListView, ApiView
from accounts.programs.scopes import Scope
from common.clock import market_now
from common.errors import DomainError
from common.rendering import ArrowRenderer, FastJSON, KnownFormats, ParquetRenderer
from engine.candles import Candles
from engine.timeframes import milliseconds, moment, timeframe_ms
from markets import candle_streams
from markets.boards import book_payload, latest_books, latest_funding, latest_trades, trade_payload
from markets.models import Instrument, InstrumentState, InterestKind, MarketKind
from markets.selectors import (
    candle_arrays,
    candle_chunks,
    candle_range,
    instrument_by_id,
    instruments,
    searched,
    tradable_instruments,
)
from markets.serializers import (
    MAX_STREAMED,
    BookQuery,
    BookSerializer,
    CandleQuery,
    CandleSerializer,
    FundingSerializer,
    InstrumentSerializer,
    MarketTradeSerializer,
    TickerQuery,
    TickerSerializer,
    TradeQuery,
    VenueSerializer,
)
from markets.tickers import tickers
from markets.topics import watch
from markets.venues import venue_facts, venue_statuses

MAX_SEARCH = 60
# Whom feeds watch something for.
REASON = "api"


class InstrumentFilter(django_filters.FilterSet):  # type: ignore[misc]
    """What instruments can be chosen by."""

    search = django_filters.CharFilter(
        method="with_words", help_text="Words that are in symbol, assets or exchange, all of them."
    )
    exchange = django_filters.CharFilter(field_name="exchange__code")
    namespace = django_filters.CharFilter(field_name="market__namespace")
    kind = django_filters.ChoiceFilter(field_name="market__kind", choices=MarketKind.choices)
    base = django_filters.CharFilter(field_name="market__base")
    quote = django_filters.CharFilter(field_name="market__quote")
    state = django_filters.ChoiceFilter(choices=InstrumentState.choices)

    class Meta:
        model = Instrument
        fields: list[str] = []

    def with_words(self, queryset: QuerySet[Instrument], name: str, value: str) -> QuerySet[Instrument]:
        return searched(queryset, value[:MAX_SEARCH])


@extend_schema(summary="List instruments")
class InstrumentsView(ApiListView[Instrument]):
    """All instruments, retired ones included."""

    scope = Scope.READ
    serializer_class = InstrumentSerializer
    filter_backends = [DjangoFilterBackend]
    filterset_class = InstrumentFilter

    def get_queryset(self) -> QuerySet[Instrument]:
        return instruments()


class InstrumentView(ApiView):
    """One instrument."""

    scope = Scope.READ

    @extend_schema(summary="Read an instrument", responses=InstrumentSerializer)
    def get(self, request: Request, instrument_id: UUID) -> Response:
        return Response(InstrumentSerializer(instrument_by_id(instrument_id)).data)


class CandlesView(ApiView):
    """An instrument's closed candles, as JSON or as a stream of Arrow record batches or a Parquet file."""

    scope = Scope.READ
    renderer_classes = [FastJSON, ArrowRenderer, ParquetRenderer]
    content_negotiation_class = KnownFormats

    @extend_schema(
        summary="Read closed candles, oldest first",
        description=(
            "JSON holds at most 1,000 candles. `?format=arrow` or `?format=parquet` (or their media type in `Accept`) "
            "streams up to 1,100,000 of them with the columns timestamp (ms since 1970 UTC), open, high, low, close, volume."
        ),
        parameters=[
            CandleQuery,
            OpenApiParameter("format", str, enum=["json", "arrow", "parquet"], description="Goes before `Accept`."),
        ],
        responses={
            (200, "application/json"): CandleSerializer(many=True),
            (200, candle_streams.ARROW): OpenApiTypes.BINARY,
            (200, candle_streams.PARQUET): OpenApiTypes.BINARY,
        },
    )
    def get(self, request: Request, instrument_id: UUID) -> HttpResponseBase:
        media_type = str(request.accepted_renderer.media_type)
        is_streamed = media_type != FastJSON.media_type
        query = CandleQuery(data=request.query_params, context={"is_streamed": is_streamed})
        query.is_valid(raise_exception=True)
        asked, instrument = query.validated_data, instrument_by_id(instrument_id)
        if is_streamed:
            return _streamed_candles(request, instrument, query, media_type)
        found = candle_arrays(
            instrument, asked["timeframe"], start=asked.get("start"), end=asked.get("end"), count=asked["limit"]
        )
        return Response(CandleSerializer(_rows(found), many=True).data)


def _streamed_candles(
    request: Request, instrument: Instrument, query: CandleQuery, media_type: str
) -> HttpResponseBase:
    symbol = re.sub(r"[^A-Za-z0-9-]+", "-", instrument.symbol)
    suffix = "parquet" if media_type == candle_streams.PARQUET else "arrow"
    return candle_streams.streamed(
        candle_streams.encoded(_parts(instrument, query), media_type),
        media_type,
        f"{instrument.exchange.code}-{symbol}-{query.validated_data['timeframe']}.{suffix}",
        is_async=isinstance(request._request, ASGIRequest),
    )


def _parts(instrument: Instrument, query: CandleQuery) -> Iterable[Candles]:
    """Return what a stream is made of: all that was asked for, as far as there are candles."""
    asked = query.validated_data
    timeframe, length = asked["timeframe"], timeframe_ms(asked["timeframe"])
    if asked["limit"] < MAX_STREAMED:
        return [
            candle_arrays(instrument, timeframe, start=asked.get("start"), end=asked.get("end"), count=asked["limit"])
        ]
    known = candle_range(instrument, timeframe)
    if known is None:
        return []
    end = min(asked.get("end") or market_now(instrument.market.namespace), known[1] + timedelta(milliseconds=length))
    start = max(asked.get("start") or known[0], known[0])
    count = (milliseconds(end) - milliseconds(start)) // length
    query.refuse_long(count)
    return candle_chunks(instrument, timeframe, start=start, end=end, rows=candle_streams.ROWS_AT_ONCE)


class TickersView(ApiView):
    """Newest prices."""

    scope = Scope.READ

    @extend_schema(
        summary="Read the newest price and the last day of every tradable instrument",
        parameters=[TickerQuery],
        responses=TickerSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        query = TickerQuery(data={name: value for name, value in request.query_params.items() if value})
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        chosen = {"exchange": "exchange__code", "kind": "market__kind"}
        found = tradable_instruments(asked.get("namespace")).filter(
            **{field: asked[name] for name, field in chosen.items() if name in asked}
        )
        return Response(TickerSerializer(tickers(found), many=True).data)


class BookView(ApiView):
    """An instrument's order book. Asking for it has its feed watch the book for a minute."""

    scope = Scope.READ

    @extend_schema(summary="Read the order book", parameters=[BookQuery], responses=BookSerializer)
    def get(self, request: Request, instrument_id: UUID) -> Response:
        query = BookQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        depth, instrument = query.validated_data["depth"], instrument_by_id(instrument_id)
        watch([instrument], InterestKind.BOOK, reason=REASON)
        book = book_payload(latest_books([instrument]).get(instrument.id))
        cut = {"bids": book["bids"][:depth], "asks": book["asks"][:depth]}
        return Response({"instrument_id": instrument.id, "at": book["at"], **cut})


class TradesView(ApiView):
    """What others traded at the venue. Asking for it has its feed watch the trades for a minute."""

    scope = Scope.READ

    @extend_schema(
        summary="Read the newest trades, oldest first",
        parameters=[TradeQuery],
        responses=MarketTradeSerializer(many=True),
    )
    def get(self, request: Request, instrument_id: UUID) -> Response:
        query = TradeQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        instrument = instrument_by_id(instrument_id)
        watch([instrument], InterestKind.TRADES, reason=REASON)
        newest = latest_trades([instrument]).get(instrument.id, [])[-query.validated_data["limit"] :]
        return Response([trade_payload(one) for one in newest])


class FundingView(ApiView):
    """A perpetual's next funding."""

    scope = Scope.READ

    @extend_schema(summary="Read a perpetual's next funding", responses=FundingSerializer)
    def get(self, request: Request, instrument_id: UUID) -> Response:
        instrument = instrument_by_id(instrument_id)
        if instrument.market.kind != MarketKind.PERPETUAL:
            raise DomainError("NOT_A_PERPETUAL", "Only perpetuals have funding: ask for one of kind PERPETUAL.")
        found = latest_funding([instrument]).get(instrument.id)
        told = {name: getattr(found, name, None) for name in ("rate", "at", "mark_price")}
        return Response(FundingSerializer({"instrument_id": instrument.id, **told}).data)


class VenuesView(ApiView):
    """How venues are doing."""

    scope = Scope.READ

    @extend_schema(summary="Read how every venue is doing", responses=VenueSerializer(many=True))
    def get(self, request: Request) -> Response:
        return Response([venue_facts(one) for one in venue_statuses()])


def _rows(candles: Candles) -> list[dict[str, Any]]:
    names = ("open", "high", "low", "close", "volume")
    values = zip(*(getattr(candles, name).tolist() for name in names), strict=True)
    return [
        {"opened_at": moment(opened_at), **dict(zip(names, row, strict=True))}
        for opened_at, row in zip(candles.opened_at.tolist(), values, strict=True)
    ]
