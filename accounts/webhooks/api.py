"""The API of webhooks: endpoints, and the log of their deliveries."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.programs.doors import ApiListView, ApiView
from accounts.programs.scopes import Scope
from accounts.requests import unlimited_asker
from accounts.webhooks import serializers, services
from accounts.webhooks.models import WebhookDelivery, WebhookEndpoint
from accounts.webhooks.selectors import deliveries_of, endpoint_for_user, endpoints_of


@extend_schema_view(get=extend_schema(summary="List one's webhooks"))
class WebhooksView(ApiListView[WebhookEndpoint]):
    """List one's webhooks, or make a new one."""

    scope = Scope.MANAGE
    serializer_class = serializers.WebhookSerializer
    queryset = WebhookEndpoint.objects.none()

    def get_queryset(self) -> QuerySet[WebhookEndpoint]:
        return endpoints_of(unlimited_asker(self.request))

    @extend_schema(
        operation_id="webhooks_create",
        summary="Make a webhook",
        description="The secret is in the answer this once.",
        request=serializers.NewWebhookSerializer,
        responses={201: serializers.IssuedWebhookSerializer},
    )
    def post(self, request: Request) -> Response:
        wanted = serializers.NewWebhookSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        made, secret = services.create_endpoint(user=unlimited_asker(request), **wanted.validated_data)
        shown = serializers.IssuedWebhookSerializer(made, context={"secret": secret})
        return Response(shown.data, status=status.HTTP_201_CREATED)


class WebhookView(ApiView):
    """One of one's webhooks."""

    scope = Scope.MANAGE

    @extend_schema(summary="Delete a webhook", responses={204: None})
    def delete(self, request: Request, endpoint_id: UUID) -> Response:
        services.delete_endpoint(
            actor=unlimited_asker(request), endpoint=endpoint_for_user(unlimited_asker(request), endpoint_id)
        )
        return Response(status=status.HTTP_204_NO_CONTENT)


@extend_schema_view(get=extend_schema(summary="List the deliveries to a webhook"))
class DeliveriesView(ApiListView[WebhookDelivery]):
    """What was sent to a webhook, newest first."""

    scope = Scope.READ
    serializer_class = serializers.WebhookDeliverySerializer
    queryset = WebhookDelivery.objects.none()

    def get_queryset(self) -> QuerySet[WebhookDelivery]:
        if getattr(self, "swagger_fake_view", False):
            return self.queryset.all()
        return deliveries_of(endpoint_for_user(unlimited_asker(self.request), self.kwargs["endpoint_id"]))
