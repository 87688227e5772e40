"""How payments with taxes are shared between lead and platform, and what is taken back of a lead for that."""

from __future__ import annotations

from django.db import models

from common.ids import new_id
from marketplace.billing.models import ID_LENGTH, Invoice, Work


class TaxSplit(models.Model):
    """A payment with taxes, as it is to be shared: price + tax is what was paid, fee + share is the price.

    Written with the charge's booking and never changed: whatever is taken back of the lead is computed from it.
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


class TakenBack(models.Model):
    """What a lead gives back of the transfer of a payment with taxes: the outbox of the processor's reversal."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    split = models.ForeignKey(TaxSplit, on_delete=models.PROTECT, related_name="taken")
    cause = models.CharField(max_length=7, choices=TakenFor)
    # The processor's charge, refund or dispute: for each it is taken once.
    about = models.CharField(max_length=ID_LENGTH)
    amount_minor = models.PositiveBigIntegerField()
    state = models.CharField(max_length=7, choices=Work, default=Work.PENDING)
    problem = models.CharField(max_length=300, blank=True)
    # How often a refused one was asked for again: the processor answers a key as it did the first time.
    attempt = models.PositiveSmallIntegerField(default=0)
    processor_id = models.CharField(max_length=ID_LENGTH, blank=True)
    due_at = models.DateTimeField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["cause", "about"], name="taken_back_once"),
            models.CheckConstraint(condition=models.Q(amount_minor__gt=0), name="taken_back_something"),
        ]
