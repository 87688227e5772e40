"""The API of backfills: what is being loaded of the past, by and for whom asks."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from accounts.programs.doors import ApiListView, ApiView
from accounts.programs.scopes import Scope
from accounts.requests import asker
from engine.timeframes import TIMEFRAMES
from markets.history import backfill_for_user, backfills
from markets.models import Backfill, BackfillState
from markets.selectors import instrument_by_id
from markets.services import cancel_backfill, request_backfill


class BackfillSerializer(serializers.ModelSerializer[Backfill]):
    """A stretch of the past that is being loaded, or was; before `reached_at` all is stored."""

    symbol = serializers.CharField(source="instrument.symbol", read_only=True)
    exchange = serializers.CharField(source="instrument.exchange.code", read_only=True)
    state = serializers.ChoiceField(choices=BackfillState.choices, read_only=True)
    progress = serializers.FloatField(read_only=True, help_text="0 to 1.")

    class Meta:
        model = Backfill
        fields = [
            "id",
            "instrument",
            "symbol",
            "exchange",
            "timeframe",
            "start",
            "end",
            "reached_at",
            "state",
            "progress",
            "error",
            "created_at",
        ]
        read_only_fields = fields


class BackfillRequestSerializer(serializers.Serializer[Any]):
    """What to load: an instrument's candles of a timeframe from `start` on."""

    instrument = serializers.UUIDField()
    timeframe = serializers.ChoiceField(choices=list(TIMEFRAMES))
    start = serializers.DateTimeField()
    end = serializers.DateTimeField(required=False, help_text="Default: market time.")


class BackfillFilter(django_filters.FilterSet):  # type: ignore[misc]
    """What backfills can be chosen by."""

    instrument = django_filters.UUIDFilter()
    state = django_filters.ChoiceFilter(choices=BackfillState.choices)

    class Meta:
        model = Backfill
        fields: list[str] = []


class BackfillsView(ApiListView[Backfill]):
    """What one has asked for alone, and what open rows one may cancel."""

    scope = Scope.TRADE
    serializer_class = BackfillSerializer
    filter_backends = [DjangoFilterBackend]
    filterset_class = BackfillFilter
    queryset = Backfill.objects.none()

    def get_queryset(self) -> QuerySet[Backfill]:
        return backfills().filter(requested_by=asker(self.request))

    @extend_schema(summary="List the backfills that one has asked for")
    def get(self, request: Request) -> Response:
        return self.list(request)

    @extend_schema(
        operation_id="backfills_create",
        summary="Ask for candles of the past",
        request=BackfillRequestSerializer,
        responses={201: BackfillSerializer},
    )
    def post(self, request: Request) -> Response:
        """One backfill per series is open: a second request extends it. Where others asked too, it is nobody's alone."""
        asked = BackfillRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        facts = dict(asked.validated_data)
        user: User = asker(request)
        made = request_backfill(instrument=instrument_by_id(facts.pop("instrument")), requested_by=user, **facts)
        return Response(BackfillSerializer(made).data, status=status.HTTP_201_CREATED)


class BackfillView(ApiView):
    """One of one's backfills."""

    scope = Scope.TRADE

    @extend_schema(summary="Read a backfill", responses=BackfillSerializer)
    def get(self, request: Request, backfill_id: UUID) -> Response:
        return Response(BackfillSerializer(backfill_for_user(asker(request), backfill_id)).data)

    @extend_schema(summary="Cancel a backfill; what has come stays", responses={204: None})
    def delete(self, request: Request, backfill_id: UUID) -> Response:
        cancel_backfill(backfill=backfill_for_user(asker(request), backfill_id))
        return Response(status=status.HTTP_204_NO_CONTENT)
