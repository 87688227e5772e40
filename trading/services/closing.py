"""Exits that take everything: they go before sales that wait, and leave nothing held; a position, a portfolio, all of a person's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts.models import User
from accounts.services import audit
from common.db import bulk_insert
from common.errors import DomainError, NotFound
from common.ids import new_id
from common.realtime import publish
from common.tasks import enqueue
from engine.decimals import ONE, ZERO
from markets.models import Instrument
from markets.selectors import instruments_by_id
from portfolios.models import Portfolio, Position
from portfolios.services.books import Holdings, lock_portfolios
from trading.kinds import GroupRole, OrderKind
from trading.models import (
    IN_FLIGHT,
    ON_BOOK,
    UNFINISHED_FOLLOW,
    WAITS_AT_VENUE,
    CauseKind,
    Follow,
    FollowPosition,
    LeadStream,
    Leg,
    Order,
    OrderState,
    SafetyLevel,
    ScopeKind,
    Side,
)
from trading.selectors import is_own_scope, is_scope, of_person
from trading.services.changing import cancel_waiting
from trading.services.orders import Cause, lock_by_hand, new_order, refuse_foreign, store_orders
from trading.services.safety import set_safety
from trading.services.withdrawing import end_orders, wish_cancels

REASON = "Everything is being closed."


def make_room(claimed: Sequence[Order], holdings: Holdings) -> None:
    """End the resting sales that hold what exits of a whole position need; `holdings` follows, unsaved.

    No order that waits for a better price keeps a stop, a strategy or its owner from getting out.
    """
    exits = [order for order in claimed if order.leg == Leg.CLOSE and order.closed_fraction is not None]
    blocked = {
        (order.portfolio_id, order.instrument_id)
        for order in exits
        if holdings.reserved(order.portfolio_id, order.instrument.market.base_id)
    }
    if not blocked:
        return
    selling = Order.objects.filter(
        ON_BOOK | Q(state=OrderState.PENDING),
        portfolio_id__among={portfolio for portfolio, _ in blocked},
        leg=Leg.CLOSE,
        reserved__gt=ZERO,
    ).exclude(Q(pk__in=[order.pk for order in claimed]) | Q(kind=OrderKind.MARKET, closed_fraction__isnull=False))
    found = list(selling.select_related("portfolio", "instrument__market").order_by("pk"))
    in_the_way = [order for order in found if (order.portfolio_id, order.instrument_id) in blocked]
    for order in in_the_way:
        holdings.change(order.portfolio_id, order.instrument.market.base_id, reserved=-order.reserved)
    end_orders(in_the_way, OrderState.CANCELED, "SUPERSEDED_BY_EXIT")


def ask_out_of_the_way(waiting: QuerySet[Order]) -> None:
    """Wish the cancels that PENDING orders of locked portfolios wait for.

    Of sales that wait at a venue for what exits need, of protective stops for whatever their follows sell, and of what is
    there of a pair whose other was set off.
    """
    exits = Q(leg=Leg.CLOSE, closed_fraction__isnull=False)
    parts = Q(leg=Leg.CLOSE, closed_fraction__isnull=True, follow__isnull=False)
    seconds = Q(group_id__isnull=False, triggered_at__isnull=False)
    names = ("portfolio_id", "instrument_id", "group_id", "closed_fraction")
    rows = list(waiting.filter(exits | parts | seconds).values_list(*names))
    if not rows:
        return
    held = {(portfolio, instrument) for portfolio, instrument, _, fraction in rows if fraction is not None}
    parts_of = {(portfolio, instrument) for portfolio, instrument, group, fraction in rows if group is fraction is None}
    groups = {group for _, _, group, fraction in rows if group is not None and fraction is None}
    there = Order.objects.filter(WAITS_AT_VENUE, cancel_code="", portfolio_id__among={row[0] for row in rows})
    found = list(there.order_by("pk"))
    sales = [one for one in found if one.leg == Leg.CLOSE]
    stops = [one for one in sales if one.cause_kind == CauseKind.PROTECTION]
    bound = (held | parts_of) - (_behind_copies(waiting) if stops else set())
    wished = [
        one
        for one in sales
        if (one.portfolio_id, one.instrument_id) in (bound if one.cause_kind == CauseKind.PROTECTION else held)
    ]
    wish_cancels(wished, "SUPERSEDED_BY_EXIT")
    pairs = [one for one in found if one.group_id in groups and one.group_role != GroupRole.ENTRY]
    wish_cancels(pairs, "OTHER_OF_PAIR_SET_OFF")


def _behind_copies(waiting: QuerySet[Order]) -> set[tuple[UUID, UUID]]:
    """Return the portfolios and instruments of these orders where a copy is in flight, for which a follow's exits wait.

    Such a position keeps its stop until that one has ended: without it nothing would stand there meanwhile.
    """
    copies = Order.objects.filter(portfolio__in=waiting.values("portfolio"), follow__isnull=False, state__in=IN_FLIGHT)
    return set(copies.values_list("portfolio_id", "instrument_id"))


@transaction.atomic
def close_position(*, actor: User, portfolio: Portfolio, instrument: Instrument, key: str | None = None) -> Order:
    """Close all that the portfolio holds of an instrument at the market, long or short; sales that wait give way to it.

    The same key again returns the same order.
    """
    refuse_foreign(portfolio, instrument)
    locked = lock_by_hand(portfolio)
    cause = Cause(CauseKind.HAND, key or new_id().hex)
    first = Order.objects.filter(portfolio=locked, cause_kind=cause.kind, cause_id=cause.id).first()
    if first is not None:
        return _same_exit(first, instrument)
    position = Position.objects.filter(portfolio=locked, instrument=instrument).exclude(quantity=ZERO).first()
    if position is None:
        message = f"The portfolio holds nothing of {instrument.symbol} to close."
        raise DomainError("NOTHING_TO_CLOSE", message, status=409)
    order = new_order(
        portfolio=locked,
        instrument=instrument,
        side=Side.SELL if position.quantity > ZERO else Side.BUY,
        leg=Leg.CLOSE,
        quantity=abs(Decimal(position.quantity)),
        cause=cause,
        closed_fraction=ONE,
    )
    audit(action="position.closed", obj=order, actor=actor, after={"instrument": instrument.symbol})
    return store_orders([order])[0]


def _same_exit(first: Order, instrument: Instrument) -> Order:
    if first.instrument_id != instrument.pk or first.closed_fraction is None:
        raise _key_reused()
    return first


def _key_reused() -> DomainError:
    return DomainError("KEY_REUSED", "This key already names another order; choose a new key.", status=409)


@dataclass(frozen=True, slots=True)
class Closed:
    """What was done: the exits that were written, and how many opens were on their way already (what they buy stays open)."""

    cause_id: str
    orders: tuple[Order, ...]
    opens_under_way: int


def close_all(*, actor: User, scope: ScopeKind, scope_id: str, halts: bool = True, key: str | None = None) -> Closed:
    """Close all that is held in a scope (PORTFOLIO, USER or PLATFORM) by market orders, sized when they are judged.

    It halts the scope first; who may halt it may close it. With `halts` off trading goes on, and only what waits to open
    is canceled: of one portfolio, which must copy nobody. Called again it writes exits for what is held then; with the
    same `key` it returns the first ones.
    """
    cause = Cause(CauseKind.CLOSE_ALL, key or new_id().hex)
    if key and (first := _first_exits(actor, scope, scope_id, cause)):
        return Closed(cause.id, tuple(first), 0)
    if halts:
        # A transaction of its own: it ends with the trigger book's lock, after which no portfolio may be locked.
        set_safety(actor=actor, scope=scope, scope_id=scope_id, level=SafetyLevel.HALTED, reason=REASON)
    return _write_exits(actor, scope, scope_id, halts, cause)


@transaction.atomic
def _write_exits(actor: User, scope: ScopeKind, scope_id: str, halts: bool, cause: Cause) -> Closed:
    if not halts:
        _stop_opening(actor, scope, scope_id)
    held = Position.objects.filter(_of_scope(actor, scope, scope_id)).exclude(quantity=ZERO)
    portfolios = lock_portfolios(held.values_list("portfolio_id", flat=True))
    # Read under the locks; a portfolio that came to hold something meanwhile was halted before.
    positions = [one for one in held.order_by("portfolio_id", "pk") if one.portfolio_id in portfolios]
    orders = _exits(positions, portfolios, cause)
    bulk_insert(Order, orders)
    under_way = Order.objects.filter(_of_scope(actor, scope, scope_id), state__in=IN_FLIGHT, leg=Leg.OPEN).count()
    told = {"scope": scope, "scope_id": scope_id, "orders": len(orders), "opens_under_way": under_way, "halted": halts}
    audit(action="portfolios.closed_all", obj=actor, actor=actor, after=told)
    from trading.tasks import execute_orders  # the task's body calls services: one of the two must look late

    enqueue(execute_orders, cause.kind, cause.id)
    publish([(f"portfolio:{pk}", {"refresh": ["orders", "risk"]}) for pk in portfolios])
    return Closed(cause.id, tuple(orders), under_way)


def _first_exits(actor: User, scope: ScopeKind, scope_id: str, cause: Cause) -> list[Order]:
    """Return the exits that a key has made already in a scope of the actor's; refuse a key that names an order by hand."""
    if not (is_scope(scope, scope_id) and (actor.is_staff or is_own_scope(actor, scope, scope_id))):
        return []
    made = Order.objects.filter(_of_scope(actor, scope, scope_id), cause_id=cause.id)
    found = list(made.filter(cause_kind=cause.kind).order_by("pk"))
    if not found and made.filter(cause_kind=CauseKind.HAND).exists():
        raise _key_reused()
    return found


def _stop_opening(actor: User, scope: ScopeKind, scope_id: str) -> None:
    """Cancel what waits to open in a portfolio of the actor's that may be traded by hand."""
    if scope != ScopeKind.PORTFOLIO or not is_own_scope(actor, scope, scope_id):
        raise NotFound("portfolio")
    locked = lock_by_hand(Portfolio.objects.get(pk=scope_id))
    cancel_waiting(Order.objects.filter(portfolio=locked, leg=Leg.OPEN))


def _of_scope(actor: User, scope: ScopeKind, scope_id: str) -> Q:
    if scope == ScopeKind.PLATFORM:
        return Q()
    return Q(portfolio_id=scope_id) if scope == ScopeKind.PORTFOLIO else of_person(actor, scope_id)


def _exits(positions: list[Position], portfolios: dict[UUID, Portfolio], cause: Cause) -> list[Order]:
    """Return an exit for each position, sized when it is judged; a follow's comes after all that was copied so far."""
    instruments = instruments_by_id({one.instrument_id for one in positions})
    unfinished = Follow.objects.filter(portfolio_id__among=portfolios, state__in=UNFINISHED_FOLLOW)
    follows = {follow.portfolio_id: follow for follow in unfinished}
    leads = {follow.lead_id for follow in follows.values()}
    last = dict(LeadStream.objects.filter(portfolio_id__among=leads).values_list("portfolio_id", "last_seq"))
    # What a follow aims at is nothing from now on: that the lead still holds something is not its drift.
    FollowPosition.objects.filter(follow_id__among=[one.pk for one in follows.values()]).update(
        target=ZERO, residual=ZERO, residual_since=None
    )
    orders = []
    for position in positions:
        follow = follows.get(position.portfolio_id)
        orders.append(
            new_order(
                portfolio=portfolios[position.portfolio_id],
                instrument=instruments[position.instrument_id],
                side=Side.SELL if position.quantity > ZERO else Side.BUY,
                leg=Leg.CLOSE,
                quantity=abs(Decimal(position.quantity)),
                cause=cause,
                follow=follow,
                closed_fraction=ONE,
                seq=last[follow.lead_id] + 1 if follow else 0,
            )
        )
    return orders
