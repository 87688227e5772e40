"""Orders that had to wait for others to end, and protective stops: whoever ends or books something has them looked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Q, QuerySet

from common.db import Slot
from common.prepared import Prepared
from common.tasks import enqueue
from portfolios.models import Portfolio
from trading.follow_models import FollowProtection
from trading.models import Leg, Order, OrderState


def wake_waiting(ended: Sequence[Order]) -> None:
    """Enqueue orders that had to wait for one of these: of the same follow (model.md 10), or an exit for a sale."""
    from trading.tasks import execute_orders  # the task's body calls services: one of the two must look late

    follows = {order.follow_id for order in ended if order.follow_id}
    sellers = {order.portfolio_id for order in ended if order.leg == Leg.CLOSE and not order.follow_id}
    if not (follows or sellers):
        return
    for kind, cause_id in sorted(set(_WAITING.rows(follows=follows, sellers=sellers))):
        enqueue(execute_orders, kind, cause_id)


def _waiting() -> QuerySet[Order, Any]:
    exits = Q(portfolio_id__among=Slot("sellers"), leg=Leg.CLOSE, closed_fraction__isnull=False)
    waiting = Order.objects.filter(Q(follow_id__among=Slot("follows")) | exits, state=OrderState.PENDING)
    return waiting.values_list("cause_kind", "cause_id")


_WAITING = Prepared(_waiting)


def look_at_protection(portfolios: Iterable[Portfolio]) -> None:
    """Have the protective stops of these portfolios looked at after the commit, where their follows have any."""
    on_accounts = {one.pk for one in portfolios if one.account_id is not None}
    if not on_accounts:
        return
    found = FollowProtection.objects.filter(follow__portfolio__among=on_accounts).order_by("pk")
    if ids := [str(pk) for pk in found.values_list("pk", flat=True)]:
        from trading.tasks import protect_follows  # likewise

        enqueue(protect_follows, ids)
