"""What is remembered of requests that must not be carried out twice."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from common.clock import wall_now


class KeyedRequest(models.Model):
    """A POST under an Idempotency-Key: claimed before it is carried out, answered in the transaction of its effects.

    Of the key only a digest is kept, and the answer, which may hold a secret that is shown once, is locked with the key
    itself: what is stored here opens nothing.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="keyed_requests")
    # SHA-256 (hex) of the key, and of method, address and body.
    digest = models.CharField(max_length=64)
    request_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=wall_now, editable=False)
    # Who carries it out holds it until then; `attempt` tells one who lost it from one who has it.
    claimed_until = models.DateTimeField()
    attempt = models.PositiveIntegerField(default=1)
    status = models.PositiveSmallIntegerField(null=True)
    media_type = models.CharField(max_length=100, blank=True)
    answer = models.BinaryField(default=b"")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "digest"], name="one_request_per_key")]
        # They are forgotten by age.
        indexes = [models.Index(fields=["created_at"], name="keyed_requests_by_age")]

    def __str__(self) -> str:
        return f"{self.digest[:8]}: {self.status or 'under way'}"
