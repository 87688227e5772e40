"""The shapes of the markets API."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rest_framework import serializers

from common.fields import canonical
from engine.timeframes import TIMEFRAMES, timeframe_ms
from markets.boards import BOOK_LEVELS, TRADES_KEPT
from markets.health import BreakerState
from markets.models import Instrument, InstrumentState, MarketKind, SourceKind
from markets.selectors import FAR_FUTURE
from markets.venues import WORDS

# Candles of one answer: as JSON, and as Arrow or Parquet, which are streamed. Two years of minutes are 1,052,640.
MAX_CANDLES = 1000
MAX_STREAMED = 1_100_000


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
    is_sandbox = serializers.BooleanField(
        source="exchange.is_sandbox", read_only=True, help_text="A test exchange: no money there is real."
    )
    state = serializers.ChoiceField(choices=InstrumentState.choices, read_only=True)
    contract_size = ExactField(
        help_text="Base units in one contract (linear) or quote units (inverse); 1 for spot. Quantities of linear "
        "contracts are in base units all the same, those of inverse ones in contracts."
    )
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
            "is_sandbox",
            "state",
            "is_delisted",
            "contract_size",
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
    limit = serializers.IntegerField(
        min_value=1,
        required=False,
        help_text=f"As JSON 500, at most {MAX_CANDLES}; as Arrow or Parquet all, of at most {MAX_STREAMED:,} candles.",
    )
    start = serializers.DateTimeField(required=False)
    end = serializers.DateTimeField(required=False, help_text="Default: market time.")

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        start, end = values.get("start"), values.get("end")
        if start and end and start >= end:
            raise serializers.ValidationError({"end": "The end lies after the start."})
        for name in ("start", "end"):
            self._refuse_year(name, values.get(name))
        is_streamed = self.context.get("is_streamed", False)
        most = MAX_STREAMED if is_streamed else MAX_CANDLES
        if values.get("limit", 0) > most:
            raise serializers.ValidationError({"limit": f"Ask for at most {most:,} candles at a time."})
        values.setdefault("limit", MAX_STREAMED if is_streamed else 500)
        return values

    def refuse_long(self, count: int) -> None:
        """Raise ValidationError where the range that is streamed has room for more candles than one answer may hold."""
        if count > MAX_STREAMED:
            days = MAX_STREAMED * timeframe_ms(self.validated_data["timeframe"]) // 86_400_000
            message = f"There is room for {count:,} candles in this range: ask for {days:,} days or less at a time."
            raise serializers.ValidationError({"start": [message]})

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


class TickerQuery(serializers.Serializer[Any]):
    """Which tickers: of tradable instruments of a namespace, an exchange, a kind; without these, of all."""

    namespace = serializers.CharField(required=False)
    exchange = serializers.CharField(required=False, help_text="An exchange's code.")
    kind = serializers.ChoiceField(choices=MarketKind.choices, required=False)


class TickerSerializer(serializers.Serializer[Any]):
    """An instrument's newest price and its last day of market time; null where it is not known.

    Of exchanges that are reached over the network, the day is what they say of it themselves.
    """

    instrument_id = serializers.UUIDField(source="instrument.id")
    symbol = serializers.CharField(source="instrument.symbol")
    exchange = serializers.CharField(source="instrument.exchange.code")
    price = ExactField(allow_null=True)
    at = serializers.DateTimeField(allow_null=True, help_text="Market time of the price.")
    day_open = ExactField(allow_null=True)
    day_high = ExactField(allow_null=True)
    day_low = ExactField(allow_null=True)
    day_volume = serializers.FloatField(allow_null=True, help_text="Base units; contracts of inverse perpetuals.")
    day_turnover = serializers.FloatField(allow_null=True, help_text="Quote units.")
    day_change_ratio = serializers.FloatField(allow_null=True, help_text="price ÷ day_open − 1")


class BookQuery(serializers.Serializer[Any]):
    """How much of a book."""

    depth = serializers.IntegerField(min_value=1, max_value=BOOK_LEVELS, default=BOOK_LEVELS)


class BookSerializer(serializers.Serializer[Any]):
    """An order book as its feed last saw it; `at` is null where there is none (yet)."""

    instrument_id = serializers.UUIDField()
    at = serializers.DateTimeField(allow_null=True)
    bids = serializers.ListField(
        child=serializers.ListField(child=serializers.CharField(), min_length=2, max_length=2),
        help_text='["price", "quantity"], best first.',
    )
    asks = serializers.ListField(
        child=serializers.ListField(child=serializers.CharField(), min_length=2, max_length=2),
        help_text='["price", "quantity"], best first.',
    )


class TradeQuery(serializers.Serializer[Any]):
    """How many of the newest trades."""

    limit = serializers.IntegerField(min_value=1, max_value=TRADES_KEPT, default=TRADES_KEPT)


class MarketTradeSerializer(serializers.Serializer[Any]):
    """A trade between others at the venue."""

    id = serializers.CharField()
    at = serializers.DateTimeField()
    side = serializers.CharField(help_text='The taker\'s side, "buy" or "sell"; "" where it is not told.')
    price = serializers.CharField()
    quantity = serializers.CharField()


class FundingSerializer(serializers.Serializer[Any]):
    """What longs pay shorts next, as a fraction of the position's value; null where the venue has not told it (yet)."""

    instrument_id = serializers.UUIDField()
    rate = ExactField(allow_null=True, help_text="Negative where shorts pay.")
    at = serializers.DateTimeField(allow_null=True)
    mark_price = ExactField(allow_null=True)


class VenueSerializer(serializers.Serializer[Any]):
    """How a venue is doing: its feed, its circuit breaker, its instruments. Counters begin with the feed's process."""

    exchange = serializers.CharField()
    name = serializers.CharField()
    source_kind = serializers.ChoiceField(choices=SourceKind.choices)
    is_sandbox = serializers.BooleanField()
    state = serializers.ChoiceField(
        choices=list(WORDS),
        help_text="What its feed says; LOST where it has not for 30 s, NEVER where none has run, LOCAL where prices are "
        "made or replayed here.",
    )
    since = serializers.DateTimeField(allow_null=True)
    seen_at = serializers.DateTimeField(allow_null=True)
    reason = serializers.CharField(help_text="A code, such as TIMED_OUT.")
    retry_at = serializers.DateTimeField(allow_null=True)
    last_message_at = serializers.DateTimeField(allow_null=True)
    messages_per_second = serializers.FloatField()
    watched = serializers.IntegerField(help_text="Instruments that somebody needs now.")
    reconnects = serializers.IntegerField()
    gap_candles = serializers.IntegerField(help_text="Candles that were filled in after a gap.")
    outliers = serializers.IntegerField(help_text="Absurd prices that were held back.")
    revised_candles = serializers.IntegerField()
    breaker = serializers.ChoiceField(choices=[str(state) for state in BreakerState])
    breaker_since = serializers.DateTimeField(allow_null=True)
    breaker_reason = serializers.CharField(help_text="A code, such as TIMED_OUT.")
    breaker_retry_at = serializers.DateTimeField(allow_null=True)
    instruments = serializers.IntegerField(help_text="Instruments that orders may name.")
    synchronised_at = serializers.DateTimeField(allow_null=True)
