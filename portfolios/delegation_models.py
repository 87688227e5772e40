"""A right over a portfolio that is lent to a person, and ends by itself."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.teams.models import Permission
from common.clock import wall_now
from common.ids import new_id


class DelegationScope(models.TextChoices):
    """What is lent: trading includes seeing; money, limits and keys are never lent."""

    VIEW = "view", "See it"
    TRADE = "trade", "See it and trade it"


# Which scopes let somebody do what.
SCOPES_WITH: dict[str, tuple[DelegationScope, ...]] = {
    Permission.VIEW: (DelegationScope.VIEW, DelegationScope.TRADE),
    Permission.TRADE: (DelegationScope.TRADE,),
}


class Delegation(models.Model):
    """It counts from the moment it is given until `ends_at` or `ended_at`, whichever comes first (wall time)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    portfolio = models.ForeignKey("portfolios.Portfolio", on_delete=models.CASCADE, related_name="delegations")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="delegations")
    scope = models.CharField(max_length=10, choices=DelegationScope)
    given_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=wall_now, editable=False)
    ends_at = models.DateTimeField()
    # Taken back, or noticed as over: then its holder's open pages were told.
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["portfolio", "person"], condition=Q(ended_at=None), name="delegation_once_at_a_time"
            )
        ]
        # What is to be noticed as over.
        indexes = [models.Index(fields=["ends_at"], condition=Q(ended_at=None), name="delegations_by_end")]

    def __str__(self) -> str:
        return f"{self.person_id}: {self.scope} of {self.portfolio_id}"
