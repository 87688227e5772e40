"""The shapes of the strategies API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from engine.timeframes import TIMEFRAMES
from strategies.models import RunState, Strategy, StrategyRun, StrategyVersion, Template
from strategies.parameters import DEFAULT_SHARE, RATIO_PLACES


class ParametersSerializer(serializers.Serializer[Any]):
    """The EMA crossover's parameters: periods in candles, ratios from 0 to 1 as strings."""

    fast = serializers.IntegerField(help_text="2 to 500, below the slow period.")
    slow = serializers.IntegerField(help_text="Up to 500.")
    share = serializers.DecimalField(
        max_digits=7,
        decimal_places=RATIO_PLACES,
        default=DEFAULT_SHARE,
        help_text="Share of equity that an entry stakes, 0.01 to 1.",
    )
    stop_loss = serializers.DecimalField(
        max_digits=7,
        decimal_places=RATIO_PLACES,
        default=None,
        allow_null=True,
        help_text="How far below the entry a stop waits, 0.001 to 0.5; null for none.",
    )


class StoredParametersSerializer(serializers.Serializer[Any]):
    """Parameters as they are kept."""

    fast = serializers.IntegerField()
    slow = serializers.IntegerField()
    share = serializers.CharField()
    stop_loss = serializers.CharField(allow_null=True)


class VersionSerializer(serializers.ModelSerializer[StrategyVersion]):
    symbol = serializers.CharField(source="instrument.symbol", read_only=True)
    parameters = StoredParametersSerializer(read_only=True)

    class Meta:
        model = StrategyVersion
        fields = ["id", "strategy", "number", "instrument", "symbol", "timeframe", "parameters", "created_at"]
        read_only_fields = fields


class StrategySerializer(serializers.ModelSerializer[Strategy]):
    """A strategy with its versions, the newest first."""

    versions = VersionSerializer(many=True, read_only=True)
    running = serializers.IntegerField(read_only=True, help_text="How many runs of it are running.")

    class Meta:
        model = Strategy
        fields = ["id", "name", "template", "created_at", "running", "versions"]
        read_only_fields = fields


class StrategyWriteSerializer(serializers.Serializer[Any]):
    """What saving a strategy takes; an edit of a version that has run makes the next version."""

    name = serializers.CharField(max_length=80)
    template = serializers.ChoiceField(choices=Template.choices, default=Template.EMA_CROSS)
    instrument = serializers.UUIDField()
    timeframe = serializers.ChoiceField(choices=list(TIMEFRAMES))
    parameters = ParametersSerializer()


class RunSerializer(serializers.ModelSerializer[StrategyRun]):
    strategy = serializers.UUIDField(source="version.strategy_id", read_only=True)
    strategy_name = serializers.CharField(source="version.strategy.name", read_only=True)
    version_number = serializers.IntegerField(source="version.number", read_only=True)
    symbol = serializers.CharField(source="instrument.symbol", read_only=True)
    state = serializers.ChoiceField(choices=RunState.choices, read_only=True)

    class Meta:
        model = StrategyRun
        fields = [
            "id",
            "strategy",
            "strategy_name",
            "version",
            "version_number",
            "portfolio",
            "instrument",
            "symbol",
            "timeframe",
            "state",
            "stop_code",
            "decided_until",
            "started_at",
            "stopped_at",
        ]
        read_only_fields = fields


class RunStartSerializer(serializers.Serializer[Any]):
    """A version and the portfolio it shall trade."""

    version = serializers.UUIDField()
    portfolio = serializers.UUIDField()
