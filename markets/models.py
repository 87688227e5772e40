"""What can be traded and where. Prices are not rows: newest ones are on the bus board, candles in the candle store."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.utils.functional import cached_property

from accounts.models import User
from common.clock import wall_now
from common.db import ManyRead
from common.fields import AmountField, canonical
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
    # How to speak to it, for a venue that is reached over the network: the gateway's name for its dialect ("": none),
    # an address of its own in place of the venue's, and whether it is a test exchange, where no money is real.
    dialect = models.CharField(max_length=40, blank=True)
    base_url = models.CharField(max_length=200, blank=True)
    is_sandbox = models.BooleanField(default=False)
    synchronised_at = models.DateTimeField(null=True, editable=False)

    def __str__(self) -> str:
        return self.name

    @property
    def price_label(self) -> str:
        """What is shown wherever its prices are: SANDBOX for a test exchange, else a SourceKind."""
        return "SANDBOX" if self.is_sandbox else self.source_kind


class MarketKind(models.TextChoices):
    SPOT = "SPOT"
    PERPETUAL = "PERPETUAL"


class Market(ManyRead):
    """The canonical thing traded, across venues: (kind, base, quote, contract) in a namespace."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=10, choices=MarketKind, default=MarketKind.SPOT)
    base = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    quote = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    # "" for spot; for contracts "PERP" where the quote settles (BTC-USDT-PERP), else the settling asset is named, too:
    # "PERP-BTC" (BTC-USD-PERP-BTC, an inverse one).
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

    @property
    def settlement(self) -> str:
        """The code of the asset in which profit, loss and fees are paid."""
        return self.contract.partition("-")[2] or self.quote_id

    def settles_in(self, asset: str) -> bool:
        """Whether all that it is quoted and paid in is this asset: what a portfolio that settles in it may trade."""
        return self.quote_id == self.settlement == asset

    @property
    def is_inverse(self) -> bool:
        """Whether the base settles: quantities are then contracts, each worth `contract_size` of the quote."""
        return self.kind == MarketKind.PERPETUAL and self.settlement == self.base_id


class InstrumentState(models.TextChoices):
    ACTIVE = "ACTIVE"
    RETIRED = "RETIRED"


class Instrument(ManyRead):
    """A market on an exchange, with that venue's symbol and rules. Retired, never deleted."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    exchange = models.ForeignKey(Exchange, on_delete=models.PROTECT, related_name="instruments")
    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="instruments")
    symbol = models.CharField(max_length=60)
    # What the gateway calls it (BTC/USDT:USDT); "" where it is known from a file alone.
    gateway_symbol = models.CharField(max_length=60, blank=True)
    # Base units in one of the venue's contracts (linear), or quote units (inverse); 1 for spot. Quantities here are in
    # base units for spot and linear ones all the same: the gateway converts.
    contract_size = AmountField(default=Decimal(1))
    tick_size = AmountField()
    lot_step = AmountField()
    min_quantity = AmountField(default=Decimal(0))
    # Quote units; an order worth less is the venue's to refuse.
    min_notional = AmountField(default=Decimal(0))
    maker_fee_bps = models.DecimalField(max_digits=8, decimal_places=4, default=Decimal(10))
    taker_fee_bps = models.DecimalField(max_digits=8, decimal_places=4, default=Decimal(10))
    state = models.CharField(max_length=10, choices=InstrumentState, default=InstrumentState.ACTIVE)
    # Retired because its venue no longer lists it: it comes back with the venue, not with an operator alone.
    is_delisted = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["exchange", "symbol"], name="instrument_symbol_per_exchange"),
            models.UniqueConstraint(
                fields=["exchange", "gateway_symbol"],
                condition=~models.Q(gateway_symbol=""),
                name="instrument_gateway_symbol_once",
            ),
            models.CheckConstraint(
                condition=models.Q(contract_size__gt=Decimal(0)), name="instrument_contract_size_positive"
            ),
            models.CheckConstraint(
                condition=models.Q(tick_size__gt=Decimal(0), lot_step__gt=Decimal(0)), name="instrument_steps_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.market} on {self.exchange}"

    @cached_property
    def is_perpetual(self) -> bool:
        """Say whether it is traded on margin: quantities are then signed, and no coins change hands."""
        return self.market.kind == MarketKind.PERPETUAL


class InterestKind(models.TextChoices):
    """What kind of live data somebody needs."""

    TICKER = "TICKER"
    CANDLES = "CANDLES"
    TRADES = "TRADES"
    BOOK = "BOOK"


class Interest(models.Model):
    """Live data that a feed must watch until it expires by the wall clock; who needs it for longer renews it.

    `reason` names who needs it, such as "page", "position" or "run:<id>": each renews and lapses for itself.
    """

    instrument = models.ForeignKey(Instrument, on_delete=models.CASCADE, related_name="interests")
    kind = models.CharField(max_length=8, choices=InterestKind)
    reason = models.CharField(max_length=60)
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["instrument", "kind", "reason"], name="interest_once"),
        ]
        # What a feed asks every few seconds.
        indexes = [models.Index(fields=["expires_at"], name="interests_by_expiry")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.instrument_id} for {self.reason} until {self.expires_at:%Y-%m-%d %H:%M:%S}"


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


class BackfillState(models.TextChoices):
    WAITING = "WAITING", "Waiting"
    RUNNING = "RUNNING", "Loading"
    DONE = "DONE", "Loaded"
    FAILED = "FAILED", "Failed"
    CANCELED = "CANCELED", "Canceled"


OPEN_BACKFILL = (BackfillState.WAITING, BackfillState.RUNNING)


class Backfill(models.Model):
    """Candles of the past to be loaded from a venue: opened at `start` or later and ended by `end`.

    The row is the outbox of the venue's feed: what lies before `reached_at` is stored, whoever is killed goes on there.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    instrument = models.ForeignKey(Instrument, on_delete=models.CASCADE, related_name="backfills")
    timeframe = models.CharField(max_length=4)
    start = models.DateTimeField()
    end = models.DateTimeField()
    reached_at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=BackfillState, default=BackfillState.WAITING)
    # Why it failed, or what keeps an open one from going on, in words.
    error = models.CharField(max_length=400, blank=True)
    # Null: the platform itself, or more than one person; nobody alone may cancel it then.
    requested_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="backfills")
    created_at = models.DateTimeField(default=wall_now, editable=False)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["instrument", "timeframe"],
                condition=models.Q(state__in=["WAITING", "RUNNING"]),
                name="one_open_backfill_per_series",
            ),
            models.CheckConstraint(condition=models.Q(start__lt=models.F("end")), name="backfill_ends_after_it_starts"),
        ]
        indexes = [
            models.Index(fields=["requested_by", "-id"], name="backfills_by_requester"),
        ]

    def __str__(self) -> str:
        return f"{self.timeframe} of {self.instrument_id} since {self.start:%Y-%m-%d} ({self.state.lower()})"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_BACKFILL

    @property
    def progress(self) -> float:
        """Return how much of the stretch is behind it, 0 to 1."""
        if self.state == BackfillState.DONE:
            return 1.0
        return max(0.0, min(1.0, (self.reached_at - self.start) / (self.end - self.start)))


class WatchList(models.Model):
    """A person's own choice of instruments, in their own order; nobody else sees it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="watch_lists")
    name = models.CharField(max_length=60)
    created_at = models.DateTimeField(default=wall_now, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="watch_list_name_per_owner")]

    def __str__(self) -> str:
        return self.name


class WatchListEntry(models.Model):
    """An instrument on a watch list; `position` orders the list and leaves gaps where entries went."""

    watch_list = models.ForeignKey(WatchList, on_delete=models.CASCADE, related_name="entries")
    instrument = models.ForeignKey(Instrument, on_delete=models.CASCADE, related_name="+")
    position = models.PositiveIntegerField()

    class Meta:
        ordering = ["position", "pk"]
        constraints = [models.UniqueConstraint(fields=["watch_list", "instrument"], name="watched_once_per_list")]

    def __str__(self) -> str:
        return f"{self.instrument_id} at {self.position}"


class AlertKind(models.TextChoices):
    ABOVE = "ABOVE", "Price rises to"
    BELOW = "BELOW", "Price falls to"
    MOVE = "MOVE", "Price moves by"
    VOLUME_SPIKE = "VOLUME_SPIKE", "Volume spikes"


class AlertState(models.TextChoices):
    ARMED = "ARMED", "Waiting"
    RESTING = "RESTING", "Told, and will wait again"
    FIRED = "FIRED", "Told"
    CANCELED = "CANCELED", "Canceled"


class AlertBook(models.Model):
    """Counts the changes to a namespace's alerts, in the order of their commits, so that a feed can follow them."""

    namespace = models.SlugField(max_length=40, primary_key=True)
    last_change = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.namespace} at change {self.last_change}"


class PriceAlert(models.Model):
    """What somebody wants to be told of a market, once or again and again. The feed evaluates it, market time rules it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="price_alerts")
    instrument = models.ForeignKey(Instrument, on_delete=models.CASCADE, related_name="+")
    namespace = models.SlugField(max_length=40)
    kind = models.CharField(max_length=12, choices=AlertKind)
    # By kind: a price in quote units, a move as a ratio (0.05: 5 % up or down), a multiple of the usual volume.
    level = AmountField()
    # A move's window, or the length of the candles whose volume counts; null where only the price does.
    window_seconds = models.PositiveIntegerField(null=True)
    repeats = models.BooleanField(default=False)
    cool_down_seconds = models.PositiveIntegerField(default=0)
    note = models.CharField(max_length=120, blank=True)
    state = models.CharField(max_length=8, choices=AlertState, default=AlertState.ARMED)
    change = models.PositiveBigIntegerField()
    created_at = models.DateTimeField(default=wall_now, editable=False)
    # Market time.
    armed_at = models.DateTimeField()
    fired_at = models.DateTimeField(null=True)
    times_fired = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["owner", "-id"], name="alerts_by_owner"),
            # What a feed loads when it starts.
            models.Index(
                fields=["namespace"], condition=models.Q(state__in=["ARMED", "RESTING"]), name="alerts_that_wait"
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["namespace", "change"], name="alert_change_once"),
            models.CheckConstraint(condition=models.Q(level__gt=Decimal(0)), name="alert_level_positive"),
            models.CheckConstraint(
                condition=models.Q(kind__in=["ABOVE", "BELOW"], window_seconds__isnull=True)
                | models.Q(kind__in=["MOVE", "VOLUME_SPIKE"], window_seconds__isnull=False),
                name="alert_window_where_it_counts",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {canonical(self.level)} ({self.state.lower()})"
