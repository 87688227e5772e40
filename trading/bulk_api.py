"""The API of many orders at once, and of what an order wrote into the ledger."""

from __future__ import annotations

from typing import Any
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
from common.errors import DomainError
from common.http import problem
from portfolios.models import LedgerLine
from portfolios.selectors import portfolio_for_user
from portfolios.serializers import LedgerLineSerializer
from trading import serializers
from trading.models import Order, Side
from trading.order_terms import NAMES, OrderTerms
from trading.selectors import entries_of_order, order_for_user, orders_of_user
from trading.services.bulk import Answer, Asked, place_bulk


class BulkView(ApiView):
    """Many orders by hand in one portfolio."""

    scope = Scope.TRADE

    @extend_schema(
        operation_id="orders_bulk_create",
        summary="Place up to 50 orders at once",
        description="Each under a key of the caller's own, answered one by one and in order: with the order, or with the"
        " problem document that a single request would have got. A key sent again answers with the order that it made"
        " the first time. With `atomic`, one refusal keeps all from being placed, and the answer is a 409 BULK_REFUSED"
        " whose context holds the answers.",
        request=serializers.NewBulkSerializer,
        responses={200: serializers.BulkAnswerSerializer(many=True)},
    )
    def post(self, request: Request, portfolio_id: UUID) -> Response:
        portfolio = portfolio_for_user(asker(request), portfolio_id, Permission.TRADE)
        wanted = serializers.NewBulkSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        data = wanted.validated_data
        orders = [_asked(one) for one in data["orders"]]
        answers = place_bulk(actor=asker(request), portfolio=portfolio, orders=orders, atomic=data["atomic"])
        shown = _shown(request, answers)
        if data["atomic"] and any(one.refusal for one in answers):
            message = "Nothing was placed: at least one of the orders was refused; the answers say which and why."
            raise DomainError("BULK_REFUSED", message, {"results": shown}, status=status.HTTP_409_CONFLICT)
        return Response(shown)


def _asked(data: dict[str, Any]) -> Asked:
    terms = OrderTerms(**{name: data[name] for name in NAMES if name in data})
    return Asked(data["key"], data["instrument"], Side(data["side"]), data["quantity"], terms)


def _shown(request: Request, answers: list[Answer]) -> list[dict[str, Any]]:
    """Return the answers, with the orders as they stand now."""
    placed = [one.order.pk for one in answers if one.order is not None]
    stored: dict[UUID, Order] = orders_of_user(asker(request)).filter(pk__in=placed).in_bulk()
    return [
        {
            "key": one.key,
            "status": one.refusal.status if one.refusal else status.HTTP_201_CREATED,
            "order": serializers.OrderSerializer(stored[one.order.pk]).data if one.order else None,
            "problem": problem(one.refusal) if one.refusal else None,
        }
        for one in answers
    ]


@extend_schema(summary="List the ledger's lines of an order, newest first: of its holds and of its fills")
class EntriesView(ApiListView[LedgerLine]):
    """What an order wrote into its portfolio's ledger."""

    scope = Scope.READ
    serializer_class = LedgerLineSerializer
    queryset = LedgerLine.objects.none()

    def get_queryset(self) -> QuerySet[LedgerLine]:
        return entries_of_order(order_for_user(asker(self.request), self.kwargs["order_id"]))
