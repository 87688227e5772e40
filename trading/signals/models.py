"""Where signals come from, and every one that came."""

from __future__ import annotations

from django.db import models

from common.fields import AmountField
from common.ids import new_id
from markets.models import Instrument
from portfolios.models import Portfolio


class SignalSource(models.Model):
    """An address that makes orders in one portfolio. Its secret is not stored: it follows from the id and `version`."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    portfolio = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="signal_sources")
    name = models.CharField(max_length=60)
    # Grows when the secret is made anew: the one before then opens nothing.
    version = models.PositiveIntegerField(default=1)
    is_on = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    last_heard_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["portfolio", "name"], name="signal_source_name_per_portfolio")]

    def __str__(self) -> str:
        return self.name


class SignalAction(models.TextChoices):
    BUY = "BUY", "Buy"
    SELL = "SELL", "Sell"
    CLOSE = "CLOSE", "Close"


class Signal(models.Model):
    """One signal that was heard, whose sender proved to know the secret: what it asked for, and what came of it.

    Grows slowly: a source is let through a few times a minute.
    """

    id = models.BigAutoField(primary_key=True)
    source = models.ForeignKey(SignalSource, on_delete=models.CASCADE, related_name="signals", db_index=False)
    # The sender's own name for it, by which a repeat is known.
    key = models.CharField(max_length=64)
    action = models.CharField(max_length=5, choices=SignalAction)
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+")
    # Base units, or the share of equity that was asked for; neither where everything is closed.
    quantity = AmountField(null=True, blank=True)
    equity_share = AmountField(null=True, blank=True)
    order = models.ForeignKey("trading.Order", null=True, on_delete=models.PROTECT, related_name="+")
    heard_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "key"], name="signal_once_per_source")]
