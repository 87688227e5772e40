"""The shapes of the marketplace API."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from engine.copy_accounts.performance import BUCKETS_MS
from engine.copying.settings import SizingMode
from marketplace.models import CopyRecord, Listing, ListingState, Offer, Source
from markets.serializers import ExactField
from portfolios.models import PortfolioKind
from trading.follow_models import StartMode
from trading.models import Follow
from trading.serializers import GuardsSerializer


class CopyRecordSerializer(serializers.ModelSerializer[CopyRecord]):
    """How a listing does for its followers, and how well it is copied; null where there is nothing to measure yet."""

    follower_return_ratio = serializers.FloatField(
        read_only=True, allow_null=True, help_text="Of all followers' money together, after fees and profit shares."
    )
    daily_return_ratio = serializers.FloatField(
        read_only=True, allow_null=True, help_text="The lead's own, time-weighted by days, after fees."
    )
    money_weighted_ratio = serializers.FloatField(
        read_only=True, allow_null=True, help_text="The lead's own internal rate of return over the whole span."
    )
    max_drawdown_ratio = serializers.FloatField(read_only=True, help_text="Of hourly values, unrealized included.")
    success_ratio = serializers.FloatField(
        read_only=True, allow_null=True, help_text="Of the copies that were to be made, those that traded."
    )
    p50_ms = serializers.FloatField(
        read_only=True, allow_null=True, help_text="From the lead's fill until half of the copies were sent."
    )
    p95_ms = serializers.FloatField(read_only=True, allow_null=True)
    sent_after = serializers.ListField(
        child=serializers.IntegerField(),
        read_only=True,
        help_text="Copies by execution time; buckets end at buckets_ms.",
    )
    buckets_ms = serializers.SerializerMethodField()

    class Meta:
        model = CopyRecord
        fields = [
            "follower_return_ratio",
            "daily_return_ratio",
            "money_weighted_ratio",
            "max_drawdown_ratio",
            "success_ratio",
            "p50_ms",
            "p95_ms",
            "copies_wished",
            "copies_traded",
            "sent_after",
            "buckets_ms",
        ]
        read_only_fields = fields

    def get_buckets_ms(self, record: CopyRecord) -> list[int]:
        return list(BUCKETS_MS)


class ListingSerializer(serializers.ModelSerializer[Listing]):
    """A listing with its record up to `as_of` (market time): the newest snapshot, or a day ago of one that the reader does not pay for."""

    owner = serializers.CharField(source="owner.profile.handle", read_only=True)
    kind = serializers.ChoiceField(
        source="portfolio.kind",
        choices=PortfolioKind.choices,
        read_only=True,
        help_text="Whether money and prices are real. Show it wherever you show the figures.",
    )
    namespace = serializers.CharField(source="portfolio.namespace", read_only=True)
    settlement = serializers.CharField(source="portfolio.settlement_id", read_only=True)
    state = serializers.ChoiceField(choices=ListingState.choices, read_only=True)
    profit_share_ratio = ExactField()
    return_ratio = serializers.FloatField(
        source="record.return_ratio",
        read_only=True,
        help_text="Time-weighted since the portfolio was opened, after fees: money paid in or out is no return.",
    )
    max_drawdown_ratio = serializers.FloatField(
        source="record.max_drawdown_ratio", read_only=True, help_text="Deepest fall from a peak, 0 to 1."
    )
    equity = ExactField(source="record.equity")
    copies = CopyRecordSerializer(read_only=True, allow_null=True)
    copied_capital = ExactField(source="record.copied_capital")
    follower_count = serializers.IntegerField(read_only=True)
    as_of = serializers.DateTimeField(source="record.as_of", read_only=True, allow_null=True)
    offer = serializers.ChoiceField(choices=Offer.choices, read_only=True)
    source = serializers.ChoiceField(choices=Source.choices, read_only=True)  # type: ignore[assignment]  # a field's name, not the base class's own
    tags = serializers.SlugRelatedField(many=True, read_only=True, slug_field="name")  # type: ignore[var-annotated]
    suggested_minimum = ExactField(allow_null=True)
    risk_class = serializers.IntegerField(
        source="facts.risk_class", read_only=True, allow_null=True, default=None, help_text="1 to 5; null: unproven."
    )
    is_proven = serializers.BooleanField(
        source="facts.is_proven",
        read_only=True,
        default=False,
        help_text="30 days of market time and 20 closed trades. Show it wherever you show the figures.",
    )

    class Meta:
        model = Listing
        fields = [
            "id",
            "title",
            "description",
            "owner",
            "kind",
            "namespace",
            "settlement",
            "state",
            "published_at",
            "profit_share_ratio",
            "return_ratio",
            "max_drawdown_ratio",
            "equity",
            "copied_capital",
            "follower_count",
            "as_of",
            "copies",
            "summary",
            "tags",
            "offer",
            "source",
            "suggested_minimum",
            "risk_class",
            "is_proven",
            "risks",
            "conflicts",
            "has_own_money",
        ]
        read_only_fields = fields


class RankedListingSerializer(ListingSerializer):
    """A listing with its place; equal returns share one."""

    rank = serializers.IntegerField(read_only=True)

    class Meta(ListingSerializer.Meta):
        fields = ["rank", *ListingSerializer.Meta.fields]
        read_only_fields = fields


class FollowStartSerializer(GuardsSerializer):
    """What a follow starts with."""

    from_portfolio = serializers.UUIDField(help_text="The portfolio of one's own that the amount is taken from.")
    amount = serializers.DecimalField(max_digits=38, decimal_places=18, help_text="In the settlement currency.")
    multiplier = serializers.DecimalField(max_digits=6, decimal_places=3, default=Decimal(1), help_text="0.1 to 3.")
    settings = serializers.DictField(
        child=serializers.JSONField(),
        default=dict,
        help_text="How it copies, by name, as at the follow's own settings; what is left out suits the lead, or is the default.",
    )
    accepted_terms = serializers.CharField(
        max_length=20, help_text="The version of the terms that the follower has read and accepts; see follows/terms/."
    )
    protective_stop = serializers.DecimalField(
        max_digits=5,
        decimal_places=4,
        allow_null=True,
        default=None,
        help_text="0.01 to 0.5: so far from its entry each position is stopped at the exchange itself. Live follows only.",
    )
    start = serializers.ChoiceField(
        choices=StartMode.choices,
        default=StartMode.NEW_ONLY.value,
        help_text="What is done about what the lead holds already.",
    )


class StartedFollowSerializer(serializers.ModelSerializer[Follow]):
    """A follow that was started; `portfolio` is the one made for it."""

    multiplier = serializers.DecimalField(max_digits=6, decimal_places=3, read_only=True)

    class Meta:
        model = Follow
        fields = ["id", "lead", "portfolio", "state", "multiplier", "started_at"]
        read_only_fields = fields


class ListingEquityPointSerializer(serializers.Serializer[Any]):
    """A moment of market time and the equity at it."""

    at = serializers.DateTimeField()
    equity = ExactField()


class FitSerializer(serializers.Serializer[Any]):
    """How well an amount fits a lead, by the lead's last 90 days; ratios are shares of 0 to 1."""

    capital = ExactField()
    orders = serializers.IntegerField(help_text="Orders that the copy would have made or skipped.")
    skipped = serializers.IntegerField(help_text="Of these, below a minimum.")
    skipped_ratio = serializers.FloatField(help_text="Of what there was to copy.")
    tracking_error = serializers.FloatField(help_text="Annual, against a perfect copy.")
    clipped = serializers.IntegerField(help_text="Cut to the cash there was.")
    smallest_capital = ExactField(allow_null=True, help_text="At which at most 5 % are skipped.")
    is_viable = serializers.BooleanField()


class CurvePointSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    equity = ExactField()


class CopyBacktestSerializer(serializers.Serializer[Any]):
    """What following would have come to."""

    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    capital = ExactField(source="result.capital")
    multiplier = ExactField()
    equity = ExactField(source="result.equity", help_text="Before the profit share.")
    profit_share = ExactField(source="result.profit_share")
    fees = ExactField(source="result.fees")
    return_ratio = serializers.FloatField(source="result.return_ratio", help_text="After fees and profit share.")
    perfect_return_ratio = serializers.FloatField(source="result.perfect_return_ratio")
    max_drawdown_ratio = serializers.FloatField(source="result.max_drawdown_ratio")
    tracking_error = serializers.FloatField(source="result.tracking_error")
    orders = serializers.IntegerField(source="result.orders")
    skipped = serializers.IntegerField(source="result.skipped")
    skipped_ratio = serializers.FloatField(source="result.skipped_ratio")
    denied = serializers.DictField(source="result.denied", child=serializers.IntegerField(), help_text="By code.")
    curve = CurvePointSerializer(many=True)


class StakeSerializer(serializers.Serializer[Any]):
    """With what somebody would follow."""

    amount = serializers.DecimalField(max_digits=38, decimal_places=18)
    multiplier = serializers.DecimalField(max_digits=6, decimal_places=3, default=Decimal(1))


class SizingSerializer(StakeSerializer):
    sizing = serializers.ChoiceField(choices=[mode.value for mode in SizingMode], default=SizingMode.EQUITY_RATIO.value)
    fixed_amount = serializers.DecimalField(max_digits=38, decimal_places=18, required=False)
    fixed_multiple = serializers.DecimalField(max_digits=6, decimal_places=3, required=False)


class SinceStakeSerializer(StakeSerializer):
    since = serializers.DateTimeField(required=False, help_text="Default: the lead's first trade.")
