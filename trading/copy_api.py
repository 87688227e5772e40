"""The API of how a follow copies: its settings, what it copied, and the plan that would bring it in step with its lead."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.programs.doors import ApiListView, ApiView
from accounts.programs.scopes import Scope
from accounts.requests import asker
from accounts.teams.models import Permission
from common.fields import canonical
from engine.copying.settings import settings_data
from markets.serializers import ExactField
from trading.copy_log import NEWEST_STOPS, LogLine, events_of, log_of, stops_filled
from trading.models import LeadEvent, Side
from trading.selectors import follow_for_user
from trading.serializers import FollowSerializer, OrderSerializer
from trading.services.copy_settings import change_settings
from trading.services.resyncing import PlanLine, accept_plan, drift_plan


class CopySettingsSerializer(serializers.Serializer[Any]):
    """A follow's settings by name, figures as text; what is left out has its default (docs/copy-trading.md)."""

    settings = serializers.DictField(child=serializers.JSONField())


class PlanLineSerializer(serializers.Serializer[Any]):
    """One instrument of a plan, in base units: what is held, what should be, and whether the change is worth an order."""

    instrument = serializers.UUIDField(source="instrument.pk")
    symbol = serializers.CharField(source="instrument.symbol")
    held = serializers.SerializerMethodField()
    wanted = serializers.SerializerMethodField()
    is_sent = serializers.BooleanField()
    is_diverged = serializers.BooleanField()

    def get_held(self, line: PlanLine) -> str:
        return canonical(line.held)

    def get_wanted(self, line: PlanLine) -> str:
        return canonical(line.wanted)


class LeadDidSerializer(serializers.ModelSerializer[LeadEvent]):
    """What the lead did: quantity opened in base units, fraction (0 to 1) of the position closed, average price."""

    symbol = serializers.CharField(source="instrument.symbol", read_only=True)
    side = serializers.ChoiceField(choices=Side.choices, read_only=True)
    opened_quantity = ExactField()
    closed_fraction = ExactField()
    price = ExactField()

    class Meta:
        model = LeadEvent
        fields = ["seq", "instrument", "symbol", "side", "opened_quantity", "closed_fraction", "price", "happened_at"]
        read_only_fields = fields


class CopiedSerializer(serializers.Serializer[Any]):
    """An order that it made; `difference` is empty where it is a copy in proportion."""

    order = OrderSerializer()
    difference = serializers.CharField()


class LogLineSerializer(serializers.Serializer[Any]):
    """A lead event, what the follow made of it, and where that is nothing, why."""

    lead = LeadDidSerializer(source="event")
    copies = CopiedSerializer(many=True)
    missing = serializers.SerializerMethodField(help_text="Why there is no order; empty where there is one.")

    def get_missing(self, line: LogLine) -> str:
        return "" if line.copies else line.missing


@extend_schema_serializer(many=False)
class FollowLogSerializer(serializers.Serializer[Any]):
    """A page of a follow's log, and what its protective stops closed at the exchange without an event of the lead's."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = LogLineSerializer(many=True)
    stops = OrderSerializer(many=True, help_text=f"The newest {NEWEST_STOPS}, newest first; the same on every page.")


class FollowLogView(ApiListView[LeadEvent]):
    """What the lead did, what the follow did, and why the two differ."""

    scope = Scope.READ
    serializer_class = LogLineSerializer
    queryset = LeadEvent.objects.none()

    @extend_schema(
        summary="Read a follow's log, newest first",
        parameters=[OpenApiParameter("cursor", str), OpenApiParameter("page_size", int)],
        responses=FollowLogSerializer,
    )
    def get(self, request: Request, follow_id: UUID) -> Response:
        found = follow_for_user(asker(request), follow_id, Permission.VIEW)
        page = self.paginate_queryset(events_of(found)) or []
        answer = self.get_paginated_response(LogLineSerializer(log_of(found, page), many=True).data)
        answer.data["stops"] = OrderSerializer(stops_filled(found), many=True).data
        return answer


class CopySettingsView(ApiView):
    """A follow's settings."""

    scope = Scope.TRADE

    @extend_schema(summary="Read a follow's settings that differ from the defaults", responses=CopySettingsSerializer)
    def get(self, request: Request, follow_id: UUID) -> Response:
        found = follow_for_user(asker(request), follow_id, Permission.VIEW)
        return Response({"settings": settings_data(found.copying)})

    @extend_schema(
        summary="Set a follow's settings",
        description="All of them at once. They hold for positions to come; what is open keeps those of its opening.",
        request=CopySettingsSerializer,
        responses=CopySettingsSerializer,
    )
    def put(self, request: Request, follow_id: UUID) -> Response:
        found = follow_for_user(asker(request), follow_id)
        wanted = CopySettingsSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        changed = change_settings(actor=asker(request), follow=found, settings=wanted.validated_data["settings"])
        return Response({"settings": settings_data(changed.copying)})


class CopyPlanView(ApiView):
    """What would bring a follow in step with its lead."""

    scope = Scope.TRADE

    @extend_schema(summary="Read the plan that would bring a follow in step", responses=PlanLineSerializer(many=True))
    def get(self, request: Request, follow_id: UUID) -> Response:
        found = follow_for_user(asker(request), follow_id, Permission.VIEW)
        return Response(PlanLineSerializer(drift_plan(found), many=True).data)

    @extend_schema(
        summary="Accept the plan",
        description="Reductions are sent at once, opens within the price cap of the market; marks of divergence end.",
        request=None,
        responses=FollowSerializer,
    )
    def post(self, request: Request, follow_id: UUID) -> Response:
        accept_plan(actor=asker(request), follow=follow_for_user(asker(request), follow_id))
        return Response(FollowSerializer(follow_for_user(asker(request), follow_id)).data)
