"""The rows of plans. What a plan is due to do next stands in its own state; the rest is what people and the engine ask of it."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.db.models import Q

from common.fields import AmountField
from common.ids import new_id
from engine.plans.kinds import PlanKind
from markets.models import Instrument
from portfolios.models import Portfolio

KINDS = [
    (PlanKind.GRID.value, "Grid"),
    (PlanKind.DCA.value, "DCA"),
    (PlanKind.MARTINGALE.value, "Martingale"),
    (PlanKind.TWAP.value, "TWAP"),
    (PlanKind.ICEBERG.value, "Iceberg"),
    (PlanKind.SCHEDULED.value, "Scheduled"),
]


class PlanState(models.TextChoices):
    """RUNNING and PAUSED may change into each other; from both it ends: DONE by itself, CANCELED by its owner."""

    RUNNING = "RUNNING", "Running"
    PAUSED = "PAUSED", "Paused"
    DONE = "DONE", "Done"
    CANCELED = "CANCELED", "Canceled"


UNFINISHED_PLAN = (PlanState.RUNNING, PlanState.PAUSED)


class Plan(models.Model):
    """A plan of a portfolio in one instrument; moved under the portfolio's lock. Its orders name it (`Order.plan`).

    `settings` and `memory` (the pure plan's own state) are engine/plans' canonical JSON. `withheld` are wishes that have no
    order: what a pause keeps back, and the rest of orders that ended before they were filled; a resume places them.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    portfolio = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="plans", db_index=False)
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+", db_index=False)
    namespace = models.SlugField(max_length=40)
    kind = models.CharField(max_length=10, choices=KINDS)
    # The caller's own name for it: the same one again begins nothing more.
    key = models.CharField(max_length=64)
    settings = models.JSONField()
    memory = models.JSONField()
    withheld = models.JSONField(default=list)
    state = models.CharField(max_length=8, choices=PlanState, default=PlanState.RUNNING)
    # Why it is paused or has ended: an order's code (trading/codes.py), or one of its own (words.py).
    state_code = models.CharField(max_length=40, blank=True)
    # Its pure plan wishes nothing more: it is done when its orders are.
    wishes_over = models.BooleanField(default=False)
    # From when on (market time) it wants to be told the price; None: only fills concern it.
    due_at = models.DateTimeField(null=True, blank=True)
    # Orders of it have filled or ended since its last step, which had heard the portfolio's fills up to `heard`.
    has_news = models.BooleanField(default=False)
    heard = models.PositiveBigIntegerField(default=0)
    # Its number among the namespace's changes (see TriggerBook).
    change = models.PositiveBigIntegerField()
    # What its own fills come to (engine/positions.py): negative where it sells what it did not buy.
    held = AmountField(default=Decimal(0))
    cost = AmountField(default=Decimal(0))
    realized_pnl = AmountField(default=Decimal(0))
    fees_paid = AmountField(default=Decimal(0))
    # The most it may have invested at a time, as it was told its owner (quote units).
    most_cost = AmountField()
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["portfolio", "key"], name="plan_key_once"),
            models.UniqueConstraint(fields=["namespace", "change"], name="plan_change_once"),
            models.CheckConstraint(
                condition=Q(state__in=["RUNNING", "PAUSED"], ended_at__isnull=True)
                | Q(state__in=["DONE", "CANCELED"], ended_at__isnull=False),
                name="plan_ended_with_time",
            ),
        ]
        indexes = [models.Index(fields=["portfolio", "-id"], name="plan_of_portfolio")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({self.get_state_display().lower()})"
