"""Portfolios' doors for workers."""

from __future__ import annotations

from celery import shared_task

from common.clock import announced_time
from portfolios.models import Portfolio, PortfolioState
from portfolios.services.equity import take_snapshots


@shared_task(name="portfolios.take_due_snapshots")
def take_due_snapshots() -> None:
    """Store what every portfolio is worth at the present minute of its market's time; a minute already stored is left alone."""
    open_ones = Portfolio.objects.exclude(state=PortfolioState.CLOSED)
    for namespace in sorted(set(open_ones.values_list("namespace", flat=True))):
        # A market that has announced no time yet (its feed is away, Redis was emptied) has no present to store.
        if at := announced_time(namespace):
            take_snapshots(namespace=namespace, at=at)
