"""The shapes of the marketplace API."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from marketplace.models import Listing, ListingState
from marketplace.services.listings import MAX_DESCRIPTION, MAX_TITLE
from markets.serializers import ExactField
from portfolios.models import PortfolioKind
from trading.models import Follow


class ListingSerializer(serializers.ModelSerializer[Listing]):
    """A listing with its record up to the newest snapshot (`as_of`, market time)."""

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
    return_ratio = serializers.FloatField(
        source="record.return_ratio",
        read_only=True,
        help_text="Time-weighted since the portfolio was opened, after fees: money paid in or out is no return.",
    )
    max_drawdown_ratio = serializers.FloatField(
        source="record.max_drawdown_ratio", read_only=True, help_text="Deepest fall from a peak, 0 to 1."
    )
    equity = ExactField(source="record.equity")
    copied_capital = ExactField(source="record.copied_capital")
    follower_count = serializers.IntegerField(read_only=True)
    as_of = serializers.DateTimeField(source="record.as_of", read_only=True, allow_null=True)

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
            "return_ratio",
            "max_drawdown_ratio",
            "equity",
            "copied_capital",
            "follower_count",
            "as_of",
        ]
        read_only_fields = fields


class RankedListingSerializer(ListingSerializer):
    """A listing with its place; equal returns share one."""

    rank = serializers.IntegerField(read_only=True)

    class Meta(ListingSerializer.Meta):
        fields = ["rank", *ListingSerializer.Meta.fields]
        read_only_fields = fields


class PublishSerializer(serializers.Serializer[Any]):
    """Which of one's portfolios to publish, and in what words."""

    portfolio = serializers.UUIDField()
    title = serializers.CharField(max_length=MAX_TITLE)
    description = serializers.CharField(max_length=MAX_DESCRIPTION, allow_blank=True, default="")


class ListingChangeSerializer(serializers.Serializer[Any]):
    title = serializers.CharField(max_length=MAX_TITLE, required=False)
    description = serializers.CharField(max_length=MAX_DESCRIPTION, required=False, allow_blank=True)


class FollowStartSerializer(serializers.Serializer[Any]):
    """What a follow starts with."""

    from_portfolio = serializers.UUIDField(help_text="The portfolio of one's own that the amount is taken from.")
    amount = serializers.DecimalField(max_digits=38, decimal_places=18, help_text="In the settlement currency.")
    multiplier = serializers.DecimalField(max_digits=6, decimal_places=3, default=Decimal(1), help_text="0.1 to 3.")


class StartedFollowSerializer(serializers.ModelSerializer[Follow]):
    """A follow that was started; `portfolio` is the one made for it."""

    class Meta:
        model = Follow
        fields = ["id", "lead", "portfolio", "state", "multiplier", "started_at"]
        read_only_fields = fields


class ListingEquityPointSerializer(serializers.Serializer[Any]):
    """A moment of market time and the equity at it."""

    at = serializers.DateTimeField()
    equity = ExactField()
