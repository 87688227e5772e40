"""What somebody owns: portfolios as books, their balances and positions, and the ledger that proves both."""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from accounts.teams.models import Workspace
from common.clock import wall_now
from common.db import ManyRead
from common.fields import AmountField
from common.ids import new_id
from markets.models import Asset, Exchange, Instrument
from portfolios import delegation_models as _delegation  # noqa: F401  # Django looks for an app's models here
from portfolios import margin_models as _margin  # noqa: F401  # likewise
from portfolios.margin_models import MarginMode


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


class Portfolio(ManyRead):
    """A book: one kind, one settlement currency, one market namespace. Its row lock guards its balances, positions and fill numbers."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # Who answers for it: limits of a plan count there, and notifications go there, a workspace's portfolio or not.
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="portfolios")
    # The team it belongs to: then its members' roles say who may do what, and being the owner opens nothing by itself.
    workspace = models.ForeignKey(
        Workspace, null=True, blank=True, on_delete=models.PROTECT, related_name="portfolios", db_index=False
    )
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=10, choices=PortfolioKind)
    namespace = models.SlugField(max_length=40, db_index=False)
    settlement = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+", db_index=False)
    state = models.CharField(max_length=10, choices=PortfolioState, default=PortfolioState.OPEN)
    # Empty and unrestricted: everything in the namespace that settles in the settlement currency.
    is_restricted = models.BooleanField(default=False)
    allowed_instruments = models.ManyToManyField(Instrument, blank=True, related_name="+")
    # Nothing is deposited, withdrawn or transferred: a competition's entrants all play with the same capital.
    cash_is_locked = models.BooleanField(default=False)
    # What trading on our own broker costs, and how late it is in market time (costs.py); a fee of none is the venue's.
    maker_fee_bps = models.DecimalField(max_digits=8, decimal_places=4, null=True, blank=True)
    taker_fee_bps = models.DecimalField(max_digits=8, decimal_places=4, null=True, blank=True)
    slippage_bps = models.DecimalField(max_digits=8, decimal_places=4, default=Decimal(2))
    latency_ms = models.PositiveIntegerField(default=0)
    latency_jitter_ms = models.PositiveIntegerField(default=0)
    # Deposits and transfers in, less those out: what performance is measured against. Kept in step with the ledger.
    net_deposits = AmountField(default=Decimal(0))
    # The account at a venue that fills its orders; none where our own broker does.
    account = models.ForeignKey(
        "ExchangeAccount", null=True, blank=True, on_delete=models.PROTECT, related_name="portfolios", db_index=False
    )
    # Real money opens nothing before its owner has turned this on; exits pass always.
    is_live_trading_on = models.BooleanField(default=False)
    # It holds, or once held, something on margin: only then are its positions asked before its cash is promised.
    uses_margin = models.BooleanField(default=False)
    # A sub-account's parent and the limits that the parent's managers set (subaccounts.py); none is off.
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="sub_accounts", db_index=False
    )
    max_capital = AmountField(null=True, blank=True)
    max_capital_share = models.DecimalField(max_digits=7, decimal_places=6, null=True, blank=True)
    max_order_value = AmountField(null=True, blank=True)
    # Opens by hand that are worth more wait for a second person, so long; none is off (settlement currency, wall time).
    approval_above = AmountField(null=True, blank=True)
    approval_minutes = models.PositiveIntegerField(default=60)
    # Fills are numbered without gaps under this row's lock.
    fill_count = models.PositiveBigIntegerField(default=0)
    opened_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "name"], condition=~Q(state="CLOSED"), name="portfolio_name_per_owner"
            )
        ]
        # Each fill writes this row anew, and with it a line in each index that it stands in: most stand in few.
        indexes = [
            models.Index(fields=["namespace"], name="portfolio_namespace"),
            models.Index(fields=["workspace"], condition=Q(workspace__isnull=False), name="portfolio_of_workspace"),
            models.Index(fields=["account"], condition=Q(account__isnull=False), name="portfolio_of_account"),
            models.Index(fields=["parent"], condition=Q(parent__isnull=False), name="portfolio_of_parent"),
        ]

    def __str__(self) -> str:
        return self.name


class Balance(ManyRead):
    """How much of an asset a portfolio holds, and how much of it is promised to orders under way or set aside as margin."""

    id = models.BigAutoField(primary_key=True)
    # Found by portfolio, or by both: what is unique below. Another index would be one more to write with every fill.
    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="balances", db_index=False)
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+", db_index=False)
    amount = AmountField(default=Decimal(0))
    reserved = AmountField(default=Decimal(0))
    # Losses on cross margin have taken more than was not promised: other positions' unrealized profits stand for it.
    owes = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["portfolio", "asset"], name="balance_per_asset"),
            # Cash is never promised twice, whatever code above forgets: only a loss on margin may take of it.
            models.CheckConstraint(
                condition=Q(reserved__gte=Decimal(0)) & (Q(amount__gte=F("reserved")) | Q(owes=True)),
                name="balance_covers_reserved",
            ),
        ]

    @property
    def free(self) -> Decimal:
        free: Decimal = self.amount - self.reserved
        return free


class Position(ManyRead):
    """The net of a portfolio's fills in one instrument (engine/positions.py); signed base units and quote units.

    A perpetual's has a margin mode and a leverage, which stay when it is flat; its row may be there before its first fill.
    """

    id = models.BigAutoField(primary_key=True)
    # Likewise.
    portfolio = models.ForeignKey(Portfolio, on_delete=models.CASCADE, related_name="positions", db_index=False)
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+", db_index=False)
    quantity = AmountField(default=Decimal(0))
    cost = AmountField(default=Decimal(0))
    realized_pnl = AmountField(default=Decimal(0))
    fees_paid = AmountField(default=Decimal(0))
    # "" for spot.
    margin_mode = models.CharField(max_length=8, choices=MarginMode, blank=True)
    leverage = models.PositiveSmallIntegerField(default=1)
    # Set aside for it alone (isolated): reserved of the settlement currency's balance, and nowhere else.
    margin = AmountField(default=Decimal(0))
    # Paid at funding times, less received; and what the insurance fund paid of losses and funding that nothing backed.
    funding_paid = AmountField(default=Decimal(0))
    insured = AmountField(default=Decimal(0))

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["portfolio", "instrument"], name="position_per_instrument"),
            models.CheckConstraint(
                condition=Q(margin=Decimal(0)) | Q(margin_mode="ISOLATED", margin__gt=Decimal(0)),
                name="position_margin_of_isolated",
            ),
        ]
        # What an engine watches for liquidation, and what a funding time pays.
        indexes = [
            models.Index(fields=["instrument"], condition=~Q(margin_mode=""), name="positions_on_margin"),
        ]

    @property
    def on_margin(self) -> bool:
        return bool(self.margin_mode)

    @property
    def earned(self) -> Decimal:
        """Return what it has realized after fees and funding."""
        earned: Decimal = self.realized_pnl - self.fees_paid - self.funding_paid + self.insured
        return earned


class LedgerAccount(models.TextChoices):
    """Where a line lies. HOLDINGS, HELD (by resting orders) and MARGIN (of isolated positions) are the portfolio's own.

    The others are the far side.
    """

    HOLDINGS = "HOLDINGS"
    HELD = "HELD"
    MARGIN = "MARGIN"
    MARKET = "MARKET"
    FEES = "FEES"
    EXTERNAL = "EXTERNAL"
    TRANSFER = "TRANSFER"
    FUNDING = "FUNDING"
    INSURANCE = "INSURANCE"


# What a balance is the sum of.
OWN_ACCOUNTS = (LedgerAccount.HOLDINGS, LedgerAccount.HELD, LedgerAccount.MARGIN)


class BookingKind(models.TextChoices):
    DEPOSIT = "DEPOSIT"
    WITHDRAWAL = "WITHDRAWAL"
    TRANSFER = "TRANSFER"
    FILL = "FILL"
    HOLD = "HOLD"
    FUNDING = "FUNDING"
    MARGIN = "MARGIN"


class LedgerLine(models.Model):
    """One side of a booking; the lines of a booking sum to zero per asset. Append-only; balances are provable from it.

    Grows without end: partition by month of `recorded_at` on PostgreSQL once it passes some 50 million lines (no
    query joins across months: reads are by portfolio or by booking).
    """

    id = models.BigAutoField(primary_key=True)
    # The fill's, deposit's or transfer's id: a repeated booking meets the constraint below. A hold's is its own.
    booking_id = models.UUIDField()
    kind = models.CharField(max_length=10, choices=BookingKind)
    portfolio = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="ledger")
    account = models.CharField(max_length=10, choices=LedgerAccount)
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+", db_index=False)
    amount = AmountField()
    # Whose hold it is. (Orders live a floor above: a key, and no relation.)
    order_id = models.UUIDField(null=True, blank=True)
    happened_at = models.DateTimeField()
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["booking_id", "portfolio", "account", "asset"], name="ledger_line_once"),
            models.CheckConstraint(
                condition=Q(kind="HOLD", order_id__isnull=False, account__in=["HOLDINGS", "HELD"])
                | (~Q(kind="HOLD") & ~Q(account="HELD") & Q(order_id__isnull=True)),
                name="ledger_hold_names_its_order",
            ),
        ]
        # Few lines are holds: an order's page and the proof ask for them alone.
        indexes = [
            models.Index(fields=["order_id"], condition=Q(order_id__isnull=False), name="ledger_holds_of_order"),
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


class AccountMode(models.TextChoices):
    """One mode for life: whether the money behind a key is real."""

    LIVE = "LIVE", "Live"
    SANDBOX = "SANDBOX", "Sandbox"


class AccountState(models.TextChoices):
    """CHECKING until the signer has asked the venue; REFUSED: the key is not usable as it is; FAILED: nobody could tell."""

    CHECKING = "CHECKING", "Checking"
    READY = "READY", "Ready"
    REFUSED = "REFUSED", "Refused"
    FAILED = "FAILED", "Failed"
    REVOKED = "REVOKED", "Revoked"


class ExchangeAccount(models.Model):
    """A user's account at a venue: its sealed key, and what the last check of that key found.

    The row is the outbox of its check: `check_due_at` says that one is wanted, `claimed_until` that a signer is at it.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="exchange_accounts")
    exchange = models.ForeignKey(Exchange, on_delete=models.PROTECT, related_name="+")
    label = models.CharField(max_length=60)
    mode = models.CharField(max_length=10, choices=AccountMode)
    # accounts/sealing.py; empty once revoked. `seal_key` is the id of the key that opens it.
    credentials = models.BinaryField()
    seal_key = models.CharField(max_length=16, blank=True)
    # The last characters of the key, so that its owner can tell it from others at the venue.
    key_hint = models.CharField(max_length=4, blank=True)
    # Grows when another key is put in: what a check of the one before found is then of no account.
    version = models.PositiveIntegerField(default=1)
    state = models.CharField(max_length=10, choices=AccountState, default=AccountState.CHECKING)
    # What the last check found (portfolios/exchange_words.py), the venue's permissions among it.
    code = models.CharField(max_length=40, blank=True)
    permissions = models.JSONField(default=list)
    checked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    check_due_at = models.DateTimeField(null=True)
    claimed_until = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    # When our books began to count what happens there, up to when fills were read, and when orders, fills and balances
    # last agreed with the venue: none or too long ago, and nothing is opened.
    books_from = models.DateTimeField(null=True)
    fills_read_at = models.DateTimeField(null=True)
    reconciled_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=wall_now, editable=False)
    updated_at = models.DateTimeField(default=wall_now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "label"], condition=~Q(state="REVOKED"), name="exchange_account_label_per_owner"
            ),
            models.CheckConstraint(
                condition=~Q(state="REVOKED") | Q(seal_key="", check_due_at=None), name="revoked_account_has_no_key"
            ),
        ]
        indexes = [
            # The signer looks twice a second.
            models.Index(
                fields=["check_due_at"], condition=Q(check_due_at__isnull=False), name="exchange_account_checks_due"
            ),
        ]

    def __str__(self) -> str:
        return self.label


class KeyPurpose(models.TextChoices):
    """What a key was taken out of its seal for."""

    CHECK = "CHECK", "Check of the key"
    RESEAL = "RESEAL", "Sealed to a new key of ours"
    TRADE = "TRADE", "Trading: orders, fills and balances"


class ExchangeAccountUse(models.Model):
    """One use of an account's key, written before it happens: a use that a crash cuts short has no outcome.

    Grows without end: partition by month of `at` on PostgreSQL once it passes some 50 million rows (read by account).
    """

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(ExchangeAccount, on_delete=models.CASCADE, related_name="uses", db_index=False)
    at = models.DateTimeField(default=wall_now, editable=False)
    purpose = models.CharField(max_length=10, choices=KeyPurpose)
    outcome = models.CharField(max_length=40, blank=True)

    class Meta:
        indexes = [models.Index(fields=["account", "-id"], name="exchange_account_uses")]


class AccountBalance(models.Model):
    """What a venue says an account holds of an asset, and the part of it that is in no portfolio.

    Of a perpetual, named by its gateway's symbol, that is a position: signed, with what its remainder was opened for.
    The portfolios of the account and this remainder always sum to what the venue holds. Guarded by the account's lock.
    """

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(ExchangeAccount, on_delete=models.CASCADE, related_name="balances", db_index=False)
    # The venue's assets are its own, and more than ours: a code.
    asset = models.CharField(max_length=40)
    total = AmountField(default=Decimal(0))
    free = AmountField(default=Decimal(0))
    # Below zero: the portfolios claim more than the venue holds.
    remainder = AmountField(default=Decimal(0))
    cost = AmountField(default=Decimal(0))
    read_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "asset"], name="account_balance_per_asset")]

    @property
    def unclaimed(self) -> Decimal:
        """Return what a portfolio could get: free at the venue, and in no other portfolio."""
        unclaimed: Decimal = min(self.remainder, self.free)
        return unclaimed


class RemainderReason(models.TextChoices):
    """Why the part of an account that is in no portfolio changed. The last four are what a comparison found."""

    FIRST = "FIRST", "Held when it was connected"
    PORTFOLIO = "PORTFOLIO", "Moved to or from a portfolio"
    VENUE_FILL = "VENUE_FILL", "Traded at the exchange itself"
    ASSIGNED = "ASSIGNED", "A trade was given to a portfolio"
    FEE = "FEE", "A fee in another asset"
    FUNDING = "FUNDING", "Funding of what is in no portfolio"
    DEPOSIT = "DEPOSIT", "Came in at the exchange"
    WITHDRAWAL = "WITHDRAWAL", "Went out at the exchange"
    ROUNDING = "ROUNDING", "Fees that the exchange tells rounded"
    UNKNOWN = "UNKNOWN", "Differs, and nothing explains it"


class RemainderEntry(models.Model):
    """One change of an account's remainder; the sum of them is the remainder. Append-only.

    Grows slowly: a few lines a day and account. `note` says what it belongs to (a portfolio's or a venue fill's id).
    """

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(ExchangeAccount, on_delete=models.PROTECT, related_name="remainder", db_index=False)
    reason = models.CharField(max_length=10, choices=RemainderReason)
    asset = models.CharField(max_length=40)
    amount = AmountField()
    note = models.CharField(max_length=100, blank=True)
    at = models.DateTimeField(default=wall_now, editable=False)

    class Meta:
        indexes = [models.Index(fields=["account", "-id"], name="remainder_of_account")]
