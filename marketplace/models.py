"""What leads offer: listings of their portfolios."""

from __future__ import annotations

from django.conf import settings
from django.db import models

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
        indexes = [models.Index(fields=["state", "-id"], name="listing_newest")]

    def __str__(self) -> str:
        return self.title
