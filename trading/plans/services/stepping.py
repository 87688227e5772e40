"""The step of a plan, set off by fills or by the clock: one transaction, and a no-op where the plan no longer stands as it was seen."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from markets.prices import latest_prices
from trading.plans.models import PlanState
from trading.plans.services.moving import Moving, OnItsWay, locked_plan


def step_plan(*, plan_id: UUID, change: int) -> bool:
    """Let a plan that was seen at its change number `change` hear its fills, and the price if it is due.

    False: not now, for an order is on its way or the market has no price; ask again. What has moved on since is left alone:
    whoever steps it twice, or dies on the way, places nothing twice.
    """
    try:
        return _step(plan_id, change)
    except OnItsWay:
        return False


@transaction.atomic
def _step(plan_id: UUID, change: int) -> bool:
    plan = locked_plan(plan_id)
    if plan.change != change:
        return True
    moving = Moving(plan)
    had_news = plan.has_news
    if had_news:
        moving.hear()
    is_due = plan.state == PlanState.RUNNING and plan.due_at is not None and plan.due_at <= moving.now
    newest = latest_prices([plan.instrument]).get(plan.instrument_id) if is_due else None
    if newest is not None:
        moving.tick(newest.price)
    if not had_news and newest is None:
        return not is_due
    moving.save()
    return newest is not None or not is_due
