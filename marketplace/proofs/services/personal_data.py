"""What proofs keep about a person: backtests that they published, and those of others that they repeated."""

from __future__ import annotations

from typing import Any

from accounts.models import User
from marketplace.proofs.models import PublishedBacktest, Reproduction


def export_proofs(user: User) -> dict[str, Any]:
    """Return the person's published backtests with their strategies, and their repetitions."""
    published = PublishedBacktest.objects.filter(listing__owner=user)
    repeated = Reproduction.objects.filter(reader=user)
    return {
        "published_backtests": list(published.values("listing_id", "spec", "salt", "trades_hash", "published_at")),
        "repeated_backtests": list(repeated.values("published_id", "state", "trades_hash", "asked_at")),
    }


def erase_proofs(user: User) -> None:
    """Forget both. Seals and roots stay: they name a portfolio and nobody."""
    Reproduction.objects.filter(reader=user).delete()
    Reproduction.objects.filter(published__listing__owner=user).delete()
    PublishedBacktest.objects.filter(listing__owner=user).delete()
