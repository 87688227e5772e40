"""The markets API: instruments, their candles, tickers."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from engine.candles import Candles
from engine.timeframes import moment
from markets.models import Instrument, InstrumentState, MarketKind
from markets.selectors import candle_arrays, instrument_by_id, instruments, tradable_instruments
from markets.serializers import CandleQuery, CandleSerializer, InstrumentSerializer, TickerSerializer
from markets.tickers import tickers


class InstrumentFilter(django_filters.FilterSet):  # type: ignore[misc]
    """What instruments can be chosen by."""

    exchange = django_filters.CharFilter(field_name="exchange__code")
    namespace = django_filters.CharFilter(field_name="market__namespace")
    kind = django_filters.ChoiceFilter(field_name="market__kind", choices=MarketKind.choices)
    base = django_filters.CharFilter(field_name="market__base")
    quote = django_filters.CharFilter(field_name="market__quote")
    state = django_filters.ChoiceFilter(choices=InstrumentState.choices)

    class Meta:
        model = Instrument
        fields: list[str] = []


@extend_schema(summary="List instruments")
class InstrumentsView(ListAPIView[Instrument]):
    """All instruments, retired ones included."""

    serializer_class = InstrumentSerializer
    filter_backends = [DjangoFilterBackend]
    filterset_class = InstrumentFilter

    def get_queryset(self) -> QuerySet[Instrument]:
        return instruments()


class InstrumentView(APIView):
    """One instrument."""

    @extend_schema(summary="Read an instrument", responses=InstrumentSerializer)
    def get(self, request: Request, instrument_id: UUID) -> Response:
        return Response(InstrumentSerializer(instrument_by_id(instrument_id)).data)


class CandlesView(APIView):
    """An instrument's closed candles."""

    @extend_schema(
        summary="Read closed candles, oldest first",
        parameters=[CandleQuery],
        responses=CandleSerializer(many=True),
    )
    def get(self, request: Request, instrument_id: UUID) -> Response:
        query = CandleQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        found = candle_arrays(
            instrument_by_id(instrument_id),
            asked["timeframe"],
            start=asked.get("start"),
            end=asked.get("end"),
            count=asked["limit"],
        )
        return Response(CandleSerializer(_rows(found), many=True).data)


class TickersView(APIView):
    """Newest prices."""

    @extend_schema(
        summary="Read the newest price and the last day of every tradable instrument",
        parameters=[OpenApiParameter("namespace", str, description="Only instruments of this namespace.")],
        responses=TickerSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        found = tickers(tradable_instruments(request.query_params.get("namespace") or None))
        return Response(TickerSerializer(found, many=True).data)


def _rows(candles: Candles) -> list[dict[str, Any]]:
    names = ("open", "high", "low", "close", "volume")
    values = zip(*(getattr(candles, name).tolist() for name in names), strict=True)
    return [
        {"opened_at": moment(opened_at), **dict(zip(names, row, strict=True))}
        for opened_at, row in zip(candles.opened_at.tolist(), values, strict=True)
    ]
