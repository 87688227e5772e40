"""The risk API: a portfolio's limits and what is used of them, the log of denials, switches by scope, closing everything."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.programs.doors import ApiListView, ApiView
from accounts.programs.scopes import Scope
from accounts.requests import asker
from accounts.teams.models import Permission
from common.errors import NotFound
from engine.risk.limits import Profile
from portfolios.selectors import portfolio_for_user
from trading.models import SafetyLevel, SafetySwitch, ScopeKind
from trading.risk import serializers
from trading.risk.models import RiskDecision
from trading.risk.selectors import decisions_of, standing_of
from trading.risk.services.profiles import choose_profile, drop_limits, set_limits
from trading.selectors import is_own_scope, is_scope, switch_of
from trading.services.closing import close_all
from trading.services.safety import set_safety


class RiskView(ApiView):
    """A portfolio's own limits."""

    scope = Scope.TRADE

    @extend_schema(summary="Read a portfolio's limits and what is used of them", responses=serializers.RiskSerializer)
    def get(self, request: Request, portfolio_id: UUID) -> Response:
        found = portfolio_for_user(asker(request), portfolio_id, Permission.VIEW)
        return Response(serializers.RiskSerializer(standing_of(found)).data)

    @extend_schema(
        summary="Set a portfolio's limits",
        description="All of them at once; they hold from the next order on. Looser limits hold at once, too, and are written"
        " into the audit log as such.",
        request=serializers.NewLimitsSerializer,
        responses=serializers.RiskSerializer,
    )
    def put(self, request: Request, portfolio_id: UUID) -> Response:
        found = portfolio_for_user(asker(request), portfolio_id)
        wanted = serializers.NewLimitsSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        data = wanted.validated_data
        if "profile" in data:
            choose_profile(actor=asker(request), portfolio=found, profile=Profile(data["profile"]))
        else:
            set_limits(actor=asker(request), portfolio=found, limits=data["limits"])
        return Response(serializers.RiskSerializer(standing_of(found)).data)

    @extend_schema(summary="Take all limits off a portfolio", responses={204: None})
    def delete(self, request: Request, portfolio_id: UUID) -> Response:
        drop_limits(actor=asker(request), portfolio=portfolio_for_user(asker(request), portfolio_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


@extend_schema(summary="List what was denied or cut in a portfolio with limits, newest first")
class DecisionsView(ApiListView[RiskDecision]):
    """The log of denials."""

    scope = Scope.READ
    serializer_class = serializers.DecisionSerializer
    queryset = RiskDecision.objects.none()

    def get_queryset(self) -> QuerySet[RiskDecision]:
        return decisions_of(portfolio_for_user(asker(self.request), self.kwargs["portfolio_id"], Permission.VIEW))


_SCOPE = OpenApiParameter(
    "scope", str, OpenApiParameter.PATH, enum=[one for one in ScopeKind.values if one != "PLATFORM"]
)


class ScopeSafetyView(ApiView):
    """The level of a scope below the platform's."""

    scope = Scope.TRADE

    @extend_schema(
        operation_id="scope_safety_retrieve",
        summary="Read a scope's safety level",
        parameters=[_SCOPE],
        responses=serializers.ScopeSwitchSerializer,
    )
    def get(self, request: Request, scope: str, scope_id: str) -> Response:
        kind = _scope_for(request, scope, scope_id)
        switch = switch_of(kind, scope_id) or SafetySwitch(scope=kind, scope_id=scope_id, level=SafetyLevel.ACTIVE)
        return Response(serializers.ScopeSwitchSerializer(switch).data)

    @extend_schema(
        operation_id="scope_safety_update",
        summary="Halt or resume a scope",
        description="One's own portfolios, follows (as FOLLOW) and oneself (as USER); operators everything. HALTED withdraws"
        " unsent opens, REDUCING only denies; exits pass in every state. The strictest scope of an order rules.",
        parameters=[_SCOPE],
        request=serializers.ScopeSwitchSerializer,
        responses=serializers.ScopeSwitchSerializer,
    )
    def put(self, request: Request, scope: str, scope_id: str) -> Response:
        kind = _scope_for(request, scope, scope_id)
        wanted = serializers.ScopeSwitchSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        level, reason = SafetyLevel(wanted.validated_data["level"]), wanted.validated_data["reason"]
        switch = set_safety(actor=asker(request), scope=kind, scope_id=scope_id, level=level, reason=reason)
        return Response(serializers.ScopeSwitchSerializer(switch).data)


def _scope_for(request: Request, scope: str, scope_id: str) -> ScopeKind:
    """The gate: the scope, for whoever may switch it; NotFound for everybody else."""
    if scope == ScopeKind.PLATFORM or not is_scope(scope, scope_id):
        raise NotFound("scope")
    kind = ScopeKind(scope)
    if not (asker(request).is_staff or is_own_scope(asker(request), kind, scope_id)):
        raise NotFound("scope")
    return kind


class CloseAllView(ApiView):
    """The way out of everything."""

    scope = Scope.TRADE
    # The halt is a transaction of its own, before the exits'; a key in the body makes the whole repeatable.
    is_atomic = False

    @extend_schema(
        summary="Halt a scope and close everything that is held in it at the market",
        request=serializers.CloseAllSerializer,
        responses=serializers.ClosedSerializer,
    )
    def post(self, request: Request) -> Response:
        wanted = serializers.CloseAllSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        data = wanted.validated_data
        scope, scope_id = ScopeKind(data["scope"]), data["scope_id"]
        if scope != ScopeKind.PLATFORM:
            _scope_for(request, scope, scope_id)
        closed = close_all(actor=asker(request), scope=scope, scope_id=scope_id, key=data.get("key"))
        return Response(serializers.ClosedSerializer(closed).data)
