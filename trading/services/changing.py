"""What an owner may still change of an order: its prices and quantity while it rests, or that it waits at all."""

from __future__ import annotations

from decimal import Decimal

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import User
from accounts.services import audit
from common.clock import market_now
from common.db import bulk_update
from common.errors import DomainError
from common.fields import canonical
from common.ids import new_id
from common.realtime import publish
from engine.decimals import ZERO
from engine.matching.single import Effect, arrive
from markets.models import Instrument
from markets.prices import latest_prices
from portfolios.models import ExchangeAccount, Portfolio
from portfolios.services.books import Reservation, lock_portfolios, reserve
from trading.approvals.limits import worth
from trading.codes import explain
from trading.kinds import GroupRole
from trading.margins import Margins
from trading.models import RESTING, CauseKind, Leg, Order, OrderState, Side
from trading.order_terms import NAMES, OrderTerms, check_quantity, check_terms
from trading.rules import GRID, held_by, reserved_asset, resting_of, rules_for, takes_cash, to_reserve
from trading.selectors import is_following, waiting_by_hand
from trading.services.brackets import REPLACED
from trading.services.history import keep_events
from trading.services.holds import keep_holds
from trading.services.judging import holdings_of
from trading.services.orders import Cause, new_order, store_orders
from trading.services.resting import meet_market
from trading.services.triggers import number_changes
from trading.services.withdrawing import wish_cancels, withdraw

PRICES = (
    "limit_price",
    "trigger_price",
    "trail_amount",
    "trail_bps",
    "activation_price",
    "stop_price",
    "target_price",
)


@transaction.atomic
def modify_order(*, actor: User, order: Order, quantity: Decimal | None = None, **prices: Decimal | None) -> Order:
    """Change a resting order: its quantity (not below what is filled), or prices that its kind has; None leaves one as it is.

    What it promises follows. A price that crosses the market fills at once, as it would on arrival; the same change
    again changes nothing. In place of an order at a venue another one is returned, which is sent when that one has ended.
    """
    found = _at_rest(order)
    if found.is_at_venue and (next_one := Order.objects.filter(replaces=found).first()) is not None:
        return _same_change(found, next_one, quantity, prices)
    before, market_price = _figures(found), _market_price(found)
    value = worth(found, market_price)
    _apply(found, quantity, {name: price for name, price in prices.items() if price is not None})
    if _figures(found) == before:
        return found
    check_quantity(found.quantity, found.instrument)
    check_terms(_terms(found), found.instrument, Side(found.side), found.created_at)
    _refuse_small(found)
    _refuse_above_limits(found, worth(found, market_price), value)
    _refuse_post_only(found)
    if found.is_at_venue:
        return _replace(actor, found, before)
    held = {found.pk: held_by(found)}
    _promise_again(found)
    keep_holds([found], held)
    found.rests_since = market_now(found.portfolio.namespace)
    number_changes([found])
    bulk_update(Order, [found], ["quantity", "requested_quantity", "reserved", "rests_since", "change", *PRICES])
    keep_events([found], code="MODIFIED")
    audit(action="order.modified", obj=found, actor=actor, before=before, after=_figures(found))
    publish([(f"portfolio:{found.portfolio_id}", {"refresh": ["orders", "summary"]})])
    meet_market([found])
    return Order.objects.get(pk=found.pk)


def _market_price(order: Order) -> Decimal | None:
    """Return the newest price, or else the one that the order was judged at: what names no price is worth that."""
    newest = latest_prices([order.instrument]).get(order.instrument_id)
    return newest.price if newest else order.market_price


def _refuse_above_limits(order: Order, value: Decimal, before: Decimal) -> None:
    """Refuse to make of an order what would have had to wait for a second person, or a sub-account may not open.

    What is worth no more than it was before passes: it becomes smaller, though it may still be above the limit.
    """
    portfolio = order.portfolio
    if order.leg != Leg.OPEN or value <= before:
        return
    if portfolio.max_order_value is not None and value > portfolio.max_order_value:
        raise DomainError("SUB_ACCOUNT_ORDER_LIMIT", explain("SUB_ACCOUNT_ORDER_LIMIT", order), status=409)
    if portfolio.approval_above is not None and value > portfolio.approval_above:
        message = "Above the limit of this portfolio: cancel it and place a new one, which a second person approves."
        raise DomainError("APPROVAL_NEEDED", message, status=409)


def _at_rest(order: Order) -> Order:
    """Return the order locked, if it rests with us; refuse one that is on its way or has ended."""
    lock_portfolios([order.portfolio_id])
    found = Order.objects.select_related("portfolio", "instrument__market", "instrument__exchange").get(pk=order.pk)
    if found.state in (OrderState.PENDING, OrderState.SUBMITTING, OrderState.UNKNOWN):
        message = "The order is on its way to the venue; try again in a moment."
        raise DomainError("ORDER_ON_ITS_WAY", message, {"state": found.state}, status=409)
    if found.state not in RESTING:
        message = f"The order is {found.get_state_display().lower()} already; place a new one."
        raise DomainError("ORDER_HAS_ENDED", message, {"state": found.state}, status=409)
    if found.arrives_at is not None:
        message = "The order is on its way to the market, and can only be canceled until it has arrived."
        raise DomainError("ORDER_ON_ITS_WAY", message, {"arrives_at": found.arrives_at.isoformat()}, status=409)
    _refuse_follows(found)
    if found.plan_id is not None:
        message = "This order belongs to a plan, which counts on it as it is; pause or stop the plan instead."
        raise DomainError("ORDER_OF_PLAN", message, status=409)
    if not found.rests_on_book and not found.waits_at_venue:
        message = "The order is being filled at its venue; wait a moment, or cancel what is left of it."
        raise DomainError("ORDER_ON_ITS_WAY", message, {"state": found.state}, status=409)
    if found.cancel_code and found.cancel_code != REPLACED:
        message = "The order is being canceled at its venue; place a new one."
        raise DomainError("ORDER_IS_BEING_CANCELED", message, {"state": found.state}, status=409)
    return found


def _refuse_follows(order: Order) -> None:
    """Refuse what a follow has made: its owner says on the follow's pages what shall become of it."""
    if order.follow_id is not None:
        message = "This order copies a lead; pause or stop the follow instead."
        raise DomainError("PORTFOLIO_IS_FOLLOWING", message, status=409)
    if order.cause_kind == CauseKind.PROTECTION and is_following(order.portfolio):
        message = "This is a follow's protective stop; change it, or take it away, in the follow's settings."
        raise DomainError("PORTFOLIO_IS_FOLLOWING", message, status=409)


def _replace(actor: User, order: Order, before: dict[str, str]) -> Order:
    """Have the venue cancel an order, changed in memory, and store what takes its place: never are both alive.

    The new one asks for what is not filled yet, and for less with each fill of the old one that is told until its end.
    """
    left = order.quantity - order.filled_quantity
    _refuse_uncovered(order)
    replacement = new_order(
        portfolio=order.portfolio,
        instrument=order.instrument,
        side=Side(order.side),
        leg=Leg(order.leg),
        quantity=left,
        cause=Cause(CauseKind.HAND, f"{order.pk}:changed"),
        terms=_terms(order),
    )
    replacement.replaces, replacement.triggered_at = order, order.triggered_at
    if order.group_id is not None:
        # What an entry has bought so far gets guards of its own.
        is_entry = order.group_role == GroupRole.ENTRY
        replacement.group_id, replacement.group_role = new_id() if is_entry else order.group_id, order.group_role
    wish_cancels([Order.objects.select_related("portfolio").get(pk=order.pk)], REPLACED)
    [stored] = store_orders([replacement])
    audit(action="order.modified", obj=stored, actor=actor, before=before, after=_figures(order))
    return stored


def _same_change(
    order: Order, replacement: Order, quantity: Decimal | None, prices: dict[str, Decimal | None]
) -> Order:
    """Return what takes an order's place already, if this asks for the same."""
    wanted = {name: price for name, price in prices.items() if price is not None}
    is_same = all(getattr(replacement, name) == price for name, price in wanted.items())
    if is_same and (quantity is None or quantity == replacement.requested_quantity + order.filled_quantity):
        return replacement
    message = "The order is being changed at its venue; change the one that takes its place."
    raise DomainError("ORDER_IS_BEING_CANCELED", message, {"replacement": str(replacement.pk)}, status=409)


def _apply(order: Order, quantity: Decimal | None, prices: dict[str, Decimal]) -> None:
    for name, price in prices.items():
        if getattr(order, name) is None:
            message = f"This order has no {name.replace('_', ' ')}."
            raise DomainError(f"{name.upper()}_NOT_ALLOWED", message, {"field": name})
        setattr(order, name, price)
    if quantity is None:
        return
    if quantity.is_finite() and quantity <= order.filled_quantity:
        message = f"{canonical(order.filled_quantity)} of it is filled; enter more, or cancel the rest."
        facts = {"filled": canonical(order.filled_quantity)}
        raise DomainError("QUANTITY_BELOW_FILLED" if order.filled_quantity else "QUANTITY_INVALID", message, facts)
    order.quantity = order.requested_quantity = quantity


def _terms(order: Order) -> OrderTerms:
    return OrderTerms(**{name: getattr(order, name) for name in NAMES})


def _figures(order: Order) -> dict[str, str]:
    given = {name: getattr(order, name) for name in ("quantity", *PRICES)}
    return {name: _plain(value) for name, value in given.items() if value is not None}


def _plain(value: Decimal) -> str:
    return canonical(value) if value.is_finite() else str(value)


def _refuse_small(order: Order) -> None:
    rules, price = rules_for(order), order.limit_price or order.trigger_price or order.market_price or ZERO
    code = ""
    if order.quantity < max(rules.min_quantity, rules.lot_step):
        code = "QUANTITY_BELOW_MINIMUM"
    elif order.quantity * price < rules.min_notional and not order.reduce_only:
        code = "NOTIONAL_BELOW_MINIMUM"
    if code:
        raise DomainError(code, explain(code, order), status=409)


def _refuse_post_only(order: Order) -> None:
    newest = latest_prices([order.instrument]).get(order.instrument_id)
    if newest and order.post_only and arrive(resting_of(order), GRID, newest.price).effect is Effect.CROSSES:
        raise DomainError("POST_ONLY_WOULD_CROSS", explain("POST_ONLY_WOULD_CROSS", order), status=409)


def _promise_again(order: Order) -> None:
    """Promise what the order may take from now on instead of what it did."""
    promised = _refuse_uncovered(order)
    if promised != order.reserved:
        reserve([Reservation(order.portfolio_id, reserved_asset(order), promised - order.reserved)])
    order.reserved = promised


def _refuse_uncovered(order: Order) -> Decimal:
    """Return what an order has to promise from now on; refuse it where that is more than its portfolio has free."""
    promised, asset = to_reserve(order, order.quantity - order.filled_quantity), reserved_asset(order)
    holdings = holdings_of([order])
    Margins([order], holdings)
    free = holdings.free(order.portfolio_id, asset)
    if promised - order.reserved > free:
        code = "INSUFFICIENT_BALANCE" if takes_cash(order) else "QUANTITY_ABOVE_POSITION"
        raise DomainError(code, explain(code, order), {"free": canonical(free)}, status=409)
    return promised


@transaction.atomic
def cancel_order(*, actor: User, order: Order) -> Order:
    """Cancel an order that was not sent or that rests; canceling it again changes nothing.

    One at its venue is returned as it is: it ends when the venue says so, and what it filled meanwhile counts.
    """
    lock_portfolios([order.portfolio_id])
    found = Order.objects.select_related("portfolio").get(pk=order.pk)
    if found.state == OrderState.CANCELED:
        return found
    _refuse_follows(found)
    if found.is_under_way_at_venue and (found.waits_at_venue or found.state in RESTING):
        return _cancel_at_venue(actor, found)
    if found.state in (OrderState.SUBMITTING, OrderState.UNKNOWN) or (
        found.state in RESTING and not found.rests_on_book
    ):
        message = "The order is on its way to the venue; try again in a moment."
        raise DomainError("ORDER_ON_ITS_WAY", message, {"state": found.state}, status=409)
    if found.state not in (OrderState.PENDING, *RESTING):
        message = f"The order is {found.get_state_display().lower()} already; there is nothing left to cancel."
        raise DomainError("ORDER_HAS_ENDED", message, {"state": found.state}, status=409)
    withdraw(Order.objects.filter(pk=found.pk), code="CANCELED_BY_OWNER")
    audit(action="order.canceled", obj=found, actor=actor, after={"state": OrderState.CANCELED})
    return Order.objects.get(pk=found.pk)


def _cancel_at_venue(actor: User, order: Order) -> Order:
    is_first = bool(wish_cancels([order], "CANCELED_BY_OWNER"))
    # One that was being changed is wanted no more, in whatever form.
    withdrawn = withdraw(Order.objects.filter(replaces=order), code="CANCELED_BY_OWNER")
    if is_first or withdrawn:
        audit(action="order.cancel_asked", obj=order, actor=actor)
    return Order.objects.get(pk=order.pk)


@transaction.atomic
def cancel_all(
    *,
    actor: User,
    portfolio: Portfolio | None = None,
    instrument: Instrument | None = None,
    account: ExchangeAccount | None = None,
) -> list[Order]:
    """Cancel what waits of the actor's own orders: everywhere, or of one portfolio, one instrument, one account; return them."""
    orders = waiting_by_hand(actor, portfolio, account)
    if instrument is not None:
        orders = orders.filter(instrument=instrument)
    canceled = cancel_waiting(orders)
    if canceled:
        audit(action="order.canceled_all", obj=actor, actor=actor, after={"count": str(len(canceled))})
    return canceled


def cancel_waiting(orders: QuerySet[Order]) -> list[Order]:
    """Cancel those of the orders that were not sent, or rest; those at a venue end when it says so."""
    return withdraw(orders, code="CANCELED_BY_OWNER")
