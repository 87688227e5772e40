"""The shapes of the API of how one is told."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.notifying.models import Channel, Delivery, Digest, PushSubscription
from accounts.registry import Severity, describe


class ChoiceSerializer(serializers.Serializer[Any]):
    """Whether an event is told on a channel."""

    event = serializers.CharField(max_length=60)
    channel = serializers.ChoiceField(choices=Channel.choices)
    is_on = serializers.BooleanField()
    is_default = serializers.BooleanField(read_only=True, help_text="What holds for who chose nothing.")
    is_locked = serializers.BooleanField(read_only=True, help_text="Whether it cannot be switched off.")


class EventSerializer(serializers.Serializer[Any]):
    event = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # a field of that name, not a field's label
    group = serializers.CharField()
    severity = serializers.ChoiceField(choices=Severity.choices)
    is_security = serializers.BooleanField()


@extend_schema_field({"type": "string", "pattern": r"^\d{2}:\d{2}(:\d{2}(\.\d+)?)?$", "examples": ["22:00:00"]})
class ClockTime(serializers.TimeField):
    """A time by one's own clock. (The schema's format `time` has an offset from UTC.)"""


class HoursSerializer(serializers.Serializer[Any]):
    """When one is told. Quiet hours have both ends, or neither."""

    timezone = serializers.CharField(max_length=64, required=False)
    quiet_from = ClockTime(required=False, allow_null=True)
    quiet_until = ClockTime(required=False, allow_null=True)
    digest = serializers.ChoiceField(choices=Digest.choices, required=False)
    digest_at = ClockTime(required=False)


class NotificationSettingsSerializer(HoursSerializer):
    """Everything about how one is told."""

    channels = serializers.DictField(
        child=serializers.ChoiceField(choices=["ready", "unlinked", "missing"]), read_only=True
    )
    events = EventSerializer(many=True, read_only=True)
    choices = ChoiceSerializer(many=True, read_only=True)
    telegram = serializers.CharField(read_only=True, help_text="The linked chat's name; empty without one.")
    phone = serializers.CharField(read_only=True)
    phone_verified_at = serializers.DateTimeField(read_only=True, allow_null=True)
    push_key = serializers.CharField(
        read_only=True, help_text="What browsers subscribe with (applicationServerKey); empty where they are not told."
    )


class ChangedSettingsSerializer(HoursSerializer):
    choices = ChoiceSerializer(many=True, required=False)


class PushSubscriptionSerializer(serializers.ModelSerializer[PushSubscription]):
    class Meta:
        model = PushSubscription
        fields = ["id", "label", "created_at"]
        read_only_fields = fields


class NewPushSubscriptionSerializer(serializers.Serializer[Any]):
    endpoint = serializers.CharField(max_length=1000)
    p256dh = serializers.CharField(max_length=120)
    auth = serializers.CharField(max_length=40)
    label = serializers.CharField(max_length=60, required=False, default="Program")  # type: ignore[assignment]  # as above


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    """One notification on one channel."""

    event = serializers.CharField(source="notification.event", read_only=True)
    title = serializers.SerializerMethodField()

    class Meta:
        model = Delivery
        fields = [
            "id",
            "notification_id",
            "event",
            "title",
            "channel",
            "state",
            "attempts",
            "is_urgent",
            "in_digest",
            "created_at",
            "due_at",
            "done_at",
            "error",
        ]
        read_only_fields = fields

    def get_title(self, delivery: Delivery) -> str:
        return describe(delivery.notification.event, delivery.notification.context).title


class TelegramLinkSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="Send /start with it to the bot; it counts once, for fifteen minutes.")
    link = serializers.CharField(help_text="Opens the bot with the code; empty where the bot's name is not set.")


class PhoneSerializer(serializers.Serializer[Any]):
    number = serializers.CharField(max_length=30, help_text="With its country: +491701234567.")


class PhoneCodeSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(max_length=10)


class TestSentSerializer(serializers.Serializer[Any]):
    notification = serializers.UUIDField()
