"""What this app keeps about a person, taken along or forgotten."""

from __future__ import annotations

from typing import Any

from accounts.models import User
from community.selectors import entries_of


def export_entries(user: User) -> dict[str, Any]:
    """Return the competitions the user took part in."""
    fields = ("competition__title", "portfolio_id", "entered_at", "final_equity", "final_rank")
    return {"competitions": list(entries_of(user).values(*fields))}


def erase_entries(user: User) -> None:
    """Nothing to do: an entry says who only through the profile, and a ranking with holes would be another ranking."""
