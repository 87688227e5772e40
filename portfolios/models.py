"""What somebody owns: portfolios as books, their balances and positions, and the ledger that proves both."""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from common.fields import AmountField
from common.ids import new_id
from markets.models import Asset, Instrument


class PortfolioKind(models.TextChoices):
    """One kind for life; it is shown wherever the portfolio is."""

    PAPER = "PAPER", "Paper"
    SIMULATED = "SIMULATED", "Simulated"
    SANDBOX = "SANDBOX", "Sandbox"
    LIVE = "LIVE", "Live"


class PortfolioState(models.TextChoices):
    OPEN = "OPEN", "Open"
    FROZEN = "FROZEN", "Frozen"
    CLOSED = "CLOSED", "Closed"


class Portfolio(models.Model):
    """A book: one kind, one settlement currency, one market namespace. Its row lock guards its balances, positions and fill numbers."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="portfolios")
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=10, choices=PortfolioKind)
    namespace = models.SlugField(max_length=40)
    settlement = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=PortfolioState, default=PortfolioState.OPEN)
    # Empty and unrestricted: everything in the namespace that settles in the settlement currency.
    is_restricted = models.BooleanField(default=False)
    allowed_instruments = models.ManyToManyField(Instrument, blank=True, related_name="+")
    # Nothing is deposited, withdrawn or transferred: a competition's entrants all play with the same capital.
    cash_is_locked = models.BooleanField(default=False)
    slippage_bps = models.DecimalField(max_digits=8, decimal_places=4, default=Decimal(2))
    # Deposits and transfers in, less those out: what performance is measured against. Kept in step with the ledger.
    net_deposits = AmountField(default=Decimal(0))
    # Fills are numbered without gaps under this row's lock.
    fill_count = models.PositiveBigIntegerField(default=0)
    opened_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "name"], condition=~Q(state="CLOSED"), name="portfolio_name_per_owner"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Balance(models.Model):
    """How much of an asset a portfolio holds, and how much of it is promised to orders under way."""

    id = models.BigAutoField(primary_key=True)
    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="balances")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    amount = AmountField(default=Decimal(0))
    reserved = AmountField(default=Decimal(0))

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["portfolio", "asset"], name="balance_per_asset"),
            # Cash is never promised twice, whatever code above forgets.
            models.CheckConstraint(
                condition=Q(reserved__gte=Decimal(0), amount__gte=F("reserved")), name="balance_covers_reserved"
            ),
        ]

    @property
    def free(self) -> Decimal:
        free: Decimal = self.amount - self.reserved
        return free


class Position(models.Model):
    """The net of a portfolio's fills in one instrument (engine/positions.py); signed base units and quote units."""

    id = models.BigAutoField(primary_key=True)
    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="positions")
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+")
    quantity = AmountField(default=Decimal(0))
    cost = AmountField(default=Decimal(0))
    realized_pnl = AmountField(default=Decimal(0))
    fees_paid = AmountField(default=Decimal(0))

    class Meta:
        constraints = [models.UniqueConstraint(fields=["portfolio", "instrument"], name="position_per_instrument")]


class LedgerAccount(models.TextChoices):
    """Where a line lies. HOLDINGS is the portfolio's own; the others are what stands on the far side of it."""

    HOLDINGS = "HOLDINGS"
    MARKET = "MARKET"
    FEES = "FEES"
    EXTERNAL = "EXTERNAL"
    TRANSFER = "TRANSFER"


class BookingKind(models.TextChoices):
    DEPOSIT = "DEPOSIT"
    WITHDRAWAL = "WITHDRAWAL"
    TRANSFER = "TRANSFER"
    FILL = "FILL"


class LedgerLine(models.Model):
    """One side of a booking; the lines of a booking sum to zero per asset. Append-only; balances are provable from it.

    Grows without end: partition by month of `recorded_at` on PostgreSQL once it passes some 50 million lines (no
    query joins across months: reads are by portfolio or by booking).
    """

    id = models.BigAutoField(primary_key=True)
    # The fill's, deposit's or transfer's id: a repeated booking meets the constraint below.
    booking_id = models.UUIDField()
    kind = models.CharField(max_length=10, choices=BookingKind)
    portfolio = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="ledger")
    account = models.CharField(max_length=10, choices=LedgerAccount)
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+", db_index=False)
    amount = AmountField()
    happened_at = models.DateTimeField()
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["booking_id", "portfolio", "account", "asset"], name="ledger_line_once"),
        ]


class SnapshotGrain(models.TextChoices):
    """How long a snapshot is kept: minutes for a day, hours for a year, days forever."""

    MINUTE = "MINUTE"
    HOUR = "HOUR"
    DAY = "DAY"


class EquitySnapshot(models.Model):
    """A portfolio's worth at a moment of market time, in its settlement currency."""

    id = models.BigAutoField(primary_key=True)
    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="equity_snapshots", db_index=False)
    grain = models.CharField(max_length=6, choices=SnapshotGrain)
    at = models.DateTimeField()
    equity = AmountField()
    # Deposits less withdrawals up to then: performance is measured against it, so that a deposit is not a profit.
    net_deposits = AmountField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["portfolio", "at", "grain"], name="snapshot_once")]
