"""The API of sharing: a portfolio's workspace, to whom it is lent, its parent and limits, and what needs a second person."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.programs.doors import ApiListView, ApiView
from accounts.programs.scopes import Scope
from accounts.requests import asker
from accounts.teams.models import Permission
from accounts.teams.selectors import workspace_for_user
from markets.serializers import ExactField
from portfolios.delegation_models import Delegation, DelegationScope
from portfolios.models import Portfolio
from portfolios.selectors import delegation_of, delegations_of, portfolio_for_user
from portfolios.serializers import AmountField
from portfolios.services.sharing import give_to_workspace, lend, take_back, take_from_workspace
from portfolios.services.subaccounts import end_sub_account, set_approval, set_sub_account


class SharingSerializer(serializers.ModelSerializer[Portfolio]):
    """Whose a portfolio is, and the limits that come with it; null is none."""

    owner = serializers.CharField(source="owner.profile.handle")
    max_capital = ExactField(allow_null=True)
    max_capital_share = ExactField(allow_null=True)
    max_order_value = ExactField(allow_null=True)
    approval_above = ExactField(allow_null=True)

    class Meta:
        model = Portfolio
        fields = [
            "id",
            "owner",
            "workspace",
            "parent",
            "max_capital",
            "max_capital_share",
            "max_order_value",
            "approval_above",
            "approval_minutes",
        ]
        read_only_fields = fields


class GiveSerializer(serializers.Serializer[Any]):
    workspace = serializers.UUIDField()


class DelegationSerializer(serializers.ModelSerializer[Delegation]):
    """That somebody may see, or trade, a portfolio for a while."""

    handle = serializers.CharField(source="person.profile.handle")
    scope = serializers.ChoiceField(choices=DelegationScope.choices)

    class Meta:
        model = Delegation
        fields = ["id", "handle", "scope", "created_at", "ends_at"]


class LendSerializer(serializers.Serializer[Any]):
    handle = serializers.CharField(max_length=40)
    scope = serializers.ChoiceField(choices=DelegationScope.choices)
    ends_at = serializers.DateTimeField(help_text="Wall time, at most a year ahead.")


class SubAccountSerializer(serializers.Serializer[Any]):
    """A parent and its limits, in the settlement currency; one left out is off."""

    parent = serializers.UUIDField()  # type: ignore[assignment]  # a field named as DRF names a serializer's own
    max_capital = AmountField(required=False, allow_null=True)
    max_capital_share = AmountField(required=False, allow_null=True, help_text="0-1 of the group's capital.")
    max_order_value = AmountField(required=False, allow_null=True)


class ApprovalSerializer(serializers.Serializer[Any]):
    above = AmountField(allow_null=True, help_text="In the settlement currency; null: no order waits.")
    minutes = serializers.IntegerField(required=False, min_value=1, help_text="How long an order waits at most.")


def _checked(serializer: Any) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    data: dict[str, Any] = serializer.validated_data
    return data


def _shown(portfolio: Portfolio) -> Response:
    return Response(SharingSerializer(portfolio).data)


class SharingView(ApiView):
    """Whose a portfolio is."""

    scope = Scope.READ

    @extend_schema(summary="Read whose a portfolio is, and the limits that come with it", responses=SharingSerializer)
    def get(self, request: Request, portfolio_id: UUID) -> Response:
        return _shown(portfolio_for_user(asker(request), portfolio_id, Permission.VIEW))


class WorkspaceOfPortfolioView(ApiView):
    """A portfolio's workspace."""

    scope = Scope.MANAGE

    @extend_schema(
        summary="Give a portfolio of one's own to a workspace", request=GiveSerializer, responses=SharingSerializer
    )
    def put(self, request: Request, portfolio_id: UUID) -> Response:
        found = portfolio_for_user(asker(request), portfolio_id)
        data = _checked(GiveSerializer(data=request.data))
        workspace = workspace_for_user(asker(request), data["workspace"], Permission.MANAGE).workspace
        return _shown(give_to_workspace(actor=asker(request), portfolio=found, workspace=workspace))

    @extend_schema(summary="Give a portfolio back to its owner", responses={204: None})
    def delete(self, request: Request, portfolio_id: UUID) -> Response:
        take_from_workspace(actor=asker(request), portfolio=portfolio_for_user(asker(request), portfolio_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


@extend_schema_view(get=extend_schema(summary="List to whom a portfolio is lent"))
class DelegationsView(ApiListView[Delegation]):
    """Rights over a portfolio that end by themselves."""

    scope = Scope.MANAGE
    serializer_class = DelegationSerializer
    queryset = Delegation.objects.none()

    def get_queryset(self) -> QuerySet[Delegation]:
        if getattr(self, "swagger_fake_view", False):
            return self.queryset.all()
        return delegations_of(portfolio_for_user(asker(self.request), self.kwargs["portfolio_id"]))

    @extend_schema(
        operation_id="portfolios_delegations_create",
        summary="Lend a portfolio to somebody, until a moment",
        request=LendSerializer,
        responses={201: DelegationSerializer},
    )
    def post(self, request: Request, portfolio_id: UUID) -> Response:
        found = portfolio_for_user(asker(request), portfolio_id)
        data = _checked(LendSerializer(data=request.data))
        scope = DelegationScope(data.pop("scope"))
        made = lend(actor=asker(request), portfolio=found, scope=scope, **data)
        return Response(DelegationSerializer(made).data, status=status.HTTP_201_CREATED)


class DelegationView(ApiView):
    """One such right."""

    scope = Scope.MANAGE

    @extend_schema(summary="Take back what was lent, at once", responses={204: None})
    def delete(self, request: Request, portfolio_id: UUID, delegation_id: UUID) -> Response:
        found = portfolio_for_user(asker(request), portfolio_id)
        take_back(actor=asker(request), delegation=delegation_of(found, delegation_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class SubAccountView(ApiView):
    """A portfolio's parent."""

    scope = Scope.MANAGE

    @extend_schema(
        summary="Make a portfolio a sub-account of another, with limits",
        request=SubAccountSerializer,
        responses=SharingSerializer,
    )
    def put(self, request: Request, portfolio_id: UUID) -> Response:
        found = portfolio_for_user(asker(request), portfolio_id)
        data = _checked(SubAccountSerializer(data=request.data))
        parent = portfolio_for_user(asker(request), data.pop("parent"))
        return _shown(set_sub_account(actor=asker(request), portfolio=found, parent=parent, **data))

    @extend_schema(summary="Let a sub-account stand by itself", responses={204: None})
    def delete(self, request: Request, portfolio_id: UUID) -> Response:
        end_sub_account(actor=asker(request), portfolio=portfolio_for_user(asker(request), portfolio_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class ApprovalLimitView(ApiView):
    """What needs a second person."""

    scope = Scope.MANAGE

    @extend_schema(
        summary="Have opens above a value wait for a second person",
        description="Managers make it stricter; only an owner of the workspace loosens it.",
        request=ApprovalSerializer,
        responses=SharingSerializer,
    )
    def put(self, request: Request, portfolio_id: UUID) -> Response:
        found = portfolio_for_user(asker(request), portfolio_id)
        data = _checked(ApprovalSerializer(data=request.data))
        return _shown(set_approval(actor=asker(request), portfolio=found, **data))
