"""Orders that end before they are filled: taken back, refused, expired or missed; and what a follow aims at without them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from common.bus import hint
from common.clock import wall_now
from common.db import bulk_update
from common.realtime import publish
from engine.decimals import ONE, ZERO, money
from portfolios.services.books import Reservation, lock_portfolios, reserve
from trading.models import ON_BOOK, WAITS_AT_VENUE, FollowPosition, LeadEvent, Leg, Order, OrderState
from trading.plans.services.waking import wake_plans
from trading.rules import held_by, reserved_asset
from trading.services.history import keep_events
from trading.services.holds import keep_holds
from trading.services.triggers import arm_stops_of_parts, number_changes
from trading.services.waking import look_at_protection, wake_waiting
from trading.transitions import move

_RELATED = ("portfolio", "instrument__market")
# What a copied open ends with that did not get all it asked for at its price.
MISSED_PRICE_CAP = "MISSED_PRICE_CAP"
# What wakes the signer, which looks for its rows again and again anyway.
SIGNER = "signer"


def withdraw_opens(orders: QuerySet[Order], *, code: str) -> list[Order]:
    """Cancel those of the orders that are opens and were not sent or rest; return them.

    What a worker has claimed, and what waits for no price, goes on.
    """
    return withdraw(orders.filter(leg=Leg.OPEN), code=code)


def withdraw(orders: QuerySet[Order], *, code: str, to: OrderState = OrderState.CANCELED) -> list[Order]:
    """End those of the orders that were not sent or rest on our book, and release what they promised; return them.

    What waits at a venue is returned as well, but ends when the venue says so: until then the wish is in its row.
    """
    waiting = orders.filter(Q(state=OrderState.PENDING) | ON_BOOK | (WAITS_AT_VENUE & Q(cancel_code="")))
    locked = lock_portfolios(waiting.values_list("portfolio_id", flat=True))
    if not locked:
        return []
    # Only of locked portfolios: another's order may be claimed between reading and writing it.
    found = list(waiting.filter(portfolio_id__among=locked).select_related(*_RELATED).order_by("pk"))
    asked_back = wish_cancels([order for order in found if order.is_under_way_at_venue], code)
    withdrawn = end_orders([order for order in found if not order.is_under_way_at_venue], to, code)
    # What risk cut of one that was judged is off already.
    take_off_targets((one, (one.quantity or one.requested_quantity) - one.filled_quantity) for one in withdrawn)
    wake_waiting(withdrawn)
    return withdrawn + asked_back


def wish_cancels(orders: Sequence[Order], code: str) -> list[Order]:
    """Write down that orders of locked portfolios, under way at a venue, are to be canceled there; the signer asks for it.

    The first reason stays. Returns those that had none before.
    """
    fresh = [order for order in orders if not order.cancel_code]
    if not fresh:
        return []
    for order in fresh:
        order.cancel_code, order.cancel_at = code, wall_now()
    bulk_update(Order, fresh, ["cancel_code", "cancel_at"])
    keep_events(fresh, code="CANCEL_ASKED")
    publish([(f"portfolio:{pk}", {"refresh": ["orders"]}) for pk in sorted({one.portfolio_id for one in fresh})])
    transaction.on_commit(partial(hint, SIGNER, {}))
    return fresh


def end_unfilled(orders: Sequence[Order], to: OrderState, code: str | Mapping[UUID, str]) -> list[Order]:
    """End orders that were sent, as end_orders does, and take what copies did not get off their follows' targets.

    What a copied open missed at its price is written down; a copied exit that is not filled is tried again.
    """
    from trading.services.exits import try_again  # exits → orders: look late

    codes = {order.pk: code if isinstance(code, str) else code[order.pk] for order in orders}
    ended = end_orders(orders, to, {order.pk: _code_of_end(order, codes[order.pk]) for order in orders})
    take_off_targets(((order, order.quantity - order.filled_quantity) for order in ended), are_missed=True)
    try_again(ended)
    return ended


# An IOC order that found nothing at its price, in the words of whoever filled it.
_NOT_AT_ITS_PRICE = ("NOT_FILLED_AT_ONCE", "EXPIRED_AT_VENUE", "CANCELED_BY_VENUE")


def _code_of_end(order: Order, code: str) -> str:
    is_missed = order.follow_id is not None and order.leg == Leg.OPEN and code in _NOT_AT_ITS_PRICE
    return MISSED_PRICE_CAP if is_missed else code


def end_orders(orders: Sequence[Order], to: OrderState, code: str | Mapping[UUID, str]) -> list[Order]:
    """End orders, read with portfolio and instrument under their portfolios' locks; return those that were not ended yet.

    The promise is released in the transaction that ends the order, once. What an opening order has bought is guarded: by a
    bracket's two, or by the stop that it asked for.
    """
    from trading.services.brackets import arm_brackets  # brackets → orders: look late

    held = {order.pk: held_by(order) for order in orders}
    ended = [order for order in orders if move(order, to)]
    release(ended)
    for order in ended:
        order.code = code if isinstance(code, str) else code[order.pk]
        order.reserved = ZERO
    changed = ["state", "code", "reserved", *(["change"] if number_changes(ended) else [])]
    bulk_update(Order, ended, changed)
    keep_holds(ended, held)
    keep_events(ended)
    arm_brackets(ended)
    arm_stops_of_parts(ended)
    wake_plans(ended)
    look_at_protection(order.portfolio for order in ended if order.leg == Leg.CLOSE)
    publish(
        [(f"portfolio:{pk}", {"refresh": ["orders", "summary"]}) for pk in sorted({one.portfolio_id for one in ended})]
    )
    return ended


def release(orders: Sequence[Order]) -> None:
    """Free what is still promised to orders of locked portfolios. (The orders still say how much it was.)"""
    promises = [order for order in orders if order.reserved]
    reserve([Reservation(order.portfolio_id, reserved_asset(order), -order.reserved) for order in promises])


def take_off_targets(taken: Iterable[tuple[Order, Decimal]], *, are_missed: bool = False) -> None:
    """Take what copied opens did not get off their follows' targets: drift is measured from what could be had (model.md 10).

    What the lead has closed since has shrunk the target already, and with it what is to be taken off. Quantities
    `are_missed` where the market, not the follow, kept the order from them: then they are counted as such.
    """
    off = [
        (order, quantity)
        for order, quantity in taken
        if order.follow_id is not None and order.leg == Leg.OPEN and quantity
    ]
    if not off:
        return
    found = FollowPosition.objects.filter(follow__among={order.follow_id for order, _ in off}).select_related("follow")
    aims = {(aim.follow_id, aim.instrument_id): aim for aim in found}
    shrunk, changed = _Shrunk(aims.values(), off), dict[int, FollowPosition]()
    for order, quantity in off:
        aim = aims.get((order.follow_id, order.instrument_id)) if order.follow_id else None
        if aim is None:
            continue
        left = shrunk.left_of(aim, order, quantity)
        aim.target = max(aim.target - left, ZERO)
        if are_missed:
            aim.missed += left
            aim.missed_events += 1
        changed[aim.pk] = aim
    bulk_update(FollowPosition, list(changed.values()), ["target", "missed", "missed_events"])


class _Shrunk:
    """What became of quantities as their leads closed parts of the position after they were asked for."""

    def __init__(self, aims: Iterable[FollowPosition], off: Sequence[tuple[Order, Decimal]]) -> None:
        by_key = {(aim.follow_id, aim.instrument_id): aim for aim in aims}
        older = [order for order, _ in off if _is_older(order, by_key)]
        self._events: dict[tuple[UUID, UUID], list[tuple[int, Decimal]]] = {}
        if not older:
            return
        leads = {aim.follow.lead_id for aim in by_key.values()}
        since = min(order.seq for order in older)
        places = {"lead__in": leads, "instrument__in": {order.instrument_id for order in older}}
        closing = LeadEvent.objects.filter(seq__gt=since, **places).exclude(closed_fraction=ZERO)
        for lead, instrument, seq, fraction in closing.values_list("lead", "instrument", "seq", "closed_fraction"):
            self._events.setdefault((lead, instrument), []).append((seq, fraction))

    def left_of(self, aim: FollowPosition, order: Order, quantity: Decimal) -> Decimal:
        """Return what is left of a quantity of an order after the closings that the aim has seen since."""
        for seq, fraction in self._events.get((aim.follow.lead_id, aim.instrument_id), ()):
            if order.seq < seq <= aim.last_seq:
                quantity = money(quantity * (ONE - fraction))
        return quantity


def _is_older(order: Order, aims: Mapping[tuple[UUID, UUID], FollowPosition]) -> bool:
    """Say whether the lead has gone on in the instrument since an order was asked for."""
    aim = aims.get((order.follow_id, order.instrument_id)) if order.follow_id else None
    return aim is not None and order.seq < aim.last_seq
