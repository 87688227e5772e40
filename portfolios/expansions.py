"""What `?expand=` puts in the place of ids of portfolios."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from accounts.models import User
from portfolios.access import reachable
from portfolios.models import Portfolio
from portfolios.selectors import worth_of
from portfolios.serializers import PortfolioSerializer


def portfolios_shown(user: User, ids: Collection[UUID]) -> dict[str, Any]:
    """Return portfolios by id (text) with what they are worth, as far as the user may see them; closed ones, too."""
    portfolios = list(Portfolio.objects.filter(reachable(user), pk__in=ids).select_related("settlement"))
    rows = PortfolioSerializer(portfolios, many=True, context={"worth": worth_of(portfolios)}).data
    return {row["id"]: row for row in rows}
