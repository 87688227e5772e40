"""Profit shares: what each follow owes its lead, the mark it is counted from, and every settlement with its parts."""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from common.fields import AmountField
from common.ids import new_id
from engine.copy_accounts.profit_share import MAX_RATIO, MIN_RATIO
from portfolios.models import Portfolio


class HighWaterMark(models.Model):
    """What a follower has yet to earn back with one lead, kept while no follow of that lead is open.

    An open follow's account carries it on: `loss` is then zero. `equity` is what the last follow held when it stopped.
    """

    id = models.BigAutoField(primary_key=True)
    follower = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    lead = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="+")
    loss = AmountField(default=Decimal(0))
    equity = AmountField(default=Decimal(0))
    # Market time; the loss lapses 180 days later.
    stopped_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["follower", "lead"], name="high_water_mark_per_lead"),
            models.CheckConstraint(condition=Q(loss__gte=Decimal(0)), name="high_water_mark_loss_positive"),
        ]


class ProfitShareAccount(models.Model):
    """What a follow's profit is shared by. A follow without one owes nothing.

    `high` is H in terms of the follow's own profit P, which starts at 0: what is lost below it is H − P.
    """

    follow = models.OneToOneField(
        "trading.Follow", on_delete=models.PROTECT, primary_key=True, related_name="profit_share"
    )
    mark = models.ForeignKey(HighWaterMark, on_delete=models.PROTECT, related_name="accounts")
    # The share in force, 0-0.3.
    ratio = models.DecimalField(max_digits=5, decimal_places=4)
    # What it becomes, and when (market time): all earned until then is settled at the old one.
    next_ratio = models.DecimalField(max_digits=5, decimal_places=4, null=True, blank=True)
    next_ratio_at = models.DateTimeField(null=True, blank=True)
    high = AmountField(default=Decimal(0))
    # The portfolio's net deposits up to which cash flows are counted: what lies below is a withdrawal to be settled.
    net_deposits = AmountField(default=Decimal(0))
    # The next Monday 00:00 UTC of market time.
    settles_at = models.DateTimeField()
    last_number = models.PositiveIntegerField(default=0)
    is_lead_gone = models.BooleanField(default=False)
    is_open = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(ratio__gte=MIN_RATIO, ratio__lte=MAX_RATIO), name="profit_share_ratio_range"
            ),
            models.CheckConstraint(
                condition=Q(next_ratio=None, next_ratio_at=None)
                | Q(next_ratio__gte=MIN_RATIO, next_ratio__lte=MAX_RATIO, next_ratio_at__isnull=False),
                name="profit_share_next_ratio_range",
            ),
        ]
        # The settler looks at what is open.
        indexes = [models.Index(fields=["is_open", "settles_at"], name="profit_share_due")]

    def __str__(self) -> str:
        return f"Profit share of {self.follow_id}"


class SettlementCause(models.TextChoices):
    WEEK = "WEEK", "End of the week"
    WITHDRAWAL = "WITHDRAWAL", "Money taken out"
    STOP = "STOP", "End of the follow"
    LEAD_EXIT = "LEAD_EXIT", "The lead left"
    SHARE = "SHARE", "Another share from here on"


class ProfitShareSettlement(models.Model):
    """One settlement of an account, with all that its amount follows from. Immutable; numbered without gaps per account.

    P = min(realized, realized + unrealized) of `realized_pnl` less fees and funding; due = ratio × max(0, P − high_before).
    `high_after` is max(H, P), and after a withdrawal what of the loss below it still counts.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    account = models.ForeignKey(ProfitShareAccount, on_delete=models.PROTECT, related_name="settlements")
    number = models.PositiveIntegerField()
    cause = models.CharField(max_length=10, choices=SettlementCause)
    # What this settlement is the only one of: a Monday, the stop, the lead's exit, a withdrawal's number.
    key = models.CharField(max_length=40)
    realized_pnl = AmountField()
    unrealized_pnl = AmountField()
    fees = AmountField()
    funding = AmountField(default=Decimal(0))
    profit = AmountField()
    high_before = AmountField()
    high_after = AmountField()
    ratio = models.DecimalField(max_digits=5, decimal_places=4)
    due = AmountField()
    platform_fee = AmountField()
    equity = AmountField()
    withdrawn = AmountField(default=Decimal(0))
    # Only real money owes anything; elsewhere the amount is shown, and never invoiced.
    is_hypothetical = models.BooleanField()
    settled_at = models.DateTimeField()
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "number"], name="settlement_number_per_follow"),
            models.UniqueConstraint(fields=["account", "key"], name="settlement_once"),
            models.CheckConstraint(
                condition=Q(due__gte=Decimal(0), high_after__gte=F("profit")), name="settlement_adds_up"
            ),
        ]

    def __str__(self) -> str:
        return f"Settlement {self.number} ({self.get_cause_display().lower()})"
