"""Fills and ends of orders wake the plans that wished for them, in the transaction that books them: a row, never a lost message."""

from __future__ import annotations

from collections.abc import Iterable

from trading.models import Order
from trading.plans.models import Plan
from trading.services.triggers import take_changes


def wake_plans(orders: Iterable[Order]) -> None:
    """Have the plans of these orders look at what became of them. Caller holds their portfolios' locks."""
    plan_ids = {order.plan_id for order in orders if order.plan_id is not None}
    if not plan_ids:
        return
    for plan in Plan.objects.filter(pk__among=plan_ids).order_by("pk"):
        plan.has_news = True
        plan.change = take_changes(plan.namespace, 1)
        plan.save(update_fields=["has_news", "change"])
