"""Booking what the venue executed: the fill, its ledger lines, the order's new state, stops, and the lead's event, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import DataError, IntegrityError, transaction

from common.clock import wall_now
from common.db import Slot, attach, bulk_insert, bulk_update, locking
from common.ids import new_id
from common.prepared import Prepared
from common.realtime import publish
from common.tasks import enqueue
from engine.decimals import ZERO, money
from markets.selectors import instruments_by_id
from portfolios.models import Portfolio
from portfolios.services.books import Booked, FillBooking, Holdings, book_fills
from trading.brokers import BrokerFill
from trading.models import Fill, Follow, FollowState, LeadStream, Order, OrderState
from trading.plans.services.waking import wake_plans
from trading.risk.services.memory import remember_trades
from trading.rules import held_by, taken
from trading.services.account_fees import pay_third_assets
from trading.services.brackets import arm_brackets, cancel_idle, follow_fills
from trading.services.diverging import note_foreign_trades
from trading.services.history import keep_events
from trading.services.holds import keep_holds
from trading.services.lead_events import write_lead_events
from trading.services.stopping_out import note_stopped
from trading.services.triggers import arm_stops, disarm_flat, hint_at_margins, number_changes
from trading.services.waking import look_at_protection
from trading.transitions import move

# What one fill can raise that no book can hold. The others of its batch must not wait for it.
UNBOOKABLE = (IntegrityError, DataError, ArithmeticError, ValueError)
# The portfolios of orders, locked.
_BOOKS = Prepared(
    lambda: locking(
        Portfolio.objects.filter(pk__in=Order.objects.filter(pk__among=Slot("orders")).values("portfolio_id"))
    )
)
_ORDERS = Prepared(lambda: Order.objects.filter(pk__among=Slot("orders")))
_BOOKED = Prepared(
    lambda: Fill.objects.filter(venue_fill_id__among=Slot("ids")).values_list("venue_account", "venue_fill_id")
)


@transaction.atomic
def record_fills(reported: Sequence[BrokerFill]) -> list[Fill]:
    """Book fills that were not booked before (by venue account and fill id) and return them; a repeat is a no-op."""
    if not reported:
        return []
    portfolios = {one.pk: one for one in _BOOKS.found(orders={one.order_id for one in reported})}
    # Read under the locks: whoever else booked one of these fills has committed.
    news = _not_yet_booked(reported)
    if not news:
        return []
    ordered = _ORDERS.found(orders={one.order_id for one in news})
    orders = {order.pk: order for order in with_instruments(ordered, portfolios)}
    return _book(news, orders, portfolios)


def book_claimed(
    fills: Sequence[BrokerFill], orders: Mapping[UUID, Order], holdings: Holdings, claimed: Sequence[str] | None
) -> None:
    """Book fills of orders, by id, in the transaction that claims them: nobody else can have booked any of these fills.

    The orders were judged with `holdings`. Neither is stored yet; of the orders the fields `claimed` are, too, and where
    that is None the orders themselves are stored here.
    """
    portfolios = {order.portfolio_id: order.portfolio for order in orders.values()}
    _book(fills, orders, portfolios, holdings, claimed)


def _book(
    news: Sequence[BrokerFill],
    orders: Mapping[UUID, Order],
    portfolios: dict[UUID, Portfolio],
    holdings: Holdings | None = None,
    claimed: Sequence[str] | None = (),
) -> list[Fill]:
    held = {pk: held_by(order) for pk, order in orders.items()}
    fills, bookings, recorded_at = [], [], wall_now()
    for one in news:
        order = orders[one.order_id]
        fill, booking = _booking(one, order, recorded_at)
        fills.append(fill)
        bookings.append(booking)
        _advance(order, one)
    booked = book_fills(portfolios, bookings, holdings)
    for fill in fills:
        fill.number = booked[fill.pk].number
    _keep_orders(list(orders.values()), claimed)
    bulk_insert(Fill, fills)
    keep_holds(orders.values(), held)
    keep_events([orders[fill.order_id] for fill in fills], [fill.happened_at for fill in fills])
    pay_third_assets(news, orders)
    _follow_up(fills, orders, portfolios, booked)
    return fills


def _keep_orders(orders: Sequence[Order], claimed: Sequence[str] | None) -> None:
    """Store what fills made of orders, and what the claim did where it is stored here, too; None: orders never stored."""
    is_numbered = number_changes(orders)
    if claimed is None:
        bulk_insert(Order, orders)
        return
    changed = (
        *claimed,
        "state",
        "reserved",
        "filled_quantity",
        "average_price",
        "fee",
        *(["change"] if is_numbered else []),
    )
    still = ("state", OrderState.PENDING) if claimed else None
    if bulk_update(Order, orders, dict.fromkeys(changed), still=still) != len(orders):
        raise RuntimeError("Orders changed without their portfolios' locks; nothing of this batch was booked.")


def with_instruments(orders: Iterable[Order], portfolios: dict[UUID, Portfolio]) -> list[Order]:
    """Return the orders with their (locked) portfolios and instruments: a batch shares a few, so rows are not joined to them one by one."""
    found = list(orders)
    instruments = instruments_by_id({order.instrument_id for order in found})
    for order in found:
        attach(order, "portfolio", portfolios[order.portfolio_id])
        attach(order, "instrument", instruments[order.instrument_id])
    return found


def _not_yet_booked(reported: Sequence[BrokerFill]) -> list[BrokerFill]:
    ids = [one.venue_fill_id for one in reported]
    known = set(_BOOKED.rows(ids=ids))
    unique = {(one.venue_account, one.venue_fill_id): one for one in reported}
    return [one for key, one in unique.items() if key not in known]


def _booking(one: BrokerFill, order: Order, recorded_at: datetime) -> tuple[Fill, FillBooking]:
    fill = Fill.fresh(
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
        base_fee=one.base_fee,
        happened_at=one.happened_at,
        recorded_at=recorded_at,
    )
    ends = order.filled_quantity + one.quantity >= order.quantity
    spent = _spent(one, order)
    booking = FillBooking(
        fill_id=fill.pk,
        portfolio_id=order.portfolio_id,
        instrument=order.instrument,
        change=fill.change,
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
    move(order, OrderState.FILLED if ends else OrderState.PARTIALLY_FILLED)
    spent = _spent(one, order)
    order.reserved = ZERO if ends else max(order.reserved - spent, ZERO)


def _spent(one: BrokerFill, order: Order) -> Decimal:
    """Return what a fill took of its order's promise: quote units for an open, base units for a sale of spot."""
    # A fee in base is kept by the venue from what was bought: it costs no quote.
    return taken(order, one.quantity, one.price, ZERO if one.base_fee else one.fee)


_STREAMS = Prepared(lambda: LeadStream.objects.filter(portfolio_id__among=Slot("portfolios")))
_STOPPING = Prepared(
    lambda: (
        Follow.objects.filter(pk__among=Slot("follows"), state=FollowState.STOPPING).order_by("pk").values_list("pk")
    )
)


def _quantities(fills: Sequence[Fill]) -> dict[UUID, Decimal]:
    """Return what these fills come to, by order."""
    totals: dict[UUID, Decimal] = {}
    for fill in fills:
        totals[fill.order_id] = totals.get(fill.order_id, ZERO) + fill.quantity
    return totals


def _follow_up(
    fills: Sequence[Fill], orders: Mapping[UUID, Order], portfolios: dict[UUID, Portfolio], booked: dict[UUID, Booked]
) -> None:
    """Do what a fill entails in its own transaction, and enqueue what may come after it."""
    arm_stops(orders.values(), {fill.order_id: fill.happened_at for fill in fills})
    remember_trades(fills, orders, booked)
    flat = {(fill.portfolio_id, fill.instrument_id) for fill in fills if not booked[fill.pk].held}
    disarm_flat(flat)
    follow_fills(orders.values(), _quantities(fills))
    cancel_idle(flat)
    arm_brackets(orders.values())
    wake_plans(orders.values())
    note_foreign_trades(fills, orders.values())
    note_stopped(fills, orders)
    look_at_protection(portfolios.values())
    hint_at_margins(order.portfolio.namespace for order in orders.values() if order.instrument.is_perpetual)
    streams = _STREAMS.found(portfolios=portfolios)
    for lead_id in write_lead_events(streams, [(orders[fill.order_id], fill, booked[fill.pk]) for fill in fills]):
        from trading.tasks import fan_out  # the task's body calls services: one of the two must look late

        enqueue(fan_out, str(lead_id))
    follow_ids = {order.follow_id for order in orders.values() if order.follow_id}
    if follow_ids and (ending := [str(pk) for (pk,) in _STOPPING.rows(follows=follow_ids)]):
        from trading.tasks import finish_follows

        enqueue(finish_follows, ending)
    publish([(f"portfolio:{pk}", {"refresh": ["orders", "fills", "positions", "summary"]}) for pk in portfolios])
