"""Which cards people paid with, so that two who share one are noticed (reviews/signs.py)."""

from __future__ import annotations

from django.db import models

from marketplace.billing.models import OWNER, Mode


class CardMark(models.Model):
    """That somebody paid with a card, by the processor's fingerprint of it: who shares one may know each other."""

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(OWNER, on_delete=models.CASCADE, related_name="+")
    mode = models.CharField(max_length=4, choices=Mode)
    # SHA-256 of the processor's fingerprint: enough to tell that two are the same.
    digest = models.CharField(max_length=64)
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "mode", "digest"], name="card_mark_once")]
