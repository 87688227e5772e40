"""The plans API: see what one would do, begin it, watch it, pause, resume and stop it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.programs.doors import ApiListView, ApiView
from accounts.programs.scopes import Scope
from accounts.requests import asker
from accounts.teams.models import Permission
from engine.plans.kinds import PlanKind
from markets.selectors import instrument_by_id
from portfolios.selectors import portfolio_for_user
from trading.plans import serializers
from trading.plans.models import Plan, PlanState
from trading.plans.selectors import plan_for_user, plans_of_user, standings
from trading.plans.services.managing import begin_plan, pause_plan, preview_plan, resume_plan, stop_plan


class PlansView(ApiListView[Plan]):
    """One's plans."""

    scope = Scope.TRADE
    serializer_class = serializers.PlanSerializer
    queryset = Plan.objects.none()

    def get_queryset(self) -> QuerySet[Plan]:
        found = plans_of_user(asker(self.request))
        if (portfolio := self.request.query_params.get("portfolio")) is not None:
            found = found.filter(portfolio=portfolio_for_user(asker(self.request), portfolio, Permission.VIEW))
        if (state := self.request.query_params.get("state")) is not None:
            if state not in PlanState.values:
                raise ValidationError({"state": [f"Choose one of {', '.join(PlanState.values)}."]})
            found = found.filter(state=state)
        return found

    @extend_schema(
        summary="List one's plans, newest first",
        parameters=[
            OpenApiParameter("portfolio", UUID, description="Only those of this portfolio."),
            OpenApiParameter("state", enum=PlanState.values),
        ],
    )
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(self.get_queryset())
        assert page is not None, "every list has pages"
        return self.get_paginated_response(serializers.PlanSerializer(standings(list(page)), many=True).data)

    @extend_schema(
        operation_id="plans_create",
        summary="Begin a plan",
        description="Its first orders are sent at once. What cannot run as asked is refused, and nothing is stored; the"
        " code names the setting that is wrong.",
        request=serializers.NewPlanSerializer,
        responses={201: serializers.PlanSerializer},
    )
    def post(self, request: Request) -> Response:
        wanted = serializers.NewPlanSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        data = wanted.validated_data
        plan = begin_plan(actor=asker(request), **_asked(request, data), key=data.get("key"))
        return Response(_shown(request, plan.pk), status=status.HTTP_201_CREATED)


class PreviewView(ApiView):
    """What a plan would do."""

    scope = Scope.READ

    @extend_schema(
        summary="See what a plan would do, cost and may lose",
        description="Nothing is stored.",
        request=serializers.WantedPlanSerializer,
        responses=serializers.PreviewSerializer,
    )
    def post(self, request: Request) -> Response:
        wanted = serializers.WantedPlanSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        return Response(serializers.PreviewSerializer(preview_plan(**_asked(request, wanted.validated_data))).data)


class PlanView(ApiView):
    """One of one's plans."""

    scope = Scope.READ

    @extend_schema(summary="Read a plan", responses=serializers.PlanSerializer)
    def get(self, request: Request, plan_id: UUID) -> Response:
        return Response(_shown(request, plan_id))


class PausePlanView(ApiView):
    """A pause."""

    scope = Scope.TRADE

    @extend_schema(
        summary="Pause a plan",
        description="What waits to open is taken back and kept; its exits stay.",
        request=None,
        responses=serializers.PlanSerializer,
    )
    def post(self, request: Request, plan_id: UUID) -> Response:
        return _moved(request, plan_id, pause_plan)


class ResumePlanView(ApiView):
    """The end of a pause."""

    scope = Scope.TRADE

    @extend_schema(summary="Resume a paused plan", request=None, responses=serializers.PlanSerializer)
    def post(self, request: Request, plan_id: UUID) -> Response:
        return _moved(request, plan_id, resume_plan)


class StopPlanView(ApiView):
    """The end of a plan."""

    scope = Scope.TRADE

    @extend_schema(summary="Stop a plan", request=serializers.StopPlanSerializer, responses=serializers.PlanSerializer)
    def post(self, request: Request, plan_id: UUID) -> Response:
        plan_for_user(asker(request), plan_id)
        wanted = serializers.StopPlanSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        return _moved(request, plan_id, stop_plan, closes=wanted.validated_data["closes"])


def _asked(request: Request, data: dict[str, Any]) -> dict[str, Any]:
    """Return what a plan names, past the gates."""
    return {
        "portfolio": portfolio_for_user(asker(request), data["portfolio"], Permission.TRADE),
        "instrument": instrument_by_id(data["instrument"]),
        "kind": PlanKind(data["kind"]),
        "settings": data["settings"],
    }


def _moved(request: Request, plan_id: UUID, move: Callable[..., Plan], **choice: bool) -> Response:
    move(actor=asker(request), plan=plan_for_user(asker(request), plan_id, Permission.TRADE), **choice)
    return Response(_shown(request, plan_id))


def _shown(request: Request, plan_id: UUID) -> Any:
    return serializers.PlanSerializer(standings([plan_for_user(asker(request), plan_id)])[0]).data
