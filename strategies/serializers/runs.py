"""The shapes of runs."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from strategies.models import RunState, StrategyRun


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
