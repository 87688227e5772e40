"""An order that its owner places again and again: what stays the same about it, with prices as distances from the market."""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import Q

from common.fields import AmountField
from common.ids import new_id
from markets.models import Instrument
from trading.kinds import OrderKind, TimeInForce, Unit


class OrderTemplate(models.Model):
    """A ticket filled in beforehand; of one instrument, or of any. It places nothing by itself.

    A distance is a ratio of the market's price when the template is used: -0.01 is one percent below it.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="order_templates")
    name = models.CharField(max_length=60)
    instrument = models.ForeignKey(Instrument, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    side = models.CharField(max_length=4, choices=[("BUY", "Buy"), ("SELL", "Sell")])
    kind = models.CharField(max_length=17, choices=OrderKind, default=OrderKind.MARKET)
    time_in_force = models.CharField(max_length=3, choices=TimeInForce, default=TimeInForce.GTC)
    amount = AmountField()
    unit = models.CharField(max_length=7, choices=Unit, default=Unit.BASE)
    limit_distance = models.DecimalField(max_digits=9, decimal_places=6, null=True, blank=True)
    trigger_distance = models.DecimalField(max_digits=9, decimal_places=6, null=True, blank=True)
    trail_bps = models.DecimalField(max_digits=8, decimal_places=4, null=True, blank=True)
    stop_distance = models.DecimalField(max_digits=9, decimal_places=6, null=True, blank=True)
    target_distance = models.DecimalField(max_digits=9, decimal_places=6, null=True, blank=True)
    reduce_only = models.BooleanField(default=False)
    post_only = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "name"], name="order_template_name_per_owner"),
            models.CheckConstraint(condition=Q(amount__gt=Decimal(0)), name="order_template_amount_positive"),
            models.CheckConstraint(
                condition=~Q(unit="PERCENT") | Q(amount__lte=Decimal(100)), name="order_template_percent_at_most_all"
            ),
        ]

    def __str__(self) -> str:
        return self.name
