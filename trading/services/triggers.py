"""Journey D's rows: stops that an opening order arms, that a flat position disarms, and that a price fires exactly once.

Each change takes the next number of its namespace, under the book's lock: numbers become visible in their order, so an
engine that has seen number n has seen every change up to n.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial
from uuid import UUID

from django.db import transaction

from common.bus import hint
from common.clock import market_now
from common.db import Slot
from common.prepared import Prepared
from engine.decimals import ONE, ZERO, price_to_tick
from portfolios.models import Position
from portfolios.services.books import lock_portfolios
from trading.models import ENDED_EARLY, CauseKind, Leg, Order, OrderState, Side, Trigger, TriggerBook, TriggerState


def channel(namespace: str) -> str:
    """Return the bus channel that hints at new changes."""
    return f"triggers:{namespace}"


_ARMED_BY = Prepared(lambda: Trigger.objects.filter(entry__among=Slot("entries")).values_list("entry_id"))


def arm_stops(orders: Iterable[Order], at: Mapping[UUID, datetime]) -> None:
    """Arm the stop of every opening order that asks for one and fills no further; `at` says when, by order id."""
    wanting = {order.pk: order for order in orders if _wants_stop(order)}
    if not wanting:
        return
    # A venue that fills more than was ordered reports the end of an order twice.
    armed = {entry for (entry,) in _ARMED_BY.rows(entries=wanting)}
    for order in wanting.values():
        if order.pk not in armed:
            _arm(order, at[order.pk])


def arm_stops_of_parts(orders: Sequence[Order]) -> None:
    """Arm the stops of opening orders that ended with a part of them filled, where that part is still held."""
    parts = [order for order in orders if _wants_stop(order)]
    if not parts:
        return
    held = set(
        Position.objects.filter(portfolio_id__among={order.portfolio_id for order in parts})
        .exclude(quantity=ZERO)
        .values_list("portfolio_id", "instrument_id")
    )
    guarded = [order for order in parts if (order.portfolio_id, order.instrument_id) in held]
    arm_stops(guarded, {order.pk: market_now(order.portfolio.namespace) for order in guarded})


def _wants_stop(order: Order) -> bool:
    fills_no_further = order.state == OrderState.FILLED or (order.state in ENDED_EARLY and bool(order.filled_quantity))
    return order.stop_loss_ratio is not None and order.leg == Leg.OPEN and fills_no_further


def _arm(order: Order, at: datetime) -> None:
    assert order.stop_loss_ratio is not None
    tick_size = order.instrument.tick_size
    is_short = order.side == Side.SELL
    ratio = ONE + order.stop_loss_ratio if is_short else ONE - order.stop_loss_ratio
    price = price_to_tick(order.average_price * ratio, tick_size, up=is_short)
    trigger = Trigger(
        portfolio_id=order.portfolio_id,
        instrument=order.instrument,
        namespace=order.portfolio.namespace,
        entry=order,
        price=max(price, tick_size),
        armed_at=at,
    )
    _save_with_next_change(trigger)


_ARMED = Prepared(
    lambda: Trigger.objects.filter(state=TriggerState.ARMED, portfolio_id__among=Slot("portfolios")).order_by("pk")
)


def disarm_flat(books: set[tuple[UUID, UUID]]) -> None:
    """Cancel what is armed on positions that have become flat; `books` holds (portfolio id, instrument id)."""
    if not books:
        return
    for trigger in _ARMED.found(portfolios={portfolio for portfolio, _ in books}):
        if (trigger.portfolio_id, trigger.instrument_id) in books:
            trigger.state = TriggerState.CANCELED
            _save_with_next_change(trigger)


def fire(*, trigger_id: UUID) -> Order | None:
    """Close the position that a crossed stop guards; None where somebody else fired or disarmed it first."""
    from trading.services.orders import Cause, submit_order  # orders → judging → … → triggers: look late

    with transaction.atomic():
        trigger = Trigger.objects.select_related("instrument__market", "portfolio").get(pk=trigger_id)
        trigger.portfolio = lock_portfolios([trigger.portfolio_id])[trigger.portfolio_id]
        now = market_now(trigger.namespace)
        if not Trigger.objects.filter(pk=trigger_id, state=TriggerState.ARMED).update(
            state=TriggerState.FIRED, fired_at=now
        ):
            return None
        trigger.state, trigger.fired_at = TriggerState.FIRED, now
        _save_with_next_change(trigger)
        held = _held(trigger)
        return submit_order(
            portfolio=trigger.portfolio,
            instrument=trigger.instrument,
            side=Side.SELL if held >= ZERO else Side.BUY,
            leg=Leg.CLOSE,
            quantity=abs(held),
            cause=Cause(CauseKind.TRIGGER, str(trigger.pk)),
            closed_fraction=ONE,
        )


def _held(trigger: Trigger) -> Decimal:
    row = Position.objects.filter(portfolio_id=trigger.portfolio_id, instrument_id=trigger.instrument_id).first()
    return row.quantity if row else ZERO


def _save_with_next_change(trigger: Trigger) -> None:
    trigger.change = take_changes(trigger.namespace, 1)
    trigger.save()


def hint_at_margins(namespaces: Iterable[str]) -> None:
    """Have the engines of these namespaces look at what is held on margin, after the commit."""
    for namespace in sorted(set(namespaces)):
        transaction.on_commit(partial(hint, channel(namespace), {}))


def number_changes(orders: Iterable[Order]) -> bool:
    """Give those of the orders that rest on our book the next numbers of their namespaces; say whether there were any.

    The caller stores them in the transaction that changes the orders, and holds their portfolios' locks.
    """
    by_namespace: defaultdict[str, list[Order]] = defaultdict(list)
    for order in orders:
        if order.rests_since is not None:
            by_namespace[order.portfolio.namespace].append(order)
    for namespace in sorted(by_namespace):
        members = by_namespace[namespace]
        first = take_changes(namespace, len(members))
        for change, order in enumerate(members, first):
            order.change = change
    return bool(by_namespace)


def take_changes(namespace: str, count: int) -> int:
    """Take the next `count` numbers of a namespace, hint at them after the commit, and return the first."""
    book, _ = TriggerBook.objects.select_for_update(no_key=True).get_or_create(namespace=namespace)
    book.last_change += count
    book.save(update_fields=["last_change"])
    transaction.on_commit(partial(hint, channel(namespace), {"change": book.last_change}))
    return int(book.last_change) - count + 1
