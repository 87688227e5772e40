"""What trading on margin needs beside a book: tiers of instruments, their funding times, and what each position paid."""

from __future__ import annotations

from decimal import Decimal

from django.db import models

from common.fields import AmountField
from common.ids import new_id
from markets.models import Instrument


class MarginMode(models.TextChoices):
    """What backs a position: the margin set aside for it alone, or all the cash of the portfolio that is not promised."""

    ISOLATED = "ISOLATED", "Isolated"
    CROSS = "CROSS", "Cross"


class MarginTier(models.Model):
    """From `floor` of a position's worth on, the most leverage, and the part (0-1) of it that must stay as margin."""

    id = models.BigAutoField(primary_key=True)
    instrument = models.ForeignKey(Instrument, on_delete=models.CASCADE, related_name="margin_tiers", db_index=False)
    floor = AmountField()
    max_leverage = models.PositiveSmallIntegerField()
    maintenance_ratio = AmountField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["instrument", "floor"], name="margin_tier_once")]

    def __str__(self) -> str:
        return f"{self.max_leverage}x from {self.floor.normalize():f}"


class FundingTime(models.Model):
    """A moment (market time) at which the positions in an instrument pay each other, at one rate and one mark price for all.

    While it is to come, `rate` is what its venue expects; `mark` is set when it is settled. The row is the work's outbox.
    """

    id = models.BigAutoField(primary_key=True)
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+", db_index=False)
    at = models.DateTimeField()
    rate = AmountField()
    mark = AmountField(null=True, blank=True)
    is_settled = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["instrument", "at"], name="funding_time_once")]
        indexes = [models.Index(fields=["at"], condition=models.Q(is_settled=False), name="funding_times_to_come")]

    def __str__(self) -> str:
        return f"Funding of {self.instrument_id} at {self.at:%Y-%m-%d %H:%M}"


class FundingPayment(models.Model):
    """What one position paid (negative: received) at a funding time; its id is the ledger booking's. Immutable.

    Mark and rate are ours on paper; a venue tells no more than what its account paid, of which this is the position's part.

    Grows by three rows a day and position: partition by month of `happened_at` on PostgreSQL once it passes some 50 million.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    portfolio = models.ForeignKey(
        "portfolios.Portfolio", on_delete=models.PROTECT, related_name="funding_payments", db_index=False
    )
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+", db_index=False)
    # Signed, in base units, as it was held at that time.
    quantity = AmountField()
    mark = AmountField(null=True)
    rate = AmountField(null=True)
    amount = AmountField()
    # The part of it that the insurance fund paid: no isolated margin pays more than it is.
    insured = AmountField(default=Decimal(0))
    happened_at = models.DateTimeField()
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [
            # Whoever comes second finds it paid. (A venue numbers its own: AccountFunding.)
            models.UniqueConstraint(
                fields=["portfolio", "instrument", "happened_at"],
                condition=models.Q(mark__isnull=False),
                name="funding_paid_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount.normalize():f} at {self.happened_at:%Y-%m-%d %H:%M}"


class AccountFunding(models.Model):
    """What an exchange account received (negative: paid) at a funding time, as its venue numbered it: booked once. Immutable.

    Grows by three rows a day and position, like the payments that it is divided into.
    """

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(
        "portfolios.ExchangeAccount", on_delete=models.PROTECT, related_name="funding", db_index=False
    )
    payment_id = models.CharField(max_length=64)
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+", db_index=False)
    amount = AmountField()
    happened_at = models.DateTimeField()
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "payment_id"], name="account_funding_once")]

    def __str__(self) -> str:
        return f"{self.amount.normalize():f} at {self.happened_at:%Y-%m-%d %H:%M}"


class VenueTerms(models.Model):
    """The leverage and margin mode that a venue was last asked for, of one account and perpetual; `refusal` is its no, in its words."""

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(
        "portfolios.ExchangeAccount", on_delete=models.CASCADE, related_name="terms", db_index=False
    )
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+", db_index=False)
    leverage = models.PositiveSmallIntegerField()
    margin_mode = models.CharField(max_length=8, choices=MarginMode)
    refusal = models.CharField(max_length=300, blank=True)
    asked_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "instrument"], name="venue_terms_once")]

    def __str__(self) -> str:
        return f"{self.leverage}x {self.get_margin_mode_display()}"
