"""Portfolios' doors for workers."""

from __future__ import annotations

import logging
from typing import Any

from celery import shared_task

from common.clock import announced_time
from common.errors import DomainError
from common.tasks import enqueue
from markets.connecting import fetch_tiers
from markets.gateway.errors import GatewayError
from markets.selectors import exchange_by_code, perpetuals_of
from portfolios.models import Portfolio, PortfolioState
from portfolios.services.equity import take_snapshots
from portfolios.services.margin import take_over_tiers
from portfolios.services.sharing import end_due_delegations

logger = logging.getLogger(__name__)


@shared_task(name="portfolios.synchronise_tiers")
def synchronise_tiers(code: str) -> None:
    """Ask a venue for the leverage tiers of its perpetuals and take them over; where it does not answer, tomorrow asks again."""
    exchange = exchange_by_code(code)
    symbols = list(perpetuals_of(exchange).values_list("gateway_symbol", flat=True))
    if not symbols:
        return
    try:
        take_over_tiers(exchange=exchange, told=fetch_tiers(exchange, symbols))
    except (GatewayError, DomainError) as error:
        logger.warning("The leverage tiers of %s stay as they are: %s", code, error)


def hear_synchronised(code: str, **facts: Any) -> None:
    """Ask for the tiers of what a venue lists, once its instruments are in step."""
    enqueue(synchronise_tiers, code)


@shared_task(name="portfolios.take_due_snapshots")
def take_due_snapshots() -> None:
    """Store what every portfolio is worth at the present minute of its market's time; a minute already stored is left alone."""
    open_ones = Portfolio.objects.exclude(state=PortfolioState.CLOSED)
    for namespace in sorted(set(open_ones.values_list("namespace", flat=True))):
        # A market that has announced no time yet (its feed is away, Redis was emptied) has no present to store.
        if at := announced_time(namespace):
            take_snapshots(namespace=namespace, at=at)


@shared_task(name="portfolios.end_delegations")
def end_delegations() -> None:
    """Tell open pages that what was lent has run out; runs every ten seconds."""
    end_due_delegations()
