"""Reads about webhooks, and their one gate."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from accounts.models import User
from accounts.webhooks.models import WebhookDelivery, WebhookEndpoint
from common.errors import NotFound


def endpoints_of(user: User) -> QuerySet[WebhookEndpoint]:
    """Return a person's endpoints, oldest first."""
    return WebhookEndpoint.objects.filter(user=user)


def endpoint_for_user(user: User, endpoint_id: UUID) -> WebhookEndpoint:
    """Return one of one's own endpoints; NotFound for anybody else's."""
    found = endpoints_of(user).filter(pk=endpoint_id).first()
    if found is None:
        raise NotFound("webhook")
    return found


def delivery_for_user(user: User, delivery_id: UUID) -> WebhookDelivery:
    """Return a delivery to one of one's own endpoints; NotFound for anybody else's."""
    found = WebhookDelivery.objects.filter(pk=delivery_id, endpoint__user=user).select_related("endpoint").first()
    if found is None:
        raise NotFound("delivery")
    return found


def deliveries_of(endpoint: WebhookEndpoint) -> QuerySet[WebhookDelivery]:
    """Return an endpoint's log, newest first."""
    return WebhookDelivery.objects.filter(endpoint=endpoint).order_by("-id")
