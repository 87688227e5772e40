"""What waits for market time to come, and what is due: asked at every step of it, so put together once."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from django.db.models import CharField, DateTimeField, QuerySet

from common.clock import market_now
from common.db import Slot
from common.prepared import Prepared
from markets.prices import latest_prices
from markets.selectors import instruments_by_id
from trading.models import (
    RESTING,
    Follow,
    FollowCommand,
    FollowState,
    LeadEvent,
    LeadEventState,
    Order,
    OrderState,
)

# A batch of drift checks.
MOST_DRIFTS = 500

_NAMESPACE, _UNTIL = Slot("namespace", CharField()), Slot("until", DateTimeField())
_WAITING = (OrderState.PENDING, *RESTING)
_EVER = datetime.max.replace(tzinfo=UTC)
_EVENTS = Prepared(
    lambda: (
        LeadEvent.objects.filter(state=LeadEventState.WAITING, due_at__lte=_UNTIL, lead__namespace=_NAMESPACE)
        .values_list("lead_id")
        .distinct()
    )
)
_COMMANDS = Prepared(
    lambda: (
        FollowCommand.objects.filter(is_done=False, due_at__lte=_UNTIL, follow__lead__namespace=_NAMESPACE)
        .order_by("pk")
        .values_list("pk")
    )
)
_DRIFTS = Prepared(
    lambda: (
        Follow.objects.filter(
            drift_due_at__lte=_UNTIL, state__in=(FollowState.ACTIVE, FollowState.PAUSED), lead__namespace=_NAMESPACE
        )
        .order_by("drift_due_at", "pk")
        .values_list("pk")[:MOST_DRIFTS]
    )
)
# Of any namespace: few orders ever expire, and most often none does.
_EXPIRE = Prepared(lambda: Order.objects.filter(state__in=_WAITING, expires_at__lte=_UNTIL).values_list("pk")[:1])


def leads_with_due_events(namespace: str, until: datetime) -> list[UUID]:
    """Return the leads of a namespace of whose events some are due by a moment of market time and not copied yet."""
    return sorted(pk for (pk,) in _EVENTS.rows(namespace=namespace, until=until))


def due_commands(namespace: str, until: datetime) -> list[int]:
    """Return the follow commands of a namespace that are due by a moment of market time and not run yet, in their order."""
    return [pk for (pk,) in _COMMANDS.rows(namespace=namespace, until=until)]


def due_drifts(namespace: str, until: datetime) -> list[UUID]:
    """Return the first MOST_DRIFTS follows of a namespace whose drift is to be looked at by a moment of market time."""
    return [pk for (pk,) in _DRIFTS.rows(namespace=namespace, until=until)]


def expired_orders(namespace: str, until: datetime) -> QuerySet[Order]:
    """Return the waiting orders of a namespace whose time is over by a moment of market time."""
    if not _EXPIRE.rows(until=until):
        return Order.objects.none()
    return Order.objects.filter(state__in=_WAITING, expires_at__lte=until, portfolio__namespace=namespace)


def has_waiting(namespace: str) -> bool:
    """Say whether anything of a namespace waits for market time to come: events to copy, drift, or orders that expire."""
    return bool(
        leads_with_due_events(namespace, _EVER)
        or due_drifts(namespace, _EVER)
        or due_commands(namespace, _EVER)
        or expired_orders(namespace, _EVER).exists()
    )


def has_unfinished_work(namespace: str) -> bool:
    """Say whether trading has something to do in a namespace now: orders to send, due events to copy and commands to run.

    What is due later waits for market time, so market time must not wait for it.
    """
    now = market_now(namespace)
    return (
        Order.objects.filter(
            state__in=[OrderState.PENDING, OrderState.SUBMITTING, OrderState.UNKNOWN], portfolio__namespace=namespace
        ).exists()
        or bool(leads_with_due_events(namespace, now) or due_commands(namespace, now) or due_drifts(namespace, now))
        or _has_arrived(namespace, now)
    )


def _has_arrived(namespace: str, now: datetime) -> bool:
    """Say whether an order has come to our own broker, and a price since, that it has not met yet."""
    arrived = Order.objects.filter(state__in=RESTING, arrives_at__lte=now, portfolio__namespace=namespace)
    waiting = list(arrived.values_list("instrument_id", "arrives_at"))
    prices = latest_prices(instruments_by_id({pk for pk, _ in waiting}).values()) if waiting else {}
    return any(pk in prices and due is not None and prices[pk].at >= due for pk, due in waiting)
