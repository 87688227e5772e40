"""Archives that people asked for, consents they gave, and their wish to leave."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from common.clock import wall_now
from common.ids import new_id


class ArchiveState(models.TextChoices):
    WAITING = "WAITING", "Waiting"
    MAKING = "MAKING", "Being made"
    READY = "READY", "Ready"
    FAILED = "FAILED", "Failed"
    EXPIRED = "EXPIRED", "Expired"


class DataArchive(models.Model):
    """One file with everything kept about a person. The row is the job: it is claimed, tells how far it is, and expires."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="archives")
    state = models.CharField(max_length=8, choices=ArchiveState, default=ArchiveState.WAITING)
    created_at = models.DateTimeField(default=wall_now, editable=False)
    # While a worker makes it: when it counts as dead.
    lease_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    parts_done = models.PositiveSmallIntegerField(default=0)
    parts = models.PositiveSmallIntegerField(default=0)
    rows = models.PositiveBigIntegerField(default=0)
    size_bytes = models.PositiveBigIntegerField(default=0)
    ready_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            # Whoever asks twice gets the same one; it is also what keeps a person from filling the disk.
            models.UniqueConstraint(
                fields=["user"], condition=models.Q(state__in=["WAITING", "MAKING"]), name="one_archive_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"Archive of {self.created_at:%Y-%m-%d %H:%M}"


class ConsentKind(models.TextChoices):
    TERMS = "TERMS", "Terms of use"
    RISK = "RISK", "Risk warning"
    MARKETING = "MARKETING", "News about Slipstream by mail"


class Consent(models.Model):
    """Something a person agreed to: which version, when, and when they took it back. Never changed otherwise."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="consents", db_index=False
    )
    kind = models.CharField(max_length=9, choices=ConsentKind)
    version = models.CharField(max_length=40)
    given_at = models.DateTimeField(default=wall_now, editable=False)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "kind", "version"], condition=models.Q(revoked_at=None), name="one_consent_in_force"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.version}"


class Departure(models.Model):
    """Somebody's wish to have their account closed, which they may take back until it is due."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="departure"
    )
    asked_at = models.DateTimeField(default=wall_now, editable=False)
    # What becomes of what their follows hold.
    keeps_holdings = models.BooleanField()
    due_at = models.DateTimeField(db_index=True)
    # Why it could not be closed when it was due, in words; it is tried again.
    obstacle = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return f"{self.user_id} leaves at {self.due_at:%Y-%m-%d %H:%M}"
