"""Booking what the venue executed: the fill, its ledger lines, the order's new state, stops, and the lead's event, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from common.clock import wall_now
from common.db import bulk_insert, bulk_update
from common.ids import new_id
from common.realtime import publish
from common.tasks import enqueue
from engine.decimals import ZERO, money
from markets.selectors import instruments_by_id
from portfolios.models import Portfolio
from portfolios.services.books import Booked, FillBooking, book_fills, lock_portfolios
from trading.brokers import BrokerFill
from trading.models import Fill, Follow, FollowState, LeadStream, Order, OrderState, Side
from trading.services.history import keep_events
from trading.services.lead_events import write_lead_events
from trading.services.triggers import arm_stops, disarm_flat


@transaction.atomic
def record_fills(reported: Sequence[BrokerFill]) -> list[Fill]:
    """Book fills that were not booked before (by venue account and fill id) and return them; a repeat is a no-op."""
    if not reported:
        return []
    portfolio_of = dict(
        Order.objects.filter(pk__among=[one.order_id for one in reported]).values_list("pk", "portfolio_id")
    )
    portfolios = lock_portfolios(portfolio_of.values())
    # Read under the locks: whoever else booked one of these fills has committed.
    news = _not_yet_booked(reported)
    if not news:
        return []
    ordered = Order.objects.filter(pk__among=[one.order_id for one in news])
    orders = {order.pk: order for order in with_instruments(ordered, portfolios)}
    fills, bookings = [], []
    for one in news:
        order = orders[one.order_id]
        fill, booking = _booking(one, order)
        fills.append(fill)
        bookings.append(booking)
        _advance(order, one)
    booked = book_fills(portfolios, bookings)
    for fill in fills:
        fill.number = booked[fill.pk].number
    bulk_insert(Fill, fills)
    bulk_update(Order, list(orders.values()), ["state", "reserved", "filled_quantity", "average_price", "fee"])
    keep_events([orders[fill.order_id] for fill in fills], [fill.happened_at for fill in fills])
    _follow_up(fills, orders, portfolios, booked)
    return fills


def with_instruments(orders: QuerySet[Order], portfolios: dict[UUID, Portfolio]) -> list[Order]:
    """Return the orders with their (locked) portfolios and instruments: a batch shares a few, so rows are not joined to them one by one."""
    found = list(orders)
    instruments = instruments_by_id({order.instrument_id for order in found})
    for order in found:
        order.portfolio, order.instrument = portfolios[order.portfolio_id], instruments[order.instrument_id]
    return found


def _not_yet_booked(reported: Sequence[BrokerFill]) -> list[BrokerFill]:
    ids = [one.venue_fill_id for one in reported]
    known = set(Fill.objects.filter(venue_fill_id__among=ids).values_list("venue_account", "venue_fill_id"))
    unique = {(one.venue_account, one.venue_fill_id): one for one in reported}
    return [one for key, one in unique.items() if key not in known]


def _booking(one: BrokerFill, order: Order) -> tuple[Fill, FillBooking]:
    recorded_at = wall_now()
    fill = Fill(
        id=new_id(),
        order_id=order.pk,
        portfolio_id=order.portfolio_id,
        instrument_id=order.instrument_id,
        venue_account=one.venue_account,
        venue_fill_id=one.venue_fill_id,
        side=order.side,
        quantity=one.quantity,
        price=one.price,
        fee=one.fee,
        happened_at=one.happened_at,
        recorded_at=recorded_at,
    )
    is_buy = order.side == Side.BUY
    ends = order.filled_quantity + one.quantity >= order.quantity
    spent = one.quantity * one.price + one.fee if is_buy else one.quantity
    booking = FillBooking(
        fill_id=fill.pk,
        portfolio_id=order.portfolio_id,
        instrument=order.instrument,
        change=one.quantity if is_buy else -one.quantity,
        price=one.price,
        fee=one.fee,
        # The last fill frees all that is left of the promise.
        release=order.reserved if ends else min(spent, order.reserved),
        happened_at=one.happened_at,
        recorded_at=recorded_at,
    )
    return fill, booking


def _advance(order: Order, one: BrokerFill) -> None:
    """Move the order by a fill: quantities, average price, fee, state and what is still promised."""
    value = order.average_price * order.filled_quantity + one.price * one.quantity
    order.filled_quantity += one.quantity
    order.average_price = money(value / order.filled_quantity)
    order.fee += one.fee
    ends = order.filled_quantity >= order.quantity
    order.state = OrderState.FILLED if ends else OrderState.PARTIALLY_FILLED
    spent = one.quantity * one.price + one.fee if order.side == Side.BUY else one.quantity
    order.reserved = ZERO if ends else max(order.reserved - spent, ZERO)


def _follow_up(
    fills: Sequence[Fill], orders: dict[UUID, Order], portfolios: dict[UUID, Portfolio], booked: dict[UUID, Booked]
) -> None:
    """Do what a fill entails in its own transaction, and enqueue what may come after it."""
    arm_stops(orders.values(), {fill.order_id: fill.happened_at for fill in fills})
    disarm_flat({(fill.portfolio_id, fill.instrument_id) for fill in fills if not booked[fill.pk].held})
    streams = LeadStream.objects.filter(portfolio_id__among=portfolios)
    for lead_id in write_lead_events(list(streams), [(orders[fill.order_id], fill, booked[fill.pk]) for fill in fills]):
        from trading.tasks import fan_out  # the task's body calls services: one of the two must look late

        enqueue(fan_out, str(lead_id))
    follow_ids = {order.follow_id for order in orders.values() if order.follow_id}
    stopping = (
        Follow.objects.filter(pk__among=follow_ids, state=FollowState.STOPPING) if follow_ids else Follow.objects.none()
    )
    if ending := [str(pk) for pk in stopping.order_by("pk").values_list("pk", flat=True)]:
        from trading.tasks import finish_follows

        enqueue(finish_follows, ending)
    publish([(f"portfolio:{pk}", {"refresh": ["orders", "fills", "positions", "summary"]}) for pk in portfolios])
