"""How payments with taxes are shared between lead and platform, and what moves between the two after a payment was."""

from __future__ import annotations

from django.db import models

from common.ids import new_id
from marketplace.billing.models import ID_LENGTH, OWNER, Invoice


class TaxSplit(models.Model):
    """A payment as it is to be shared: price + tax is what was paid, fee + share is the price.

    Written with the charge's booking where there are taxes, else once a refund of it failed, and never changed: whatever
    is taken back of the lead, and paid back, is computed from it.
    """

    invoice = models.OneToOneField(Invoice, primary_key=True, on_delete=models.PROTECT, related_name="tax_split")
    # The transfer that brought the lead its part of the payment, taxes with it.
    transfer_id = models.CharField(max_length=ID_LENGTH, unique=True)
    price_minor = models.PositiveBigIntegerField()
    tax_minor = models.PositiveBigIntegerField()
    fee_minor = models.PositiveBigIntegerField()
    share_minor = models.PositiveBigIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(price_minor=models.F("fee_minor") + models.F("share_minor")),
                name="tax_split_adds_up",
            )
        ]

    @property
    def paid_minor(self) -> int:
        return self.price_minor + self.tax_minor


class TakenFor(models.TextChoices):
    TAX = "TAX", "Taxes"
    REFUND = "REFUND", "Refund"
    DISPUTE = "DISPUTE", "Lost dispute"
    # The other way: what a refund took that failed later, or took too much of.
    RETURN = "RETURN", "Paid back to the lead"


class TakenState(models.TextChoices):
    """How far it has come; the first three are those of every outbox (models.Work)."""

    PENDING = "PENDING", "Under way"
    DONE = "DONE", "Done"
    FAILED = "FAILED", "Refused"
    # An operator wrote down why it is asked for no more. What of it did not move is owed all the same.
    CLOSED = "CLOSED", "Closed"
    # What it was asked for is gone, before it had moved: nobody owes it.
    VOID = "VOID", "No longer due"


# What did not move and is owed.
OWED = (TakenState.FAILED, TakenState.CLOSED)


class TakenBack(models.Model):
    """What a lead gives back of a payment, or is paid back (RETURN): the outbox of the processor's reversal or transfer."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="taken")
    cause = models.CharField(max_length=7, choices=TakenFor)
    # The processor's charge, refund or dispute: for each it is taken once. ("re_1:failed": for what became of a refund.)
    about = models.CharField(max_length=ID_LENGTH)
    amount_minor = models.PositiveBigIntegerField()
    # What of it was booked: one that spans several transfers may be refused after the first of them gave its part.
    moved_minor = models.PositiveBigIntegerField(default=0)
    state = models.CharField(max_length=7, choices=TakenState, default=TakenState.PENDING)
    problem = models.CharField(max_length=300, blank=True)
    # How often a refused one was asked for again: the processor answers a key as it did the first time.
    attempt = models.PositiveSmallIntegerField(default=0)
    processor_id = models.CharField(max_length=ID_LENGTH, blank=True)
    closed_by = models.ForeignKey(OWNER, null=True, on_delete=models.PROTECT, related_name="+")
    closed_at = models.DateTimeField(null=True)
    close_reason = models.CharField(max_length=300, blank=True)
    due_at = models.DateTimeField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["cause", "about"], name="taken_back_once"),
            models.CheckConstraint(condition=models.Q(amount_minor__gt=0), name="taken_back_something"),
            models.CheckConstraint(
                condition=~models.Q(state="CLOSED")
                | models.Q(closed_by__isnull=False, closed_at__isnull=False) & ~models.Q(close_reason=""),
                name="taken_back_closed_by_somebody",
            ),
        ]

    @property
    def left_minor(self) -> int:
        """What of it has not moved."""
        return max(self.amount_minor - self.moved_minor, 0)
