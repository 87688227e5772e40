"""Filling orders on our own book: at the prices that they met, as far as their portfolios can, each fill under its own number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, Max

from common.db import bulk_update
from engine.decimals import ZERO, floor_to_step
from engine.matching.single import Effect
from portfolios.models import PortfolioState
from portfolios.services.books import Holdings
from trading.brokers import BrokerFill
from trading.brokers.paper import fill_of
from trading.kinds import GroupRole, TimeInForce
from trading.margins import Margins
from trading.models import Fill, Leg, Order, OrderState
from trading.rules import price_and_fee, reserved_asset, taken, takes_cash
from trading.services.fills import record_fills
from trading.services.judging import halted, holdings_of
from trading.services.withdrawing import end_unfilled, take_off_targets, withdraw

_AT_ONCE = (TimeInForce.IOC, TimeInForce.FOK)


@dataclass(frozen=True, slots=True)
class Moved:
    """An order with what a price does to it: the (price, quantity) that it gets, the best first.

    `slips`: a taker's price is the market's, which its slippage moves; else it lay in a venue's book. `is_set_off`: its
    trigger went off just now.
    """

    order: Order
    effect: Effect
    fills: tuple[tuple[Decimal, Decimal], ...] = ()
    slips: bool = True
    is_set_off: bool = False


@dataclass(frozen=True, slots=True)
class LastFill:
    """How often an order has filled, and when it last did, in market time."""

    count: int
    happened_at: datetime


def last_fills(orders: Sequence[Order]) -> dict[UUID, LastFill]:
    """Return the last fills of those of the orders that have filled in part."""
    partly = [order.pk for order in orders if order.filled_quantity]
    if not partly:
        return {}
    found = Fill.objects.filter(order__among=partly).values_list("order_id")
    return {pk: LastFill(count, at) for pk, count, at in found.annotate(Count("pk"), Max("happened_at"))}


def fill_moved(moved: Sequence[Moved]) -> None:
    """Fill orders as far as their portfolios can; the same transaction ends what cannot be filled at all.

    What is left where a book had less waits on, or ends where it may not wait.
    """
    if not moved:
        return
    moved = _one_of_each_group(moved)
    orders = [one.order for one in moved]
    refused = _refused_opens(orders)
    holdings, last = holdings_of(orders), last_fills(orders)
    margins = Margins(orders, holdings)
    fills: list[BrokerFill] = []
    wished = {order.pk: order.quantity for order in orders}
    for one in moved:
        if one.order.pk in refused:
            continue
        before = last[one.order.pk].count if one.order.pk in last else 0
        if parts := _filled(one, holdings, margins, before):
            fills += parts
        else:
            refused[one.order.pk] = "INSUFFICIENT_BALANCE" if takes_cash(one.order) else "NOTHING_TO_CLOSE"
    bulk_update(Order, orders, ["quantity", "code", "peak_price", "triggered_at", "rests_since", "arrives_at"])
    end_unfilled([order for order in orders if order.pk in refused], OrderState.CANCELED, refused)
    take_off_targets((order, wished[order.pk] - order.quantity) for order in orders if order.pk not in refused)
    record_fills(fills)
    at_once = [order.pk for order in orders if order.pk not in refused and order.time_in_force in _AT_ONCE]
    if at_once:
        withdraw(Order.objects.filter(pk__among=at_once), code="NOT_FILLED_AT_ONCE")


def _one_of_each_group(moved: Sequence[Moved]) -> list[Moved]:
    """Leave out the second of a pair: the first one's fill cancels it. (The legs of a reversal are no pair.)"""
    keys = [
        one.order.pk if one.order.group_id is None or one.order.group_role == GroupRole.TURN else one.order.group_id
        for one in moved
    ]
    first = dict(zip(reversed(keys), reversed(moved), strict=True))
    return [one for key, one in zip(keys, moved, strict=True) if first[key] is one]


def _refused_opens(orders: Sequence[Order]) -> dict[UUID, str]:
    """Return the opens that must not fill any more, with the reason: a book that closed, a halt they slipped past."""
    opens = [order for order in orders if order.leg == Leg.OPEN]
    if not opens:
        return {}
    frozen = {order.pk: "PORTFOLIO_NOT_OPEN" for order in opens if order.portfolio.state != PortfolioState.OPEN}
    return frozen | {order.pk: "TRADING_HALTED" for order in halted(opens)}


def _filled(one: Moved, holdings: Holdings, margins: Margins, before: int) -> list[BrokerFill]:
    """Return the fills of an order that has had `before` of them, clipped to what its portfolio has.

    `holdings` and `margins` follow.
    """
    order, asset = one.order, reserved_asset(one.order)
    is_exit_on_margin = order.instrument.is_perpetual and order.leg == Leg.CLOSE
    has = margins.closeable(order) if is_exit_on_margin else holdings.free(order.portfolio_id, asset) + order.reserved
    free = left = has
    fills: list[BrokerFill] = []
    is_clipped = False
    for number, (met, wanted) in enumerate(one.fills, before + 1):
        quantity = _coverable(one, wanted, left, met)
        if quantity > ZERO:
            price, fee = _price_and_fee(one, quantity, met)
            fills.append(fill_of(order, quantity, price, fee, number=number))
            left -= taken(order, quantity, price, fee)
        if quantity < wanted:
            is_clipped = True
            break
    if not fills:
        return []
    filled = order.filled_quantity + sum((fill.quantity for fill in fills), ZERO)
    if is_clipped:
        order.quantity = filled
        order.code = "CLIPPED_BALANCE" if takes_cash(order) else "CLIPPED_POSITION"
    if is_exit_on_margin:
        margins.took(order, free - left)
        return fills
    released = order.reserved if filled >= order.quantity else min(free - left, order.reserved)
    holdings.change(order.portfolio_id, asset, amount=left - free, reserved=-released)
    return fills


def _coverable(one: Moved, wanted: Decimal, free: Decimal, met: Decimal) -> Decimal:
    """Return how much of an order can be had: of an exit what is there, of an open what can be paid with its fee."""
    if not takes_cash(one.order):
        return min(wanted, free)
    price, fee = _price_and_fee(one, wanted, met)
    cost = taken(one.order, wanted, price, fee)
    return wanted if cost <= free else floor_to_step(wanted * free / cost, one.order.instrument.lot_step)


def _price_and_fee(one: Moved, quantity: Decimal, met: Decimal) -> tuple[Decimal, Decimal]:
    return price_and_fee(one.order, quantity, met, is_maker=one.effect is Effect.MAKER, slips=one.slips)
