"""The portfolios API: one's books, the money in them, what they hold, and the lines that prove it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models import CharField, Field, QuerySet, UUIDField
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.programs.doors import ApiListView, ApiView
from accounts.programs.scopes import Scope
from accounts.requests import asker, unlimited_asker
from accounts.second_factor import require_fresh_factor
from accounts.teams.models import Permission
from common.prepared import Question
from common.rendering import KnownFormats
from common.value_rows import ValueRows
from markets.row_streams import FILE_RENDERERS, exported
from portfolios import serializers
from portfolios.costs import CostModel, costs_of
from portfolios.margin import funding_of, with_liquidation_prices
from portfolios.margin_models import FundingPayment
from portfolios.models import AccountMode, BookingKind, LedgerAccount, LedgerLine, Portfolio, Position
from portfolios.selectors import (
    balances_of,
    equity_curve,
    holdings,
    openable_account,
    openable_market,
    portfolio_for_user,
    portfolios_of,
    positions_of,
    worth_of,
)
from portfolios.services.cash import deposit, open_portfolio, transfer, withdraw
from portfolios.services.costs import set_costs
from portfolios.services.remainders import set_live_trading

LEDGER_ROWS = ValueRows(serializers.LedgerLineSerializer)
_LEDGER_FIELDS: dict[str, Field[Any, Any]] = {
    "portfolio": UUIDField(),
    **dict.fromkeys(("account", "kind", "asset"), CharField()),
}


def shown(portfolios: Sequence[Portfolio], *, many: bool = True) -> Any:
    """Return portfolios with what they are worth, in a constant number of statements."""
    context = {"worth": worth_of(portfolios)}
    rows = serializers.PortfolioSerializer(portfolios, many=True, context=context).data
    return rows if many else rows[0]


class PortfoliosView(ApiListView[Portfolio]):
    """One's portfolios."""

    scope = Scope.MANAGE
    serializer_class = serializers.PortfolioSerializer
    queryset = Portfolio.objects.none()

    @extend_schema(summary="List one's portfolios that are not closed, with what they are worth")
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(portfolios_of(asker(request)))
        return self.get_paginated_response(shown(page or []))

    @extend_schema(
        operation_id="portfolios_create",
        summary="Open a portfolio, on paper or on an exchange account",
        description="On a live account a session whose second factor was used within 15 minutes is needed.",
        request=serializers.NewPortfolioSerializer,
        responses={201: serializers.PortfolioSerializer},
    )
    def post(self, request: Request) -> Response:
        wanted = serializers.NewPortfolioSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        data = wanted.validated_data
        portfolio = open_portfolio(
            owner=unlimited_asker(request), name=data["name"], amount=data["amount"], **_where(request, data)
        )
        return Response(shown([portfolio], many=False), status=status.HTTP_201_CREATED)


def _where(request: Request, data: dict[str, Any]) -> dict[str, Any]:
    """Return where a portfolio is opened; one with real money needs a fresh second factor."""
    if "account" not in data:
        exchange, settlement = openable_market(data["exchange"], data["settlement"])
        return {"exchange": exchange, "settlement": settlement}
    account, settlement = openable_account(asker(request), data["account"], data["settlement"])
    if account.mode == AccountMode.LIVE:
        require_fresh_factor(request)
    return {"exchange": account.exchange, "settlement": settlement, "account": account}


class LiveTradingView(ApiView):
    """The switch of a portfolio with real money."""

    scope = Scope.MANAGE

    @extend_schema(
        summary="Let a live portfolio open positions, or not",
        description="Turning it on needs a session whose second factor was used within 15 minutes. Exits pass always.",
        request=serializers.LiveTradingSerializer,
        responses=serializers.PortfolioSerializer,
    )
    def put(self, request: Request, portfolio_id: UUID) -> Response:
        portfolio = portfolio_for_user(asker(request), portfolio_id, Permission.MANAGE_KEYS)
        wanted = serializers.LiveTradingSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        if wanted.validated_data["is_on"]:
            require_fresh_factor(request)
        held = set_live_trading(actor=asker(request), portfolio=portfolio, is_on=wanted.validated_data["is_on"])
        return Response(shown([held], many=False))


class CostsView(ApiView):
    """What trading on paper costs."""

    scope = Scope.MANAGE

    @extend_schema(
        summary="Read what trading on paper costs, and how late it is", responses=serializers.CostsSerializer
    )
    def get(self, request: Request, portfolio_id: UUID) -> Response:
        return Response(_costs(portfolio_for_user(asker(request), portfolio_id, Permission.VIEW)))

    @extend_schema(
        summary="Set what trading on paper costs, and how late it is",
        description="The next orders trade so; what was filled stays as it is. Not of portfolios on exchange accounts.",
        request=serializers.CostsSerializer,
        responses=serializers.CostsSerializer,
    )
    def put(self, request: Request, portfolio_id: UUID) -> Response:
        portfolio = portfolio_for_user(asker(request), portfolio_id)
        wanted = serializers.CostsSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        return Response(
            _costs(set_costs(actor=asker(request), portfolio=portfolio, model=CostModel(**wanted.validated_data)))
        )


def _costs(portfolio: Portfolio) -> Any:
    return serializers.CostsSerializer(costs_of(portfolio)).data


class PortfolioView(ApiView):
    """One of one's portfolios."""

    scope = Scope.READ

    @extend_schema(summary="Read a portfolio", responses=serializers.PortfolioSerializer)
    def get(self, request: Request, portfolio_id: UUID) -> Response:
        return Response(shown([portfolio_for_user(asker(request), portfolio_id, Permission.VIEW)], many=False))


class DepositView(ApiView):
    """Money in."""

    scope = Scope.MANAGE

    @extend_schema(
        summary="Pay play money in",
        request=serializers.AmountSerializer,
        responses=serializers.PortfolioSerializer,
    )
    def post(self, request: Request, portfolio_id: UUID) -> Response:
        portfolio = portfolio_for_user(asker(request), portfolio_id)
        paid = deposit(actor=asker(request), portfolio=portfolio, **_movement(request))
        return Response(shown([paid], many=False))


class WithdrawView(ApiView):
    """Money out."""

    scope = Scope.MANAGE

    @extend_schema(
        summary="Take play money out, up to what is free",
        request=serializers.AmountSerializer,
        responses=serializers.PortfolioSerializer,
    )
    def post(self, request: Request, portfolio_id: UUID) -> Response:
        portfolio = portfolio_for_user(asker(request), portfolio_id)
        left = withdraw(actor=asker(request), portfolio=portfolio, **_movement(request))
        return Response(shown([left], many=False))


class TransferView(ApiView):
    """Money between one's portfolios."""

    scope = Scope.MANAGE

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


class EquityView(ApiView):
    """A portfolio's history."""

    scope = Scope.READ

    @extend_schema(
        summary="Read the equity curve, oldest first",
        description="Minutes of the last day, hours of the last year, days before that.",
        responses=serializers.EquityPointSerializer(many=True),
    )
    def get(self, request: Request, portfolio_id: UUID) -> Response:
        points = equity_curve(portfolio_for_user(asker(request), portfolio_id, Permission.VIEW))
        rows = [{"at": at, "equity": equity} for at, equity in points]
        return Response(serializers.EquityPointSerializer(rows, many=True).data)


LEDGER_PARAMETERS = [
    OpenApiParameter("account", enum=LedgerAccount.values, description="Only lines of this account."),
    OpenApiParameter("kind", enum=BookingKind.values, description="Only lines of such bookings."),
    OpenApiParameter("asset", description="Only lines of this asset, by its code."),
]


@extend_schema_view(get=extend_schema(summary="List the ledger's lines, newest first", parameters=LEDGER_PARAMETERS))
class LedgerView(ApiListView[LedgerLine]):
    """A portfolio's double-entry ledger."""

    scope = Scope.READ
    serializer_class = serializers.LedgerLineSerializer
    rows = LEDGER_ROWS
    queryset = LedgerLine.objects.none()

    def question(self) -> Question[LedgerLine]:
        portfolio = portfolio_for_user(asker(self.request), self.kwargs["portfolio_id"], Permission.VIEW)
        known = {
            "account": LedgerAccount.values,
            "kind": BookingKind.values,
            "asset": list(balances_of(portfolio).values_list("asset_id", flat=True)),
        }
        named = {name: self.request.query_params[name] for name in known if name in self.request.query_params}
        for name, value in named.items():
            if value not in known[name]:
                raise ValidationError({name: [f"Choose one of {', '.join(known[name])}."]})
        return Question(_ledger, {"portfolio": portfolio.pk, **named}, _LEDGER_FIELDS)


def _ledger(given: Mapping[str, Any]) -> QuerySet[LedgerLine]:
    return LedgerLine.objects.filter(**given)


class LedgerExportView(LedgerView):
    """The ledger, all of it."""

    renderer_classes = FILE_RENDERERS
    content_negotiation_class = KnownFormats
    pagination_class = None

    @extend_schema(
        summary="Download the ledger as a file, newest lines first",
        description="With the fields of the list, streamed: of any length.",
        parameters=[
            OpenApiParameter("format", enum=["ndjson", "csv", "arrow"], description="Goes before `Accept`."),
            *LEDGER_PARAMETERS,
        ],
        responses={(200, one.media_type): OpenApiTypes.BINARY for one in FILE_RENDERERS},
    )
    def get(self, request: Request, portfolio_id: UUID) -> StreamingHttpResponse:  # type: ignore[override]  # a file
        return exported(request, self.question().queryset(), LEDGER_ROWS, "ledger")


class PositionsView(ApiListView[Position]):
    """What a portfolio holds."""

    scope = Scope.READ
    serializer_class = serializers.HoldingSerializer
    queryset = Position.objects.none()

    @extend_schema(summary="List what a portfolio holds, or once held, at the newest prices")
    def get(self, request: Request, portfolio_id: UUID) -> Response:
        portfolio = portfolio_for_user(asker(request), portfolio_id, Permission.VIEW)
        held = with_liquidation_prices(portfolio, holdings(self.paginate_queryset(positions_of(portfolio)) or []))
        return self.get_paginated_response(serializers.HoldingSerializer(held, many=True).data)


@extend_schema(summary="List what positions paid and received at funding times, newest first")
class FundingPaymentsView(ApiListView[FundingPayment]):
    """The funding of a portfolio's positions on margin."""

    scope = Scope.READ
    serializer_class = serializers.FundingPaymentSerializer
    queryset = FundingPayment.objects.none()

    def get_queryset(self) -> QuerySet[FundingPayment]:
        return funding_of(portfolio_for_user(asker(self.request), self.kwargs["portfolio_id"], Permission.VIEW))


def _movement(request: Request) -> dict[str, Any]:
    """Return the amount to move, and the key where the caller gave one."""
    wanted = serializers.AmountSerializer(data=request.data)
    wanted.is_valid(raise_exception=True)
    return dict(wanted.validated_data)
