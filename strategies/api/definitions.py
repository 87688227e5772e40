"""The API of strategies: one's own, in all three faces."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from accounts.programs.doors import ApiListView, ApiView
from accounts.programs.scopes import Scope
from accounts.requests import asker
from common.errors import NotFound
from markets.models import Instrument
from markets.selectors import instruments_by_id
from strategies import selectors
from strategies.models import Strategy, StrategyVersion
from strategies.serializers import definitions as serializers
from strategies.services.definitions import save_strategy


class StrategiesView(ApiListView[Strategy]):
    """One's strategies."""

    scope = Scope.TRADE
    serializer_class = serializers.StrategySerializer
    queryset = Strategy.objects.none()

    def get_queryset(self) -> QuerySet[Strategy]:
        return selectors.strategies_of(asker(self.request))

    @extend_schema(summary="List one's strategies, with their versions")
    def get(self, request: Request) -> Response:
        return self.list(request)

    @extend_schema(
        operation_id="strategies_create",
        summary="Save a new strategy",
        request=serializers.StrategyWriteSerializer,
        responses={201: serializers.VersionSerializer},
    )
    def post(self, request: Request) -> Response:
        version = _save(request, asker(request), None)
        return Response(serializers.VersionSerializer(version).data, status=status.HTTP_201_CREATED)


class StrategyView(ApiView):
    """One of one's strategies."""

    scope = Scope.TRADE

    @extend_schema(summary="Read a strategy", responses=serializers.StrategySerializer)
    def get(self, request: Request, strategy_id: UUID) -> Response:
        found = selectors.strategy_for_user(asker(request), strategy_id)
        return Response(serializers.StrategySerializer(selectors.strategies_of(asker(request)).get(pk=found.pk)).data)

    @extend_schema(
        summary="Edit a strategy",
        description="Answers with the version that now holds these settings: the newest one, or the next number where"
        " the newest has run already.",
        request=serializers.StrategyWriteSerializer,
        responses=serializers.VersionSerializer,
    )
    def put(self, request: Request, strategy_id: UUID) -> Response:
        strategy = selectors.strategy_for_user(asker(request), strategy_id)
        return Response(serializers.VersionSerializer(_save(request, asker(request), strategy)).data)


def _save(request: Request, owner: User, strategy: Strategy | None) -> StrategyVersion:
    wanted = serializers.StrategyWriteSerializer(data=request.data)
    wanted.is_valid(raise_exception=True)
    data = wanted.validated_data
    return save_strategy(
        owner=owner,
        name=data["name"],
        instruments=named_instruments(data["instruments"]),
        timeframe=data["timeframe"],
        face=serializers.face_given(data),
        strategy=strategy,
    )


def named_instruments(keys: Sequence[UUID]) -> list[Instrument]:
    """Return the instruments in the order in which they were named; raise NotFound for one that is not there."""
    known = instruments_by_id(keys)
    if any(key not in known for key in keys):
        raise NotFound("instrument")
    return [known[key] for key in keys]
