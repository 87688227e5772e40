"""The shapes of the trading API. Quantities are in base units, prices and fees in quote units, decimals as strings."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from markets.serializers import ExactField
from portfolios.serializers import AmountField
from trading.codes import explain
from trading.forms import MAX_KEY
from trading.models import CauseKind, Fill, Follow, FollowState, Leg, Order, OrderState, SafetyLevel, SafetySwitch, Side
from trading.services.follows import StopMode

# The column that keeps a switch's reason.
MAX_REASON = 200


class OrderSerializer(serializers.ModelSerializer[Order]):
    """An order. `code` says why it did not run as asked, `reason` says it in words; both are empty where it did."""

    symbol = serializers.CharField(source="instrument.symbol", read_only=True)
    side = serializers.ChoiceField(choices=Side.choices, read_only=True)
    leg = serializers.ChoiceField(choices=Leg.choices, read_only=True, help_text="Whether it opens or closes exposure.")
    state = serializers.ChoiceField(choices=OrderState.choices, read_only=True)
    cause = serializers.ChoiceField(choices=CauseKind.choices, source="cause_kind", read_only=True)
    requested_quantity = ExactField(help_text="What was wished for.")
    quantity = ExactField(help_text="What risk let through.")
    filled_quantity = ExactField()
    average_price = ExactField(help_text="0 while nothing is filled.")
    fee = ExactField()
    reason = serializers.SerializerMethodField()

    class Meta:
        model = Order
        fields = [
            "id",
            "portfolio",
            "follow",
            "instrument",
            "symbol",
            "side",
            "leg",
            "state",
            "code",
            "reason",
            "cause",
            "requested_quantity",
            "quantity",
            "filled_quantity",
            "average_price",
            "fee",
            "client_order_id",
            "created_at",
            "recorded_at",
        ]
        read_only_fields = fields

    def get_reason(self, order: Order) -> str:
        return explain(order.code, order)


class NewOrderSerializer(serializers.Serializer[Any]):
    """A market order by hand. The same `key` again returns the order that it made the first time."""

    portfolio = serializers.UUIDField()
    instrument = serializers.UUIDField()
    side = serializers.ChoiceField(choices=Side.choices)
    quantity = AmountField(help_text="Base units, a multiple of the instrument's lot step.")
    key = serializers.CharField(required=False, max_length=MAX_KEY, help_text="The caller's own name for this order.")


class FillSerializer(serializers.ModelSerializer[Fill]):
    """An execution; `number` counts a portfolio's fills without gaps."""

    symbol = serializers.CharField(source="instrument.symbol", read_only=True)
    side = serializers.ChoiceField(choices=Side.choices, read_only=True)
    quantity = ExactField()
    price = ExactField()
    fee = ExactField()

    class Meta:
        model = Fill
        fields = [
            "id",
            "portfolio",
            "order",
            "number",
            "instrument",
            "symbol",
            "side",
            "quantity",
            "price",
            "fee",
            "happened_at",
            "recorded_at",
        ]
        read_only_fields = fields


class FollowSerializer(serializers.ModelSerializer[Follow]):
    """One's follow of a lead's portfolio, with the portfolio of one's own that was made for it."""

    lead_name = serializers.CharField(source="lead.name", read_only=True)
    state = serializers.ChoiceField(choices=FollowState.choices, read_only=True)
    state_code = serializers.CharField(read_only=True, help_text="How it is being stopped, or was.")
    multiplier = ExactField()

    class Meta:
        model = Follow
        fields = [
            "id",
            "lead",
            "lead_name",
            "portfolio",
            "state",
            "state_code",
            "multiplier",
            "started_at",
            "stopped_at",
        ]
        read_only_fields = fields


class StopSerializer(serializers.Serializer[Any]):
    """What becomes of what the follow holds."""

    mode = serializers.ChoiceField(
        choices=[mode.value for mode in StopMode],
        help_text="CLOSE_NOW sells it at once, FOLLOW_EXITS mirrors the lead's exits, KEEP leaves it to be sold by hand.",
    )


class SafetySerializer(serializers.ModelSerializer[SafetySwitch]):
    """The platform's safety level: HALTED and REDUCING let only exits pass."""

    level = serializers.ChoiceField(choices=SafetyLevel.choices)
    reason = serializers.CharField(max_length=MAX_REASON, required=False, allow_blank=True, default="")

    class Meta:
        model = SafetySwitch
        fields = ["level", "reason", "set_at"]
        read_only_fields = ["set_at"]
