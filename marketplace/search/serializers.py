"""The shapes of the API of search."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from marketplace.search.facets import DEFAULT_SORT, FACETS, SORTS
from marketplace.search.models import SavedSearch, SimilarListing
from marketplace.search.selectors import MAX_TEXT
from marketplace.serializers import ListingSerializer
from portfolios.models import PortfolioKind

PAGE_SIZE, MAX_PAGE_SIZE = 50, 200


def _values(name: str) -> serializers.ListField:
    """A facet: any of these values, each as `name=…` of its own."""
    facet = next(one for one in FACETS if one.name == name)
    help_text = f"{facet.label}; more than one are alternatives."
    if facet.bands is None:
        child: serializers.Field[Any, Any, Any, Any] = serializers.CharField(max_length=60)
    else:
        child = serializers.ChoiceField(choices=[value for value, _ in facet.bands.values])
    return serializers.ListField(child=child, required=False, max_length=50, help_text=help_text)


class FoundQuerySerializer(serializers.Serializer[Any]):
    """What is looked for."""

    q = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=MAX_TEXT,
        help_text="Words that begin words of title, lead, tags or text.",
    )
    kind = serializers.ListField(
        child=serializers.ChoiceField(choices=PortfolioKind.choices), required=False, help_text="Kinds of money."
    )
    market = _values("market")
    timeframe = _values("timeframe")
    risk = _values("risk")
    age = _values("age")
    drawdown = _values("drawdown")
    price = _values("price")
    room = _values("room")
    rating = _values("rating")
    sort = serializers.ChoiceField(choices=list(SORTS), default=DEFAULT_SORT)
    page = serializers.IntegerField(min_value=1, max_value=10_000, default=1)
    page_size = serializers.IntegerField(min_value=1, max_value=MAX_PAGE_SIZE, default=PAGE_SIZE)


class FacetValueSerializer(serializers.Serializer[Any]):
    value = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # the base has words of that name
    count = serializers.IntegerField(help_text="Listings that it would leave, whatever else of its facet is chosen.")
    is_chosen = serializers.BooleanField()


class FacetSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # the base has words of that name
    values = FacetValueSerializer(many=True)


class FoundListingSerializer(ListingSerializer):
    """A listing with what search knows of it."""

    place = serializers.IntegerField(
        source="index.place", read_only=True, allow_null=True, help_text="Among its kind; none for what is not ranked."
    )
    markets = serializers.ListField(child=serializers.CharField(), source="index.markets", read_only=True)
    age_days = serializers.IntegerField(source="index.age_days", read_only=True)
    rating_mean = serializers.FloatField(source="index.rating_mean", read_only=True, allow_null=True)
    rating_count = serializers.IntegerField(source="index.rating_count", read_only=True)

    class Meta(ListingSerializer.Meta):
        fields = [*ListingSerializer.Meta.fields, "place", "markets", "age_days", "rating_mean", "rating_count"]
        read_only_fields = fields


class FoundSerializer(serializers.Serializer[Any]):
    """A page of what was found; of the matches 2,400 can be paged through, `count` says how many there are."""

    count = serializers.IntegerField()
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    instead = serializers.CharField(help_text="The words that were looked for in place of misspelt ones, or blank.")
    facets = FacetSerializer(many=True)
    results = FoundListingSerializer(many=True)


class SavedSearchSerializer(serializers.ModelSerializer[SavedSearch]):
    """A search that is kept; `query` as it stands behind an address's question mark."""

    class Meta:
        model = SavedSearch
        fields = ["id", "name", "query", "created_at"]
        read_only_fields = ["id", "created_at"]


class SimilarSerializer(serializers.ModelSerializer[SimilarListing]):
    """A listing whose daily returns move alike."""

    listing = serializers.UUIDField(source="other_id", read_only=True)
    title = serializers.CharField(source="other.title", read_only=True)

    class Meta:
        model = SimilarListing
        fields = ["place", "listing", "title", "correlation", "days"]
        read_only_fields = fields


class ReturnCurveSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    points = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField()), help_text="[seconds, return since the first day]."
    )


class ListingComparisonSerializer(serializers.Serializer[Any]):
    """Listings side by side, and what each came to day by day."""

    listings = FoundListingSerializer(many=True)
    curves = ReturnCurveSerializer(many=True)
