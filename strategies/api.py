"""The strategies API: one's own strategies and their runs."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from accounts.requests import asker
from common.errors import NotFound
from markets.selectors import instruments_by_id
from portfolios.selectors import portfolio_for_user
from strategies import selectors, serializers
from strategies.models import Strategy, StrategyRun, StrategyVersion
from strategies.services.definitions import save_strategy
from strategies.services.runs import start_run, stop_run


class StrategiesView(ListAPIView[Strategy]):
    """One's strategies."""

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


class StrategyView(APIView):
    """One of one's strategies."""

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


class RunsView(ListAPIView[StrategyRun]):
    """One's runs."""

    serializer_class = serializers.RunSerializer
    queryset = StrategyRun.objects.none()

    def get_queryset(self) -> QuerySet[StrategyRun]:
        return selectors.runs_of(asker(self.request))

    @extend_schema(summary="List one's runs")
    def get(self, request: Request) -> Response:
        return self.list(request)

    @extend_schema(
        operation_id="runs_create",
        summary="Start a version on a portfolio",
        request=serializers.RunStartSerializer,
        responses={201: serializers.RunSerializer},
    )
    def post(self, request: Request) -> Response:
        wanted = serializers.RunStartSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        version = selectors.version_for_user(asker(request), wanted.validated_data["version"])
        portfolio = portfolio_for_user(asker(request), wanted.validated_data["portfolio"])
        run = start_run(actor=asker(request), version=version, portfolio=portfolio)
        return Response(serializers.RunSerializer(run).data, status=status.HTTP_201_CREATED)


class RunView(APIView):
    """One of one's runs."""

    @extend_schema(summary="Read a run", responses=serializers.RunSerializer)
    def get(self, request: Request, run_id: UUID) -> Response:
        return Response(serializers.RunSerializer(selectors.run_for_user(asker(request), run_id)).data)


class StopRunView(APIView):
    """The end of a run."""

    @extend_schema(
        summary="Stop a run",
        description="It decides no more. What it holds stays open, and its stops stay armed.",
        request=None,
        responses=serializers.RunSerializer,
    )
    def post(self, request: Request, run_id: UUID) -> Response:
        run = stop_run(actor=asker(request), run=selectors.run_for_user(asker(request), run_id))
        return Response(serializers.RunSerializer(run).data)


def _save(request: Request, owner: User, strategy: Strategy | None) -> StrategyVersion:
    wanted = serializers.StrategyWriteSerializer(data=request.data)
    wanted.is_valid(raise_exception=True)
    data = wanted.validated_data
    keys = data["instruments"]
    known = instruments_by_id(keys)
    if missing := [key for key in keys if key not in known]:
        raise NotFound(f"instrument as {missing[0]}")
    return save_strategy(
        owner=owner,
        name=data["name"],
        instruments=[known[key] for key in keys],
        timeframe=data["timeframe"],
        face=serializers.face_given(data),
        strategy=strategy,
    )
