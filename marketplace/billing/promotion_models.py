"""Codes with which a subscription costs less."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from common.ids import new_id
from marketplace.billing.models import ID_LENGTH, Mode, PriceState


class DiscountLength(models.TextChoices):
    """For how long a discount lasts, in the processor's words."""

    ONCE = "once", "The first payment"
    FOREVER = "forever", "Every payment"


class PromotionCode(models.Model):
    """A code with which subscribing to a listing costs less; made by its lead, entered on the processor's page. The outbox, too."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    listing = models.ForeignKey("marketplace.Listing", on_delete=models.PROTECT, related_name="promotion_codes")
    mode = models.CharField(max_length=4, choices=Mode)
    code = models.CharField(max_length=30)
    percent_off = models.PositiveSmallIntegerField()
    length = models.CharField(max_length=7, choices=DiscountLength, default=DiscountLength.ONCE)
    # How often it may be used in all; None: as often as people like.
    most_uses = models.PositiveIntegerField(null=True)
    expires_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=7, choices=PriceState, default=PriceState.PENDING)
    problem = models.CharField(max_length=300, blank=True)
    coupon_id = models.CharField(max_length=ID_LENGTH, blank=True)
    processor_id = models.CharField(max_length=ID_LENGTH, blank=True)
    # What the processor has been told: retired ones are to be switched off there, too.
    is_off_there = models.BooleanField(default=False)
    due_at = models.DateTimeField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(percent_off__gte=1, percent_off__lte=100), name="discount_range"),
            models.UniqueConstraint(
                fields=["mode", "code"], condition=Q(state__in=["PENDING", "LIVE"]), name="promotion_code_once"
            ),
        ]
