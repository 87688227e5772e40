"""A person's webhook endpoints, what is delivered to them (rows are the outbox), and how far each source was read."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.db import models

from common.clock import wall_now
from common.ids import new_id


class DeliveryState(models.TextChoices):
    PENDING = "PENDING", "Waiting"
    DELIVERED = "DELIVERED", "Delivered"
    FAILED = "FAILED", "Given up"


class WebhookEndpoint(models.Model):
    """An address that events are sent to. Its secrets are encrypted (webhooks/secrets.py): each request is signed with them."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="webhooks")
    url = models.CharField(max_length=500)
    events = models.JSONField()
    secret = models.TextField()
    # The secret before the newest, which signs beside it for a while ("": none).
    old_secret = models.TextField(blank=True)
    old_secret_until = models.DateTimeField(null=True)
    # Since when nothing has got there; empty while it works.
    failing_since = models.DateTimeField(null=True)
    # Nothing is sent of itself before: an address that does not answer costs a worker its time for each attempt.
    paused_until = models.DateTimeField(null=True)
    disabled_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=wall_now, editable=False)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        # At many receivers the path is as good as a password.
        return urlsplit(self.url).netloc


class WebhookDelivery(models.Model):
    """One event for one endpoint. Forgotten after thirty days."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    event_id = models.CharField(max_length=64)
    event = models.CharField(max_length=60)
    body = models.TextField()
    state = models.CharField(max_length=9, choices=DeliveryState, default=DeliveryState.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    # When it is sent, or sent again; while a worker has it, when another may.
    due_at = models.DateTimeField()
    # When a task was last sent for it; another is sent when that one must have been lost.
    handed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=wall_now, editable=False)
    # Of the last attempt: the answer's status (0: none), how long it took, and its beginning or why there is none.
    status = models.PositiveSmallIntegerField(null=True)
    latency_ms = models.PositiveIntegerField(null=True)
    excerpt = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["endpoint", "event_id"], name="webhook_event_once")]
        indexes = [
            models.Index(fields=["due_at"], condition=models.Q(state="PENDING"), name="webhook_due"),
            # The log of an endpoint, newest first.
            models.Index(fields=["endpoint", "-id"], name="webhook_log"),
            models.Index(fields=["created_at"], name="webhook_age"),
        ]


class WebhookCursor(models.Model):
    """The newest row of a source that needs not be read again."""

    source = models.CharField(max_length=40, primary_key=True)
    position = models.CharField(max_length=40)
