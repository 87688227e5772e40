"""The API of backtests and sweeps: ask, watch, cancel, read what came of it, compare."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from accounts.programs.doors import ApiListView, ApiView
from accounts.programs.scopes import Scope
from accounts.requests import asker
from common.errors import DomainError, NotFound
from common.pagination import NewestFirst
from strategies import selectors
from strategies.api.definitions import named_instruments
from strategies.faces import Face
from strategies.grants.selectors import usable_version
from strategies.models import Backtest, JobState, StrategyVersion, Sweep, SweepPoint
from strategies.presenting.exports import trades_csv
from strategies.serializers import studies as serializers
from strategies.services.backtests import cancel_backtest, delete_backtest, request_backtest
from strategies.services.sweeps import cancel_sweep, delete_sweep, request_sweep
from strategies.tables import equity_shown, trade_page
from strategies.terms import Terms


class BacktestsView(ApiListView[Backtest]):
    """One's backtests."""

    scope = Scope.TRADE
    serializer_class = serializers.BacktestSerializer
    queryset = Backtest.objects.none()

    def get_queryset(self) -> QuerySet[Backtest]:
        return selectors.backtests_of(asker(self.request))

    @extend_schema(summary="List one's backtests")
    def get(self, request: Request) -> Response:
        return self.list(request)

    @extend_schema(
        operation_id="backtests_create",
        summary="Ask for a backtest",
        description="Its spec is frozen. What was computed before on the same spec is not computed again.",
        request=serializers.AskSerializer,
        responses={201: serializers.BacktestSerializer},
    )
    def post(self, request: Request) -> Response:
        data = _valid(serializers.AskSerializer(data=request.data))
        version, face, terms = _asked(request, data, usable_version)
        backtest = request_backtest(owner=asker(request), terms=terms, version=version, face=face, name=data["name"])
        return Response(serializers.BacktestSerializer(backtest).data, status=status.HTTP_201_CREATED)


class BacktestView(ApiView):
    """One of one's backtests."""

    scope = Scope.TRADE

    @extend_schema(summary="Read a backtest", responses=serializers.BacktestDetailSerializer)
    def get(self, request: Request, backtest_id: UUID) -> Response:
        found = selectors.backtest_for_user(asker(request), backtest_id)
        return Response(serializers.BacktestDetailSerializer(found).data)

    @extend_schema(summary="Forget a finished backtest; the try still counts", responses={204: None})
    def delete(self, request: Request, backtest_id: UUID) -> Response:
        found = selectors.backtest_for_user(asker(request), backtest_id)
        delete_backtest(actor=asker(request), backtest=found)
        return Response(status=status.HTTP_204_NO_CONTENT)


class CancelBacktestView(ApiView):
    """The end of one that is not finished."""

    scope = Scope.TRADE

    @extend_schema(summary="Cancel a backtest", request=None, responses=serializers.BacktestSerializer)
    def post(self, request: Request, backtest_id: UUID) -> Response:
        found = selectors.backtest_for_user(asker(request), backtest_id)
        found = cancel_backtest(actor=asker(request), backtest=found)
        return Response(serializers.BacktestSerializer(found).data)


class TradesView(ApiView):
    """Its round trips."""

    scope = Scope.READ

    @extend_schema(
        summary="Read a part of a backtest's trades",
        parameters=[serializers.TradeQuery],
        responses=serializers.TradePageSerializer,
    )
    def get(self, request: Request, backtest_id: UUID) -> Response:
        asked = _valid(serializers.TradeQuery(data=request.query_params))
        page = trade_page(_finished(request, backtest_id), **asked)
        return Response(serializers.TradePageSerializer(page).data)


class EquityView(ApiView):
    """Its curve."""

    scope = Scope.READ

    @extend_schema(operation_id="backtests_equity", summary="Read daily equity", responses=serializers.EquitySerializer)
    def get(self, request: Request, backtest_id: UUID) -> Response:
        found = equity_shown(_finished(request, backtest_id).result)
        return Response(serializers.EquitySerializer(found).data)


class TradesCsvView(ApiView):
    """Its round trips for spreadsheets."""

    scope = Scope.READ

    @extend_schema(summary="Download trades as CSV", responses={(200, "text/csv"): OpenApiTypes.STR})
    def get(self, request: Request, backtest_id: UUID) -> HttpResponse:
        found = _finished(request, backtest_id)
        return _file(trades_csv(found), "text/csv", f"trades-{found.pk}.csv")


class TradesParquetView(ApiView):
    """Its round trips for programs."""

    scope = Scope.READ

    @extend_schema(
        summary="Download trades as Parquet", responses={(200, "application/vnd.apache.parquet"): OpenApiTypes.BINARY}
    )
    def get(self, request: Request, backtest_id: UUID) -> HttpResponse:
        found = _finished(request, backtest_id)
        return _file(bytes(found.result.trades), "application/vnd.apache.parquet", f"trades-{found.pk}.parquet")


class CompareView(ApiView):
    """Several side by side."""

    scope = Scope.READ

    @extend_schema(
        operation_id="backtests_compare",
        summary="Compare up to five finished backtests",
        parameters=[serializers.CompareQuery],
        responses=serializers.ComparedSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        keys = _valid(serializers.CompareQuery(data={"id": request.query_params.getlist("id")}))["id"]
        found = [_finished(request, key) for key in keys]
        shown = [
            {"backtest": one, "metrics": one.result.summary["metrics"], "equity": equity_shown(one.result)}
            for one in found
        ]
        return Response(serializers.ComparedSerializer(shown, many=True).data)


class SweepsView(ApiListView[Sweep]):
    """One's sweeps."""

    scope = Scope.TRADE
    serializer_class = serializers.SweepSerializer
    queryset = Sweep.objects.none()

    def get_queryset(self) -> QuerySet[Sweep]:
        return selectors.sweeps_of(asker(self.request))

    @extend_schema(summary="List one's sweeps")
    def get(self, request: Request) -> Response:
        return self.list(request)

    @extend_schema(
        operation_id="sweeps_create",
        summary="Ask for a sweep",
        request=serializers.SweepAskSerializer,
        responses={201: serializers.SweepSerializer},
    )
    def post(self, request: Request) -> Response:
        data = _valid(serializers.SweepAskSerializer(data=request.data))
        version, face, terms = _asked(request, data, selectors.version_for_user)
        sweep = request_sweep(
            owner=asker(request),
            terms=terms,
            search=serializers.search_given(data),
            version=version,
            face=face,
            name=data["name"],
        )
        return Response(serializers.SweepSerializer(sweep).data, status=status.HTTP_201_CREATED)


class SweepView(ApiView):
    """One of one's sweeps."""

    scope = Scope.TRADE

    @extend_schema(summary="Read a sweep", responses=serializers.SweepSerializer)
    def get(self, request: Request, sweep_id: UUID) -> Response:
        return Response(serializers.SweepSerializer(selectors.sweep_for_user(asker(request), sweep_id)).data)

    @extend_schema(summary="Forget a finished sweep; its tries still count", responses={204: None})
    def delete(self, request: Request, sweep_id: UUID) -> Response:
        delete_sweep(actor=asker(request), sweep=selectors.sweep_for_user(asker(request), sweep_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class CancelSweepView(ApiView):
    """The end of one that is not finished."""

    scope = Scope.TRADE

    @extend_schema(summary="Cancel a sweep; what was found stays", request=None, responses=serializers.SweepSerializer)
    def post(self, request: Request, sweep_id: UUID) -> Response:
        sweep = cancel_sweep(actor=asker(request), sweep=selectors.sweep_for_user(asker(request), sweep_id))
        return Response(serializers.SweepSerializer(sweep).data)


class InOrder(NewestFirst):
    """Pages of points in the order in which they were asked for."""

    ordering = "number"


class PointsView(ApiListView[SweepPoint]):
    """What its points came to."""

    scope = Scope.READ
    serializer_class = serializers.SweepPointSerializer
    queryset = SweepPoint.objects.none()
    pagination_class = InOrder

    def get_queryset(self) -> QuerySet[SweepPoint]:
        if "sweep_id" not in self.kwargs:  # the schema asks without an address
            return SweepPoint.objects.none()
        return selectors.points_of(selectors.sweep_for_user(asker(self.request), self.kwargs["sweep_id"]))

    @extend_schema(summary="List a sweep's points")
    def get(self, request: Request, sweep_id: UUID) -> Response:
        return self.list(request)


def _valid(given: Any) -> dict[str, Any]:
    given.is_valid(raise_exception=True)
    found: dict[str, Any] = given.validated_data
    return found


def _asked(
    request: Request, data: Mapping[str, Any], gate: Callable[[User, UUID], StrategyVersion]
) -> tuple[StrategyVersion | None, Face | None, Terms]:
    """Return the strategy that is asked about (a version through its gate, or a face), and the terms."""
    version = gate(asker(request), data["version"]) if "version" in data else None
    gives_face = any(name in data for name in ("template", "formula", "graph"))
    face = serializers.face_given(data) if gives_face else None
    instruments, timeframe = _where(data, version)
    return version, face, serializers.terms_given(data, instruments, timeframe)


def _where(data: Mapping[str, Any], version: StrategyVersion | None) -> tuple[list[Any], str]:
    missing = [name for name in ("instruments", "timeframe") if name not in data]
    if missing and version is None:
        message = f"Say the {missing[0]}, or name a version of yours that does."
        raise DomainError("FIELD_MISSING", message, {"field": missing[0]})
    instruments = named_instruments(data["instruments"]) if "instruments" in data else None
    if instruments is None and version is not None:
        instruments = [version.instrument, *(one.instrument for one in version.further.all())]
    return instruments or [], data["timeframe"] if "timeframe" in data or version is None else version.timeframe


def _finished(request: Request, backtest_id: UUID) -> Backtest:
    found = selectors.backtest_for_user(asker(request), backtest_id)
    if found.state != JobState.DONE:
        raise NotFound("result")
    return found


def _file(content: str | bytes, kind: str, name: str) -> HttpResponse:
    return HttpResponse(content, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
