"""The fan-out's outbox: what a lead's fills did, numbered without gaps, written in the transaction that books them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import UUIDField

from common.bus import hint
from common.clock import market_now
from common.db import Slot, locking
from common.prepared import Prepared
from engine.decimals import ZERO
from engine.positions import closed_quantity, join_fractions
from markets.prices import Price
from portfolios.selectors import worth_of
from portfolios.services.books import Booked
from trading.models import Fill, LeadEvent, LeadEventState, LeadStream, Order, OrderState

# Fills of one order are batched for this long before they are copied (rule 13).
BATCHING = timedelta(milliseconds=250)
# A venue's clock that is further ahead of ours is wrong: followers must not wait until its time has come.
MOST_AHEAD = timedelta(seconds=1)


def delays_channel(namespace: str) -> str:
    """Return the bus channel that hints at new work for later."""
    return f"delays:{namespace}"


def write_lead_events(streams: Sequence[LeadStream], fills: Sequence[tuple[Order, Fill, Booked]]) -> list[UUID]:
    """Write or extend an event for every fill of a led portfolio; return the leads concerned. Caller holds the portfolios' locks."""
    by_lead = {stream.portfolio_id: stream for stream in streams}
    led = [(order, fill, booked) for order, fill, booked in fills if fill.portfolio_id in by_lead]
    for order, fill, booked in led:
        event = _open_event(order) or _new_event(by_lead[fill.portfolio_id], order, fill)
        _add(event, order, fill, booked)
        event.save()
        if order.state != OrderState.FILLED:
            transaction.on_commit(partial(hint, delays_channel(order.portfolio.namespace), {}))
    return list({fill.portfolio_id for _, fill, _ in led})


_OPEN_EVENT = Prepared(
    lambda: locking(
        LeadEvent.objects.filter(order_id=Slot("order", UUIDField()), state=LeadEventState.WAITING, market_price=None)
    )
)


def _open_event(order: Order) -> LeadEvent | None:
    """Return the order's event that the fan-out has not begun: it can still be extended."""
    return _OPEN_EVENT.first(order=order.pk)


def _new_event(stream: LeadStream, order: Order, fill: Fill) -> LeadEvent:
    stream.last_seq += 1
    stream.save(update_fields=["last_seq"])
    return LeadEvent(
        lead_id=fill.portfolio_id,
        seq=stream.last_seq,
        instrument=order.instrument,
        order=order,
        side=order.side,
        happened_at=fill.happened_at,
        recorded_at=fill.recorded_at,
    )


def _add(event: LeadEvent, order: Order, fill: Fill, booked: Booked) -> None:
    """Fold a fill into its event: opened quantity, closed fraction (of fractions, one after the other), position, worth."""
    change = fill.change
    event.opened_quantity += abs(change) - closed_quantity(booked.held - change, change)
    event.closed_fraction = join_fractions(event.closed_fraction, booked.closed_fraction)
    event.price = order.average_price
    event.resulting_quantity = booked.held
    event.lead_equity = _equity(order, fill.price)
    since = min(fill.happened_at, market_now(order.portfolio.namespace) + MOST_AHEAD)
    event.due_at = since + (timedelta(0) if order.state == OrderState.FILLED else BATCHING)


def _equity(order: Order, fill_price: Decimal) -> Decimal:
    price = order.market_price if order.market_price is not None else fill_price
    prices = {order.instrument_id: Price(price, order.created_at)}
    return max(worth_of([order.portfolio], prices)[order.portfolio_id].equity, ZERO)
