"""The shapes of the API of watch lists and price alerts."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from markets.models import AlertKind, AlertState, PriceAlert, WatchList
from markets.serializers import ExactField
from markets.services.alerts import MOST_COOL_DOWN_SECONDS
from markets.watching.forms import MOST_NAME, MOST_NOTE
from markets.watching.wording import Told, condition

_MOST_WATCHED = 1_000


class WatchListSerializer(serializers.ModelSerializer[WatchList]):
    """A watch list; its instruments in their order."""

    instruments = serializers.SerializerMethodField()

    class Meta:
        model = WatchList
        fields = ["id", "name", "instruments", "created_at"]
        read_only_fields = fields

    def get_instruments(self, watch_list: WatchList) -> list[str]:
        return [str(entry.instrument_id) for entry in watch_list.entries.all()]


class NewWatchListSerializer(serializers.Serializer[Any]):
    """A new list, or an old one's new name."""

    name = serializers.CharField(max_length=MOST_NAME)


class WatchedSerializer(serializers.Serializer[Any]):
    """What to put on a list."""

    instrument = serializers.UUIDField()


class OrderSerializer(serializers.Serializer[Any]):
    """The order of a list's instruments; those not named follow in theirs."""

    instruments = serializers.ListField(child=serializers.UUIDField(), max_length=_MOST_WATCHED)


class AlertSerializer(serializers.ModelSerializer[PriceAlert]):
    """A price alert. Times are market time; `level` is a price, a ratio (0.05: 5 %), or a multiple, by its kind."""

    symbol = serializers.CharField(source="instrument.symbol", read_only=True)
    exchange = serializers.CharField(source="instrument.exchange.code", read_only=True)
    kind = serializers.ChoiceField(choices=AlertKind.choices, read_only=True)
    state = serializers.ChoiceField(
        choices=AlertState.choices, read_only=True, help_text="RESTING: told, and will wait again."
    )
    level = ExactField()
    condition = serializers.SerializerMethodField()
    told_price = serializers.SerializerMethodField(help_text='What was told last, as pages show it; "" before.')

    class Meta:
        model = PriceAlert
        fields = [
            "id",
            "instrument",
            "symbol",
            "exchange",
            "kind",
            "level",
            "window_seconds",
            "repeats",
            "cool_down_seconds",
            "note",
            "state",
            "condition",
            "armed_at",
            "fired_at",
            "told_price",
            "times_fired",
            "created_at",
        ]
        read_only_fields = fields

    def get_condition(self, alert: PriceAlert) -> str:
        return condition(alert)

    def get_told_price(self, alert: PriceAlert) -> str:
        told: Told | None = self.context.get("told", {}).get(alert.pk)
        return told.price if told else ""


class NewAlertSerializer(serializers.Serializer[Any]):
    """What to be told of. `level` is a price in quote units, a ratio (0.05: 5 %), or a multiple of the usual volume."""

    instrument = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=AlertKind.choices)
    level = serializers.DecimalField(max_digits=38, decimal_places=18)
    window_seconds = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=86_400, help_text="Of a move, or the candles' length."
    )
    repeats = serializers.BooleanField(default=False)
    cool_down_seconds = serializers.IntegerField(default=0, min_value=0, max_value=MOST_COOL_DOWN_SECONDS)
    note = serializers.CharField(default="", allow_blank=True, max_length=MOST_NOTE)
