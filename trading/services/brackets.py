"""Orders that belong together: of a pair one cancels the other, and what a bracket's entry bought is guarded by two."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from django.db.models import Q

from common.db import Slot, bulk_insert, bulk_update
from common.prepared import Prepared
from common.tasks import enqueue
from engine.decimals import ZERO
from portfolios.services.books import Reservation, reserve
from trading.kinds import GroupRole, OrderKind
from trading.models import ON_BOOK, RESTING, UNFINISHED, CauseKind, Leg, Order, OrderState, Side
from trading.order_terms import OrderTerms
from trading.rules import held_by, reserved_asset, to_reserve
from trading.services.holds import keep_holds
from trading.services.orders import Cause, new_order
from trading.services.triggers import number_changes
from trading.services.withdrawing import end_orders, wish_cancels
from trading.transitions import ENDED

_ONE_OF = (GroupRole.OCO, GroupRole.STOP, GroupRole.TARGET)
# Why an order is canceled at its venue when another takes its place.
REPLACED = "REPLACED"


def follow_fills(orders: Collection[Order], got: Mapping[UUID, Decimal]) -> None:
    """Tell those that wait beside these orders (read under their portfolios' locks) what these have just filled, by id.

    The other of a pair is canceled, or as much smaller while the one that fills lives on at its venue; and what is to take
    the place of an order asks for that much less.
    """
    paired = {order.group_id: order for order in orders if order.group_role in _ONE_OF}
    replaced = {order.pk: order for order in orders if order.cancel_code == REPLACED}
    if not (paired or replaced):
        return
    beside = Q(group_id__in=list(paired)) & ~Q(group_role=GroupRole.ENTRY)
    others = Order.objects.filter(beside | Q(replaces__in=list(replaced)), state__in=UNFINISHED)
    others = others.exclude(pk__in=[order.pk for order in orders]).order_by("pk")
    smaller, over, at_venue = list[tuple[Order, Decimal]](), list[Order](), list[Order]()
    for other in others.select_related("portfolio", "instrument__market"):
        filled = next((one for pk, one in replaced.items() if pk == other.replaces_id), None) or paired[other.group_id]
        if other.is_under_way_at_venue:
            at_venue.append(other)
        elif other.replaces_id in replaced or filled.state != OrderState.FILLED:
            smaller.append((other, got[filled.pk]))
        elif other.state in (OrderState.PENDING, *RESTING):
            over.append(other)
    wish_cancels(at_venue, "OTHER_OF_PAIR_FILLED")
    end_orders(over, OrderState.CANCELED, "OTHER_OF_PAIR_FILLED")
    _shrink(smaller)


def _shrink(smaller: Sequence[tuple[Order, Decimal]]) -> None:
    """Make orders that were not sent smaller, each by so much; one of which nothing is left ends."""
    for order, quantity in smaller:
        order.requested_quantity = max(order.requested_quantity - quantity, ZERO)
        order.quantity = max(order.quantity - quantity, ZERO)
    left = [order for order, _ in smaller if order.requested_quantity]
    _promise_less(left)
    columns = ["requested_quantity", "quantity", "reserved"]
    bulk_update(Order, left, columns + (["change"] if number_changes(left) else []))
    end_orders([order for order, _ in smaller if order not in left], OrderState.CANCELED, "OTHER_FILLED_ALL")


def _promise_less(orders: Sequence[Order]) -> None:
    released, held = [], {order.pk: held_by(order) for order in orders}
    for order in orders:
        promised = min(order.reserved, to_reserve(order, order.quantity)) if order.reserved else ZERO
        released.append(Reservation(order.portfolio_id, reserved_asset(order), promised - order.reserved))
        order.reserved = promised
    reserve([one for one in released if one.amount])
    keep_holds(orders, held)


def whose_pair_filled(orders: Iterable[Order]) -> list[Order]:
    """Return those of the orders whose other of the pair was filled while they were on their way."""
    paired = [order for order in orders if order.group_role in _ONE_OF]
    if not paired:
        return []
    groups = {order.group_id for order in paired}
    rows = Order.objects.filter(group_id__in=groups, filled_quantity__gt=Decimal(0)).exclude(group_role=GroupRole.ENTRY)
    filled = dict(rows.values_list("group_id", "pk"))
    return [order for order in paired if filled.get(order.group_id, order.pk) != order.pk]


_ONLY_REDUCING = Prepared(
    lambda: Order.objects.filter(ON_BOOK, portfolio_id__among=Slot("portfolios"), reduce_only=True).values_list(
        "pk", "portfolio_id", "instrument_id"
    )
)


def cancel_idle(flat: set[tuple[UUID, UUID]]) -> None:
    """Cancel what only reduces and rests on positions that have become flat; `flat` holds (portfolio id, instrument id)."""
    if not flat:
        return
    rows = _ONLY_REDUCING.rows(portfolios={portfolio for portfolio, _ in flat})
    idle = [pk for pk, portfolio_id, instrument_id in rows if (portfolio_id, instrument_id) in flat]
    if idle:
        found = Order.objects.filter(pk__among=idle).select_related("portfolio", "instrument__market").order_by("pk")
        end_orders(list(found), OrderState.CANCELED, "NOTHING_TO_CLOSE")


def arm_brackets(orders: Iterable[Order]) -> None:
    """Place the stop and the target of every bracket's entry that has ended with something bought; once each."""
    from trading.tasks import execute_orders  # the task's body calls services: one of the two must look late

    for entry in orders:
        if entry.group_role != GroupRole.ENTRY or entry.state not in ENDED or not entry.filled_quantity:
            continue
        bulk_insert(Order, _guards(entry), ignore_conflicts=True)
        enqueue(execute_orders, CauseKind.BRACKET, str(entry.pk))


def _guards(entry: Order) -> list[Order]:
    guards = []
    if entry.stop_price is not None:
        terms = OrderTerms(kind=OrderKind.STOP, trigger_price=entry.stop_price, reduce_only=True)
        guards.append(_guard(entry, GroupRole.STOP, terms, 1))
    if entry.target_price is not None:
        terms = OrderTerms(kind=OrderKind.LIMIT, limit_price=entry.target_price, reduce_only=True)
        guards.append(_guard(entry, GroupRole.TARGET, terms, 2))
    return guards


def _guard(entry: Order, role: GroupRole, terms: OrderTerms, attempt: int) -> Order:
    order = new_order(
        portfolio=entry.portfolio,
        instrument=entry.instrument,
        side=Side.SELL if entry.side == Side.BUY else Side.BUY,
        leg=Leg.CLOSE,
        quantity=entry.filled_quantity,
        cause=Cause(CauseKind.BRACKET, str(entry.pk)),
        terms=terms,
        attempt=attempt,
    )
    order.group_id, order.group_role = entry.group_id, role
    return order
