"""What leads offer: listings of their portfolios, and what each of them has achieved."""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings
from django.db import models

from common.fields import AmountField
from common.ids import new_id
from portfolios.models import Portfolio


class ListingState(models.TextChoices):
    PUBLISHED = "PUBLISHED", "Published"
    WITHDRAWN = "WITHDRAWN", "Withdrawn"


class Listing(models.Model):
    """The offer to follow a portfolio; free for now. Withdrawn, never deleted: its history stays."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="listings")
    portfolio = models.OneToOneField(Portfolio, on_delete=models.PROTECT, related_name="listing")
    title = models.CharField(max_length=80)
    description = models.TextField(max_length=4000, blank=True)
    state = models.CharField(max_length=9, choices=ListingState, default=ListingState.PUBLISHED)
    published_at = models.DateTimeField()

    class Meta:
        # The marketplace reads what is published, newest first.
        indexes = [models.Index(fields=["state", "-id"], name="listing_newest")]

    def __str__(self) -> str:
        return self.title


class TrackRecord(models.Model):
    """What a listing's portfolio has achieved up to its newest snapshot (engine/performance.py).

    Kept in step snapshot by snapshot, so that showing or ranking a thousand listings reads a row of each and no
    history. It starts with the portfolio, not with the listing: publishing late or anew hides nothing.
    """

    listing = models.OneToOneField(Listing, on_delete=models.CASCADE, primary_key=True, related_name="record")
    # Market time of the newest snapshot counted; none yet in a portfolio that was just opened.
    as_of = models.DateTimeField(null=True, blank=True)
    equity = AmountField(default=Decimal(0))
    net_deposits = AmountField(default=Decimal(0))
    # Ratios are floats: nothing settles on them.
    unit_value = models.FloatField(default=1.0)
    peak = models.FloatField(default=1.0)
    max_drawdown_ratio = models.FloatField(default=0.0)
    # What the unfinished follows have contributed, net.
    copied_capital = AmountField(default=Decimal(0))

    class Meta:
        # The leaderboard's order.
        indexes = [models.Index(fields=["-unit_value"], name="track_record_rank")]

    def __str__(self) -> str:
        return f"Record of {self.listing_id}"

    @property
    def return_ratio(self) -> float:
        """Return the time-weighted return since the portfolio was opened; 0.1 is ten per cent."""
        return self.unit_value - 1
