"""The proof that plans agree with their orders, a part of what `trading/checks.py` runs."""

from __future__ import annotations

from collections import defaultdict
from uuid import UUID

from engine.positions import PositionState, apply_fill
from portfolios.selectors import BookError
from trading.models import Fill, Order
from trading.plans.models import Plan
from trading.transitions import ENDED


def plans_equal_fills() -> list[BookError]:
    """Each plan without news has counted its fills, and knows of every order of it that has ended."""
    made: defaultdict[UUID | None, PositionState] = defaultdict(PositionState)
    for fill in Fill.objects.filter(order__plan__has_news=False).select_related("order").order_by("number"):
        plan_id = fill.order.plan_id
        made[plan_id] = apply_fill(made[plan_id], change=fill.change, price=fill.price, fee=fill.fee)
    unheard = Order.objects.filter(plan__has_news=False, plan_heard=False, state__in=ENDED)
    missed = set(unheard.values_list("plan_id", flat=True))
    errors = []
    for plan in Plan.objects.filter(has_news=False).order_by("pk"):
        kept = PositionState(plan.held, plan.cost, plan.realized_pnl, plan.fees_paid)
        if kept != made[plan.pk] or plan.pk in missed:
            told = f"plan {plan.pk} holds {kept.quantity:f}, its fills make {made[plan.pk].quantity:f}"
            errors.append(BookError("plans_equal_fills", plan.portfolio_id, told))
    return errors
