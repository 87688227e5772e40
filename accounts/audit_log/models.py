"""The chain of hashes over the audit: rows of their own, since an entry is never changed, not even to be sealed."""

from __future__ import annotations

from typing import Any, Never

from django.db import models

from common.clock import wall_now


class AuditSeal(models.Model):
    """An entry's place in the chain. Seals are numbered without gaps; each holds the hash of the one before.

    Grows with the audit, one row each: partition both by number on PostgreSQL once they pass some 50 million rows.
    """

    number = models.BigIntegerField(primary_key=True)
    # The entry's key and no relation: the chain must be able to say that an entry is missing.
    entry_id = models.BigIntegerField(unique=True)
    previous = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)
    sealed_at = models.DateTimeField(default=wall_now, editable=False)

    class Meta:
        ordering = ["number"]

    def __str__(self) -> str:
        return f"{self.number}: {self.hash[:12]}…"

    def delete(self, *args: Any, **kwargs: Any) -> Never:
        raise TypeError("Seals of the audit are never deleted.")
