"""The API of runs: a version at work on a portfolio of one's own."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.programs.doors import ApiListView, ApiView
from accounts.programs.scopes import Scope
from accounts.requests import asker
from accounts.teams.models import Permission
from portfolios.selectors import portfolio_for_user
from strategies import selectors
from strategies.grants.selectors import usable_version
from strategies.models import StrategyRun
from strategies.serializers import runs as serializers
from strategies.services.runs import start_run, stop_run


class RunsView(ApiListView[StrategyRun]):
    """One's runs."""

    scope = Scope.TRADE
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
        version = usable_version(asker(request), wanted.validated_data["version"])
        portfolio = portfolio_for_user(asker(request), wanted.validated_data["portfolio"])
        run = start_run(actor=asker(request), version=version, portfolio=portfolio)
        return Response(serializers.RunSerializer(run).data, status=status.HTTP_201_CREATED)


class RunView(ApiView):
    """One of one's runs."""

    scope = Scope.READ

    @extend_schema(summary="Read a run", responses=serializers.RunSerializer)
    def get(self, request: Request, run_id: UUID) -> Response:
        return Response(serializers.RunSerializer(selectors.run_for_user(asker(request), run_id)).data)


class StopRunView(ApiView):
    """The end of a run."""

    scope = Scope.TRADE

    @extend_schema(
        summary="Stop a run",
        description="It decides no more. What it holds stays open, and its stops stay armed.",
        request=None,
        responses=serializers.RunSerializer,
    )
    def post(self, request: Request, run_id: UUID) -> Response:
        run = stop_run(actor=asker(request), run=selectors.run_for_user(asker(request), run_id, Permission.TRADE))
        return Response(serializers.RunSerializer(run).data)
