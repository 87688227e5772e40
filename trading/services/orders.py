"""How an order comes to be: one row per cause, whoever asks and however often; by hand of every kind, refused where it cannot be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models.base import ModelState

from accounts.models import User
from accounts.services import audit
from common.clock import market_now, wall_now
from common.db import bulk_insert
from common.errors import DomainError
from common.fields import canonical
from common.ids import deterministic_id, new_id
from common.realtime import publish
from common.tasks import enqueue
from engine.decimals import ZERO
from engine.risk import OrderFacts, judge
from markets.gateway.protocol import TimeInForce as VenueForce
from markets.gateway.venues import VENUES
from markets.models import Instrument
from portfolios.models import Portfolio
from portfolios.services.books import lock_portfolios
from trading.approvals.limits import worth
from trading.codes import explain
from trading.kinds import GroupRole, OrderKind, TimeInForce
from trading.margins import parts_on_margin
from trading.models import CauseKind, Follow, Leg, Order, OrderState, Side
from trading.order_terms import NAMES, PLAIN, OrderTerms, check_entry, check_quantity, check_terms
from trading.plans.models import Plan
from trading.risk.services.log import RiskRefusal, keeping_refusals
from trading.rules import reserved_asset, rules_for, to_reserve
from trading.selectors import is_following
from trading.services.judging import facts_of, holdings_of


@dataclass(frozen=True, slots=True)
class Cause:
    """What made an order: with the portfolio, instrument and leg it is the order's identity."""

    kind: CauseKind
    id: str


def new_order(
    *,
    portfolio: Portfolio,
    instrument: Instrument,
    side: Side,
    leg: Leg,
    quantity: Decimal,
    cause: Cause,
    follow: Follow | None = None,
    closed_fraction: Decimal | None = None,
    stop_loss_ratio: Decimal | None = None,
    seq: int = 0,
    denied: str = "",
    at: datetime | None = None,
    terms: OrderTerms = PLAIN,
    attempt: int = 1,
) -> Order:
    """Return an unsaved order row, made `at` (default: market time); its client order id follows from its identity.

    On margin, what closes only reduces, whatever it was asked as: no exit opens the other side.
    """
    if leg == Leg.CLOSE and instrument.is_perpetual:
        terms = replace(terms, reduce_only=True)
    return Order(
        id=new_id(),
        portfolio=portfolio,
        instrument=instrument,
        follow=follow,
        cause_kind=cause.kind,
        cause_id=cause.id,
        leg=leg,
        client_order_id=deterministic_id(
            follow.pk if follow else portfolio.pk, cause.kind, cause.id, instrument.pk, leg, attempt
        ),
        attempt=attempt,
        side=side,
        requested_quantity=quantity,
        closed_fraction=closed_fraction,
        stop_loss_ratio=stop_loss_ratio,
        seq=seq,
        state=OrderState.DENIED if denied else OrderState.PENDING,
        code=denied,
        created_at=at or market_now(portfolio.namespace),
        recorded_at=wall_now(),
        **terms.columns(),
    )


def another_order(model: Order, *, portfolio: Portfolio, follow: Follow, quantity: Decimal) -> Order:
    """Return an order, unsaved, that differs from an unsaved one in whose it is and in its quantity.

    An event has thousands of copies: to make each anew, field by field, would cost more than to store it.
    """
    order = Order.__new__(Order)
    order.__dict__.update(model.__dict__)
    order._state = ModelState()
    order.id, order.requested_quantity = new_id(), quantity
    order.portfolio_id, order.follow_id = portfolio.id, follow.id
    # (After the keys: a key that changes forgets the instance.)
    order._state.fields_cache = {**model._state.fields_cache, "portfolio": portfolio, "follow": follow}
    identity = (follow.id, order.cause_kind, order.cause_id, order.instrument_id, order.leg, order.attempt)
    order.client_order_id = deterministic_id(*identity)
    return order


def submit_order(
    *,
    portfolio: Portfolio,
    instrument: Instrument,
    side: Side,
    leg: Leg,
    quantity: Decimal,
    cause: Cause,
    closed_fraction: Decimal | None = None,
    stop_loss_ratio: Decimal | None = None,
    denied: str = "",
) -> Order:
    """Store a PENDING order and have it executed after the commit; a repeat of the same cause returns the first one.

    With a code in `denied` it is stored DENIED, so that its owner reads why nothing was done.
    """
    order = new_order(
        portfolio=portfolio,
        instrument=instrument,
        side=side,
        leg=leg,
        quantity=quantity,
        cause=cause,
        closed_fraction=closed_fraction,
        stop_loss_ratio=stop_loss_ratio,
        denied=denied,
    )
    return store_orders([order])[0]


@transaction.atomic
def store_orders(orders: Sequence[Order]) -> list[Order]:
    """Store the PENDING orders of one cause and portfolio, and have them executed after the commit; a repeat returns the first ones."""
    from trading.tasks import execute_orders  # the task's body calls services: one of the two must look late

    if not bulk_insert(Order, orders, ignore_conflicts=True):
        names = [order.client_order_id for order in orders]
        orders = list(Order.objects.filter(client_order_id__in=names).order_by("attempt"))
    enqueue(execute_orders, orders[0].cause_kind, orders[0].cause_id)
    publish([(f"portfolio:{orders[0].portfolio_id}", {"refresh": ["orders"]})])
    return list(orders)


def store_wishes(plan: Plan, orders: Sequence[Order]) -> None:
    """Store the PENDING orders of a plan's step, within its transaction, and have them executed after the commit."""
    from trading.tasks import execute_plan  # likewise

    if orders:
        bulk_insert(Order, orders)
        enqueue(execute_plan, str(plan.pk))
        publish([(f"portfolio:{plan.portfolio_id}", {"refresh": ["orders"]})])


def place_hand_order(
    *,
    actor: User,
    portfolio: Portfolio,
    instrument: Instrument,
    side: Side,
    quantity: Decimal,
    key: str | None = None,
    terms: OrderTerms = PLAIN,
) -> Order:
    """Place an order by hand. What cannot be executed as asked is refused at once, and nothing is stored.

    On margin it closes what is held on the other side, and opens with the rest: where it does both, the closing leg is returned.
    `key` is the caller's own name for this order: the same key again returns the same order.
    """
    return _place(actor, portfolio, instrument, side, quantity, key, [terms])[0]


def place_pair(
    *,
    actor: User,
    portfolio: Portfolio,
    instrument: Instrument,
    side: Side,
    quantity: Decimal,
    limit_price: Decimal,
    stop_price: Decimal,
    key: str | None = None,
    expires_at: datetime | None = None,
) -> list[Order]:
    """Place a limit and a stop of which the first to fill cancels the other (OCO); return both, the limit first.

    A selling pair only reduces, so both may stand for the same holdings; of a buying pair each promises its own cash.
    """
    common: dict[str, Any] = {
        "time_in_force": TimeInForce.GTC if expires_at is None else TimeInForce.GTD,
        "expires_at": expires_at,
        "reduce_only": side == Side.SELL and not instrument.is_perpetual,
    }
    legs = [
        OrderTerms(kind=OrderKind.LIMIT, limit_price=limit_price, **common),
        OrderTerms(kind=OrderKind.STOP, trigger_price=stop_price, **common),
    ]
    are_numbers = limit_price.is_finite() and stop_price.is_finite()
    if are_numbers and (limit_price == stop_price or (limit_price > stop_price) != (side == Side.SELL)):
        message = "A pair stands on both sides of the market: sell above and stop below, or buy below and stop above."
        raise DomainError("PAIR_PRICES_CROSSED", message, {"field": "stop_price"})
    return _place(actor, portfolio, instrument, side, quantity, key, legs)


def _place(
    actor: User,
    portfolio: Portfolio,
    instrument: Instrument,
    side: Side,
    quantity: Decimal,
    key: str | None,
    legs: Sequence[OrderTerms],
) -> list[Order]:
    check_quantity(quantity, instrument)
    refuse_foreign(portfolio, instrument)
    try:
        with keeping_refusals(portfolio, instrument, quantity), transaction.atomic():
            locked = lock_by_hand(portfolio)
            orders, are_known = prepared(locked, instrument, side, quantity, key, legs)
            if are_known:
                return orders
            prices = refuse_what_cannot_be(orders)
            if (value := needs_approval(locked, orders, prices)) is not None:
                raise _NeedsApproval(Held(locked, instrument, side, quantity, key or new_id().hex, list(legs), value))
            return store_by_hand(actor, orders)
    except _NeedsApproval as needed:
        # A floor of rooms up within this app, and about orders by hand alone: it is looked for late.
        from trading.approvals.services import ApprovalWaiting, let_wait

        raise ApprovalWaiting(let_wait(actor=actor, held=needed.held)) from None


@dataclass(frozen=True, slots=True)
class Held:
    """An order by hand as it was asked, worth `value` in the settlement currency, that needs a second person."""

    portfolio: Portfolio
    instrument: Instrument
    side: Side
    quantity: Decimal
    key: str
    legs: Sequence[OrderTerms]
    value: Decimal


class _NeedsApproval(Exception):
    """Takes such an order out of the transaction that has locked its portfolio."""

    def __init__(self, held: Held) -> None:
        super().__init__()
        self.held = held


def needs_approval(portfolio: Portfolio, orders: Sequence[Order], prices: Sequence[Decimal | None]) -> Decimal | None:
    """Return what orders by hand of one cause would open, where that is more than one person may; None where it is not."""
    if portfolio.approval_above is None:
        return None
    opening = [worth(one, price) for one, price in zip(orders, prices, strict=True) if one.leg == Leg.OPEN]
    value = max(opening, default=ZERO)
    return value if value > portfolio.approval_above else None


@transaction.atomic
def place_approved(*, actor: User, held: Held, role: str) -> list[Order]:
    """Place an order that a second person has approved, in the name of who asked for it; the same key returns the same orders."""
    locked = lock_by_hand(held.portfolio)
    orders, are_known = prepared(locked, held.instrument, held.side, held.quantity, held.key, held.legs)
    if are_known:
        return orders
    refuse_what_cannot_be(orders)
    return store_by_hand(actor, orders, role=role)


def prepared(
    portfolio: Portfolio,
    instrument: Instrument,
    side: Side,
    quantity: Decimal,
    key: str | None,
    legs: Sequence[OrderTerms],
) -> tuple[list[Order], bool]:
    """Return the rows of an order by hand in a locked portfolio, and whether its key has made them already.

    What contradicts itself is refused, and so is a key that names something else; no new row is stored.
    """
    cause = Cause(CauseKind.HAND, key or new_id().hex)
    # By the key alone: with another instrument or side it would name a second order.
    same = Order.objects.filter(portfolio=portfolio, cause_kind=cause.kind, cause_id=cause.id)
    first = list(same.order_by("attempt")) if key else []
    if not first:
        _refuse_at_venue(portfolio, instrument, legs)
        for terms in legs:
            check_terms(terms, instrument, side, market_now(portfolio.namespace))
    orders = asked_rows(portfolio, instrument, side, quantity, cause, legs)
    return (_same_as_before(first, orders), True) if first else (orders, False)


def store_by_hand(actor: User, orders: Sequence[Order], role: str | None = None) -> list[Order]:
    """Store new orders of one cause that nothing refuses, audited; `role` as what, where the request does not say."""
    for order in orders:
        workspace_id = order.portfolio.workspace_id
        audit(action="order.placed", obj=order, actor=actor, after=_told(order), role=role, workspace_id=workspace_id)
    return store_orders(orders)


def _refuse_at_venue(portfolio: Portfolio, instrument: Instrument, legs: Sequence[OrderTerms]) -> None:
    """Refuse what the venue of an account lacks and nobody can do in its place."""
    if portfolio.account_id is None or (venue := VENUES.get(instrument.exchange.dialect)) is None:
        return
    if VenueForce.FOK in venue.lacks and any(one.time_in_force == TimeInForce.FOK for one in legs):
        message = f"{venue.name} has no orders that fill all at once or not; choose another time in force."
        raise DomainError("TIME_IN_FORCE_NOT_ON_VENUE", message, {"field": "time_in_force"})
    if VenueForce.POST_ONLY in venue.lacks and any(one.post_only for one in legs):
        message = f"{venue.name} has no post-only orders."
        raise DomainError("POST_ONLY_NOT_ON_VENUE", message, {"field": "post_only"})


def refuse_foreign(portfolio: Portfolio, instrument: Instrument) -> None:
    """Refuse an instrument of another market or currency than the portfolio's."""
    market = instrument.market
    if market.namespace != portfolio.namespace or not market.settles_in(portfolio.settlement_id):
        raise DomainError(
            "INSTRUMENT_NOT_ON_PORTFOLIO", f"{instrument.symbol} is not traded in this portfolio's market and currency."
        )


def lock_by_hand(portfolio: Portfolio) -> Portfolio:
    """Return the portfolio locked, if it may be traded by hand."""
    if is_following(portfolio):
        raise DomainError(
            "PORTFOLIO_IS_FOLLOWING",
            "This portfolio copies a lead; stop the follow before trading it by hand.",
            status=409,
        )
    return lock_portfolios([portfolio.pk])[portfolio.pk]


def asked_rows(
    portfolio: Portfolio,
    instrument: Instrument,
    side: Side,
    quantity: Decimal,
    cause: Cause,
    legs: Sequence[OrderTerms],
) -> list[Order]:
    """Return the unsaved rows of an order by hand: one for each of `legs`, and of a reversal one that closes and one that opens."""
    parts = [(Leg.OPEN if side == Side.BUY else Leg.CLOSE, quantity)]
    if instrument.is_perpetual:
        parts = parts_on_margin(portfolio, instrument, side, quantity, reduces=legs[0].reduce_only)
        _refuse_turn(parts, legs)
    orders = [
        new_order(
            portfolio=portfolio,
            instrument=instrument,
            side=side,
            leg=leg,
            quantity=part,
            cause=cause,
            terms=terms,
            attempt=attempt,
        )
        for attempt, terms in enumerate(legs, 1)
        for leg, part in parts
    ]
    role = GroupRole.OCO if len(legs) > 1 else GroupRole.ENTRY if legs[0].is_bracket else GroupRole.TURN
    if role != GroupRole.TURN or (len(parts) > 1 and legs[0].kind == OrderKind.MARKET):
        group_id = new_id()
        for order in orders:
            order.group_id, order.group_role = group_id, role
    return orders


def _refuse_turn(parts: Sequence[tuple[Leg, Decimal]], legs: Sequence[OrderTerms]) -> None:
    """Refuse pairs and brackets that would close one side and open the other, or whose entry would open nothing."""
    if len(legs) > 1 and len(parts) > 1:
        message = "A pair closes what is held or opens something, not both; ask for as much as is held."
        raise DomainError("PAIR_WOULD_REVERSE", message, {"field": "quantity"})
    if legs[0].is_bracket and parts[0][0] == Leg.CLOSE:
        message = "A stop and a target come along with what opens a position; this order would close one."
        raise DomainError("BRACKET_NOT_ALLOWED", message, {"field": "stop_price"})


def _same_as_before(first: list[Order], asked: Sequence[Order]) -> list[Order]:
    """Return the orders that a key has made already; refuse a key that now names something else.

    What an order on margin closes or opens depends on what is held: the first time decides.
    """
    if asked[0].instrument.is_perpetual:
        if _wishes(first) != _wishes(asked):
            raise DomainError("KEY_REUSED", "This key already names another order; choose a new key.", status=409)
        return first
    compared = ("side", "requested_quantity", "instrument_id", *NAMES)
    if [[getattr(one, name) for name in compared] for one in first] != [
        [getattr(one, name) for name in compared] for one in asked
    ]:
        raise DomainError("KEY_REUSED", "This key already names another order; choose a new key.", status=409)
    return store_orders(asked)


def _wishes(orders: Sequence[Order]) -> dict[int, tuple[object, ...]]:
    """Return what was asked on margin: the terms of each attempt with the quantity of its legs together."""
    found: dict[int, tuple[object, ...]] = {}
    for attempt in sorted({order.attempt for order in orders}):
        legs = [order for order in orders if order.attempt == attempt]
        terms = tuple(getattr(legs[0], name) for name in NAMES if name != "reduce_only")
        total = sum((order.requested_quantity for order in legs), ZERO)
        found[attempt] = (legs[0].instrument_id, legs[0].side, total, *terms)
    return found


def refuse_what_cannot_be(orders: Sequence[Order]) -> list[Decimal | None]:
    """Raise the first reason for which one of these orders by hand would be denied as things stand; return their prices."""
    prices: list[Decimal | None] = []
    for refusal in refusals_of(orders, prices):
        if refusal is not None:
            raise refusal
    return prices


def refusals_of(orders: Sequence[Order], prices: list[Decimal | None] | None = None) -> list[DomainError | None]:
    """Return for each order why it would be denied as things stand, None where it would not; nothing is written.

    Each sees what those before it that pass would promise, and take of their portfolio's limits. `prices` is given the
    market's for each.
    """
    holdings, found = holdings_of(orders), list[DomainError | None]()
    for order, facts in zip(orders, facts_of(orders, holdings, ahead=True), strict=True):
        found.append(refusal_of(order, facts))
        if prices is not None:
            prices.append(facts.market_price)
        if found[-1] is None:
            order.quantity, order.market_price = order.requested_quantity, facts.market_price
            holdings.change(order.portfolio_id, reserved_asset(order), reserved=to_reserve(order, order.quantity))
    for order in orders:
        order.quantity, order.market_price = ZERO, None
    return found


def refusal_of(order: Order, facts: OrderFacts) -> DomainError | None:
    """Return why an order by hand would be denied by these facts; None where it would not."""
    verdict = judge(facts, rules_for(order))
    # A hand is never cut: it is refused.
    if not verdict.quantity:
        context = {"free": str(facts.free_quote), "held": str(facts.held_quantity)}
        return RiskRefusal(verdict, explain(verdict.code, order), context)
    try:
        _check_entry_at_market(order, facts)
    except DomainError as error:
        return error
    return None


def _check_entry_at_market(order: Order, facts: OrderFacts) -> None:
    """A bracket whose entry names no price is measured at the market's."""
    if order.group_role == GroupRole.ENTRY and facts.market_price is not None:
        entry = order.limit_price or order.trigger_price or facts.market_price
        check_entry(entry, order.stop_price, order.target_price, Side(order.side))


def _told(order: Order) -> dict[str, str]:
    """Return what the audit log keeps of an order."""
    facts: dict[str, object] = {
        "side": order.side,
        "quantity": canonical(order.requested_quantity),
        "instrument": order.instrument.symbol,
    }
    if order.kind != OrderKind.MARKET:
        facts |= {name: value for name in NAMES if (value := getattr(order, name))}
    return {name: canonical(value) if isinstance(value, Decimal) else str(value) for name, value in facts.items()}
