"""Reads of orders, fills and follows, their gates, and the proof that trading's rows agree with the books."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from accounts.models import User
from common.clock import market_now
from common.errors import NotFound
from engine.decimals import ZERO
from markets.models import Instrument
from markets.selectors import instruments
from portfolios.models import Portfolio, PortfolioState, Position
from portfolios.selectors import instruments_for, portfolios_of
from trading.models import (
    UNFINISHED_FOLLOW,
    CauseKind,
    Fill,
    Follow,
    FollowCommand,
    LeadEvent,
    LeadEventState,
    Order,
    OrderState,
    SafetyLevel,
    SafetySwitch,
    ScopeKind,
)

Row = TypeVar("Row", bound=Model)
Asker = User | AnonymousUser | None


def order_for_user(user: Asker, order_id: UUID | str) -> Order:
    """The gate: an order of one of the user's own portfolios, or NotFound."""
    return _own(orders().filter(portfolio__owner_id=_user_id(user)), order_id, "order")


def fill_for_user(user: Asker, fill_id: UUID | str) -> Fill:
    """The gate: a fill of one of the user's own portfolios, or NotFound."""
    return _own(fills().filter(portfolio__owner_id=_user_id(user)), fill_id, "fill")


def follow_for_user(user: Asker, follow_id: UUID | str) -> Follow:
    """The gate: the user's own follow, or NotFound (also for its lead)."""
    return _own(follows().filter(follower_id=_user_id(user)), follow_id, "follow")


def _user_id(user: Asker) -> UUID | None:
    return user.pk if user is not None and user.is_authenticated else None


def _own(rows: QuerySet[Row], key: UUID | str, what: str) -> Row:
    try:
        found = rows.filter(pk=UUID(str(key))).first()
    except ValueError:
        found = None
    if found is None:
        raise NotFound(what)
    return found


def orders() -> QuerySet[Order]:
    """Return orders with what showing them needs, newest first."""
    return Order.objects.select_related("portfolio", "instrument__market", "instrument__exchange").order_by("-pk")


def fills() -> QuerySet[Fill]:
    """Return fills with what showing them needs, newest first."""
    return Fill.objects.select_related("portfolio", "order", "instrument__market", "instrument__exchange").order_by(
        "-pk"
    )


def follows() -> QuerySet[Follow]:
    """Return follows with what showing them needs, newest first."""
    return Follow.objects.select_related("lead__owner__profile", "portfolio__settlement").order_by("-pk")


def orders_of(portfolio: Portfolio) -> QuerySet[Order]:
    return orders().filter(portfolio=portfolio)


def fills_of(portfolio: Portfolio) -> QuerySet[Fill]:
    return fills().filter(portfolio=portfolio)


def orders_of_user(user: User) -> QuerySet[Order]:
    """Return the orders of all portfolios of the user's, newest first."""
    return orders().filter(portfolio__owner=user)


def fills_of_user(user: User) -> QuerySet[Fill]:
    """Return the fills of all portfolios of the user's, newest first."""
    return fills().filter(portfolio__owner=user)


def follows_of(user: User) -> QuerySet[Follow]:
    """Return the user's own follows, stopped ones included, newest first."""
    return follows().filter(follower=user)


def follow_of(portfolio: Portfolio) -> Follow | None:
    """Return the follow that the portfolio was made for, stopped or not."""
    return follows().filter(portfolio=portfolio).first()


def ticket_instruments(portfolio: Portfolio) -> QuerySet[Instrument]:
    """Return what an order of the portfolio may name: what it may open, and what it holds and may therefore sell."""
    held = Position.objects.filter(portfolio=portfolio).exclude(quantity=ZERO).values("instrument")
    return instruments().filter(Q(pk__in=instruments_for(portfolio).values("pk")) | Q(pk__in=held))


@dataclass(frozen=True, slots=True)
class Mirrored:
    """One of a follow's copies beside what the lead did."""

    event: LeadEvent
    order: Order


def mirrored(follow: Follow, limit: int) -> list[Mirrored]:
    """Return the follow's newest copied orders, newest first, each with its lead event, in two statements."""
    copies = list(orders().filter(portfolio=follow.portfolio_id, cause_kind=CauseKind.LEAD_EVENT)[:limit])
    events = LeadEvent.objects.in_bulk({int(order.cause_id) for order in copies})
    return [Mirrored(events[int(order.cause_id)], order) for order in copies]


def markers(portfolio: Portfolio, instrument: Instrument, limit: int = 500) -> list[dict[str, object]]:
    """Return the portfolio's fills in an instrument as chart markers (time in seconds), oldest first."""
    rows = Fill.objects.filter(portfolio=portfolio, instrument=instrument).order_by("-pk")[:limit]
    return [
        {
            "time": int(row.happened_at.timestamp()),
            "side": row.side.lower(),
            "text": f"{row.quantity.normalize():f} @ {row.price.normalize():f}",
        }
        for row in reversed(rows)
    ]


def is_following(portfolio: Portfolio) -> bool:
    """Say whether the portfolio belongs to an unfinished follow: then it is neither led from nor traded by hand."""
    return Follow.objects.filter(portfolio=portfolio, state__in=UNFINISHED_FOLLOW).exists()


def free_portfolios_of(user: User) -> QuerySet[Portfolio]:
    """Return the user's open portfolios that belong to no unfinished follow: those that may trade, lead or fund."""
    following = Follow.objects.filter(portfolio=OuterRef("pk"), state__in=UNFINISHED_FOLLOW)
    return portfolios_of(user).filter(~Exists(following), state=PortfolioState.OPEN)


def follows_in_circle(*, follower: User, lead_owner_id: UUID) -> bool:
    """Say whether the lead's owner follows this follower, directly or through others."""
    seen: set[UUID] = set()
    frontier = {lead_owner_id}
    while frontier:
        if follower.pk in frontier:
            return True
        seen |= frontier
        led = Follow.objects.filter(follower_id__in=frontier, state__in=UNFINISHED_FOLLOW).values_list(
            "lead__owner_id", flat=True
        )
        frontier = set(led) - seen
    return False


def platform_switch() -> SafetySwitch | None:
    """Return the platform's switch; None where nobody has ever touched it, which means ACTIVE."""
    return SafetySwitch.objects.filter(scope=ScopeKind.PLATFORM).first()


def platform_level() -> str:
    """Return the platform's safety level."""
    switch = platform_switch()
    return switch.level if switch else SafetyLevel.ACTIVE


def has_unfinished_work(namespace: str) -> bool:
    """Say whether trading has something to do in a namespace now: orders to send, due events to copy and commands to run.

    What is due later waits for market time, so market time must not wait for it.
    """
    now = market_now(namespace)
    return (
        Order.objects.filter(
            state__in=[OrderState.PENDING, OrderState.SUBMITTING, OrderState.UNKNOWN], portfolio__namespace=namespace
        ).exists()
        or due_events(namespace, now).exists()
        or due_commands(namespace, now).exists()
    )


def due_events(namespace: str, until: datetime) -> QuerySet[LeadEvent]:
    """Return the lead events of a namespace that are due by a moment of market time and not copied yet."""
    return LeadEvent.objects.filter(state=LeadEventState.WAITING, due_at__lte=until, lead__namespace=namespace)


def due_commands(namespace: str, until: datetime) -> QuerySet[FollowCommand]:
    """Return the follow commands of a namespace that are due by a moment of market time and not run yet."""
    return FollowCommand.objects.filter(is_done=False, due_at__lte=until, follow__lead__namespace=namespace)
