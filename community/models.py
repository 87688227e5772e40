"""People together: competitions, in which every entrant trades an own paper portfolio under the same rules."""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from common.fields import AmountField
from common.ids import new_id
from markets.models import Asset, Exchange, Instrument
from portfolios.models import Portfolio


class CompetitionState(models.TextChoices):
    OPEN = "OPEN", "Open"
    CLOSED = "CLOSED", "Closed"


class Competition(models.Model):
    """A window of market time on one exchange, with one starting capital. Closed once: its ranking is frozen then."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    title = models.CharField(max_length=80)
    description = models.TextField(max_length=4000, blank=True)
    exchange = models.ForeignKey(Exchange, on_delete=models.PROTECT, related_name="+")
    settlement = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    starting_capital = AmountField()
    allowed_instruments = models.ManyToManyField(Instrument, related_name="+")
    # Market time of the exchange's namespace.
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    state = models.CharField(max_length=6, choices=CompetitionState, default=CompetitionState.OPEN)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="competition_ends_after_start"),
            models.CheckConstraint(condition=Q(starting_capital__gt=Decimal(0)), name="competition_capital_positive"),
        ]
        # Every second somebody asks which ones are due.
        indexes = [models.Index(fields=["ends_at"], condition=Q(state="OPEN"), name="competition_to_close")]

    def __str__(self) -> str:
        return self.title


class CompetitionEntry(models.Model):
    """A person's part in a competition: a portfolio of its own, and the result once it is closed."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    competition = models.ForeignKey(Competition, on_delete=models.PROTECT, related_name="entries")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="competition_entries")
    portfolio = models.OneToOneField(Portfolio, on_delete=models.PROTECT, related_name="competition_entry")
    entered_at = models.DateTimeField()
    final_equity = AmountField(null=True, blank=True)
    final_rank = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["competition", "user"], name="one_entry_per_person")]
        verbose_name_plural = "competition entries"

    def __str__(self) -> str:
        return f"{self.user_id} in {self.competition_id}"
