"""Orders and fills, what is led and who follows, what waits for a price, and the switches that stop it all.

Two kinds of rows are outboxes: PENDING orders (to be sent) and unfinished lead events (to be copied). A lost task loses nothing.
"""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import Q

from common.db import ManyRead
from common.fields import AmountField, canonical
from common.ids import new_id
from engine.copying.settings import CopySettings, stored_settings
from markets.models import Instrument
from portfolios.models import ExchangeAccount, Portfolio
from trading import template_models as _templates  # noqa: F401  # Django looks for an app's models here
from trading.approvals import models as _approvals  # noqa: F401  # likewise
from trading.constraints import ORDER_INDEXES, ORDER_ONCE, ORDER_TERMS
from trading.copy_accounts import models as _copy_accounts  # noqa: F401  # Django looks for an app's models here
from trading.follow_models import FollowState as FollowState  # noqa: PLC0414  # found here, as all models
from trading.follow_models import StopMode
from trading.kinds import CauseKind as CauseKind  # noqa: PLC0414  # found here, as all of an order's
from trading.kinds import GroupRole, OrderKind, TimeInForce
from trading.plans.models import Plan
from trading.risk import models as _risk  # noqa: F401  # Django looks for an app's models here
from trading.safety_models import SafetyLevel as SafetyLevel  # noqa: PLC0414  # found here, as all models
from trading.safety_models import SafetySwitch as SafetySwitch  # noqa: PLC0414  # found here, as all models
from trading.safety_models import ScopeKind as ScopeKind  # noqa: PLC0414  # found here, as all models
from trading.signals import models as _signals  # noqa: F401  # likewise


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


# Claimed or sent, and nothing heard of it.
UNANSWERED = (OrderState.SUBMITTING, OrderState.UNKNOWN)
# Sent, and not known to have ended.
IN_FLIGHT = (OrderState.SUBMITTING, OrderState.OPEN, OrderState.PARTIALLY_FILLED, OrderState.UNKNOWN)
UNFINISHED = (OrderState.PENDING, *IN_FLIGHT)
# The venue's end of an order that may have filled in part.
ENDED_EARLY = (OrderState.CANCELED, OrderState.EXPIRED, OrderState.REJECTED)
# Known to the venue, and waiting for a price.
RESTING = (OrderState.OPEN, OrderState.PARTIALLY_FILLED)
# Of these, what our own book fills or sets off; and what a venue may fill until it says that it has ended.
ON_BOOK = Q(state__in=RESTING, change__isnull=False, is_at_venue=False)
AT_VENUE = Q(state__in=IN_FLIGHT, is_at_venue=True)
# Of those, what waits there for a price, and so can be asked back. (What our own book set off is a market order there.)
WAITS_AT_VENUE = AT_VENUE & (Q(limit_price__isnull=False) | Q(trigger_price__isnull=False, triggered_at__isnull=True))


UNFINISHED_FOLLOW = (
    FollowState.WAITING,
    FollowState.PENDING,
    FollowState.ACTIVE,
    FollowState.PAUSED,
    FollowState.STOPPING,
)
MIRRORING = (FollowState.ACTIVE, FollowState.PAUSED, FollowState.STOPPING)


class LeadStream(models.Model):
    """Marks a portfolio as led and counts its events; guarded by the portfolio's lock.

    An operator may let more people, or more capital, follow than rule 33 does.
    """

    portfolio = models.OneToOneField(Portfolio, on_delete=models.CASCADE, primary_key=True, related_name="lead_stream")
    last_seq = models.PositiveBigIntegerField(default=0)
    most_followers = models.PositiveIntegerField(null=True, blank=True)
    most_capital = AmountField(null=True, blank=True)


class Follow(ManyRead):
    """One lead portfolio × one portfolio of the follower made for it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    follower = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="follows")
    lead = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="followers", db_index=False)
    portfolio = models.OneToOneField(Portfolio, on_delete=models.PROTECT, related_name="follow")
    state = models.CharField(max_length=8, choices=FollowState, default=FollowState.ACTIVE)
    # Why it is paused, stopping or stopped, where it was not its owner who wished so (trading/codes.py).
    state_code = models.CharField(max_length=40, blank=True)
    # What becomes of what it holds ("": it was not stopped), and until when it waits for the lead's exits (market time).
    stop_mode = models.CharField(max_length=12, choices=StopMode, blank=True)
    exits_until = models.DateTimeField(null=True, blank=True)
    # What differs from the defaults of engine/copying/settings.py, which reads it. Positions keep those of their opening.
    settings = models.JSONField(default=dict, blank=True)
    # Only events after this one are copied: a start adopts nothing that is already open.
    start_seq = models.PositiveBigIntegerField()
    # The last event that it has its rows for (0: none since the start); a gap after it freezes opens, since then.
    last_seq = models.PositiveBigIntegerField(default=0)
    frozen_at = models.DateTimeField(null=True, blank=True)
    # Copies that open, on that day of market time.
    copied_on = models.DateField(null=True, blank=True)
    copied_count = models.PositiveIntegerField(default=0)
    # When its drift is looked at next (market time); empty while it holds exactly what it aims at.
    drift_due_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField()
    stopped_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["follower", "lead"], condition=~Q(state="STOPPED"), name="one_open_follow_per_lead"
            ),
        ]
        # A fan-out reads a lead's mirroring follows, a clock those whose drift or whose exits are due.
        indexes = [
            models.Index(fields=["lead", "state"], name="follow_by_lead"),
            models.Index(fields=["exits_until"], condition=Q(state="STOPPING"), name="follow_exits_due"),
            models.Index(fields=["drift_due_at"], condition=Q(drift_due_at__isnull=False), name="follow_drift_due"),
        ]

    def __str__(self) -> str:
        return f"Follow {self.pk}"

    @property
    def copying(self) -> CopySettings:
        """Return the settings by which its next positions are opened."""
        return stored_settings(self.settings)

    @property
    def multiplier(self) -> Decimal:
        return self.copying.multiplier


class FollowPosition(ManyRead):
    """A follow's aim in one instrument, with the settings and the ratio of its opening (rules 4 and 32).

    `target` is what drift is measured from: what sizing asked for, less what was missed, clipped or denied, reduced as
    the lead reduced (model.md 10). Guarded by the portfolio's lock.
    """

    id = models.BigAutoField(primary_key=True)
    # Found by follow, or by both: what is unique below.
    follow = models.ForeignKey(Follow, on_delete=models.CASCADE, related_name="positions", db_index=False)
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+", db_index=False)
    ratio = AmountField(default=Decimal(0))
    target = AmountField(default=Decimal(0))
    last_seq = models.PositiveBigIntegerField(default=0)
    settings = models.JSONField(default=dict, blank=True)
    # Too small to be sent: still to be opened (positive) or closed (negative), since when (market time).
    residual = AmountField(default=Decimal(0))
    residual_since = models.DateTimeField(null=True, blank=True)
    # What was asked for and not had at its price, of the present position.
    missed = AmountField(default=Decimal(0))
    # Events of which it missed something, and orders that were not ours, since the last comparison with the lead as a whole.
    missed_events = models.PositiveIntegerField(default=0)
    unexplained_orders = models.PositiveIntegerField(default=0)
    drift_since = models.DateTimeField(null=True, blank=True)
    # A trade that was not ours, or a venue that holds less: no repair before the follower accepts a plan.
    diverged_at = models.DateTimeField(null=True, blank=True)
    # Its protective stop closed it: no repair opens it again before the next copy begins a new position.
    stopped_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["follow", "instrument"], name="follow_position_per_instrument")]

    @property
    def copying(self) -> CopySettings:
        """Return the settings that it was opened with."""
        return stored_settings(self.settings)


class LeadEventState(models.TextChoices):
    WAITING = "WAITING"
    DONE = "DONE"


class LeadEvent(ManyRead):
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
    """ADOPT buys what the lead held at the start, REPAIR mends drift, CLOSE_ALL ends a follow.

    RESYNC compares all with the lead and reduces, CATCH_UP opens as well.
    """

    ADOPT = "ADOPT"
    CLOSE_ALL = "CLOSE_ALL"
    REPAIR = "REPAIR"
    RESYNC = "RESYNC"
    CATCH_UP = "CATCH_UP"


class FollowCommand(models.Model):
    """Something a follow must do that no lead event asks for: a row, so that it survives whoever asked."""

    id = models.BigAutoField(primary_key=True)
    follow = models.ForeignKey(Follow, on_delete=models.PROTECT, related_name="commands")
    kind = models.CharField(max_length=10, choices=FollowCommandKind)
    due_at = models.DateTimeField()
    is_done = models.BooleanField(default=False)

    class Meta:
        indexes = [models.Index(fields=["due_at"], condition=Q(is_done=False), name="follow_command_waiting")]


class Order(ManyRead):
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
    client_order_id = models.CharField(max_length=32)
    # The venue's own name for it, by which its fills are known; "" on paper, and until the venue has answered.
    venue_order_id = models.CharField(max_length=64, blank=True)
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
    # What an open on margin was judged with; its position's terms stay as they are while it is unfinished.
    leverage = models.PositiveSmallIntegerField(default=1)
    # Arms a stop this far (0-1) below the fill of an opening order, or above that of a short.
    stop_loss_ratio = models.DecimalField(max_digits=7, decimal_places=5, null=True, blank=True)
    kind = models.CharField(max_length=17, choices=OrderKind, default=OrderKind.MARKET)
    time_in_force = models.CharField(max_length=3, choices=TimeInForce, default=TimeInForce.GTC)
    # Market time; only of GTD.
    expires_at = models.DateTimeField(null=True, blank=True)
    limit_price = AmountField(null=True, blank=True)
    trigger_price = AmountField(null=True, blank=True)
    # A trailing stop's distance from the best price: quote units, or basis points of that price.
    trail_amount = AmountField(null=True, blank=True)
    trail_bps = models.DecimalField(max_digits=8, decimal_places=4, null=True, blank=True)
    # A trailing stop follows the price only once it has reached this; the best price since then is its peak.
    activation_price = AmountField(null=True, blank=True)
    peak_price = AmountField(null=True, blank=True)
    triggered_at = models.DateTimeField(null=True, blank=True)
    # Never closes more than is held and free when it fills, and promises nothing until then.
    reduce_only = models.BooleanField(default=False)
    post_only = models.BooleanField(default=False)
    # A bracket's entry names the prices of the two that will guard what it buys.
    stop_price = AmountField(null=True, blank=True)
    target_price = AmountField(null=True, blank=True)
    group_id = models.UUIDField(null=True, blank=True)
    group_role = models.CharField(max_length=6, choices=GroupRole, blank=True)
    # The plan that wished for it, under its own key (a second attempt where the first ended unfilled), and whether the plan
    # has been told that it ended.
    plan = models.ForeignKey(
        Plan, null=True, blank=True, on_delete=models.PROTECT, related_name="orders", db_index=False
    )
    plan_key = models.CharField(max_length=40, blank=True)
    plan_heard = models.BooleanField(default=False)
    # On our own book since (market time; prices before that do not count), and the number of its last change
    # there (see TriggerBook); it keeps both when it ends, or is sent on to a venue.
    rests_since = models.DateTimeField(null=True, blank=True)
    # On its way to our own broker until then, in market time: the first price of that time or later meets it. It is
    # `rests_since` as long as it stands, and empty once the order has arrived.
    arrives_at = models.DateTimeField(null=True, blank=True)
    change = models.PositiveBigIntegerField(null=True, blank=True)
    # Claimed to be sent to a venue. What rests then rests there, and nothing but the venue's word fills or ends it.
    is_at_venue = models.BooleanField(default=False)
    # Why it is to be canceled at its venue ("": it is not), and from when on (by the wall) that is asked for, again.
    cancel_code = models.CharField(max_length=40, blank=True)
    cancel_at = models.DateTimeField(null=True, blank=True)
    # The order that this one takes the place of: it is not sent while that one may still live.
    replaces = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    state = models.CharField(max_length=16, choices=OrderState, default=OrderState.PENDING)
    code = models.CharField(max_length=40, blank=True)
    claim = models.CharField(max_length=32, blank=True)
    claimed_at = models.DateTimeField(null=True, blank=True)
    # Of the present claim: when the venue is asked what became of it (none: when its worker has been silent too long),
    # how often it was asked, and when it first said "not found" at a time when that counts.
    ask_at = models.DateTimeField(null=True, blank=True)
    times_asked = models.PositiveSmallIntegerField(default=0)
    missing_since = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [*ORDER_ONCE, *ORDER_TERMS]
        indexes = ORDER_INDEXES

    def __str__(self) -> str:
        return f"{self.get_side_display()} {canonical(self.requested_quantity)} ({self.get_state_display().lower()})"

    @property
    def rests_on_book(self) -> bool:
        """Say whether our own book fills it, or sets it off, when its price comes."""
        return self.state in RESTING and self.change is not None and not self.is_at_venue

    @property
    def waits_at(self) -> str:
        """Say where an order of an exchange account waits: EXCHANGE or HERE; "" for any other, and where it does not wait."""
        if self.portfolio.account_id is None or self.state not in RESTING:
            return ""
        return "EXCHANGE" if self.is_at_venue else "HERE"

    @property
    def waits_at_venue(self) -> bool:
        """Say whether it is at a venue and names the price that it waits for there."""
        is_set_off = self.trigger_price is None or self.triggered_at is not None
        return self.is_at_venue and (self.limit_price is not None or not is_set_off)

    @property
    def is_under_way_at_venue(self) -> bool:
        """Say whether a venue may still fill it."""
        return self.state in IN_FLIGHT and self.is_at_venue


class OrderEvent(models.Model):
    """What became of an order, with its times: one row for an order that ends at once."""

    id = models.BigAutoField(primary_key=True)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="events")
    state = models.CharField(max_length=16, choices=OrderState)
    code = models.CharField(max_length=40, blank=True)
    submitted_at = models.DateTimeField(null=True, blank=True)
    happened_at = models.DateTimeField()
    recorded_at = models.DateTimeField()


class Fill(ManyRead):
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
    # Base units that the venue kept as its fee; `fee` is then what they were worth at the fill's price.
    base_fee = AmountField(default=Decimal(0))
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

    @property
    def change(self) -> Decimal:
        """Return what the fill added to the position: signed, in base units, less what the venue kept."""
        return change_of(self.side, self.quantity, self.base_fee)


def change_of(side: str, quantity: Decimal, base_fee: Decimal) -> Decimal:
    """Return what a fill adds to its position (base units)."""
    return (quantity if side == Side.BUY else -quantity) - base_fee


class ForeignFill(models.Model):
    """A fill of an exchange account that belongs to no order of ours: part of the account's remainder until its owner assigns it.

    `fee` is in `fee_asset`. Unique like a fill, so that a stream and the venue's lists may both tell it.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    account = models.ForeignKey(ExchangeAccount, on_delete=models.PROTECT, related_name="foreign_fills", db_index=False)
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+", db_index=False)
    venue_fill_id = models.CharField(max_length=80)
    venue_order_id = models.CharField(max_length=64, blank=True)
    side = models.CharField(max_length=4, choices=Side)
    quantity = AmountField()
    price = AmountField()
    fee = AmountField()
    fee_asset = models.CharField(max_length=40, blank=True)
    happened_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    # The order that took it into a book.
    assigned_to = models.ForeignKey(Order, null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "venue_fill_id"], name="foreign_fill_once")]


class TriggerState(models.TextChoices):
    ARMED = "ARMED"
    FIRED = "FIRED"
    CANCELED = "CANCELED"


class TriggerBook(models.Model):
    """Counts the changes to a namespace's triggers and resting orders, in the order of their commits, so that an engine can follow them."""

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
