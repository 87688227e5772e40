"""Journey D's rows: stops that an opening order arms, that a flat position disarms, and that a price fires exactly once.

Each change takes the next number of its namespace, under the book's lock: numbers become visible in their order, so an
engine that has seen number n has seen every change up to n.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import partial
from uuid import UUID

from django.db import transaction

from common.bus import hint
from common.clock import market_now
from engine.decimals import ONE, ZERO, price_to_tick
from portfolios.models import Position
from portfolios.services.books import lock_portfolios
from trading.models import CauseKind, Leg, Order, OrderState, Side, Trigger, TriggerBook, TriggerState


def channel(namespace: str) -> str:
    """Return the bus channel that hints at new changes."""
    return f"triggers:{namespace}"


def arm_stops(orders: Iterable[Order], at: Mapping[UUID, datetime]) -> None:
    """Arm the stop of every opening order that asks for one and is filled whole; `at` says when, by order id."""
    wanting = {order.pk: order for order in orders if _wants_stop(order)}
    if not wanting:
        return
    # A venue that fills more than was ordered reports the end of an order twice.
    armed = set(Trigger.objects.filter(entry__among=wanting).values_list("entry_id", flat=True))
    for order in wanting.values():
        if order.pk not in armed:
            _arm(order, at[order.pk])


def _wants_stop(order: Order) -> bool:
    return order.stop_loss_ratio is not None and order.leg == Leg.OPEN and order.state == OrderState.FILLED


def _arm(order: Order, at: datetime) -> None:
    assert order.stop_loss_ratio is not None
    tick_size = order.instrument.tick_size
    price = price_to_tick(order.average_price * (ONE - order.stop_loss_ratio), tick_size, up=False)
    trigger = Trigger(
        portfolio_id=order.portfolio_id,
        instrument=order.instrument,
        namespace=order.portfolio.namespace,
        entry=order,
        price=max(price, tick_size),
        armed_at=at,
    )
    _save_with_next_change(trigger)


def disarm_flat(books: set[tuple[UUID, UUID]]) -> None:
    """Cancel what is armed on positions that have become flat; `books` holds (portfolio id, instrument id)."""
    if not books:
        return
    armed = Trigger.objects.filter(
        state=TriggerState.ARMED, portfolio_id__among={portfolio for portfolio, _ in books}
    ).order_by("pk")
    for trigger in armed:
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
            side=Side.SELL,
            leg=Leg.CLOSE,
            quantity=held,
            cause=Cause(CauseKind.TRIGGER, str(trigger.pk)),
            closed_fraction=ONE,
        )


def _held(trigger: Trigger) -> Decimal:
    row = Position.objects.filter(portfolio_id=trigger.portfolio_id, instrument_id=trigger.instrument_id).first()
    return row.quantity if row else ZERO


def _save_with_next_change(trigger: Trigger) -> None:
    book, _ = TriggerBook.objects.select_for_update(no_key=True).get_or_create(namespace=trigger.namespace)
    book.last_change += 1
    book.save(update_fields=["last_change"])
    trigger.change = book.last_change
    trigger.save()
    transaction.on_commit(partial(hint, channel(trigger.namespace), {"change": trigger.change}))
