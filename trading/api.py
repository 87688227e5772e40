"""The trading API: orders, fills, follows, and the platform's safety level."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.generics import ListAPIView
from rest_framework.permissions import SAFE_METHODS, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.requests import asker
from markets.selectors import instrument_by_id
from portfolios.selectors import portfolio_for_user
from trading import serializers
from trading.models import Fill, Follow, FollowState, Order, OrderState, SafetyLevel, SafetySwitch, ScopeKind, Side
from trading.selectors import (
    fill_for_user,
    fills_of_user,
    follow_for_user,
    follows_of,
    order_for_user,
    orders_of_user,
    platform_switch,
)
from trading.services.follows import StopMode, pause_follow, resume_follow, stop_follow
from trading.services.orders import place_hand_order
from trading.services.safety import set_safety

OF_PORTFOLIO = OpenApiParameter("portfolio", UUID, description="Only those of this portfolio.")


def _portfolio_asked(request: Request) -> UUID | None:
    """Return the id of the portfolio that a list is asked about, past its gate; None for all of one's own."""
    given = request.query_params.get("portfolio")
    return None if given is None else portfolio_for_user(asker(request), given).pk


def _state_asked(request: Request, known: list[str]) -> str | None:
    given = request.query_params.get("state")
    if given is not None and given not in known:
        raise ValidationError({"state": [f"Choose one of {', '.join(known)}."]})
    return given


class OrdersView(ListAPIView[Order]):
    """One's orders."""

    serializer_class = serializers.OrderSerializer
    queryset = Order.objects.none()

    def get_queryset(self) -> QuerySet[Order]:
        found = orders_of_user(asker(self.request))
        if portfolio_id := _portfolio_asked(self.request):
            found = found.filter(portfolio=portfolio_id)
        if state := _state_asked(self.request, OrderState.values):
            found = found.filter(state=state)
        return found

    @extend_schema(
        summary="List one's orders, newest first",
        parameters=[OF_PORTFOLIO, OpenApiParameter("state", enum=OrderState.values)],
    )
    def get(self, request: Request) -> Response:
        return self.list(request)

    @extend_schema(
        operation_id="orders_create",
        summary="Place a market order by hand",
        description="What cannot run as asked is refused at once, and nothing is stored. Otherwise the answer is the order"
        " as it was stored, mostly PENDING still; its fill follows within moments, on the live socket as well.",
        request=serializers.NewOrderSerializer,
        responses={201: serializers.OrderSerializer},
    )
    def post(self, request: Request) -> Response:
        wanted = serializers.NewOrderSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        data = wanted.validated_data
        order = place_hand_order(
            actor=asker(request),
            portfolio=portfolio_for_user(asker(request), data["portfolio"]),
            instrument=instrument_by_id(data["instrument"]),
            side=Side(data["side"]),
            quantity=data["quantity"],
            key=data.get("key"),
        )
        return Response(_shown(order_for_user(asker(request), order.pk)), status=status.HTTP_201_CREATED)


class OrderView(APIView):
    """One of one's orders."""

    @extend_schema(summary="Read an order", responses=serializers.OrderSerializer)
    def get(self, request: Request, order_id: UUID) -> Response:
        return Response(_shown(order_for_user(asker(request), order_id)))


def _shown(order: Order) -> Any:
    return serializers.OrderSerializer(order).data


@extend_schema(summary="List one's fills, newest first", parameters=[OF_PORTFOLIO])
class FillsView(ListAPIView[Fill]):
    """One's fills."""

    serializer_class = serializers.FillSerializer
    queryset = Fill.objects.none()

    def get_queryset(self) -> QuerySet[Fill]:
        found = fills_of_user(asker(self.request))
        portfolio_id = _portfolio_asked(self.request)
        return found if portfolio_id is None else found.filter(portfolio=portfolio_id)


class FillView(APIView):
    """One of one's fills."""

    @extend_schema(summary="Read a fill", responses=serializers.FillSerializer)
    def get(self, request: Request, fill_id: UUID) -> Response:
        return Response(serializers.FillSerializer(fill_for_user(asker(request), fill_id)).data)


@extend_schema(
    summary="List one's follows, newest first",
    parameters=[OpenApiParameter("state", enum=FollowState.values)],
)
class FollowsView(ListAPIView[Follow]):
    """One's follows. A new one is started at the listing that is followed."""

    serializer_class = serializers.FollowSerializer
    queryset = Follow.objects.none()

    def get_queryset(self) -> QuerySet[Follow]:
        found = follows_of(asker(self.request))
        state = _state_asked(self.request, FollowState.values)
        return found if state is None else found.filter(state=state)


class FollowView(APIView):
    """One of one's follows."""

    @extend_schema(summary="Read a follow", responses=serializers.FollowSerializer)
    def get(self, request: Request, follow_id: UUID) -> Response:
        return Response(serializers.FollowSerializer(follow_for_user(asker(request), follow_id)).data)


class PauseView(APIView):
    """A pause."""

    @extend_schema(
        summary="Pause a follow",
        description="Nothing new is copied; the lead's exits still are.",
        request=None,
        responses=serializers.FollowSerializer,
    )
    def post(self, request: Request, follow_id: UUID) -> Response:
        moved = pause_follow(actor=asker(request), follow=follow_for_user(asker(request), follow_id))
        return Response(serializers.FollowSerializer(moved).data)


class ResumeView(APIView):
    """The end of a pause."""

    @extend_schema(summary="Resume a paused follow", request=None, responses=serializers.FollowSerializer)
    def post(self, request: Request, follow_id: UUID) -> Response:
        moved = resume_follow(actor=asker(request), follow=follow_for_user(asker(request), follow_id))
        return Response(serializers.FollowSerializer(moved).data)


class StopView(APIView):
    """The end of a follow."""

    @extend_schema(summary="Stop a follow", request=serializers.StopSerializer, responses=serializers.FollowSerializer)
    def post(self, request: Request, follow_id: UUID) -> Response:
        found = follow_for_user(asker(request), follow_id)
        wanted = serializers.StopSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        mode = StopMode(wanted.validated_data["mode"])
        return Response(serializers.FollowSerializer(stop_follow(actor=asker(request), follow=found, mode=mode)).data)


class OperatorToWrite(IsAuthenticated):
    """Everybody may know whether trading is halted; operators halt it."""

    message = "Only an operator may halt or resume trading."

    def has_permission(self, request: Request, view: APIView) -> bool:
        return super().has_permission(request, view) and (request.method in SAFE_METHODS or asker(request).is_staff)


class SafetyView(APIView):
    """The platform's safety level."""

    permission_classes = [OperatorToWrite]

    @extend_schema(summary="Read the platform's safety level", responses=serializers.SafetySerializer)
    def get(self, request: Request) -> Response:
        switch = platform_switch() or SafetySwitch(level=SafetyLevel.ACTIVE)
        return Response(serializers.SafetySerializer(switch).data)

    @extend_schema(
        summary="Halt or resume all trading (operators)",
        description="HALTED denies new exposure from now on and withdraws unsent opens; REDUCING only denies; exits pass"
        " in every state.",
        request=serializers.SafetySerializer,
        responses=serializers.SafetySerializer,
    )
    def put(self, request: Request) -> Response:
        wanted = serializers.SafetySerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        switch = set_safety(
            actor=asker(request),
            scope=ScopeKind.PLATFORM,
            scope_id="",
            level=SafetyLevel(wanted.validated_data["level"]),
            reason=wanted.validated_data["reason"],
        )
        return Response(serializers.SafetySerializer(switch).data)
