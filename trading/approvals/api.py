"""The API of orders that wait for a second person."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.programs.doors import ApiListView, ApiView
from accounts.programs.scopes import Scope
from accounts.requests import asker
from accounts.teams.models import Permission
from markets.serializers import ExactField
from trading.approvals.models import ApprovalState, OrderApproval
from trading.approvals.selectors import approval_for_user, approvals_of_user
from trading.approvals.services import approve, reject
from trading.models import Side


class ApprovalSerializer(serializers.ModelSerializer[OrderApproval]):
    """An order by hand that waits, or waited, for a second person. Only once it is APPROVED is there an order."""

    symbol = serializers.CharField(source="instrument.symbol")
    side = serializers.ChoiceField(choices=Side.choices)
    quantity = ExactField(help_text="Base units.")
    value = ExactField(help_text="In the settlement currency, when it was asked for.")
    state = serializers.ChoiceField(choices=ApprovalState.choices)
    requested_by = serializers.CharField(source="requested_by.profile.handle")
    decided_by = serializers.CharField(source="decided_by.profile.handle", allow_null=True, default=None)

    class Meta:
        model = OrderApproval
        fields = [
            "id",
            "portfolio",
            "instrument",
            "symbol",
            "side",
            "quantity",
            "value",
            "legs",
            "key",
            "state",
            "requested_by",
            "requested_role",
            "requested_at",
            "expires_at",
            "decided_by",
            "decided_role",
            "decided_at",
        ]
        read_only_fields = fields


@extend_schema(
    summary="List orders that wait, or waited, for a second person, newest first",
    parameters=[OpenApiParameter("state", enum=ApprovalState.values)],
)
class ApprovalsView(ApiListView[OrderApproval]):
    """Of all portfolios that one may see."""

    scope = Scope.READ
    serializer_class = ApprovalSerializer
    queryset = OrderApproval.objects.none()

    def get_queryset(self) -> QuerySet[OrderApproval]:
        found, state = approvals_of_user(asker(self.request)), self.request.query_params.get("state")
        if state is not None and state not in ApprovalState.values:
            raise ValidationError({"state": [f"Choose one of {', '.join(ApprovalState.values)}."]})
        return found if state is None else found.filter(state=state)


class ApprovalView(ApiView):
    """One of them."""

    scope = Scope.READ

    @extend_schema(summary="Read an order that waits for a second person", responses=ApprovalSerializer)
    def get(self, request: Request, approval_id: UUID) -> Response:
        return _shown(request, approval_id)


class ApproveView(ApiView):
    """A yes."""

    scope = Scope.TRADE

    @extend_schema(
        summary="Let an order go that somebody else asked for",
        description="What refuses it now leaves it waiting. It is placed once, in the name of who asked for it.",
        request=None,
        responses=ApprovalSerializer,
    )
    def post(self, request: Request, approval_id: UUID) -> Response:
        approve(actor=asker(request), approval=approval_for_user(asker(request), approval_id, Permission.APPROVE))
        return _shown(request, approval_id)


class RejectView(ApiView):
    """A no."""

    scope = Scope.TRADE

    @extend_schema(summary="Turn an order down, or withdraw one's own", request=None, responses=ApprovalSerializer)
    def post(self, request: Request, approval_id: UUID) -> Response:
        reject(actor=asker(request), approval=approval_for_user(asker(request), approval_id))
        return _shown(request, approval_id)


def _shown(request: Request, approval_id: UUID) -> Response:
    return Response(ApprovalSerializer(approval_for_user(asker(request), approval_id)).data)
