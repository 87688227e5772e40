"""The shapes of the community API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.models import Profile
from community.models import Competition, CompetitionEntry
from community.selectors import phase_of
from markets.serializers import ExactField


class CompetitionSerializer(serializers.ModelSerializer[Competition]):
    exchange = serializers.CharField(source="exchange.code", read_only=True)
    starting_capital = ExactField()
    entrants = serializers.IntegerField(read_only=True)
    phase = serializers.SerializerMethodField(help_text="By the market time of its exchange.")

    class Meta:
        model = Competition
        fields = [
            "id",
            "title",
            "description",
            "exchange",
            "settlement",
            "starting_capital",
            "allowed_instruments",
            "starts_at",
            "ends_at",
            "phase",
            "entrants",
        ]
        read_only_fields = fields

    def get_phase(self, competition: Competition) -> str:
        return phase_of(competition).name


class CompetitionWriteSerializer(serializers.Serializer[Any]):
    """What an operator sets up. The window is market time of the exchange."""

    title = serializers.CharField(max_length=80)
    description = serializers.CharField(max_length=4000, allow_blank=True, default="")
    exchange = serializers.SlugField()
    settlement = serializers.CharField(max_length=20)
    starting_capital = serializers.DecimalField(max_digits=38, decimal_places=18)
    allowed_instruments = serializers.ListField(child=serializers.UUIDField(), max_length=200)
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()


class EntrySerializer(serializers.ModelSerializer[CompetitionEntry]):
    """One's own entry; `portfolio` is the one to trade in."""

    class Meta:
        model = CompetitionEntry
        fields = ["id", "competition", "portfolio", "entered_at"]
        read_only_fields = fields


class StandingSerializer(serializers.Serializer[Any]):
    """A line of a ranking; equals share a rank."""

    rank = serializers.IntegerField()
    entrant = serializers.CharField(source="entry.user.profile.handle")
    entered_at = serializers.DateTimeField(source="entry.entered_at")
    equity = ExactField()
    return_ratio = serializers.FloatField(help_text="Measured on the starting capital.")


class PublicProfileSerializer(serializers.ModelSerializer[Profile]):
    """What everybody may see of a person."""

    class Meta:
        model = Profile
        fields = ["handle", "display_name", "bio"]
        read_only_fields = fields
