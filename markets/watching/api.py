"""The API of one's watch lists and price alerts."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.programs.doors import ApiListView, ApiView
from accounts.programs.scopes import Scope
from accounts.requests import asker
from markets.models import AlertKind, AlertState, PriceAlert, WatchList
from markets.selectors import alert_for_user, alerts_of, instrument_by_id, watch_list_for_user, watch_lists_of
from markets.services import (
    cancel_alert,
    create_alert,
    create_watch_list,
    delete_watch_list,
    order_watch_list,
    rename_watch_list,
    unwatch_instrument,
    watch_instrument,
)
from markets.watching import serializers
from markets.watching.wording import told_of


class WatchListsView(ApiListView[WatchList]):
    """One's watch lists."""

    scope = Scope.TRADE
    serializer_class = serializers.WatchListSerializer
    queryset = WatchList.objects.none()

    def get_queryset(self) -> QuerySet[WatchList]:
        return watch_lists_of(asker(self.request))

    @extend_schema(summary="List one's watch lists")
    def get(self, request: Request) -> Response:
        return self.list(request)

    @extend_schema(
        operation_id="watch_lists_create",
        summary="Make a watch list",
        request=serializers.NewWatchListSerializer,
        responses={201: serializers.WatchListSerializer},
    )
    def post(self, request: Request) -> Response:
        wanted = serializers.NewWatchListSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        made = create_watch_list(owner=asker(request), **wanted.validated_data)
        return Response(serializers.WatchListSerializer(made).data, status=status.HTTP_201_CREATED)


class WatchListView(ApiView):
    """One of one's watch lists."""

    scope = Scope.TRADE

    @extend_schema(summary="Read a watch list", responses=serializers.WatchListSerializer)
    def get(self, request: Request, watch_list_id: UUID) -> Response:
        return _shown(request, watch_list_id)

    @extend_schema(
        summary="Rename a watch list",
        request=serializers.NewWatchListSerializer,
        responses=serializers.WatchListSerializer,
    )
    def patch(self, request: Request, watch_list_id: UUID) -> Response:
        renamed = watch_list_for_user(asker(request), watch_list_id)
        wanted = serializers.NewWatchListSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        rename_watch_list(watch_list=renamed, **wanted.validated_data)
        return _shown(request, watch_list_id)

    @extend_schema(summary="Delete a watch list", responses={204: None})
    def delete(self, request: Request, watch_list_id: UUID) -> Response:
        delete_watch_list(watch_list=watch_list_for_user(asker(request), watch_list_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class WatchListOrderView(ApiView):
    """The order of a watch list's instruments."""

    scope = Scope.TRADE

    @extend_schema(
        summary="Put a watch list in order",
        request=serializers.OrderSerializer,
        responses=serializers.WatchListSerializer,
    )
    def put(self, request: Request, watch_list_id: UUID) -> Response:
        ordered = watch_list_for_user(asker(request), watch_list_id)
        wanted = serializers.OrderSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        order_watch_list(watch_list=ordered, instrument_ids=wanted.validated_data["instruments"])
        return _shown(request, watch_list_id)


class WatchedInstrumentsView(ApiView):
    """The instruments on a watch list."""

    scope = Scope.TRADE

    @extend_schema(
        summary="Put an instrument on a watch list",
        description="It comes last; one that is on the list already stays where it is.",
        request=serializers.WatchedSerializer,
        responses=serializers.WatchListSerializer,
    )
    def post(self, request: Request, watch_list_id: UUID) -> Response:
        watched = watch_list_for_user(asker(request), watch_list_id)
        wanted = serializers.WatchedSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        watch_instrument(watch_list=watched, instrument=instrument_by_id(wanted.validated_data["instrument"]))
        return _shown(request, watch_list_id)


class WatchedInstrumentView(ApiView):
    """An instrument on a watch list."""

    scope = Scope.TRADE

    @extend_schema(summary="Take an instrument off a watch list", responses={204: None})
    def delete(self, request: Request, watch_list_id: UUID, instrument_id: UUID) -> Response:
        watched = watch_list_for_user(asker(request), watch_list_id)
        unwatch_instrument(watch_list=watched, instrument_id=instrument_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class AlertsView(ApiListView[PriceAlert]):
    """One's price alerts."""

    scope = Scope.TRADE
    serializer_class = serializers.AlertSerializer
    queryset = PriceAlert.objects.none()

    def get_queryset(self) -> QuerySet[PriceAlert]:
        found = alerts_of(asker(self.request))
        state = self.request.query_params.get("state")
        return found if state is None else found.filter(state=state)

    @extend_schema(
        summary="List one's price alerts, newest first",
        parameters=[OpenApiParameter("state", str, enum=AlertState.values)],
    )
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(self.get_queryset()) or []
        shown = serializers.AlertSerializer(page, many=True, context=_told(request, page))
        return self.get_paginated_response(shown.data)

    @extend_schema(
        operation_id="price_alerts_create",
        summary="Be told of a price, a move, or a volume",
        request=serializers.NewAlertSerializer,
        responses={201: serializers.AlertSerializer},
    )
    def post(self, request: Request) -> Response:
        wanted = serializers.NewAlertSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        facts = dict(wanted.validated_data)
        facts |= {"instrument": instrument_by_id(facts["instrument"]), "kind": AlertKind(facts["kind"])}
        alert = create_alert(owner=asker(request), **facts)
        return Response(serializers.AlertSerializer(alert).data, status=status.HTTP_201_CREATED)


class AlertView(ApiView):
    """One of one's price alerts."""

    scope = Scope.TRADE

    @extend_schema(summary="Read a price alert", responses=serializers.AlertSerializer)
    def get(self, request: Request, alert_id: UUID) -> Response:
        alert = alert_for_user(asker(request), alert_id)
        return Response(serializers.AlertSerializer(alert, context=_told(request, [alert])).data)

    @extend_schema(
        summary="Cancel a price alert",
        description="One that was told already, or canceled, stays as it is.",
        responses={200: serializers.AlertSerializer},
    )
    def delete(self, request: Request, alert_id: UUID) -> Response:
        alert = cancel_alert(alert=alert_for_user(asker(request), alert_id))
        return Response(serializers.AlertSerializer(alert, context=_told(request, [alert])).data)


def _shown(request: Request, watch_list_id: UUID) -> Response:
    found = watch_list_for_user(asker(request), watch_list_id)
    return Response(serializers.WatchListSerializer(found).data)


def _told(request: Request, alerts: list[PriceAlert]) -> dict[str, Any]:
    return {"told": told_of(asker(request), alerts)}
