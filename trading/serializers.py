"""The shapes of the trading API. Quantities are in base units, prices and fees in quote units, decimals as strings."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from engine.following import DEFAULT_GUARDS, Guards, StopKind
from markets.serializers import ExactField
from portfolios.serializers import AmountField
from trading.codes import explain
from trading.follow_models import StopMode
from trading.kinds import GroupRole, OrderKind, TimeInForce
from trading.models import CauseKind, Fill, Follow, FollowState, Leg, Order, OrderState, SafetyLevel, SafetySwitch, Side
from trading.order_terms import MAX_KEY
from trading.services.bulk import MAX_BULK

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
    kind = serializers.ChoiceField(choices=OrderKind.choices, read_only=True)
    time_in_force = serializers.ChoiceField(choices=TimeInForce.choices, read_only=True)
    limit_price = ExactField(allow_null=True)
    trigger_price = ExactField(allow_null=True)
    trail_amount = ExactField(allow_null=True)
    trail_bps = ExactField(allow_null=True)
    activation_price = ExactField(allow_null=True)
    peak_price = ExactField(allow_null=True, help_text="The best price that a trailing stop has followed so far.")
    stop_price = ExactField(allow_null=True, help_text="Where what a bracket buys is sold at a loss.")
    target_price = ExactField(allow_null=True, help_text="Where what a bracket buys is sold at a profit.")
    group = serializers.UUIDField(
        source="group_id", read_only=True, allow_null=True, help_text="What a pair or a bracket have in common."
    )
    group_role = serializers.ChoiceField(choices=GroupRole.choices, read_only=True, allow_blank=True)
    waits_at = serializers.ChoiceField(
        choices=["EXCHANGE", "HERE"],
        read_only=True,
        allow_blank=True,
        help_text="Of an order on an exchange account: where it waits. HERE, it is sent when its price comes.",
    )
    cancel_code = serializers.CharField(
        read_only=True, help_text="Why it is being canceled at its exchange; empty where it is not."
    )
    fee = ExactField()
    reason = serializers.SerializerMethodField()

    class Meta:
        model = Order
        fields = [
            "id",
            "portfolio",
            "follow",
            "plan",
            "instrument",
            "symbol",
            "side",
            "leg",
            "state",
            "code",
            "reason",
            "cause",
            "kind",
            "time_in_force",
            "expires_at",
            "limit_price",
            "trigger_price",
            "trail_amount",
            "trail_bps",
            "activation_price",
            "peak_price",
            "triggered_at",
            "arrives_at",
            "reduce_only",
            "post_only",
            "stop_price",
            "target_price",
            "group",
            "group_role",
            "waits_at",
            "cancel_code",
            "replaces",
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


def _price(help_text: str) -> AmountField:
    return AmountField(required=False, allow_null=True, help_text=help_text)


class PricesSerializer(serializers.Serializer[Any]):
    """The prices of an order in quote units, multiples of the instrument's tick; each kind has its own."""

    limit_price = _price("The worst price it may meet: of LIMIT, STOP_LIMIT and TAKE_PROFIT_LIMIT.")
    trigger_price = _price("What sets it off: of STOP, STOP_LIMIT, TAKE_PROFIT and TAKE_PROFIT_LIMIT.")
    trail_amount = _price("How far a TRAILING_STOP follows the best price, in quote units.")
    trail_bps = _price("The same in basis points of the best price; one of the two.")
    activation_price = _price("Where a TRAILING_STOP begins to follow; without one at once.")
    stop_price = _price("Of a purchase: sell what it bought here, should the price fall.")
    target_price = _price(
        "Of a purchase: sell what it bought here, should the price rise. One of the two cancels the other."
    )


class AskedOrderSerializer(PricesSerializer):
    """An order by hand, wherever it is placed."""

    instrument = serializers.UUIDField()
    side = serializers.ChoiceField(choices=Side.choices)
    quantity = AmountField(help_text="Base units, a multiple of the instrument's lot step.")
    kind = serializers.ChoiceField(choices=OrderKind.choices, default=OrderKind.MARKET)
    time_in_force = serializers.ChoiceField(
        choices=TimeInForce.choices, default=TimeInForce.GTC, help_text="IOC and FOK only of LIMIT."
    )
    expires_at = serializers.DateTimeField(
        required=False, allow_null=True, help_text="Of GTD: when it ends, by the clock of its market."
    )
    reduce_only = serializers.BooleanField(default=False, help_text="Of a sale: never more than is held when it fills.")
    post_only = serializers.BooleanField(
        default=False, help_text="Of LIMIT: refused where it would meet the market at once."
    )


class NewOrderSerializer(AskedOrderSerializer):
    """An order by hand. The same `key` again returns the order that it made the first time."""

    portfolio = serializers.UUIDField()
    key = serializers.CharField(required=False, max_length=MAX_KEY, help_text="The caller's own name for this order.")


class BulkOrderSerializer(AskedOrderSerializer):
    """One order of many. The same `key` again returns the order that it made the first time."""

    key = serializers.CharField(max_length=MAX_KEY, help_text="The caller's own name (client order id) for this order.")


class NewBulkSerializer(serializers.Serializer[Any]):
    """Up to 50 orders of one portfolio; with `atomic` all or none."""

    orders = BulkOrderSerializer(many=True)
    atomic = serializers.BooleanField(default=False)

    def validate_orders(self, orders: list[Any]) -> list[Any]:
        if not 1 <= len(orders) <= MAX_BULK:
            raise serializers.ValidationError(f"Send between 1 and {MAX_BULK} orders.")
        return orders


class BulkAnswerSerializer(serializers.Serializer[Any]):
    """What became of one order of many: it, or the problem document that says why there is none."""

    key = serializers.CharField()
    status = serializers.IntegerField(help_text="What a single request would have been answered with.")
    order = OrderSerializer(allow_null=True)
    problem = serializers.DictField(allow_null=True, help_text="An RFC 9457 problem document.")


class NewPairSerializer(serializers.Serializer[Any]):
    """A limit and a stop; the first to fill cancels the other. A pair that sells only reduces."""

    portfolio = serializers.UUIDField()
    instrument = serializers.UUIDField()
    side = serializers.ChoiceField(choices=Side.choices)
    quantity = AmountField(help_text="Base units, a multiple of the instrument's lot step.")
    limit_price = AmountField()
    stop_price = AmountField()
    expires_at = serializers.DateTimeField(required=False, allow_null=True)
    key = serializers.CharField(required=False, max_length=MAX_KEY, help_text="The caller's own name for this pair.")


class ChangedOrderSerializer(PricesSerializer):
    """What shall be different of an order that waits; what is left out stays as it is."""

    quantity = AmountField(required=False, allow_null=True, help_text="Base units; not below what is filled.")


class WhichOrdersSerializer(serializers.Serializer[Any]):
    """Which orders; without any of these, all of one's own. What waits at an exchange ends when that says so."""

    portfolio = serializers.UUIDField(required=False, allow_null=True)
    instrument = serializers.UUIDField(required=False, allow_null=True)
    account = serializers.UUIDField(required=False, allow_null=True, help_text="An exchange account of one's own.")


class ClosingSerializer(serializers.Serializer[Any]):
    """What is closed: an instrument's position, or without one all positions. The same `key` again closes nothing more."""

    portfolio = serializers.UUIDField()
    instrument = serializers.UUIDField(required=False, allow_null=True)
    key = serializers.CharField(required=False, max_length=MAX_KEY)


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
    state_code = serializers.CharField(
        read_only=True, help_text="Why it was paused or stopped, where it was not its owner who wished so."
    )
    stop_mode = serializers.CharField(read_only=True, help_text="How it is being stopped, or was.")
    exits_until = serializers.DateTimeField(
        read_only=True, allow_null=True, help_text="Until when it waits for the lead's exits; then the rest is sold."
    )
    multiplier = ExactField()
    accepted_terms = serializers.CharField(
        source="consent.version",
        read_only=True,
        allow_null=True,
        default=None,
        help_text="The terms accepted at its start; none of old ones.",
    )
    accepted_at = serializers.DateTimeField(source="consent.accepted_at", read_only=True, allow_null=True, default=None)

    class Meta:
        model = Follow
        fields = [
            "id",
            "lead",
            "lead_name",
            "portfolio",
            "state",
            "state_code",
            "stop_mode",
            "exits_until",
            "multiplier",
            "accepted_terms",
            "accepted_at",
            "started_at",
            "stopped_at",
        ]
        read_only_fields = fields


class ResumeSerializer(serializers.Serializer[Any]):
    """How a pause ends."""

    catch_up = serializers.BooleanField(default=False, help_text="Carry out what brings it in step, too.")


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


class GuardsSerializer(serializers.Serializer[Any]):
    """What a follow may lose, as ratios; null is no guard."""

    copy_stop = serializers.DecimalField(
        max_digits=5,
        decimal_places=4,
        allow_null=True,
        default=DEFAULT_GUARDS.stop,
        help_text="Of the copied amount, 0.05 to 0.95: once it is lost, everything is sold and the follow ends.",
    )
    copy_stop_kind = serializers.ChoiceField(
        choices=[kind.value for kind in StopKind],
        default=StopKind.FIXED.value,
        help_text="TRAILING rises with the most that the follow has been worth.",
    )
    daily_loss = serializers.DecimalField(
        max_digits=5,
        decimal_places=4,
        allow_null=True,
        default=DEFAULT_GUARDS.daily_loss,
        help_text="Of the day's first equity (UTC): once it is lost, the follow is paused.",
    )

    def guards(self) -> Guards:
        """Return what was asked for; takes the three fields out of the validated data."""
        data = self.validated_data
        return Guards(data.pop("daily_loss"), data.pop("copy_stop"), StopKind(data.pop("copy_stop_kind")))


class GuardSerializer(serializers.Serializer[Any]):
    """A follow's guards, and where its copy stop stands."""

    copy_stop = ExactField(source="stop", allow_null=True)
    copy_stop_kind = serializers.CharField(source="kind")
    daily_loss = ExactField(allow_null=True)
    copied_capital = ExactField(source="capital", help_text="What the copy stop is measured from.")
    peak_equity = ExactField(source="peak")
    day_equity = ExactField(help_text="What the loss of the day is measured from.")
