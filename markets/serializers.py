"""The shapes of the markets API."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rest_framework import serializers

from common.fields import canonical
from engine.timeframes import TIMEFRAMES
from markets.models import Instrument, InstrumentState, MarketKind, SourceKind
from markets.selectors import FAR_FUTURE

MAX_CANDLES = 1000


class ExactField(serializers.DecimalField):
    """An exact decimal, as text without padding ("0.01") and the same on every database."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_digits=38, decimal_places=18, read_only=True, **options)

    def to_representation(self, value: Any) -> str:
        return canonical(value)


class InstrumentSerializer(serializers.ModelSerializer[Instrument]):
    """An instrument with the rules that orders must keep."""

    exchange = serializers.SlugRelatedField[Any](slug_field="code", read_only=True)
    namespace = serializers.CharField(source="market.namespace", read_only=True)
    kind = serializers.ChoiceField(source="market.kind", choices=MarketKind.choices, read_only=True)
    base = serializers.CharField(source="market.base_id", read_only=True)
    quote = serializers.CharField(source="market.quote_id", read_only=True)
    contract = serializers.CharField(source="market.contract", read_only=True)
    source_kind = serializers.ChoiceField(
        source="exchange.source_kind",
        choices=SourceKind.choices,
        read_only=True,
        help_text="Whether prices are real, replayed or made up. Show it wherever you show them.",
    )
    state = serializers.ChoiceField(choices=InstrumentState.choices, read_only=True)
    tick_size = ExactField()
    lot_step = ExactField()
    min_quantity = ExactField()
    min_notional = ExactField()
    maker_fee_bps = ExactField()
    taker_fee_bps = ExactField()

    class Meta:
        model = Instrument
        fields = [
            "id",
            "exchange",
            "symbol",
            "namespace",
            "kind",
            "base",
            "quote",
            "contract",
            "source_kind",
            "state",
            "tick_size",
            "lot_step",
            "min_quantity",
            "min_notional",
            "maker_fee_bps",
            "taker_fee_bps",
        ]
        read_only_fields = fields


class CandleQuery(serializers.Serializer[Any]):
    """Which candles: the newest `limit` that opened at or after `start` and had closed by `end`."""

    timeframe = serializers.ChoiceField(choices=list(TIMEFRAMES))
    limit = serializers.IntegerField(min_value=1, max_value=MAX_CANDLES, default=500)
    start = serializers.DateTimeField(required=False)
    end = serializers.DateTimeField(required=False, help_text="Default: market time.")

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        start, end = values.get("start"), values.get("end")
        if start and end and start >= end:
            raise serializers.ValidationError({"end": "The end lies after the start."})
        for name in ("start", "end"):
            self._refuse_year(name, values.get(name))
        return values

    def _refuse_year(self, name: str, at: datetime | None) -> None:
        if at and not 1970 <= at.year < FAR_FUTURE.year:
            raise serializers.ValidationError({name: "Name a time between the years 1970 and 9998."})


class CandleSerializer(serializers.Serializer[Any]):
    """One closed candle: its start, prices in quote units, volume in base units."""

    opened_at = serializers.DateTimeField()
    open = serializers.FloatField()
    high = serializers.FloatField()
    low = serializers.FloatField()
    close = serializers.FloatField()
    volume = serializers.FloatField()


class TickerSerializer(serializers.Serializer[Any]):
    """An instrument's newest price and its last day of market time; null where there is no price yet."""

    instrument_id = serializers.UUIDField(source="instrument.id")
    symbol = serializers.CharField(source="instrument.symbol")
    exchange = serializers.CharField(source="instrument.exchange.code")
    price = ExactField(allow_null=True)
    at = serializers.DateTimeField(allow_null=True, help_text="Market time of the price.")
    day_open = ExactField(allow_null=True)
    day_high = ExactField(allow_null=True)
    day_low = ExactField(allow_null=True)
    day_volume = serializers.FloatField(allow_null=True)
    day_change_ratio = serializers.FloatField(allow_null=True, help_text="price ÷ day_open − 1")
