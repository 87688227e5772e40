"""The switches that stop trading, by scope."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class ScopeKind(models.TextChoices):
    PLATFORM = "PLATFORM", "Platform"
    VENUE = "VENUE", "Venue"
    USER = "USER", "User"
    PORTFOLIO = "PORTFOLIO", "Portfolio"
    STRATEGY = "STRATEGY", "Strategy"
    LEAD = "LEAD", "Lead"
    FOLLOW = "FOLLOW", "Follow"


class SafetyLevel(models.TextChoices):
    """ACTIVE; REDUCING denies new exposure; HALTED also cancels what is unsent. Exits pass in all three."""

    ACTIVE = "ACTIVE", "Active"
    REDUCING = "REDUCING", "Reducing"
    HALTED = "HALTED", "Halted"


class SafetySwitch(models.Model):
    """The level of one scope; a scope without a row is ACTIVE. The strictest of an order's scopes rules."""

    scope = models.CharField(max_length=10, choices=ScopeKind)
    # The scope's object; "" for the platform.
    scope_id = models.CharField(max_length=64, blank=True)
    level = models.CharField(max_length=8, choices=SafetyLevel)
    reason = models.CharField(max_length=200, blank=True)
    # None where a portfolio's own limits did it: `code` then says which, and `until` (market time) when it ends.
    set_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    set_at = models.DateTimeField()
    code = models.CharField(max_length=40, blank=True)
    until = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "safety switches"
        constraints = [models.UniqueConstraint(fields=["scope", "scope_id"], name="safety_switch_per_scope")]

    def __str__(self) -> str:
        return f"{self.get_scope_display()} {self.scope_id}".rstrip()
