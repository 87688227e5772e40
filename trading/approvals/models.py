"""An order that waits for a second person: everything that was asked, so that it is placed as it was asked, once."""

from __future__ import annotations

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q

from common.fields import AmountField
from common.ids import new_id
from markets.models import Instrument
from portfolios.models import Portfolio


class ApprovalState(models.TextChoices):
    WAITING = "WAITING", "Waiting"
    APPROVED = "APPROVED", "Approved"
    REJECTED = "REJECTED", "Rejected"
    EXPIRED = "EXPIRED", "Expired"
    WITHDRAWN = "WITHDRAWN", "Withdrawn"


class OrderApproval(models.Model):
    """It leaves WAITING once, by a conditional UPDATE; only with APPROVED is there an order, by the same key."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    portfolio = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="approvals")
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+")
    side = models.CharField(max_length=4)
    quantity = AmountField()
    # What it was worth when it was asked for, in the settlement currency.
    value = AmountField()
    # The terms of each leg, one or (of a pair) two.
    legs = models.JSONField(encoder=DjangoJSONEncoder)
    # The caller's own name for the order: asked again under it, the order still waits once.
    key = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=ApprovalState, default=ApprovalState.WAITING)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    requested_role = models.CharField(max_length=40, blank=True)
    # Wall time, all of them: people are waited for.
    requested_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    decided_role = models.CharField(max_length=40, blank=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["portfolio", "key"], name="approval_per_key")]
        indexes = [
            models.Index(fields=["portfolio", "-id"], name="approvals_by_portfolio"),
            models.Index(fields=["expires_at"], condition=Q(state="WAITING"), name="approvals_by_expiry"),
        ]

    def __str__(self) -> str:
        return f"{self.side} {self.quantity} in {self.portfolio_id}: {self.state}"
