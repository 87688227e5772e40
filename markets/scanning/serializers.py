"""The shapes of the scanners' API. Its figures are floats: they say what could be earned, and nothing settles on them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from markets.scanning.filters import MOMENTUM, VOLUME, MoverFilter, OpportunityFilter
from markets.scanning.results import WINDOWS

_PLACES = 1e18


class LegSerializer(serializers.Serializer[Any]):
    """One trade of an opportunity."""

    side = serializers.CharField(help_text="BUY or SELL, of the base.")
    instrument = serializers.UUIDField()
    market = serializers.CharField()
    exchange = serializers.CharField()
    exchange_name = serializers.CharField()


class OpportunitySerializer(serializers.Serializer[Any]):
    """What pays after taker fees if every leg is traded at once; of a near miss no more is known than `profit_bps`."""

    key = serializers.CharField()
    namespace = serializers.CharField()
    kind = serializers.CharField(help_text='SANDBOX, or "" where prices are real.')
    legs = LegSerializer(many=True)
    asset = serializers.CharField(help_text="What size and profit are in.")
    size = serializers.FloatField(allow_null=True)
    quantity = serializers.FloatField(allow_null=True, help_text="Base units of a spread's market.")
    profit = serializers.FloatField(allow_null=True)
    profit_bps = serializers.FloatField()
    age_ms = serializers.IntegerField(allow_null=True)
    shrunk_ratio = serializers.FloatField(allow_null=True, help_text="What it has lost of its best profit.")
    half_life_ms = serializers.IntegerField(allow_null=True, help_text="Null where it does not shrink.")


class WindowSerializer(serializers.Serializer[Any]):
    """An instrument over the newest minutes."""

    change_ratio = serializers.FloatField()
    score = serializers.FloatField(allow_null=True, help_text="The move in standard deviations of its usual one.")
    volume_multiple = serializers.FloatField(allow_null=True, help_text="How many times the usual volume.")


class MoverSerializer(serializers.Serializer[Any]):
    """An instrument that moves, or trades, beyond its habit; `windows` by their length in minutes."""

    key = serializers.CharField()
    namespace = serializers.CharField()
    kind = serializers.CharField(help_text='SANDBOX, SIMULATED, REPLAY, or "" where prices are real.')
    instrument = serializers.UUIDField()
    market = serializers.CharField()
    exchange = serializers.CharField()
    exchange_name = serializers.CharField()
    quote = serializers.CharField()
    price = serializers.FloatField()
    turnover = serializers.FloatField(help_text="Quote units traded in the last hour.")
    windows = serializers.DictField(child=WindowSerializer())


class _FoundSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField(allow_null=True, help_text="When the scanner looked; null before the first time.")
    is_stale = serializers.BooleanField(help_text="Whether it no longer looks. Asking has it look for a minute.")
    looked_at = serializers.IntegerField()
    fresh = serializers.IntegerField(help_text="How many of those looked at could be used.")


class OpportunitiesSerializer(_FoundSerializer):
    """What pays at this moment, most first, and what comes nearest to paying. Not an offer: books change."""

    nearest = OpportunitySerializer(allow_null=True)
    rows = OpportunitySerializer(many=True)


class MoversSerializer(_FoundSerializer):
    """What moves at this moment, strongest first."""

    rows = MoverSerializer(many=True)


class _PlaceQuery(serializers.Serializer[Any]):
    venue = serializers.CharField(required=False, help_text="An exchange's code.")
    namespace = serializers.CharField(required=False)


class OpportunityQuery(_PlaceQuery):
    """Which spreads or triangles."""

    min_bps = serializers.FloatField(required=False, min_value=0, max_value=_PLACES)
    min_size = serializers.FloatField(required=False, min_value=0, max_value=_PLACES)

    def filter(self) -> OpportunityFilter:
        return OpportunityFilter(**self.validated_data)


class MoverQuery(_PlaceQuery):
    """Which movers."""

    by = serializers.ChoiceField(required=False, choices=[MOMENTUM, VOLUME])
    minutes = serializers.ChoiceField(required=False, choices=list(WINDOWS))
    min_change_ratio = serializers.FloatField(required=False, min_value=0, max_value=_PLACES)
    min_multiple = serializers.FloatField(required=False, min_value=0, max_value=_PLACES)
    min_turnover = serializers.FloatField(required=False, min_value=0, max_value=_PLACES)
    max_turnover = serializers.FloatField(required=False, min_value=0, max_value=_PLACES)

    def filter(self) -> MoverFilter:
        return MoverFilter(**self.validated_data)
