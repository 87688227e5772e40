"""What a follow is guarded and protected by, what its follower accepted, and its place on a full lead's waiting list."""

from __future__ import annotations

from django.db import models

from common.fields import AmountField
from engine.following import StopKind
from portfolios.models import Portfolio


class FollowState(models.TextChoices):
    WAITING = "WAITING", "Waiting"
    PENDING = "PENDING", "Pending"
    ACTIVE = "ACTIVE", "Active"
    PAUSED = "PAUSED", "Paused"
    STOPPING = "STOPPING", "Stopping"
    STOPPED = "STOPPED", "Stopped"


class StopMode(models.TextChoices):
    """What becomes of what a follow holds when it is stopped."""

    CLOSE_NOW = "CLOSE_NOW", "Close now"
    FOLLOW_EXITS = "FOLLOW_EXITS", "Follow the lead's exits"
    KEEP = "KEEP", "Keep"


class StartMode(models.TextChoices):
    """What a follow does about what the lead holds already (rule 29)."""

    NEW_ONLY = "NEW_ONLY", "Copy new trades only"
    ADOPT_ALL = "ADOPT_ALL", "Buy now what the lead holds"
    ADOPT_NO_WORSE = "ADOPT_NO_WORSE", "Buy now what costs no more than the lead paid"


class FollowGuard(models.Model):
    """A follow's guards (rules 26 and 27) and the marks that they measure from; engine/following.py says what each means."""

    follow = models.OneToOneField("trading.Follow", on_delete=models.CASCADE, primary_key=True, related_name="guard")
    daily_loss = models.DecimalField(max_digits=5, decimal_places=4, null=True, blank=True)
    stop = models.DecimalField(max_digits=5, decimal_places=4, null=True, blank=True)
    kind = models.CharField(max_length=8, choices=[(kind.value, kind.value.title()) for kind in StopKind])
    day = models.DateField()
    day_equity = AmountField()
    capital = AmountField()
    peak = AmountField()
    net_deposits = AmountField()


class FollowProtection(models.Model):
    """How far from its entry each position of a live follow is stopped at the exchange itself (0-1); no row, no stop."""

    follow = models.OneToOneField(
        "trading.Follow", on_delete=models.CASCADE, primary_key=True, related_name="protection"
    )
    share = models.DecimalField(max_digits=5, decimal_places=4)


class FollowConsent(models.Model):
    """Which version of the terms (trading/copy_terms.py) a follower accepted, and when, by the wall. Older follows have none."""

    follow = models.OneToOneField("trading.Follow", on_delete=models.CASCADE, primary_key=True, related_name="consent")
    version = models.CharField(max_length=20)
    accepted_at = models.DateTimeField()


class WaitingFollow(models.Model):
    """A place on a full lead's waiting list: what the follow will begin with, and the portfolio that it is still in (rule 33)."""

    follow = models.OneToOneField("trading.Follow", on_delete=models.CASCADE, primary_key=True, related_name="place")
    source = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="+")
    amount = AmountField()
    start = models.CharField(max_length=14, choices=StartMode, default=StartMode.NEW_ONLY)
    # The lead's profit share that was shown when the place was taken; none of a lead that asks for none.
    profit_share = models.DecimalField(max_digits=5, decimal_places=4, null=True, blank=True)
