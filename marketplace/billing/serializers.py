"""The shapes of the billing API. Amounts are whole minor units of their currency."""

from __future__ import annotations

from rest_framework import serializers

from marketplace.billing.business import Business
from marketplace.billing.models import Change, ChangeKind, Checkout, Interval, Invoice, MoneyLine, Price, Subscription
from marketplace.billing.promotion_models import DiscountLength, PromotionCode
from marketplace.billing.services.closing import MAX_REASON
from marketplace.billing.services.pricing import MAX_TRIAL_DAYS
from marketplace.billing.services.promoting import MOST_USES
from marketplace.billing.tax_models import TakenBack
from markets.serializers import ExactField
from portfolios.serializers import AmountField
from trading.follow_models import StopMode


class PriceSerializer(serializers.ModelSerializer[Price]):
    class Meta:
        model = Price
        fields = ["id", "interval", "currency", "amount_minor", "trial_days", "mode", "state", "problem"]


class PriceSetSerializer(serializers.Serializer[Price]):
    interval = serializers.ChoiceField(choices=Interval.choices)
    amount = AmountField(help_text="What is charged each time, before taxes, in the currency's main unit.")
    currency = serializers.CharField(max_length=3)
    trial_days = serializers.IntegerField(min_value=0, max_value=MAX_TRIAL_DAYS, default=0)


class RetireSerializer(serializers.Serializer[Price]):
    makes_free = serializers.BooleanField(
        default=False, help_text="That everybody may follow for nothing where this is the last price."
    )


class PromotionCodeSerializer(serializers.ModelSerializer[PromotionCode]):
    class Meta:
        model = PromotionCode
        fields = ["id", "code", "percent_off", "length", "most_uses", "expires_at", "mode", "state", "problem"]


class PromotionCodeSetSerializer(serializers.Serializer[PromotionCode]):
    code = serializers.CharField(max_length=20, help_text="3 to 20 letters and digits.")
    percent_off = serializers.IntegerField(min_value=1, max_value=100)
    length = serializers.ChoiceField(choices=DiscountLength.choices, default=DiscountLength.ONCE)
    most_uses = serializers.IntegerField(
        min_value=1, max_value=MOST_USES, required=False, allow_null=True, default=None
    )
    expires_at = serializers.DateTimeField(required=False, allow_null=True, default=None)


class CheckoutSerializer(serializers.ModelSerializer[Checkout]):
    class Meta:
        model = Checkout
        fields = ["id", "price", "state", "problem", "url", "has_trial", "expires_at"]


class SubscriptionSerializer(serializers.ModelSerializer[Subscription]):
    status = serializers.CharField(help_text="The payment processor's word for its state.")

    class Meta:
        model = Subscription
        fields = [
            "id",
            "listing",
            "plan",
            "price",
            "mode",
            "status",
            "cancels_at_end",
            "started_at",
            "period_end",
            "trial_end",
            "ended_at",
            "right_until",
            "stop_mode",
        ]


class SubscriptionChangeSerializer(serializers.Serializer[Change]):
    kind = serializers.ChoiceField(choices=ChangeKind.choices, required=False)
    price = serializers.UUIDField(required=False, help_text="For SWITCH: the price to change to.")
    stop_mode = serializers.ChoiceField(choices=StopMode.choices, required=False)


class InvoiceSerializer(serializers.ModelSerializer[Invoice]):
    class Meta:
        model = Invoice
        fields = [
            "id",
            "subscription",
            "kind",
            "mode",
            "number",
            "status",
            "currency",
            "total_minor",
            "paid_minor",
            "tax_minor",
            "refunded_minor",
            "hosted_url",
            "pdf_url",
            "created_at",
            "paid_at",
        ]


class MoneySerializer(serializers.Serializer[object]):
    currency = serializers.CharField()
    minor = serializers.IntegerField()


class BusinessSerializer(serializers.Serializer[Business]):
    subscribers = serializers.IntegerField()
    joined = serializers.IntegerField(help_text="Subscriptions that began in the last thirty days.")
    left = serializers.IntegerField()
    churn_ratio = serializers.FloatField(allow_null=True)
    conversion_ratio = serializers.FloatField(allow_null=True)
    earned = MoneySerializer(many=True)
    earned_this_month = MoneySerializer(many=True)
    given_back = MoneySerializer(many=True)
    balance = MoneySerializer(many=True)
    shares_waiting = ExactField()
    shares_invoiced = MoneySerializer(many=True)
    shares_paid = MoneySerializer(many=True)


class TakingSerializer(serializers.ModelSerializer[TakenBack]):
    lead = serializers.CharField(source="invoice.seller.user.profile.handle", read_only=True)
    currency = serializers.CharField(source="invoice.currency", read_only=True)
    mode = serializers.CharField(source="invoice.mode", read_only=True)
    moved_minor = serializers.IntegerField(read_only=True, help_text="What of the amount has moved; the rest is owed.")
    problem = serializers.CharField(help_text="Why the payment processor refused it, in its words.")
    closed_by = serializers.CharField(source="closed_by.profile.handle", default=None, read_only=True, allow_null=True)

    class Meta:
        model = TakenBack
        fields = [
            "id",
            "cause",
            "lead",
            "invoice",
            "mode",
            "currency",
            "amount_minor",
            "moved_minor",
            "state",
            "problem",
            "attempt",
            "close_reason",
            "closed_by",
            "closed_at",
            "created_at",
        ]


class TakingDecisionSerializer(serializers.Serializer[TakenBack]):
    act = serializers.ChoiceField(choices=["RETRY", "CLOSE"])
    reason = serializers.CharField(
        max_length=MAX_REASON, default="", allow_blank=True, help_text="For CLOSE: why; the audit keeps it."
    )


class StatementLineSerializer(serializers.ModelSerializer[MoneyLine]):
    price_minor = serializers.IntegerField(
        allow_null=True,
        read_only=True,
        help_text="Of a charge: what was paid, without taxes. Null for what is no charge.",
    )
    tax_minor = serializers.IntegerField(
        allow_null=True, read_only=True, help_text="Of a charge: the taxes on top, which the platform holds."
    )
    fee_minor = serializers.IntegerField(
        allow_null=True, read_only=True, help_text="Of a charge: what the platform keeps of the price."
    )
    share_minor = serializers.IntegerField(
        allow_null=True, read_only=True, help_text="Of a charge: what its lead has of the price in the end."
    )

    class Meta:
        model = MoneyLine
        fields = [
            "booking",
            "kind",
            "invoice",
            "mode",
            "currency",
            "amount_minor",
            "price_minor",
            "tax_minor",
            "fee_minor",
            "share_minor",
            "happened_at",
        ]
