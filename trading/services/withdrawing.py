"""Opens that do not come to pass: taken back before they were sent, or missed; and what a follow aims at without them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from uuid import UUID

from django.db.models import QuerySet

from common.db import bulk_update
from common.realtime import publish
from engine.decimals import ZERO
from portfolios.services.books import lock_portfolios
from trading.models import FollowPosition, Leg, Order, OrderState
from trading.services.history import keep_events


def withdraw_unsent_opens(orders: QuerySet[Order], *, code: str) -> list[Order]:
    """Cancel those of the orders that are opens and were not sent; return them. What a worker has claimed goes on."""
    unsent = orders.filter(state=OrderState.PENDING, leg=Leg.OPEN)
    locked = lock_portfolios(unsent.values_list("portfolio_id", flat=True))
    # Only of locked portfolios: another's order may be claimed between reading and writing it.
    withdrawn = list(unsent.filter(portfolio_id__in=locked).select_related("portfolio"))
    cancel(withdrawn, code=code)
    take_off_targets((order, order.requested_quantity) for order in withdrawn)
    return withdrawn


def cancel(orders: Sequence[Order], *, code: str) -> None:
    """End PENDING orders, read with their portfolios under those portfolios' locks."""
    for order in orders:
        order.state, order.code = OrderState.CANCELED, code
    bulk_update(Order, orders, ["state", "code"])
    keep_events(orders)
    publish([(f"portfolio:{pk}", {"refresh": ["orders"]}) for pk in sorted({order.portfolio_id for order in orders})])


def take_off_targets(missed: Iterable[tuple[Order, Decimal]]) -> None:
    """Take what copied opens did not get off their follows' targets: drift is measured from what could be had (model.md 10)."""
    totals: dict[tuple[UUID, UUID], Decimal] = {}
    for order, quantity in missed:
        if order.follow_id is not None and order.leg == Leg.OPEN and quantity:
            key = order.follow_id, order.instrument_id
            totals[key] = totals.get(key, ZERO) + quantity
    if not totals:
        return
    found = FollowPosition.objects.filter(follow_id__in={follow_id for follow_id, _ in totals})
    aims = [aim for aim in found if (aim.follow_id, aim.instrument_id) in totals]
    for aim in aims:
        # A reduction in between has shrunk the aim already.
        aim.target = max(aim.target - totals[aim.follow_id, aim.instrument_id], ZERO)
    bulk_update(FollowPosition, aims, ["target"])
