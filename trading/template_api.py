"""The API of one's order templates."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers as fields
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.programs.doors import ApiListView, ApiView
from accounts.programs.scopes import Scope
from accounts.requests import asker
from markets.selectors import instrument_by_id
from markets.serializers import ExactField
from portfolios.serializers import AmountField
from trading.kinds import OrderKind, TimeInForce, Unit
from trading.models import Side
from trading.selectors import order_template_for_user, order_templates_of
from trading.services.order_templates import MAX_NAME, delete_template, save_template
from trading.template_models import OrderTemplate


class OrderTemplateSerializer(fields.ModelSerializer[OrderTemplate]):
    """A ticket filled in beforehand; distances are ratios of the market's price when it is used."""

    side = fields.ChoiceField(choices=Side.choices, read_only=True)
    kind = fields.ChoiceField(choices=OrderKind.choices, read_only=True)
    time_in_force = fields.ChoiceField(choices=TimeInForce.choices, read_only=True)
    unit = fields.ChoiceField(choices=Unit.choices, read_only=True)
    amount = ExactField()
    limit_distance = ExactField(allow_null=True)
    trigger_distance = ExactField(allow_null=True)
    trail_bps = ExactField(allow_null=True)
    stop_distance = ExactField(allow_null=True)
    target_distance = ExactField(allow_null=True)

    class Meta:
        model = OrderTemplate
        exclude = ["owner"]
        read_only_fields = ["id", "name", "instrument", "reduce_only", "post_only", "created_at", "updated_at"]


def _distance(help_text: str) -> AmountField:
    return AmountField(required=False, allow_null=True, default=None, help_text=help_text)


class NewTemplateSerializer(fields.Serializer[Any]):
    """All that a template says; what is left out is as a market order has it."""

    name = fields.CharField(max_length=MAX_NAME)
    instrument = fields.UUIDField(required=False, allow_null=True, default=None, help_text="null: any.")
    side = fields.ChoiceField(choices=Side.choices)
    kind = fields.ChoiceField(choices=OrderKind.choices, default=OrderKind.MARKET)
    time_in_force = fields.ChoiceField(
        choices=TimeInForce.choices, default=TimeInForce.GTC, help_text="IOC and FOK only of LIMIT; GTD of none."
    )
    amount = AmountField(help_text="In its unit.")
    unit = fields.ChoiceField(
        choices=Unit.choices,
        default=Unit.BASE,
        help_text="Base units, quote units with the fee, or percent of what is free.",
    )
    limit_distance = _distance("Of kinds with a limit: -0.01 is one percent below the market.")
    trigger_distance = _distance("Of kinds with a trigger, likewise.")
    trail_bps = _distance("Of TRAILING_STOP: basis points of the best price.")
    stop_distance = _distance("Of a purchase: where what it bought is sold at a loss.")
    target_distance = _distance("Of a purchase: where what it bought is sold at a profit.")
    reduce_only = fields.BooleanField(default=False)
    post_only = fields.BooleanField(default=False)


class OrderTemplatesView(ApiListView[OrderTemplate]):
    """One's order templates."""

    scope = Scope.TRADE
    serializer_class = OrderTemplateSerializer
    queryset = OrderTemplate.objects.none()

    def get_queryset(self) -> QuerySet[OrderTemplate]:
        return order_templates_of(asker(self.request))

    @extend_schema(summary="List one's order templates, by name")
    def get(self, request: Request) -> Response:
        return self.list(request)

    @extend_schema(
        operation_id="order_templates_create",
        summary="Keep an order template",
        request=NewTemplateSerializer,
        responses={201: OrderTemplateSerializer},
    )
    def post(self, request: Request) -> Response:
        kept = save_template(actor=asker(request), **_facts(request))
        return Response(OrderTemplateSerializer(kept).data, status=status.HTTP_201_CREATED)


class OrderTemplateView(ApiView):
    """One of one's order templates."""

    scope = Scope.TRADE

    @extend_schema(summary="Read an order template", responses=OrderTemplateSerializer)
    def get(self, request: Request, template_id: UUID) -> Response:
        return Response(OrderTemplateSerializer(order_template_for_user(asker(request), template_id)).data)

    @extend_schema(
        summary="Give an order template all facts anew",
        request=NewTemplateSerializer,
        responses=OrderTemplateSerializer,
    )
    def put(self, request: Request, template_id: UUID) -> Response:
        template = order_template_for_user(asker(request), template_id)
        kept = save_template(actor=asker(request), template=template, **_facts(request))
        return Response(OrderTemplateSerializer(kept).data)

    @extend_schema(summary="Forget an order template", responses={204: None})
    def delete(self, request: Request, template_id: UUID) -> Response:
        delete_template(actor=asker(request), template=order_template_for_user(asker(request), template_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


def _facts(request: Request) -> dict[str, Any]:
    wanted = NewTemplateSerializer(data=request.data)
    wanted.is_valid(raise_exception=True)
    data = dict(wanted.validated_data)
    return data | {"instrument": instrument_by_id(data["instrument"]) if data["instrument"] else None}
