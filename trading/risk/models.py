"""Risk's rows: the limits that an owner set, what losses are measured from, and the log of what was denied or cut."""

from __future__ import annotations

from django.db import models

from common.fields import AmountField
from engine.risk.limits import Profile
from markets.models import Instrument
from portfolios.models import Portfolio


class RiskProfile(models.Model):
    """A portfolio's limits; without a row it has none of its own. A ready-made profile is kept as the figures it had when chosen."""

    portfolio = models.OneToOneField(Portfolio, on_delete=models.CASCADE, primary_key=True, related_name="risk_profile")
    name = models.CharField(max_length=12, choices=[(one.value, one.value.capitalize()) for one in Profile])
    # What engine/risk/limits.py reads: figures as text, lists of symbols.
    limits = models.JSONField(default=dict)
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.get_name_display()


class RiskState(models.Model):
    """What must be remembered of a portfolio that has limits (engine/risk/marks.py); moved under the portfolio's lock."""

    profile = models.OneToOneField(RiskProfile, on_delete=models.CASCADE, primary_key=True, related_name="state")
    day = models.DateField()
    day_equity = AmountField()
    week_equity = AmountField()
    peak_equity = AmountField()
    net_deposits = AmountField()
    # The newest round trips, oldest first: [market time, symbol, profit after fees, whether a stop ended it].
    trades = models.JSONField(default=list)
    # By instrument id: what its position had earned when it was last flat, which is where the next trade begins.
    settled = models.JSONField(default=dict)


class RiskDecision(models.Model):
    """Something that was denied or cut in a portfolio that has limits, with the figures. Append-only.

    Grows without end: partition by month of `recorded_at` on PostgreSQL once it passes some 20 million rows.
    """

    id = models.BigAutoField(primary_key=True)
    portfolio = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="+", db_index=False)
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+", db_index=False)
    # None for an order by hand, which is refused before it is stored.
    order = models.ForeignKey("trading.Order", null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    code = models.CharField(max_length=40)
    # Base units.
    asked = AmountField()
    allowed = AmountField()
    # The figure that met its limit, where the rule has figures; in the unit of the code.
    value = AmountField(null=True)
    limit = AmountField(null=True)
    happened_at = models.DateTimeField()
    recorded_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["portfolio", "-id"], name="risk_decision_of_portfolio")]
