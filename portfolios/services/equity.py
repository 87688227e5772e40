"""Equity snapshots: each minute for a day, each hour for a year, each day forever, by market time."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from common.db import bulk_insert, one_moment
from common.realtime import Payload, publish
from portfolios.live import topic, worth_cells
from portfolios.models import EquitySnapshot, Portfolio, PortfolioState, SnapshotGrain
from portfolios.selectors import Worth, worth_of

KEPT_FOR = {SnapshotGrain.MINUTE: timedelta(days=1), SnapshotGrain.HOUR: timedelta(days=365)}


def take_snapshots(*, namespace: str, at: datetime) -> int:
    """Store what every open portfolio of a namespace is worth at a whole minute of market time; a repeat is a no-op."""
    at = at.replace(second=0, microsecond=0)
    with one_moment():
        # A fill between reading cash and positions would show as a gain or loss that never was.
        portfolios = list(Portfolio.objects.filter(namespace=namespace).exclude(state=PortfolioState.CLOSED))
        worth = worth_of(portfolios)
    rows = [
        EquitySnapshot(
            portfolio_id=one.pk, grain=grain, at=at, equity=worth[one.pk].equity, net_deposits=one.net_deposits
        )
        for one in portfolios
        for grain in _grains(at)
    ]
    with transaction.atomic():
        stored = bulk_insert(EquitySnapshot, rows, ignore_conflicts=True)
        # Asked every second: old ones are looked for when a minute is new, not each time.
        for grain, kept in KEPT_FOR.items() if stored else ():
            EquitySnapshot.objects.filter(portfolio__namespace=namespace, grain=grain, at__lt=at - kept).delete()
        publish([(topic(one.pk), _news(at, worth[one.pk])) for one in portfolios])
    return stored


def _news(at: datetime, worth: Worth) -> Payload:
    """Return what an open page learns of the moment: every figure that moves with prices, and the curve's newest point."""
    point = {"time": int(at.timestamp()), "value": float(worth.equity)}
    return {"cells": worth_cells(worth), "series": {"equity": point}}


def _grains(at: datetime) -> list[SnapshotGrain]:
    grains = [SnapshotGrain.MINUTE]
    if at.minute == 0:
        grains.append(SnapshotGrain.HOUR)
        if at.hour == 0:
            grains.append(SnapshotGrain.DAY)
    return grains
