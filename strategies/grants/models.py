"""Grants: the right to use a version of somebody else's strategy."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from common.ids import new_id


class StrategyGrant(models.Model):
    """With it a user starts runs and backtests of the version on their own portfolios. Ended, never deleted.

    What a sealed one trades by is shown to its user nowhere, also after the grant has ended.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="strategy_grants")
    version = models.ForeignKey("strategies.StrategyVersion", on_delete=models.PROTECT, related_name="grants")
    # Wall time: what somebody bought ends by the calendar, however fast a market runs. None: no end.
    until = models.DateTimeField(null=True, blank=True)
    shows_source = models.BooleanField()
    granted_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "version"], condition=Q(revoked_at=None), name="one_grant_per_user_version"
            )
        ]

    def __str__(self) -> str:
        return f"Use of {self.version_id} by {self.user_id}"
