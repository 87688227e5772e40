"""The exchange-accounts API. Keys go in and never come out."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.programs.doors import ApiListView, ApiView
from accounts.programs.scopes import Scope
from accounts.requests import asker, unlimited_asker
from accounts.second_factor import require_fresh_factor
from portfolios import exchange_serializers as serializers
from portfolios.models import AccountMode, ExchangeAccount, ExchangeAccountUse
from portfolios.selectors import (
    account_balances,
    connectable_exchange,
    connectable_exchanges,
    exchange_account_for_user,
    exchange_accounts_of,
    uses_of,
)
from portfolios.services.exchange_accounts import (
    connect_account,
    rename_account,
    replace_key,
    request_check,
    revoke_account,
)

_FACTOR = (
    "For a live account a session whose second factor was used within 15 minutes is needed; a token alone is refused"
    " with SECOND_FACTOR_NEEDED."
)


class VenuesView(ApiView):
    """Where accounts can be connected."""

    scope = Scope.READ

    @extend_schema(
        operation_id="exchange_accounts_venues",
        summary="List the exchanges at which an account can be connected, and what their keys consist of",
        responses=serializers.ConnectableVenueSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        rows = [serializers.venue_facts(exchange, modes) for exchange, modes in connectable_exchanges()]
        return Response(serializers.ConnectableVenueSerializer(rows, many=True).data)


@extend_schema_view(get=extend_schema(summary="List one's exchange accounts, newest first"))
class ExchangeAccountsView(ApiListView[ExchangeAccount]):
    """One's accounts at exchanges."""

    scope = Scope.MANAGE
    serializer_class = serializers.ExchangeAccountSerializer
    queryset = ExchangeAccount.objects.none()

    def get_queryset(self) -> QuerySet[ExchangeAccount]:
        return exchange_accounts_of(asker(self.request))

    @extend_schema(
        operation_id="exchange_accounts_create",
        summary="Connect an account; the key is sealed at once and checked by the signer",
        description=_FACTOR,
        request=serializers.NewExchangeAccountSerializer,
        responses={201: serializers.ExchangeAccountSerializer},
    )
    def post(self, request: Request) -> Response:
        wanted = serializers.NewExchangeAccountSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        data = wanted.validated_data
        exchange, mode = connectable_exchange(data["exchange"], data["mode"])
        if mode == AccountMode.LIVE:
            require_fresh_factor(request)
        account = connect_account(
            owner=unlimited_asker(request),
            exchange=exchange,
            mode=mode,
            label=data["label"],
            credentials=data["credentials"],
        )
        return Response(serializers.ExchangeAccountSerializer(account).data, status=status.HTTP_201_CREATED)


class ExchangeAccountView(ApiView):
    """One of one's accounts."""

    scope = Scope.MANAGE

    @extend_schema(summary="Read an exchange account", responses=serializers.ExchangeAccountSerializer)
    def get(self, request: Request, account_id: UUID) -> Response:
        account = exchange_account_for_user(asker(request), account_id)
        return Response(serializers.ExchangeAccountSerializer(account).data)

    @extend_schema(
        summary="Rename an exchange account",
        request=serializers.LabelSerializer,
        responses=serializers.ExchangeAccountSerializer,
    )
    def patch(self, request: Request, account_id: UUID) -> Response:
        account = exchange_account_for_user(asker(request), account_id)
        wanted = serializers.LabelSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        renamed = rename_account(account=account, actor=asker(request), label=wanted.validated_data["label"])
        return Response(serializers.ExchangeAccountSerializer(renamed).data)

    @extend_schema(summary="Revoke an exchange account: its key is deleted", responses={204: None})
    def delete(self, request: Request, account_id: UUID) -> Response:
        revoke_account(account=exchange_account_for_user(asker(request), account_id), actor=asker(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class KeyView(ApiView):
    """The key of an account."""

    scope = Scope.MANAGE

    @extend_schema(
        summary="Put another key in; it is sealed at once and checked",
        description=_FACTOR,
        request=serializers.KeySerializer,
        responses=serializers.ExchangeAccountSerializer,
    )
    def put(self, request: Request, account_id: UUID) -> Response:
        account = exchange_account_for_user(asker(request), account_id)
        wanted = serializers.KeySerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        if account.mode == AccountMode.LIVE:
            require_fresh_factor(request)
        held = replace_key(account=account, actor=asker(request), credentials=wanted.validated_data["credentials"])
        return Response(serializers.ExchangeAccountSerializer(held).data)


class CheckView(ApiView):
    """The check of an account's key."""

    scope = Scope.MANAGE

    @extend_schema(
        summary="Ask the venue about the key again",
        request=None,
        responses={202: serializers.ExchangeAccountSerializer},
    )
    def post(self, request: Request, account_id: UUID) -> Response:
        account = exchange_account_for_user(asker(request), account_id)
        held = request_check(account=account, actor=asker(request))
        return Response(serializers.ExchangeAccountSerializer(held).data, status=status.HTTP_202_ACCEPTED)


class BalancesView(ApiView):
    """What an account holds, and how it is divided."""

    scope = Scope.READ

    @extend_schema(
        operation_id="exchange_accounts_balances",
        summary="List what the account holds, in portfolios and in none, as of the last comparison",
        responses=serializers.AccountBalanceSerializer(many=True),
    )
    def get(self, request: Request, account_id: UUID) -> Response:
        account = exchange_account_for_user(asker(request), account_id)
        rows = [{"row": row, "books": books} for row, books in account_balances(account)]
        return Response(serializers.AccountBalanceSerializer(rows, many=True).data)


@extend_schema_view(get=extend_schema(summary="List what the account's key was used for, newest first"))
class UsesView(ApiListView[ExchangeAccountUse]):
    """The log of a key's uses."""

    scope = Scope.READ
    serializer_class = serializers.UseSerializer
    queryset = ExchangeAccountUse.objects.none()

    def get_queryset(self) -> QuerySet[ExchangeAccountUse]:
        return uses_of(exchange_account_for_user(asker(self.request), self.kwargs["account_id"]))
