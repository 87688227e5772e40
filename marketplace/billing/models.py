"""What is sold, to whom, and what the payment processor last said of it. Every id of the processor's stands with its mode.

Amounts are whole minor units of their currency: exact, and as the processor counts.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.models import Plan
from common.ids import new_id
from trading.copy_accounts.models import ProfitShareSettlement
from trading.follow_models import StopMode


class Mode(models.TextChoices):
    """The processor's two worlds, which never meet."""

    TEST = "TEST", "Test"
    LIVE = "LIVE", "Live"


class Interval(models.TextChoices):
    MONTH = "month", "Monthly"
    YEAR = "year", "Yearly"


class PriceState(models.TextChoices):
    PENDING = "PENDING", "Being set up"
    LIVE = "LIVE", "On sale"
    FAILED = "FAILED", "Refused by the processor"
    RETIRED = "RETIRED", "No longer sold"


OWNER = settings.AUTH_USER_MODEL
ID_LENGTH = 255


class Customer(models.Model):
    """Who somebody is to the processor; it is told our id and their address, nothing else."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(OWNER, on_delete=models.PROTECT, related_name="+")
    mode = models.CharField(max_length=4, choices=Mode)
    processor_id = models.CharField(max_length=ID_LENGTH, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "mode"], name="customer_per_mode"),
            models.UniqueConstraint(fields=["processor_id"], condition=~Q(processor_id=""), name="customer_once"),
        ]


class Seller(models.Model):
    """A lead's account at the processor, to which buyers' money goes, as the processor last described it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(OWNER, on_delete=models.PROTECT, related_name="+")
    mode = models.CharField(max_length=4, choices=Mode)
    processor_id = models.CharField(max_length=ID_LENGTH, blank=True)
    charges_enabled = models.BooleanField(default=False)
    payouts_enabled = models.BooleanField(default=False)
    details_submitted = models.BooleanField(default=False)
    # The processor's names of what it still wants to know.
    requirements = models.JSONField(default=list)
    # Nothing is paid out while a dispute is open; an operator may hold payouts for other reasons.
    is_held = models.BooleanField(default=False)
    hold_reason = models.CharField(max_length=200, blank=True)
    # What the processor has been told about holding; where they differ it is to be told.
    is_held_there = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    fetched_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "mode"], name="seller_per_mode"),
            models.UniqueConstraint(fields=["processor_id"], condition=~Q(processor_id=""), name="seller_once"),
        ]

    @property
    def is_ready(self) -> bool:
        """Say whether buyers' money can go there."""
        return bool(self.processor_id) and self.charges_enabled and self.details_submitted


class Price(models.Model):
    """What following a listing, or a plan of the platform, costs per month or year. Never changed: retired and replaced.

    The row comes first and is the outbox: a task tells the processor, by idempotency keys made of our id.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    listing = models.ForeignKey("marketplace.Listing", null=True, on_delete=models.PROTECT, related_name="prices")
    plan = models.ForeignKey(Plan, null=True, on_delete=models.PROTECT, related_name="+")
    # "listing:<id>" or "plan:<id>": what is sold, in one column, so that a constraint can name it.
    subject = models.CharField(max_length=50)
    interval = models.CharField(max_length=5, choices=Interval)
    currency = models.CharField(max_length=3)
    amount_minor = models.PositiveBigIntegerField()
    trial_days = models.PositiveSmallIntegerField(default=0)
    mode = models.CharField(max_length=4, choices=Mode)
    state = models.CharField(max_length=7, choices=PriceState, default=PriceState.PENDING)
    problem = models.CharField(max_length=300, blank=True)
    product_id = models.CharField(max_length=ID_LENGTH, blank=True)
    processor_id = models.CharField(max_length=ID_LENGTH, blank=True)
    due_at = models.DateTimeField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subject", "interval", "mode"], condition=~Q(state="RETIRED"), name="one_price_per_interval"
            ),
            models.UniqueConstraint(fields=["processor_id"], condition=~Q(processor_id=""), name="price_once"),
            models.CheckConstraint(condition=Q(trial_days__lte=30), name="price_trial_range"),
            models.CheckConstraint(
                condition=Q(listing=None, plan__isnull=False) | Q(listing__isnull=False, plan=None),
                name="price_of_one_thing",
            ),
        ]


class CheckoutState(models.TextChoices):
    PENDING = "PENDING", "Being prepared"
    OPEN = "OPEN", "Waiting for payment"
    COMPLETE = "COMPLETE", "Paid"
    EXPIRED = "EXPIRED", "Expired"
    FAILED = "FAILED", "Refused"


UNFINISHED_CHECKOUT = (CheckoutState.PENDING, CheckoutState.OPEN)


class Checkout(models.Model):
    """One person's way to the processor's payment page. Two quick clicks meet in the same one."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(OWNER, on_delete=models.PROTECT, related_name="+")
    price = models.ForeignKey(Price, on_delete=models.PROTECT, related_name="+")
    subject = models.CharField(max_length=50)
    mode = models.CharField(max_length=4, choices=Mode)
    state = models.CharField(max_length=8, choices=CheckoutState, default=CheckoutState.PENDING)
    problem = models.CharField(max_length=300, blank=True)
    processor_id = models.CharField(max_length=ID_LENGTH, blank=True)
    url = models.URLField(max_length=2000, blank=True)
    has_trial = models.BooleanField(default=False)
    expires_at = models.DateTimeField()
    due_at = models.DateTimeField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "subject", "mode"],
                condition=Q(state__in=["PENDING", "OPEN"]),
                name="one_open_checkout_per_subject",
            ),
            models.UniqueConstraint(fields=["processor_id"], condition=~Q(processor_id=""), name="checkout_once"),
        ]


class Subscription(models.Model):
    """A subscription as the processor last described it. What its owner may do follows from this row (rights.py)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(OWNER, on_delete=models.PROTECT, related_name="+")
    listing = models.ForeignKey("marketplace.Listing", null=True, on_delete=models.PROTECT, related_name="+")
    plan = models.ForeignKey(Plan, null=True, on_delete=models.PROTECT, related_name="+")
    price = models.ForeignKey(Price, null=True, on_delete=models.PROTECT, related_name="+")
    subject = models.CharField(max_length=50)
    mode = models.CharField(max_length=4, choices=Mode)
    processor_id = models.CharField(max_length=ID_LENGTH, unique=True)
    # The processor's word: active, trialing, past_due, unpaid, canceled, incomplete, incomplete_expired, paused.
    status = models.CharField(max_length=20)
    cancels_at_end = models.BooleanField(default=False)
    started_at = models.DateTimeField()
    period_start = models.DateTimeField(null=True)
    period_end = models.DateTimeField(null=True)
    trial_end = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    is_disputed = models.BooleanField(default=False)
    # Until when the right stands if nothing more is heard; None: it does not stand.
    right_until = models.DateTimeField(null=True)
    # Set once what hangs on the right was ended: follows stopped, the plan taken back.
    is_lapsed = models.BooleanField(default=False)
    # What becomes of what its follows hold when the right ends.
    stop_mode = models.CharField(max_length=12, choices=StopMode, default=StopMode.FOLLOW_EXITS)
    fetched_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["user", "subject"], name="subscription_of_user"),
            models.Index(fields=["listing", "status"], name="subscription_of_listing"),
            # The sweeper asks for rights that have run out.
            models.Index(fields=["is_lapsed", "right_until"], name="subscription_lapsing"),
        ]


class InvoiceKind(models.TextChoices):
    SUBSCRIPTION = "SUBSCRIPTION", "Subscription"
    PROFIT_SHARE = "PROFIT_SHARE", "Profit share"


class Invoice(models.Model):
    """An invoice as the processor last described it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(OWNER, on_delete=models.PROTECT, related_name="+")
    seller = models.ForeignKey(Seller, null=True, on_delete=models.PROTECT, related_name="invoices")
    subscription = models.ForeignKey(Subscription, null=True, on_delete=models.PROTECT, related_name="invoices")
    kind = models.CharField(max_length=12, choices=InvoiceKind)
    mode = models.CharField(max_length=4, choices=Mode)
    processor_id = models.CharField(max_length=ID_LENGTH, unique=True)
    number = models.CharField(max_length=60, blank=True)
    # The processor's word: draft, open, paid, uncollectible, void.
    status = models.CharField(max_length=20)
    currency = models.CharField(max_length=3)
    total_minor = models.BigIntegerField()
    paid_minor = models.BigIntegerField(default=0)
    tax_minor = models.BigIntegerField(default=0)
    refunded_minor = models.BigIntegerField(default=0)
    payment_id = models.CharField(max_length=ID_LENGTH, blank=True)
    hosted_url = models.URLField(max_length=2000, blank=True)
    pdf_url = models.URLField(max_length=2000, blank=True)
    created_at = models.DateTimeField()
    paid_at = models.DateTimeField(null=True)
    fetched_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["user", "-created_at"], name="invoice_of_user"),
            models.Index(fields=["seller", "-created_at"], name="invoice_of_seller"),
            models.Index(fields=["payment_id"], name="invoice_payment"),
        ]


class Work(models.TextChoices):
    """How far a row that asks the processor for something has come. A time-out leaves it PENDING: it is asked again."""

    PENDING = "PENDING", "Under way"
    DONE = "DONE", "Done"
    FAILED = "FAILED", "Refused"


class Refund(models.Model):
    """Money given back of an invoice: asked for by its buyer within the first week, or by an operator."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="refunds")
    asked_by = models.ForeignKey(OWNER, on_delete=models.PROTECT, related_name="+")
    amount_minor = models.PositiveBigIntegerField()
    ends_right = models.BooleanField(default=False)
    state = models.CharField(max_length=7, choices=Work, default=Work.PENDING)
    problem = models.CharField(max_length=300, blank=True)
    processor_id = models.CharField(max_length=ID_LENGTH, blank=True)
    due_at = models.DateTimeField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["invoice"], condition=Q(state="PENDING"), name="one_refund_of_an_invoice_at_a_time"
            )
        ]


class ChangeKind(models.TextChoices):
    CANCEL_AT_END = "CANCEL_AT_END", "Cancel at the end of the period"
    CANCEL_NOW = "CANCEL_NOW", "Cancel at once"
    RENEW = "RENEW", "Keep renewing"
    SWITCH = "SWITCH", "Change the price"


class Change(models.Model):
    """What somebody wants changed about a subscription: the outbox of what the processor is to be told."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, related_name="changes")
    kind = models.CharField(max_length=13, choices=ChangeKind)
    price = models.ForeignKey(Price, null=True, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=7, choices=Work, default=Work.PENDING)
    problem = models.CharField(max_length=300, blank=True)
    due_at = models.DateTimeField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subscription"], condition=Q(state="PENDING"), name="one_change_of_a_subscription_at_a_time"
            )
        ]


class ProcessorEvent(models.Model):
    """One message of the processor's: the inbox. It says what has changed; what became of it is asked anew."""

    id = models.BigAutoField(primary_key=True)
    event_id = models.CharField(max_length=ID_LENGTH, unique=True)
    kind = models.CharField(max_length=100)
    object_id = models.CharField(max_length=ID_LENGTH)
    # The connected account that it happened on; empty: the platform's own.
    account_id = models.CharField(max_length=ID_LENGTH, blank=True)
    mode = models.CharField(max_length=4, choices=Mode)
    happened_at = models.DateTimeField()
    received_at = models.DateTimeField()
    is_done = models.BooleanField(default=False)
    attempts = models.PositiveSmallIntegerField(default=0)
    problem = models.CharField(max_length=300, blank=True)
    due_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["due_at"], condition=Q(is_done=False), name="processor_event_waiting")]


class Account(models.TextChoices):
    """Where money lies, seen from the platform. What is outside of it (buyers, the processor, banks) has the other sign."""

    BUYER = "BUYER", "Buyers"
    SELLER = "SELLER", "Lead's balance at the processor"
    PLATFORM = "PLATFORM", "Platform's balance at the processor"
    PROCESSOR = "PROCESSOR", "Processor's fees"
    BANK = "BANK", "Paid out"
    # On the platform's balance, too: what it holds for whoever taxes are paid to.
    TAX = "TAX", "Taxes, in the platform's balance"


class BookingKind(models.TextChoices):
    CHARGE = "CHARGE", "Charge"
    REFUND = "REFUND", "Refund"
    DISPUTE = "DISPUTE", "Dispute"
    TRANSFER = "TRANSFER", "Transfer"
    TAX = "TAX", "Taxes"
    PAYOUT = "PAYOUT", "Payout"


class MoneyLine(models.Model):
    """One line of a booking. Append-only; the lines of a booking sum to zero in its one currency."""

    id = models.BigAutoField(primary_key=True)
    # The processor's object and what happened to it ("ch_1", "dp_1:withdrawn"): booked once.
    booking = models.CharField(max_length=ID_LENGTH)
    kind = models.CharField(max_length=8, choices=BookingKind)
    account = models.CharField(max_length=9, choices=Account)
    seller = models.ForeignKey(Seller, null=True, on_delete=models.PROTECT, related_name="lines")
    invoice = models.ForeignKey(Invoice, null=True, on_delete=models.PROTECT, related_name="lines")
    mode = models.CharField(max_length=4, choices=Mode)
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField()
    happened_at = models.DateTimeField()
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["booking", "account"], name="money_booked_once")]
        indexes = [models.Index(fields=["seller", "-happened_at"], name="money_of_seller")]


class Dispute(models.Model):
    """A charge that a buyer contests at their bank, as the processor last described it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="disputes")
    processor_id = models.CharField(max_length=ID_LENGTH, unique=True)
    status = models.CharField(max_length=40)
    reason = models.CharField(max_length=60, blank=True)
    amount_minor = models.BigIntegerField()
    opened_at = models.DateTimeField()
    fetched_at = models.DateTimeField()

    @property
    def is_open(self) -> bool:
        return self.status not in {"won", "lost", "warning_closed", "prevented"}


class Payout(models.Model):
    """Money sent from a lead's balance at the processor to their bank, as the processor last described it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    seller = models.ForeignKey(Seller, on_delete=models.PROTECT, related_name="payouts")
    processor_id = models.CharField(max_length=ID_LENGTH, unique=True)
    status = models.CharField(max_length=20)
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField()
    arrives_at = models.DateTimeField()
    created_at = models.DateTimeField()
    fetched_at = models.DateTimeField()


class ShareInvoice(models.Model):
    """One follower's profit shares of one week with one lead, to be invoiced: the outbox of the processor's invoice."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    follower = models.ForeignKey(OWNER, on_delete=models.PROTECT, related_name="+")
    seller = models.ForeignKey(Seller, on_delete=models.PROTECT, related_name="share_invoices")
    # The Monday on which the week ended.
    week = models.DateField()
    currency = models.CharField(max_length=3)
    amount_minor = models.PositiveBigIntegerField()
    platform_fee_minor = models.PositiveBigIntegerField()
    state = models.CharField(max_length=7, choices=Work, default=Work.PENDING)
    problem = models.CharField(max_length=300, blank=True)
    # How often an operator had a refused one tried again: the processor answers a key as it did the first time.
    attempt = models.PositiveSmallIntegerField(default=0)
    # Taken back by an operator: nothing is asked of the follower, and once that is DONE its settlements are free again.
    is_void = models.BooleanField(default=False)
    invoice = models.OneToOneField(Invoice, null=True, on_delete=models.PROTECT, related_name="share")
    due_at = models.DateTimeField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["follower", "seller", "week"], name="one_share_invoice_per_week")
        ]


class ShareLine(models.Model):
    """One settlement on an invoice, in the order in which they stand there; a credit returns what was too much."""

    id = models.BigAutoField(primary_key=True)
    invoice = models.ForeignKey(ShareInvoice, on_delete=models.PROTECT, related_name="lines")
    settlement = models.OneToOneField(ProfitShareSettlement, null=True, on_delete=models.PROTECT, related_name="+")
    credit = models.OneToOneField("ShareCredit", null=True, on_delete=models.PROTECT, related_name="line")
    # Rounded to minor units; what rounding leaves goes into the next line.
    amount_minor = models.BigIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(settlement=None, credit__isnull=False) | Q(settlement__isnull=False, credit=None),
                name="share_line_of_one_thing",
            )
        ]


class ShareCredit(models.Model):
    """What a follower was charged too much of a lead's profit share: taken off the next invoice."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    settlement = models.ForeignKey(ProfitShareSettlement, on_delete=models.PROTECT, related_name="+")
    amount_minor = models.PositiveBigIntegerField()
    reason = models.CharField(max_length=200)
    given_by = models.ForeignKey(OWNER, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()


class FindingKind(models.TextChoices):
    DIFFERENCE = "DIFFERENCE", "Ours differed from the processor's"
    DUPLICATE = "DUPLICATE", "Two subscriptions to the same thing"
    REFUND_AFTER_USE = "REFUND_AFTER_USE", "Refund asked for again after use"
    CHARGEBACK = "CHARGEBACK", "Charge contested at the bank"
    CURRENCY_MISMATCH = "CURRENCY_MISMATCH", "Charged in another currency than the price's"
    MODE_MISMATCH = "MODE_MISMATCH", "Message of the other mode"
    UNKNOWN_OBJECT = "UNKNOWN_OBJECT", "The processor has what we do not know of"
    SHARE_REFUSED = "SHARE_REFUSED", "Profit share could not be invoiced"
    REFUND_REFUSED = "REFUND_REFUSED", "Refund was refused by the processor"
    TRANSFER_REFUSED = "TRANSFER_REFUSED", "Lead's part could not be taken back"
    RETURN_REFUSED = "RETURN_REFUSED", "Lead could not be paid back"
    REFUND_FAILED = "REFUND_FAILED", "Refund failed after it was made"


class Finding(models.Model):
    """What an operator should look at: a difference that was mended, a sign of fraud."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=17, choices=FindingKind)
    user = models.ForeignKey(OWNER, null=True, on_delete=models.PROTECT, related_name="+")
    object_id = models.CharField(max_length=ID_LENGTH)
    details = models.JSONField(default=dict)
    found_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "object_id"], condition=Q(settled_at=None), name="one_open_finding_of_a_kind"
            )
        ]
        indexes = [models.Index(fields=["-found_at"], name="finding_newest")]
