"""When a portfolio stops trading."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db import transaction

from accounts.models import User
from accounts.services import audit
from common.realtime import publish
from portfolios.models import Portfolio, PortfolioState
from portfolios.services.books import lock_portfolios


@transaction.atomic
def freeze_portfolios(*, portfolio_ids: Iterable[UUID], actor: User | None = None) -> list[Portfolio]:
    """Freeze those of the portfolios that are open: they open nothing new and their money stays. Return them, locked."""
    frozen = [one for one in lock_portfolios(portfolio_ids).values() if one.state == PortfolioState.OPEN]
    Portfolio.objects.filter(pk__in=[one.pk for one in frozen]).update(state=PortfolioState.FROZEN)
    for one in frozen:
        one.state = PortfolioState.FROZEN
        audit(action="portfolio.frozen", obj=one, actor=actor)
    publish([(f"portfolio:{one.pk}", {"refresh": ["summary"]}) for one in frozen])
    return frozen
