"""The portfolios API: one's books, the money in them, what they hold, and the lines that prove it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.requests import asker
from portfolios import serializers
from portfolios.models import LedgerAccount, LedgerLine, Portfolio, Position
from portfolios.selectors import (
    equity_curve,
    holdings,
    ledger_of,
    openable_market,
    portfolio_for_user,
    portfolios_of,
    positions_of,
    worth_of,
)
from portfolios.services.cash import deposit, open_portfolio, transfer, withdraw


def shown(portfolios: Sequence[Portfolio], *, many: bool = True) -> Any:
    """Return portfolios with what they are worth, in a constant number of statements."""
    context = {"worth": worth_of(portfolios)}
    rows = serializers.PortfolioSerializer(portfolios, many=True, context=context).data
    return rows if many else rows[0]


class PortfoliosView(ListAPIView[Portfolio]):
    """One's portfolios."""

    serializer_class = serializers.PortfolioSerializer
    queryset = Portfolio.objects.none()

    @extend_schema(summary="List one's portfolios that are not closed, with what they are worth")
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(portfolios_of(asker(request)))
        return self.get_paginated_response(shown(page or []))

    @extend_schema(
        operation_id="portfolios_create",
        summary="Open a paper portfolio",
        request=serializers.NewPortfolioSerializer,
        responses={201: serializers.PortfolioSerializer},
    )
    def post(self, request: Request) -> Response:
        wanted = serializers.NewPortfolioSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        data = wanted.validated_data
        exchange, settlement = openable_market(data["exchange"], data["settlement"])
        portfolio = open_portfolio(
            owner=asker(request), name=data["name"], exchange=exchange, settlement=settlement, amount=data["amount"]
        )
        return Response(shown([portfolio], many=False), status=status.HTTP_201_CREATED)


class PortfolioView(APIView):
    """One of one's portfolios."""

    @extend_schema(summary="Read a portfolio", responses=serializers.PortfolioSerializer)
    def get(self, request: Request, portfolio_id: UUID) -> Response:
        return Response(shown([portfolio_for_user(asker(request), portfolio_id)], many=False))


class DepositView(APIView):
    """Money in."""

    @extend_schema(
        summary="Pay play money in",
        request=serializers.AmountSerializer,
        responses=serializers.PortfolioSerializer,
    )
    def post(self, request: Request, portfolio_id: UUID) -> Response:
        portfolio = portfolio_for_user(asker(request), portfolio_id)
        paid = deposit(actor=asker(request), portfolio=portfolio, **_movement(request))
        return Response(shown([paid], many=False))


class WithdrawView(APIView):
    """Money out."""

    @extend_schema(
        summary="Take play money out, up to what is free",
        request=serializers.AmountSerializer,
        responses=serializers.PortfolioSerializer,
    )
    def post(self, request: Request, portfolio_id: UUID) -> Response:
        portfolio = portfolio_for_user(asker(request), portfolio_id)
        left = withdraw(actor=asker(request), portfolio=portfolio, **_movement(request))
        return Response(shown([left], many=False))


class TransferView(APIView):
    """Money between one's portfolios."""

    @extend_schema(
        summary="Move free cash to another of one's portfolios",
        request=serializers.TransferSerializer,
        responses=serializers.BookingSerializer,
    )
    def post(self, request: Request, portfolio_id: UUID) -> Response:
        source = portfolio_for_user(asker(request), portfolio_id)
        wanted = serializers.TransferSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        target = portfolio_for_user(asker(request), wanted.validated_data["target"])
        movement = {**wanted.validated_data, "target": target}
        booking = transfer(actor=asker(request), source=source, **movement)
        return Response({"booking_id": booking})


class EquityView(APIView):
    """A portfolio's history."""

    @extend_schema(
        summary="Read the equity curve, oldest first",
        description="Minutes of the last day, hours of the last year, days before that.",
        responses=serializers.EquityPointSerializer(many=True),
    )
    def get(self, request: Request, portfolio_id: UUID) -> Response:
        points = equity_curve(portfolio_for_user(asker(request), portfolio_id))
        rows = [{"at": at, "equity": equity} for at, equity in points]
        return Response(serializers.EquityPointSerializer(rows, many=True).data)


@extend_schema(
    summary="List the ledger's lines, newest first",
    parameters=[OpenApiParameter("account", enum=LedgerAccount.values, description="Only lines of this account.")],
)
class LedgerView(ListAPIView[LedgerLine]):
    """A portfolio's double-entry ledger."""

    serializer_class = serializers.LedgerLineSerializer
    queryset = LedgerLine.objects.none()

    def get_queryset(self) -> QuerySet[LedgerLine]:
        account = self.request.query_params.get("account")
        if account is not None and account not in LedgerAccount.values:
            raise ValidationError({"account": [f"Choose one of {', '.join(LedgerAccount.values)}."]})
        return ledger_of(portfolio_for_user(asker(self.request), self.kwargs["portfolio_id"]), account)


class PositionsView(ListAPIView[Position]):
    """What a portfolio holds."""

    serializer_class = serializers.HoldingSerializer
    queryset = Position.objects.none()

    @extend_schema(summary="List what a portfolio holds, or once held, at the newest prices")
    def get(self, request: Request, portfolio_id: UUID) -> Response:
        page = self.paginate_queryset(positions_of(portfolio_for_user(asker(request), portfolio_id)))
        return self.get_paginated_response(serializers.HoldingSerializer(holdings(page or []), many=True).data)


def _movement(request: Request) -> dict[str, Any]:
    """Return the amount to move, and the key where the caller gave one."""
    wanted = serializers.AmountSerializer(data=request.data)
    wanted.is_valid(raise_exception=True)
    return dict(wanted.validated_data)
