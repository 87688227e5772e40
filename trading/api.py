"""The trading API: orders, fills, follows, and the platform's safety level."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.permissions import SAFE_METHODS, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from accounts.programs.doors import ApiListView, ApiView
from accounts.programs.scopes import Scope
from accounts.requests import asker
from accounts.teams.models import Permission
from common.prepared import Question
from markets.expansions import instruments_shown
from markets.selectors import instrument_by_id
from portfolios.expansions import portfolios_shown
from portfolios.selectors import exchange_account_for_user, portfolio_for_user
from trading import serializers
from trading.follow_models import StopMode
from trading.models import (
    Fill,
    Follow,
    FollowState,
    Order,
    SafetyLevel,
    SafetySwitch,
    ScopeKind,
    Side,
)
from trading.narrowing import FILL_PARAMETERS, ORDER_PARAMETERS, asked_fills, asked_orders, one_of
from trading.order_terms import NAMES, OrderTerms
from trading.row_reading import FILL_ROWS, ORDER_ROWS
from trading.selectors import (
    fill_for_user,
    follow_for_user,
    follows_of,
    order_for_user,
    orders_of_user,
    platform_switch,
)
from trading.services.changing import cancel_all, cancel_order, modify_order
from trading.services.closing import close_all, close_position
from trading.services.follows import pause_follow, resume_follow, stop_follow
from trading.services.orders import place_hand_order, place_pair
from trading.services.safety import set_safety


class OrdersView(ApiListView[Order]):
    """One's orders."""

    scope = Scope.TRADE
    serializer_class = serializers.OrderSerializer
    rows = ORDER_ROWS
    expands = {"instrument": instruments_shown, "portfolio": portfolios_shown}
    queryset = Order.objects.none()

    def question(self) -> Question[Order]:
        return asked_orders(self.request)

    @extend_schema(summary="List one's orders, newest first", parameters=ORDER_PARAMETERS)
    def get(self, request: Request) -> Response:
        return self.list(request)

    @extend_schema(
        operation_id="orders_create",
        summary="Place an order by hand",
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
            **_asked(request, data), terms=OrderTerms(**{name: data[name] for name in NAMES if name in data})
        )
        return Response(_shown(order_for_user(asker(request), order.pk)), status=status.HTTP_201_CREATED)


class OrderView(ApiView):
    """One of one's orders."""

    scope = Scope.TRADE
    expands = {"instrument": instruments_shown, "portfolio": portfolios_shown}

    @extend_schema(summary="Read an order", responses=serializers.OrderSerializer)
    def get(self, request: Request, order_id: UUID) -> Response:
        return Response(_shown(order_for_user(asker(request), order_id)))

    @extend_schema(
        summary="Change an order that waits",
        description="What it promises follows. A price that crosses the market fills at once; the same change again"
        " changes nothing. An order at an exchange is canceled there, and the one that takes its place is returned.",
        request=serializers.ChangedOrderSerializer,
        responses=serializers.OrderSerializer,
    )
    def patch(self, request: Request, order_id: UUID) -> Response:
        found = order_for_user(asker(request), order_id, Permission.TRADE)
        wanted = serializers.ChangedOrderSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        changed = modify_order(actor=asker(request), order=found, **wanted.validated_data)
        return Response(_shown(order_for_user(asker(request), changed.pk)))


class CancelView(ApiView):
    """The end of an order that waits."""

    scope = Scope.TRADE

    @extend_schema(
        summary="Cancel an order",
        description="Canceling it again changes nothing. One at an exchange ends when the exchange says so.",
        request=None,
        responses=serializers.OrderSerializer,
    )
    def post(self, request: Request, order_id: UUID) -> Response:
        cancel_order(actor=asker(request), order=order_for_user(asker(request), order_id, Permission.TRADE))
        return Response(_shown(order_for_user(asker(request), order_id)))


class PairsView(ApiView):
    """Two orders of which one cancels the other."""

    scope = Scope.TRADE

    @extend_schema(
        summary="Place a limit and a stop of which one cancels the other",
        request=serializers.NewPairSerializer,
        responses={201: serializers.OrderSerializer(many=True)},
    )
    def post(self, request: Request) -> Response:
        wanted = serializers.NewPairSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        data = wanted.validated_data
        prices = {name: data.get(name) for name in ("limit_price", "stop_price", "expires_at")}
        placed = place_pair(**_asked(request, data), **prices)
        return Response(_all_shown(request, placed), status=status.HTTP_201_CREATED)


class CancelAllView(ApiView):
    """The end of all that waits."""

    scope = Scope.TRADE

    @extend_schema(
        operation_id="orders_cancel_all",
        summary="Cancel all orders by hand that wait",
        request=serializers.WhichOrdersSerializer,
        responses=serializers.OrderSerializer(many=True),
    )
    def post(self, request: Request) -> Response:
        wanted = serializers.WhichOrdersSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        data, user = wanted.validated_data, asker(request)
        portfolio, instrument, account = (data.get(name) for name in ("portfolio", "instrument", "account"))
        canceled = cancel_all(
            actor=user,
            portfolio=portfolio_for_user(user, portfolio, Permission.TRADE) if portfolio else None,
            instrument=instrument_by_id(instrument) if instrument else None,
            account=exchange_account_for_user(user, account) if account else None,
        )
        return Response(_all_shown(request, canceled))


class ClosingView(ApiView):
    """The way out."""

    scope = Scope.TRADE

    @extend_schema(
        summary="Close a position, or all positions of a portfolio, at the market",
        description="Sales that wait give way to it. Closing everything cancels what waits to open as well.",
        request=serializers.ClosingSerializer,
        responses={201: serializers.OrderSerializer(many=True)},
    )
    def post(self, request: Request) -> Response:
        wanted = serializers.ClosingSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        data, user = wanted.validated_data, asker(request)
        portfolio, key = portfolio_for_user(user, data["portfolio"], Permission.TRADE), data.get("key")
        if data.get("instrument"):
            instrument = instrument_by_id(data["instrument"])
            closing = [close_position(actor=user, portfolio=portfolio, instrument=instrument, key=key)]
        else:
            scope, scope_id = ScopeKind.PORTFOLIO, str(portfolio.pk)
            closed = close_all(actor=user, scope=scope, scope_id=scope_id, halts=False, key=key)
            closing = list(closed.orders)
        return Response(_all_shown(request, closing), status=status.HTTP_201_CREATED)


def _asked(request: Request, data: dict[str, Any]) -> dict[str, Any]:
    """Return what every order by hand names, past the gates."""
    return {
        "actor": asker(request),
        "portfolio": portfolio_for_user(asker(request), data["portfolio"], Permission.TRADE),
        "instrument": instrument_by_id(data["instrument"]),
        "side": Side(data["side"]),
        "quantity": data["quantity"],
        "key": data.get("key"),
    }


def orders_shown(user: User, ids: Collection[UUID]) -> dict[str, Any]:
    """Return orders by id (text), as far as they are the user's: what `?expand=order` puts in."""
    found = serializers.OrderSerializer(orders_of_user(user).filter(pk__in=ids), many=True).data
    return {row["id"]: row for row in found}


def _shown(order: Order) -> Any:
    return serializers.OrderSerializer(order).data


def _all_shown(request: Request, placed: list[Order]) -> Any:
    """Return orders as they stand now, in their order, read past the gate at once."""
    stored = orders_of_user(asker(request)).filter(pk__in=[order.pk for order in placed]).in_bulk()
    return serializers.OrderSerializer([stored[order.pk] for order in placed], many=True).data


@extend_schema(
    summary="List one's fills, newest first",
    parameters=FILL_PARAMETERS,
)
class FillsView(ApiListView[Fill]):
    """One's fills."""

    scope = Scope.READ
    serializer_class = serializers.FillSerializer
    rows = FILL_ROWS
    expands = {"instrument": instruments_shown, "portfolio": portfolios_shown, "order": orders_shown}
    queryset = Fill.objects.none()

    def question(self) -> Question[Fill]:
        return asked_fills(self.request)


class FillView(ApiView):
    """One of one's fills."""

    scope = Scope.READ
    expands = {"instrument": instruments_shown, "portfolio": portfolios_shown, "order": orders_shown}

    @extend_schema(summary="Read a fill", responses=serializers.FillSerializer)
    def get(self, request: Request, fill_id: UUID) -> Response:
        return Response(serializers.FillSerializer(fill_for_user(asker(request), fill_id)).data)


@extend_schema(
    summary="List one's follows, newest first",
    parameters=[OpenApiParameter("state", enum=FollowState.values)],
)
class FollowsView(ApiListView[Follow]):
    """One's follows. A new one is started at the listing that is followed."""

    scope = Scope.READ
    serializer_class = serializers.FollowSerializer
    queryset = Follow.objects.none()

    def get_queryset(self) -> QuerySet[Follow]:
        found = follows_of(asker(self.request))
        state = one_of(self.request, "state", FollowState.values)
        return found if state is None else found.filter(state=state)


class FollowView(ApiView):
    """One of one's follows."""

    scope = Scope.READ

    @extend_schema(summary="Read a follow", responses=serializers.FollowSerializer)
    def get(self, request: Request, follow_id: UUID) -> Response:
        return Response(serializers.FollowSerializer(follow_for_user(asker(request), follow_id, Permission.VIEW)).data)


class PauseView(ApiView):
    """A pause."""

    scope = Scope.TRADE

    @extend_schema(
        summary="Pause a follow",
        description="Nothing new is copied; the lead's exits still are.",
        request=None,
        responses=serializers.FollowSerializer,
    )
    def post(self, request: Request, follow_id: UUID) -> Response:
        moved = pause_follow(actor=asker(request), follow=follow_for_user(asker(request), follow_id))
        return Response(serializers.FollowSerializer(moved).data)


class ResumeView(ApiView):
    """The end of a pause."""

    scope = Scope.TRADE

    @extend_schema(
        summary="Resume a paused follow",
        description="With `catch_up`, what the follow's plan shows is carried out as well.",
        request=serializers.ResumeSerializer,
        responses=serializers.FollowSerializer,
    )
    def post(self, request: Request, follow_id: UUID) -> Response:
        found = follow_for_user(asker(request), follow_id)
        wanted = serializers.ResumeSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        moved = resume_follow(actor=asker(request), follow=found, catches_up=wanted.validated_data["catch_up"])
        return Response(serializers.FollowSerializer(moved).data)


class StopView(ApiView):
    """The end of a follow."""

    scope = Scope.TRADE

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


class SafetyView(ApiView):
    """The platform's safety level."""

    scope = Scope.MANAGE
    permission_classes = [OperatorToWrite]

    @extend_schema(summary="Read the platform's safety level", responses=serializers.SafetySerializer)
    def get(self, request: Request) -> Response:
        switch = platform_switch() or SafetySwitch(level=SafetyLevel.ACTIVE)
        return Response(serializers.SafetySerializer(switch).data)

    @extend_schema(
        summary="Halt or resume all trading (operators)",
        description="HALTED denies new exposure from now on and withdraws unsent and resting opens; REDUCING only denies; exits pass"
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
