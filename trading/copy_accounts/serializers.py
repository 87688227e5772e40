"""The shapes of the API of profit shares and shortfall accounts."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from engine.copy_accounts.shortfall import Part
from markets.serializers import ExactField
from trading.copy_accounts.models import ProfitShareSettlement


class SettlementSerializer(serializers.ModelSerializer[ProfitShareSettlement]):
    """One settlement: `due` is ratio × max(0, profit − high_before); profit is min(realized, realized + unrealized) net of fees."""

    class Meta:
        model = ProfitShareSettlement
        fields = [
            "id",
            "number",
            "cause",
            "settled_at",
            "realized_pnl",
            "unrealized_pnl",
            "fees",
            "funding",
            "profit",
            "high_before",
            "high_after",
            "ratio",
            "due",
            "platform_fee",
            "equity",
            "withdrawn",
            "is_hypothetical",
        ]
        read_only_fields = fields


class ProfitShareSerializer(serializers.Serializer[Any]):
    """How a follow stands with its lead: amounts in its settlement currency."""

    ratio = ExactField(source="account.ratio")
    is_hypothetical = serializers.BooleanField(help_text="Only follows with real money owe anything.")
    settled = ExactField(help_text="All that was ever due.")
    accrued = ExactField(help_text="What a settlement now would make due; it falls again with the profit.")
    loss = ExactField(help_text="What must be earned before anything is due.")
    settles_at = serializers.DateTimeField(source="account.settles_at", help_text="The next Monday, in market time.")
    settlements = SettlementSerializer(many=True, help_text="The newest hundred, newest first.")


class PartSerializer(serializers.Serializer[Any]):
    """A part of the gap: above zero it is what the follower lost against a perfect copy."""

    part = serializers.ChoiceField(choices=[(part.value, part.value) for part in Part])
    amount = ExactField()
    ratio = serializers.FloatField(help_text="Of the capital paid in.")


class ShortfallSerializer(serializers.Serializer[Any]):
    """Why a follow's result differs from a perfect copy of its lead; the parts and the residual sum to the gap."""

    capital = ExactField()
    lead_profit = ExactField()
    lead_return_ratio = serializers.FloatField()
    parts = PartSerializer(many=True)
    follower_profit = ExactField()
    follower_return_ratio = serializers.FloatField()
    gap = ExactField()
    residual = ExactField(help_text="Rounding of the books: less than 0.01 % of the capital.")
