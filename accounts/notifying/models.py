"""How a person wants to be told, where they are reached, and what was sent to them (rows are the outbox)."""

from __future__ import annotations

from datetime import time

from django.conf import settings
from django.db import models

from accounts.webhooks.models import DeliveryState
from common.clock import wall_now
from common.ids import new_id


class Channel(models.TextChoices):
    """A way to a person. In the pages everything is shown; that cannot be switched off, so it is none of these."""

    MAIL = "MAIL", "E-mail"
    PUSH = "PUSH", "Browser"
    TELEGRAM = "TELEGRAM", "Telegram"
    SMS = "SMS", "SMS"
    WEBHOOK = "WEBHOOK", "Webhook"


class Digest(models.TextChoices):
    """How mails are gathered into one."""

    OFF = "OFF", "At once, one by one"
    HOURLY = "HOURLY", "One mail an hour"
    DAILY = "DAILY", "One mail a day"


class Reach(models.Model):
    """A person's hours and digest, their Telegram chat and their phone. Who has no row has the defaults."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="reach"
    )
    # IANA's name; hours below are this zone's.
    timezone = models.CharField(max_length=64, default="UTC")
    # Both or neither: from one until the other, over midnight where the second is the earlier one.
    quiet_from = models.TimeField(null=True)
    quiet_until = models.TimeField(null=True)
    digest = models.CharField(max_length=6, choices=Digest, default=Digest.OFF)
    digest_at = models.TimeField(default=time(8))
    # A code that is sent to the bot once; its SHA-256 alone is kept.
    telegram_code = models.CharField(max_length=64, blank=True)
    telegram_code_until = models.DateTimeField(null=True)
    telegram_chat = models.CharField(max_length=32, blank=True)
    telegram_name = models.CharField(max_length=100, blank=True)
    phone = models.CharField(max_length=16, blank=True)
    phone_verified_at = models.DateTimeField(null=True)
    # The phone's code is derived from this and never stored (phones.py); empty: none is out.
    phone_code_salt = models.CharField(max_length=43, blank=True)
    phone_code_until = models.DateTimeField(null=True)
    # The outbox of the code: when a worker may (again) send it; null once it went out.
    phone_code_due_at = models.DateTimeField(null=True)
    phone_code_tries = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(quiet_from=None, quiet_until=None)
                | models.Q(quiet_from__isnull=False, quiet_until__isnull=False),
                name="quiet_hours_have_both_ends",
            )
        ]
        indexes = [
            models.Index(fields=["telegram_code"], condition=~models.Q(telegram_code=""), name="reach_telegram_code"),
            models.Index(
                fields=["phone_code_due_at"],
                condition=models.Q(phone_code_due_at__isnull=False),
                name="reach_phone_code_due",
            ),
        ]

    def __str__(self) -> str:
        return f"How {self.user_id} is told"


class ChannelChoice(models.Model):
    """Where a person departs from an event's defaults."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="channel_choices", db_index=False
    )
    event = models.CharField(max_length=60)
    channel = models.CharField(max_length=8, choices=Channel)
    is_on = models.BooleanField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "event", "channel"], name="one_choice_per_event_and_channel")
        ]

    def __str__(self) -> str:
        return f"{self.event} by {self.channel}: {'on' if self.is_on else 'off'}"


class PushSubscription(models.Model):
    """A browser that is told though no page of ours is open. Its address and keys are as good as a password to it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="push_subscriptions")
    endpoint = models.CharField(max_length=1000)
    # SHA-256 of the address: a browser belongs to whoever subscribed there last.
    digest = models.CharField(max_length=64, unique=True)
    p256dh = models.CharField(max_length=120)
    auth = models.CharField(max_length=40)
    label = models.CharField(max_length=60)
    created_at = models.DateTimeField(default=wall_now, editable=False)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.label


class Delivery(models.Model):
    """One notification on one channel; for browsers one row each, so that a second attempt goes to none that has it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    notification = models.ForeignKey("accounts.Notification", on_delete=models.CASCADE, related_name="deliveries")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="deliveries", db_index=False
    )
    channel = models.CharField(max_length=8, choices=Channel)
    # Which browser; "" on channels of which a person has one.
    target = models.CharField(max_length=36, blank=True)
    is_urgent = models.BooleanField(default=False)
    in_digest = models.BooleanField(default=False)
    state = models.CharField(max_length=9, choices=DeliveryState, default=DeliveryState.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=wall_now, editable=False)
    # When it was to go out first: a day later it is no news.
    planned_at = models.DateTimeField()
    # When it is sent, or sent again; while a worker has it, when another may.
    due_at = models.DateTimeField()
    # When a task was last sent for it.
    handed_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    # Why the last attempt failed, in words that hold no secret.
    error = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(fields=["notification", "channel", "target"], name="one_delivery_per_channel")
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=models.Q(state="PENDING"), name="delivery_due"),
            # The log of a person, newest first.
            models.Index(fields=["user", "-id"], name="delivery_log"),
            models.Index(fields=["created_at"], name="delivery_age"),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.state}"
