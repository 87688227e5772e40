"""The shapes of the risk API. Limits are decimals as strings, shares as ratios (0-1); what is off is left out."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from engine.risk.limits import PROFILES, Profile
from markets.serializers import ExactField
from trading.models import SafetyLevel, SafetySwitch, ScopeKind
from trading.order_terms import MAX_KEY
from trading.risk.models import RiskDecision
from trading.risk.words import why

MAX_REASON = 200


class UsageSerializer(serializers.Serializer[Any]):
    """A limit that is set, and what of it is used."""

    name = serializers.CharField(source="spec.name")
    unit = serializers.CharField(source="spec.unit")
    limit = ExactField()
    used = ExactField(allow_null=True, help_text="In the limit's unit; null where only a single order can tell.")
    part = ExactField(allow_null=True, help_text="Used ÷ limit, at most 1.")


class ScopeSwitchSerializer(serializers.ModelSerializer[SafetySwitch]):
    """The level of one scope. `code` names the limit that paused it, until `until` (market time)."""

    level = serializers.ChoiceField(choices=SafetyLevel.choices)
    reason = serializers.CharField(max_length=MAX_REASON, required=False, allow_blank=True, default="")
    set_at = serializers.DateTimeField(read_only=True, allow_null=True, help_text="Null where nobody ever set it.")

    class Meta:
        model = SafetySwitch
        fields = ["scope", "scope_id", "level", "reason", "code", "until", "set_at"]
        read_only_fields = ["scope", "scope_id", "code", "until", "set_at"]


class RiskSerializer(serializers.Serializer[Any]):
    """How a portfolio stands by its own limits."""

    profile = serializers.SerializerMethodField()
    limits = serializers.SerializerMethodField()
    usages = UsageSerializer(many=True)
    level = serializers.ChoiceField(choices=SafetyLevel.choices)
    switch = ScopeSwitchSerializer(allow_null=True)
    above = ScopeSwitchSerializer(allow_null=True, help_text="The strictest switch of its owner or the platform.")

    @extend_schema_field(serializers.ChoiceField(choices=[one.value for one in Profile], allow_null=True))
    def get_profile(self, standing: Any) -> str | None:
        return standing.profile.name if standing.profile else None

    @extend_schema_field(serializers.DictField())
    def get_limits(self, standing: Any) -> dict[str, object]:
        return dict(standing.profile.limits) if standing.profile else {}


class NewLimitsSerializer(serializers.Serializer[Any]):
    """A ready-made profile, or all limits one by one: exactly one of the two."""

    profile = serializers.ChoiceField(choices=[one.value for one in PROFILES], required=False)
    limits = serializers.DictField(required=False, help_text="What is left out or null is off.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 1:
            raise serializers.ValidationError("Give either a profile or limits.")
        return attrs


class DecisionSerializer(serializers.ModelSerializer[RiskDecision]):
    """Something that was denied (allowed: 0) or cut. `order` is null for one that was refused before it was stored."""

    symbol = serializers.CharField(source="instrument.symbol", read_only=True)
    reason = serializers.SerializerMethodField()
    asked = ExactField()
    allowed = ExactField()
    value = ExactField(help_text="The figure that met its limit, in the unit of the code.")
    limit = ExactField()

    class Meta:
        model = RiskDecision
        fields = [
            "id",
            "instrument",
            "symbol",
            "order",
            "code",
            "reason",
            "asked",
            "allowed",
            "value",
            "limit",
            "happened_at",
        ]
        read_only_fields = fields

    def get_reason(self, decision: RiskDecision) -> str:
        return why(decision)


class CloseAllSerializer(serializers.Serializer[Any]):
    """What to halt and close. `scope_id` is a portfolio's or user's id; the platform has none."""

    scope = serializers.ChoiceField(choices=[ScopeKind.PORTFOLIO.value, ScopeKind.USER.value, ScopeKind.PLATFORM.value])
    scope_id = serializers.CharField(max_length=64, required=False, allow_blank=True, default="")
    key = serializers.CharField(required=False, max_length=MAX_KEY, help_text="The same key again closes nothing more.")


class ClosedSerializer(serializers.Serializer[Any]):
    """What was done; each order's own state tells what became of it."""

    orders = serializers.SerializerMethodField(help_text="The ids of the exits that were written.")
    opens_under_way = serializers.IntegerField(help_text="Opens that were sent before; what they buy stays open.")

    @extend_schema_field(serializers.ListField(child=serializers.UUIDField()))
    def get_orders(self, closed: Any) -> list[str]:
        return [str(order.pk) for order in closed.orders]
