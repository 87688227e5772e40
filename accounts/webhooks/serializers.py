"""Webhooks as the API shows them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.webhooks.models import WebhookDelivery, WebhookEndpoint


class WebhookSerializer(serializers.ModelSerializer[WebhookEndpoint]):
    """An endpoint, without its secret."""

    events = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = WebhookEndpoint
        fields = ["id", "url", "events", "created_at", "failing_since", "disabled_at"]


class NewWebhookSerializer(serializers.Serializer[Any]):
    """What a new endpoint needs."""

    url = serializers.CharField(max_length=500)
    events = serializers.ListField(child=serializers.CharField(max_length=60), max_length=100)


class IssuedWebhookSerializer(WebhookSerializer):
    """A new endpoint with its secret, this once."""

    secret = serializers.SerializerMethodField()

    class Meta(WebhookSerializer.Meta):
        fields = [*WebhookSerializer.Meta.fields, "secret"]

    def get_secret(self, endpoint: WebhookEndpoint) -> str:
        return str(self.context["secret"])


class WebhookDeliverySerializer(serializers.ModelSerializer[WebhookDelivery]):
    """An attempt to deliver an event, and what came of it."""

    class Meta:
        model = WebhookDelivery
        fields = [
            "id",
            "event_id",
            "event",
            "state",
            "attempts",
            "due_at",
            "created_at",
            "status",
            "latency_ms",
            "excerpt",
        ]
