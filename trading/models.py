"""Orders and fills, what is led and who follows, what waits for a price, and the switches that stop it all.

Two kinds of rows are outboxes: PENDING orders (to be sent) and unfinished lead events (to be copied). A lost task loses nothing.
"""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import Q

from common.fields import AmountField, canonical
from common.ids import new_id
from markets.models import Instrument
from portfolios.models import Portfolio


class Side(models.TextChoices):
    BUY = "BUY", "Buy"
    SELL = "SELL", "Sell"


class Leg(models.TextChoices):
    """Whether an order adds exposure or takes it away; a reversal is one of each."""

    OPEN = "OPEN"
    CLOSE = "CLOSE"


class OrderState(models.TextChoices):
    PENDING = "PENDING", "Pending"
    SUBMITTING = "SUBMITTING", "Submitting"
    OPEN = "OPEN", "Open"
    PARTIALLY_FILLED = "PARTIALLY_FILLED", "Partially filled"
    FILLED = "FILLED", "Filled"
    CANCELED = "CANCELED", "Canceled"
    EXPIRED = "EXPIRED", "Expired"
    REJECTED = "REJECTED", "Rejected"
    DENIED = "DENIED", "Denied"
    UNKNOWN = "UNKNOWN", "Unknown"


# Sent, and not known to have ended.
IN_FLIGHT = (OrderState.SUBMITTING, OrderState.OPEN, OrderState.PARTIALLY_FILLED, OrderState.UNKNOWN)
UNFINISHED = (OrderState.PENDING, *IN_FLIGHT)


class CauseKind(models.TextChoices):
    """What made an order. With the cause's id it is the order's identity: the same cause never makes a second one."""

    HAND = "HAND"
    RUN = "RUN"
    TRIGGER = "TRIGGER"
    LEAD_EVENT = "LEAD_EVENT"
    FOLLOW_COMMAND = "FOLLOW_COMMAND"


class FollowState(models.TextChoices):
    WAITING = "WAITING", "Waiting"
    PENDING = "PENDING", "Pending"
    ACTIVE = "ACTIVE", "Active"
    PAUSED = "PAUSED", "Paused"
    STOPPING = "STOPPING", "Stopping"
    STOPPED = "STOPPED", "Stopped"


UNFINISHED_FOLLOW = (
    FollowState.WAITING,
    FollowState.PENDING,
    FollowState.ACTIVE,
    FollowState.PAUSED,
    FollowState.STOPPING,
)
MIRRORING = (FollowState.ACTIVE, FollowState.PAUSED, FollowState.STOPPING)


class LeadStream(models.Model):
    """Marks a portfolio as led and counts its events; guarded by the portfolio's lock."""

    portfolio = models.OneToOneField(Portfolio, on_delete=models.CASCADE, primary_key=True, related_name="lead_stream")
    last_seq = models.PositiveBigIntegerField(default=0)


class Follow(models.Model):
    """One lead portfolio × one portfolio of the follower made for it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    follower = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="follows")
    lead = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="followers")
    portfolio = models.OneToOneField(Portfolio, on_delete=models.PROTECT, related_name="follow")
    state = models.CharField(max_length=8, choices=FollowState, default=FollowState.ACTIVE)
    # Why it is paused, stopping or stopped, as a code.
    state_code = models.CharField(max_length=40, blank=True)
    multiplier = models.DecimalField(max_digits=6, decimal_places=3, default=Decimal(1))
    # Only events after this one are copied: a start adopts nothing that is already open.
    start_seq = models.PositiveBigIntegerField()
    started_at = models.DateTimeField()
    stopped_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["follower", "lead"], condition=~Q(state="STOPPED"), name="one_open_follow_per_lead"
            ),
            models.CheckConstraint(
                condition=Q(multiplier__gte=Decimal("0.1"), multiplier__lte=Decimal(3)), name="follow_multiplier_range"
            ),
        ]
        # A fan-out reads a lead's mirroring follows.
        indexes = [models.Index(fields=["lead", "state"], name="follow_by_lead")]

    def __str__(self) -> str:
        return f"Follow {self.pk}"


class FollowPosition(models.Model):
    """A follow's aim in one instrument: the ratio fixed when it opened (rule 4) and the target that drift is measured from."""

    id = models.BigAutoField(primary_key=True)
    follow = models.ForeignKey(Follow, on_delete=models.CASCADE, related_name="positions")
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+")
    ratio = AmountField(default=Decimal(0))
    target = AmountField(default=Decimal(0))
    last_seq = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["follow", "instrument"], name="follow_position_per_instrument")]


class LeadEventState(models.TextChoices):
    WAITING = "WAITING"
    DONE = "DONE"


class LeadEvent(models.Model):
    """What a lead's fills did, to be copied: the fan-out's outbox. Written in the transaction that books the fill.

    `market_price`, set when the fan-out starts, is the one snapshot that every paper order of the event meets.
    """

    id = models.BigAutoField(primary_key=True)
    lead = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="lead_events")
    seq = models.PositiveBigIntegerField()
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+")
    order = models.ForeignKey("Order", on_delete=models.PROTECT, related_name="lead_events")
    side = models.CharField(max_length=4, choices=Side)
    # Of the fills so far: what opened (base units), their average price, which part of the position they closed (0-1).
    opened_quantity = AmountField(default=Decimal(0))
    price = AmountField()
    closed_fraction = AmountField(default=Decimal(0))
    resulting_quantity = AmountField()
    # What the lead was worth after the fill, at the fill's market price: the base of every follower's ratio.
    lead_equity = AmountField()
    market_price = AmountField(null=True, blank=True)
    due_at = models.DateTimeField()
    state = models.CharField(max_length=7, choices=LeadEventState, default=LeadEventState.WAITING)
    # The hash of the last follow that has its row; follows are taken in the order of that hash.
    cursor = models.CharField(max_length=32, blank=True)
    happened_at = models.DateTimeField()
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["lead", "seq"], name="lead_event_seq")]
        # The sweeper's and the fan-out's question: what is not copied yet? (A partial index would be smaller, but SQLite
        # cannot see that a bound parameter meets its condition.)
        indexes = [models.Index(fields=["state", "lead", "seq"], name="lead_event_by_state")]

    def __str__(self) -> str:
        return f"Event {self.seq}"


class FollowCommandKind(models.TextChoices):
    CLOSE_ALL = "CLOSE_ALL"


class FollowCommand(models.Model):
    """Something a follow must do that no lead event asks for: a row, so that it survives whoever asked."""

    id = models.BigAutoField(primary_key=True)
    follow = models.ForeignKey(Follow, on_delete=models.PROTECT, related_name="commands")
    kind = models.CharField(max_length=10, choices=FollowCommandKind)
    due_at = models.DateTimeField()
    is_done = models.BooleanField(default=False)

    class Meta:
        indexes = [models.Index(fields=["due_at"], condition=Q(is_done=False), name="follow_command_waiting")]


class Order(models.Model):
    """An instruction. PENDING rows are the sending outbox; a row that gets nothing is DENIED with a code, never absent.

    Never deleted; grows without end: partition by month of `recorded_at` on PostgreSQL once it passes some 20 million rows.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    portfolio = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="orders", db_index=False)
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+", db_index=False)
    follow = models.ForeignKey(
        Follow, null=True, blank=True, on_delete=models.PROTECT, related_name="orders", db_index=False
    )
    cause_kind = models.CharField(max_length=14, choices=CauseKind)
    cause_id = models.CharField(max_length=80)
    leg = models.CharField(max_length=5, choices=Leg)
    attempt = models.PositiveSmallIntegerField(default=1)
    client_order_id = models.CharField(max_length=32, unique=True)
    side = models.CharField(max_length=4, choices=Side)
    # What was wished for, and what risk let through (base units). A closing order is sized when it is judged.
    requested_quantity = AmountField()
    quantity = AmountField(default=Decimal(0))
    closed_fraction = AmountField(null=True, blank=True)
    # The lead event's seq, by which the orders of one follow and instrument keep their order; 0 elsewhere.
    seq = models.PositiveBigIntegerField(default=0)
    market_price = AmountField(null=True, blank=True)
    reserved = AmountField(default=Decimal(0))
    filled_quantity = AmountField(default=Decimal(0))
    average_price = AmountField(default=Decimal(0))
    fee = AmountField(default=Decimal(0))
    # Arms a stop this far (0-1) below the fill of an opening order.
    stop_loss_ratio = models.DecimalField(max_digits=7, decimal_places=5, null=True, blank=True)
    state = models.CharField(max_length=16, choices=OrderState, default=OrderState.PENDING)
    code = models.CharField(max_length=40, blank=True)
    claim = models.CharField(max_length=32, blank=True)
    claimed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [
            # Journey A's "exactly once": a cause makes one order per portfolio, instrument, leg and attempt.
            models.UniqueConstraint(
                fields=["portfolio", "cause_kind", "cause_id", "instrument", "leg", "attempt"],
                name="order_once_per_cause",
            ),
            # One order of a follow and instrument is under way at a time.
            models.UniqueConstraint(
                fields=["follow", "instrument"],
                condition=Q(state__in=["SUBMITTING", "OPEN", "PARTIALLY_FILLED", "UNKNOWN"]),
                name="order_one_in_flight",
            ),
        ]
        indexes = [
            models.Index(fields=["portfolio", "-id"], name="order_of_portfolio"),
            # Asked at every claim: does another order of this follow wait or fly?
            models.Index(fields=["follow", "state"], name="order_of_follow_by_state"),
            # The outbox: what is to be sent, by cause; what is under way at all.
            models.Index(fields=["state", "cause_kind", "cause_id"], name="order_by_state"),
        ]

    def __str__(self) -> str:
        return f"{self.get_side_display()} {canonical(self.requested_quantity)} ({self.get_state_display().lower()})"


class OrderEvent(models.Model):
    """What became of an order, with its times: one row for an order that ends at once."""

    id = models.BigAutoField(primary_key=True)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="events")
    state = models.CharField(max_length=16, choices=OrderState)
    code = models.CharField(max_length=40, blank=True)
    submitted_at = models.DateTimeField(null=True, blank=True)
    happened_at = models.DateTimeField()
    recorded_at = models.DateTimeField()


class Fill(models.Model):
    """An execution. Immutable; numbered without gaps per portfolio; its canonical bytes are trading/canonical.py's."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="fills")
    portfolio = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="fills", db_index=False)
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+", db_index=False)
    number = models.PositiveBigIntegerField()
    venue_account = models.CharField(max_length=60)
    venue_fill_id = models.CharField(max_length=80)
    side = models.CharField(max_length=4, choices=Side)
    quantity = AmountField()
    price = AmountField()
    # In quote units.
    fee = AmountField()
    happened_at = models.DateTimeField()
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [
            # A venue may report a fill twice: the second time is a no-op.
            models.UniqueConstraint(fields=["venue_account", "venue_fill_id"], name="fill_once_per_venue"),
            models.UniqueConstraint(fields=["portfolio", "number"], name="fill_number_per_portfolio"),
        ]

    def __str__(self) -> str:
        return f"Fill {self.number}"


class TriggerState(models.TextChoices):
    ARMED = "ARMED"
    FIRED = "FIRED"
    CANCELED = "CANCELED"


class TriggerBook(models.Model):
    """Counts the changes to a namespace's triggers, in the order of their commits, so that an engine can follow them."""

    namespace = models.SlugField(max_length=40, primary_key=True)
    last_change = models.PositiveBigIntegerField(default=0)


class Trigger(models.Model):
    """A price that closes a position when it is reached (journey D): the stop loss of an opening order."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    portfolio = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="triggers")
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+")
    namespace = models.SlugField(max_length=40)
    entry = models.OneToOneField(Order, on_delete=models.PROTECT, related_name="stop")
    price = AmountField()
    state = models.CharField(max_length=8, choices=TriggerState, default=TriggerState.ARMED)
    change = models.PositiveBigIntegerField()
    armed_at = models.DateTimeField()
    fired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["namespace", "change"], name="trigger_change_once")]

    def __str__(self) -> str:
        return f"Stop at {canonical(self.price)} ({self.state.lower()})"


class ScopeKind(models.TextChoices):
    PLATFORM = "PLATFORM", "Platform"
    VENUE = "VENUE", "Venue"
    USER = "USER", "User"
    PORTFOLIO = "PORTFOLIO", "Portfolio"
    STRATEGY = "STRATEGY", "Strategy"
    LEAD = "LEAD", "Lead"
    FOLLOW = "FOLLOW", "Follow"


class SafetyLevel(models.TextChoices):
    """ACTIVE; REDUCING denies new exposure; HALTED also cancels what is unsent. Exits pass in all three."""

    ACTIVE = "ACTIVE", "Active"
    REDUCING = "REDUCING", "Reducing"
    HALTED = "HALTED", "Halted"


class SafetySwitch(models.Model):
    """The level of one scope; a scope without a row is ACTIVE. The strictest of an order's scopes rules."""

    scope = models.CharField(max_length=10, choices=ScopeKind)
    # The scope's object; "" for the platform.
    scope_id = models.CharField(max_length=64, blank=True)
    level = models.CharField(max_length=8, choices=SafetyLevel)
    reason = models.CharField(max_length=200, blank=True)
    set_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    set_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "safety switches"
        constraints = [models.UniqueConstraint(fields=["scope", "scope_id"], name="safety_switch_per_scope")]

    def __str__(self) -> str:
        return f"{self.get_scope_display()} {self.scope_id}".rstrip()
