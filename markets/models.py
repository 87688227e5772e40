"""What can be traded and where. Prices are not rows: newest ones are on the bus board, candles in the candle store."""

from __future__ import annotations

from decimal import Decimal

from django.db import models

from common.fields import AmountField
from common.ids import new_id


class Asset(models.Model):
    """A currency or coin: BTC, USDT, EUR."""

    code = models.CharField(max_length=20, primary_key=True)
    name = models.CharField(max_length=80, blank=True)

    def __str__(self) -> str:
        return self.code


class SourceKind(models.TextChoices):
    """Where a namespace's prices come from; it is shown wherever they are."""

    REAL = "REAL", "Real prices"
    REPLAY = "REPLAY", "Replayed candles"
    SIMULATED = "SIMULATED", "Simulated prices"


class Exchange(models.Model):
    """A venue. Simulated and replayed venues have a namespace of their own, which maps to nothing real."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    namespace = models.SlugField(max_length=40)
    source_kind = models.CharField(max_length=10, choices=SourceKind)

    def __str__(self) -> str:
        return self.name


class MarketKind(models.TextChoices):
    SPOT = "SPOT"
    PERPETUAL = "PERPETUAL"


class Market(models.Model):
    """The canonical thing traded, across venues: (kind, base, quote, contract) in a namespace."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=10, choices=MarketKind, default=MarketKind.SPOT)
    base = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    quote = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    # "" for spot; what kind of contract it is otherwise, such as "PERP" (BTC-USDT-PERP).
    contract = models.CharField(max_length=40, blank=True)
    namespace = models.SlugField(max_length=40)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["namespace", "kind", "base", "quote", "contract"], name="market_canonical_key"
            ),
        ]

    def __str__(self) -> str:
        return "-".join(part for part in (self.base_id, self.quote_id, self.contract) if part)


class InstrumentState(models.TextChoices):
    ACTIVE = "ACTIVE"
    RETIRED = "RETIRED"


class Instrument(models.Model):
    """A market on an exchange, with that venue's symbol and rules. Retired, never deleted."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    exchange = models.ForeignKey(Exchange, on_delete=models.PROTECT, related_name="instruments")
    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="instruments")
    symbol = models.CharField(max_length=60)
    tick_size = AmountField()
    lot_step = AmountField()
    min_quantity = AmountField(default=Decimal(0))
    # Quote units; an order worth less is the venue's to refuse.
    min_notional = AmountField(default=Decimal(0))
    maker_fee_bps = models.DecimalField(max_digits=8, decimal_places=4, default=Decimal(10))
    taker_fee_bps = models.DecimalField(max_digits=8, decimal_places=4, default=Decimal(10))
    state = models.CharField(max_length=10, choices=InstrumentState, default=InstrumentState.ACTIVE)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["exchange", "symbol"], name="instrument_symbol_per_exchange"),
            models.CheckConstraint(
                condition=models.Q(tick_size__gt=Decimal(0), lot_step__gt=Decimal(0)), name="instrument_steps_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.market} on {self.exchange}"


class RecentCandle(models.Model):
    """A closed candle that a live source made and that is not in the candle store yet.

    The table stays small: `compact_candles` moves its rows into Parquet. Floats, as in the store: nothing settles
    on a candle.
    """

    instrument = models.ForeignKey(Instrument, on_delete=models.CASCADE, related_name="+")
    timeframe = models.CharField(max_length=4)
    opened_at = models.DateTimeField()
    open = models.FloatField()
    high = models.FloatField()
    low = models.FloatField()
    close = models.FloatField()
    volume = models.FloatField()

    class Meta:
        constraints = [
            # Serves the reader, too, which asks for one instrument and timeframe from a time on.
            models.UniqueConstraint(fields=["instrument", "timeframe", "opened_at"], name="recent_candle_once"),
        ]

    def __str__(self) -> str:
        return f"{self.timeframe} {self.opened_at:%Y-%m-%d %H:%M} of {self.instrument_id}"


class MarketClock(models.Model):
    """Where a replayed market stands, so that it goes on from there after a restart.

    Market time itself is on the board; a simulated market knows it from its candles, a real one from the wall.
    """

    namespace = models.SlugField(max_length=40, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.namespace} at {self.at.isoformat()}"
