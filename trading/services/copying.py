"""Journey A's middle: from one lead event to one order row per follower, in batches, strictly by seq."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from common.clock import market_now
from common.db import bulk_insert, bulk_save, lock_rows
from common.ids import deterministic_id
from common.realtime import publish
from common.tasks import enqueue
from engine.decimals import ONE, ZERO, money
from engine.sizing import equity_ratio, open_quantity, reduction_quantity
from markets.prices import Price, latest_prices
from portfolios.models import Portfolio, Position
from portfolios.selectors import Worth, worth_of
from portfolios.services.books import lock_portfolios
from trading.models import (
    MIRRORING,
    CauseKind,
    Follow,
    FollowPosition,
    FollowState,
    LeadEvent,
    LeadEventState,
    Leg,
    Order,
    OrderState,
    Side,
)
from trading.services.orders import Cause, new_order
from trading.services.withdrawing import cancel

BATCH = 500


@transaction.atomic
def fan_out_batch(*, lead_id: UUID) -> bool:
    """Give the next batch of followers their rows for the lead's oldest unfinished event; False when nothing is due.

    The event's row lock makes workers take turns; the cursor moves in the transaction that writes the rows, so a
    worker that dies leaves either the whole batch or none of it.
    """
    waiting = LeadEvent.objects.filter(lead_id=lead_id, state=LeadEventState.WAITING)
    event = (
        waiting.select_for_update(of=("self",), no_key=True)
        .select_related("instrument__market", "instrument__exchange", "lead")
        .order_by("seq")
        .first()
    )
    if event is None or event.due_at > market_now(event.lead.namespace):
        return False
    if event.market_price is None:
        event.market_price = _snapshot(event)
    batch, is_last = _next_follows(event)
    if batch:
        _copy(event, batch)
        event.cursor = _turn(event, batch[-1].pk)
    if is_last:
        event.state = LeadEventState.DONE
    event.save(update_fields=["market_price", "cursor", "state"])
    if batch:
        from trading.tasks import execute_orders  # the task's body calls services: one of the two must look late

        enqueue(execute_orders, CauseKind.LEAD_EVENT, str(event.pk))
    return True


def _snapshot(event: LeadEvent) -> Decimal:
    """Return the one price that all paper orders of the event meet: the newest as the fan-out starts."""
    newest = latest_prices([event.instrument]).get(event.instrument_id)
    return newest.price if newest else event.price


def _turn(event: LeadEvent, follow_id: UUID) -> str:
    """Return a follow's place in this event's order: a hash, so that nobody is always first (rule 17)."""
    return deterministic_id("turn", event.pk, follow_id)


def _next_follows(event: LeadEvent) -> tuple[list[Follow], bool]:
    """Return the next batch in the event's order, locked, and whether it is the last one."""
    mirroring = Follow.objects.filter(lead_id=event.lead_id, state__in=MIRRORING, start_seq__lt=event.seq)
    turns = sorted((_turn(event, pk), pk) for pk in mirroring.values_list("pk", flat=True))
    rest = [pk for turn, pk in turns if turn > event.cursor]
    chosen = rest[:BATCH]
    locked = {one.pk: one for one in lock_rows(mirroring.filter(pk__among=chosen))} if chosen else {}
    return [locked[pk] for pk in chosen if pk in locked], len(rest) <= BATCH


@dataclass(slots=True)
class _Follower:
    """A follow with what its sizing rests on."""

    follow: Follow
    portfolio: Portfolio
    worth: Worth
    held: Decimal
    aim: FollowPosition


def _copy(event: LeadEvent, follows: Sequence[Follow]) -> None:
    """Write the rows of a batch: orders, and the aims that drift is measured from."""
    now = market_now(event.lead.namespace)
    followers = _gather(event, follows, now)
    if event.closed_fraction:
        _supersede(event, followers)
    orders: list[Order] = []
    for follower in followers:
        if event.closed_fraction:
            orders.append(_closing_order(event, follower, now))
        if event.opened_quantity:
            orders.append(_opening_order(event, follower, now))
        follower.aim.last_seq = event.seq
    bulk_insert(Order, orders, ignore_conflicts=True)
    bulk_save(FollowPosition, [follower.aim for follower in followers], ["ratio", "target", "last_seq"])
    publish([(f"portfolio:{one.portfolio.pk}", {"refresh": ["orders"]}) for one in followers])


def _gather(event: LeadEvent, follows: Sequence[Follow], now: datetime) -> list[_Follower]:
    portfolios = lock_portfolios(follow.portfolio_id for follow in follows)
    assert event.market_price is not None
    price = Price(event.market_price, now)
    worth = worth_of(portfolios.values(), {event.instrument_id: price})
    held = dict(
        Position.objects.filter(portfolio_id__among=portfolios, instrument=event.instrument).values_list(
            "portfolio_id", "quantity"
        )
    )
    aims = {
        aim.follow_id: aim
        for aim in FollowPosition.objects.filter(follow__among=[one.pk for one in follows], instrument=event.instrument)
    }
    return [
        _Follower(
            follow=follow,
            portfolio=portfolios[follow.portfolio_id],
            worth=worth[follow.portfolio_id],
            held=held.get(follow.portfolio_id, ZERO),
            aim=aims.get(follow.pk)
            or FollowPosition(follow=follow, instrument=event.instrument, ratio=ZERO, target=ZERO),
        )
        for follow in follows
    ]


def _supersede(event: LeadEvent, followers: Sequence[_Follower]) -> None:
    """Withdraw opens that were not sent before the lead reduced (model.md 10), and what they would have added to the aim."""
    unsent = Order.objects.filter(
        follow__among=[one.follow.pk for one in followers],
        instrument=event.instrument,
        leg=Leg.OPEN,
        state=OrderState.PENDING,
    )
    by_follow = {one.follow.pk: one for one in followers}
    withdrawn = list(unsent)
    for order in withdrawn:
        assert order.follow_id is not None
        follower = by_follow[order.follow_id]
        order.portfolio = follower.portfolio
        follower.aim.target -= order.requested_quantity
    cancel(withdrawn, code="SUPERSEDED")


def _closing_order(event: LeadEvent, follower: _Follower, now: datetime) -> Order:
    """Mirror the lead's closed fraction on what the follower actually holds (rule 9); sized again when it is judged."""
    quantity = reduction_quantity(
        held=follower.held, closed_fraction=event.closed_fraction, lot_step=event.instrument.lot_step
    )
    follower.aim.target = money(follower.aim.target * (ONE - event.closed_fraction))
    # An open of this follow may still be in flight: then there will be something to close, and judging finds out.
    return _order(event, follower, Leg.CLOSE, quantity, now, closed_fraction=event.closed_fraction)


def _opening_order(event: LeadEvent, follower: _Follower, now: datetime) -> Order:
    refusal = {FollowState.PAUSED: "FOLLOW_PAUSED", FollowState.STOPPING: "FOLLOW_STOPPING"}.get(
        FollowState(follower.follow.state), ""
    )
    if not follower.held and not follower.aim.target:
        # Fixed at the opening of the position: what the lead pays in or out later triggers no trades (rule 4).
        # With a target but nothing held, the opening is still under way.
        follower.aim.ratio = equity_ratio(
            follower_equity=follower.worth.equity, lead_equity=event.lead_equity, multiplier=follower.follow.multiplier
        )
    quantity = open_quantity(
        lead_quantity=event.opened_quantity, ratio=follower.aim.ratio, lot_step=event.instrument.lot_step
    )
    if not refusal and follower.worth.is_stale:
        refusal = "EQUITY_STALE"
    if not refusal and not quantity:
        refusal = "QUANTITY_BELOW_MINIMUM" if follower.aim.ratio else "NO_EQUITY"
    if not refusal:
        follower.aim.target += quantity
    return _order(event, follower, Leg.OPEN, quantity, now, denied=refusal)


def _order(
    event: LeadEvent,
    follower: _Follower,
    leg: Leg,
    quantity: Decimal,
    now: datetime,
    *,
    closed_fraction: Decimal | None = None,
    denied: str = "",
) -> Order:
    return new_order(
        portfolio=follower.portfolio,
        instrument=event.instrument,
        side=Side(event.side),
        leg=leg,
        quantity=quantity,
        cause=Cause(CauseKind.LEAD_EVENT, str(event.pk)),
        follow=follower.follow,
        closed_fraction=closed_fraction,
        seq=event.seq,
        denied=denied,
        at=now,
    )
