"""The shapes of the plans API. Quantities are in base units, prices and money in quote units, decimals as strings."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from markets.serializers import ExactField
from portfolios.serializers import AmountField
from trading.models import Side
from trading.order_terms import MAX_KEY
from trading.plans.models import KINDS, PlanState
from trading.plans.pure import shown_settings
from trading.plans.selectors import Standing
from trading.plans.words import progress_of, reason_of


def _number(help_text: str) -> AmountField:
    return AmountField(required=False, allow_null=True, help_text=help_text)


class WholeField(AmountField):
    """A number that counts something: sent as amounts are, told as a whole number."""

    is_whole = True


def _count(help_text: str) -> WholeField:
    return WholeField(required=False, allow_null=True, help_text=help_text)


class SettingsSerializer(serializers.Serializer[Any]):
    """The settings of a plan; each kind has its own, and refuses the others'."""

    side = serializers.ChoiceField(
        choices=Side.choices, required=False, allow_null=True, help_text="Of TWAP, ICEBERG, SCHEDULED."
    )
    quantity = _number("In all, of TWAP, ICEBERG, SCHEDULED; on each rung of GRID; first of MARTINGALE.")
    lower = _number("Of GRID: its lowest price.")
    upper = _number("Of GRID: its highest price.")
    rungs = _count("Of GRID: how many steps from the lowest to the highest price.")
    amount = _number("Of DCA: quote units for each purchase.")
    interval_seconds = _count("Of DCA: from one purchase to the next.")
    times = _count("Of DCA: how many purchases.")
    factor = _number("Of MARTINGALE: how many times as large each purchase is as the one before, 1 to 4.")
    step_bps = _number("Of MARTINGALE: how far below the last it buys again.")
    gain_bps = _number("Of MARTINGALE: how far above the average price it sells all.")
    most_steps = _count("Of MARTINGALE: purchases in a cycle, at most 10.")
    most_spent = _number("Of MARTINGALE: quote units in a cycle, before fees.")
    cycles = _count("Of MARTINGALE: how often it sells before it ends.")
    duration_seconds = _count("Of TWAP: how long it takes.")
    slices = _count("Of TWAP: in how many orders.")
    visible = _number("Of ICEBERG: how much of it shows at a time.")
    limit_price = _number("Of ICEBERG; of TWAP and SCHEDULED it may be left out, for the market's price.")
    at = serializers.DateTimeField(
        required=False, allow_null=True, help_text="Of SCHEDULED: by the clock of its market."
    )


class WantedPlanSerializer(serializers.Serializer[Any]):
    """A plan that somebody thinks of."""

    portfolio = serializers.UUIDField()
    instrument = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=KINDS)
    settings = SettingsSerializer()

    def validate_settings(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return what was given, a moment as milliseconds."""
        found = {name: value for name, value in given.items() if value is not None}
        if isinstance(at := found.get("at"), datetime):
            found["at"] = int(at.timestamp() * 1000)
        return found


class NewPlanSerializer(WantedPlanSerializer):
    """A plan to begin. The same `key` again returns the plan that it made the first time."""

    key = serializers.CharField(required=False, max_length=MAX_KEY, help_text="The caller's own name for this plan.")


class StopPlanSerializer(serializers.Serializer[Any]):
    """How a plan ends."""

    closes = serializers.BooleanField(default=False, help_text="Whether what it holds is sold at the market.")


class StepSerializer(serializers.Serializer[Any]):
    """One order that a plan would place."""

    step = serializers.CharField(source="label")
    side = serializers.ChoiceField(choices=Side.choices)
    price = ExactField()
    quantity = ExactField()
    value = ExactField()
    at = serializers.DateTimeField(allow_null=True, help_text="Where the clock decides.")
    sells_at = ExactField(allow_null=True, help_text="Where a sale above follows it.")


class PreviewSerializer(serializers.Serializer[Any]):
    """What a plan would do if it began now, before fees and slippage."""

    cost = ExactField(help_text="The most that it may have invested at a time.")
    proceeds = ExactField(help_text="What its sales would bring, where it is there to sell.")
    worst_loss = ExactField(help_text="Should the price fall to nothing.")
    loss_at = ExactField(allow_null=True, help_text="The lowest price that it names itself.")
    loss_there = ExactField(allow_null=True, help_text="What it has lost while the market stands there.")
    steps = StepSerializer(many=True)


class PlanSerializer(serializers.Serializer[Any]):
    """A plan with what its own fills come to. `code` and `reason` say why it is paused or was stopped."""

    id = serializers.UUIDField(source="plan.pk")
    portfolio = serializers.UUIDField(source="plan.portfolio_id")
    instrument = serializers.UUIDField(source="plan.instrument_id")
    symbol = serializers.CharField(source="plan.instrument.symbol")
    kind = serializers.ChoiceField(choices=KINDS, source="plan.kind")
    key = serializers.CharField(source="plan.key")
    settings = serializers.SerializerMethodField()
    state = serializers.ChoiceField(choices=PlanState.choices, source="plan.state")
    code = serializers.CharField(source="plan.state_code")
    reason = serializers.SerializerMethodField()
    progress = serializers.SerializerMethodField(help_text="How far it has come, in words.")
    due_at = serializers.DateTimeField(
        source="plan.due_at", allow_null=True, help_text="When it acts next by the market's clock."
    )
    held = ExactField(source="plan.held", help_text="Base units; negative where it sells what it did not buy.")
    invested = ExactField(help_text="What it holds cost.")
    average_price = ExactField(source="position.average_price", help_text="0 while it holds nothing.")
    realized_pnl = ExactField(source="plan.realized_pnl", help_text="Before fees.")
    fees_paid = ExactField(source="plan.fees_paid")
    profit = ExactField(allow_null=True, help_text="Realized and open, less fees; null without a price.")
    most_cost = ExactField(source="plan.most_cost", help_text="The most it may have invested at a time, before fees.")
    began_at = serializers.DateTimeField(source="plan.began_at")
    ended_at = serializers.DateTimeField(source="plan.ended_at", allow_null=True)

    @extend_schema_field(SettingsSerializer)
    def get_settings(self, standing: Standing) -> dict[str, Any]:
        return shown_settings(standing.plan)

    def get_reason(self, standing: Standing) -> str:
        return reason_of(standing.plan)

    def get_progress(self, standing: Standing) -> str:
        return progress_of(standing.plan)[0]
