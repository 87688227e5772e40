"""What `?expand=` puts in the place of ids of instruments."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from accounts.models import User
from markets.selectors import instruments
from markets.serializers import InstrumentSerializer


def instruments_shown(user: User, ids: Collection[UUID]) -> dict[str, Any]:
    """Return instruments by id (text); everybody may know them."""
    found = InstrumentSerializer(instruments().filter(pk__in=ids), many=True).data
    return {row["id"]: row for row in found}
