"""What the fill of a protective stop means for its follow: an exit of the follower's own, that no repair undoes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from accounts.services import notify
from common import display
from common.clock import market_now
from common.db import bulk_update
from common.tasks import enqueue
from engine.decimals import ZERO
from portfolios.models import Position
from trading.models import UNFINISHED, CauseKind, Fill, Follow, FollowPosition, FollowState, Leg, Order
from trading.services.copy_scenes import is_dust_of

STOPPED = "PROTECTIVE_STOP"
EVENT = "follow.stopped_out"


def note_stopped(fills: Sequence[Fill], orders: Mapping[UUID, Order]) -> None:
    """Take what protective stops sold off what their follows aim at, and tell the followers. Caller holds the portfolios' locks.

    What a position still wanted to open or close goes with the last of it. The next copy that opens begins a new one.
    """
    stopped = [order for order in orders.values() if order.cause_kind == CauseKind.PROTECTION]
    if not stopped:
        return
    related = ("follower", "lead")
    found = Follow.objects.filter(portfolio__in={one.portfolio_id for one in stopped}).select_related(*related)
    follows = {one.portfolio_id: one for one in found}
    for order in stopped:
        order.code = STOPPED
        mine = [fill for fill in fills if fill.order_id == order.pk]
        sold = sum((fill.quantity for fill in mine), ZERO)
        _give_up(follows[order.portfolio_id], order, sold)
        if sold == order.filled_quantity:
            _tell(follows[order.portfolio_id], order)
    bulk_update(Order, stopped, ["code"])
    from trading.tasks import finish_follows  # the task's body calls services: one of the two must look late

    if ending := [str(one.pk) for one in found if one.state == FollowState.STOPPING]:
        enqueue(finish_follows, ending)


def _give_up(follow: Follow, order: Order, sold: Decimal) -> None:
    aim = FollowPosition.objects.filter(follow=follow, instrument=order.instrument_id).first()
    if aim is None:
        return
    aim.target = max(aim.target - sold, ZERO)
    position = Position.objects.get(portfolio=order.portfolio_id, instrument=order.instrument_id)
    opening = Order.objects.filter(follow=follow, instrument=order.instrument_id, leg=Leg.OPEN, state__in=UNFINISHED)
    # What the lead bought more is on its way: it is filled after the stop, and goes on being mirrored.
    goes_on = position.quantity and not is_dust_of(order.instrument, abs(position.quantity), order.average_price)
    if goes_on or opening.exists():
        aim.save(update_fields=["target"])
        return
    # (What a venue's fee in coins leaves of a lot is dust, and no aim.)
    aim.target, aim.residual, aim.residual_since, aim.missed = ZERO, ZERO, None, ZERO
    aim.stopped_at, aim.drift_since = market_now(follow.lead.namespace), None
    aim.save(update_fields=["target", "residual", "residual_since", "missed", "stopped_at", "drift_since"])


def _tell(follow: Follow, order: Order) -> None:
    context = {
        "portfolio": str(follow.portfolio_id),
        "name": follow.lead.name,
        "symbol": order.instrument.symbol,
        "price": f"{display.amount(order.average_price)} {order.instrument.market.quote_id}",
        "venue": order.instrument.exchange.name,
    }
    notify(user=follow.follower, event=EVENT, context=context)
