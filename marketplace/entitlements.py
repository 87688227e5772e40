"""The one door where a right to a listing is asked for. Listings are free until billing answers here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from accounts.models import User
from marketplace.models import Listing


@dataclass(frozen=True, slots=True)
class Entitlement:
    """A right to a listing; `until` is wall time, None without an end."""

    until: datetime | None = None


def check_entitlement(user: User, listing: Listing) -> Entitlement:
    """Return the user's right to follow or use a listing, or raise DomainError that says what is missing.

    Called inside the transaction that makes use of it, with the listing's row locked: it reads rows, and asks no network.
    """
    return Entitlement()
