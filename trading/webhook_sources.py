"""What webhooks tell of trading: fills, orders, follows; read from the rows that are kept of them anyway."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.models import AuditEntry
from accounts.webhooks.sources import Fact, Source, register_source
from common.fields import canonical
from trading.models import Fill, Follow, OrderEvent, OrderState

_ORDER_EVENTS = {
    OrderState.OPEN: "an order rests on a book",
    OrderState.PARTIALLY_FILLED: "a part of an order traded",
    OrderState.FILLED: "all of an order traded",
    OrderState.CANCELED: "an order was canceled",
    OrderState.EXPIRED: "an order ended with its time",
    OrderState.REJECTED: "the venue refused an order",
    OrderState.DENIED: "our own risk rules refused an order",
}
FOLLOW_EVENTS = {
    "follow.started": "a follow began, yours or of a portfolio of yours",
    "follow.paused": "a follow copies nothing for now",
    "follow.stopped": "a follow ended, or is ending",
}
FOLLOW = "trading.follow"


def _fills(users: Collection[UUID]) -> QuerySet[Fill]:
    return Fill.objects.filter(portfolio__owner__in=users).select_related("portfolio", "instrument")


def _fill_facts(fills: Iterable[Fill]) -> list[Fact]:
    return [
        Fact(
            fill.portfolio.owner_id,
            "fill.recorded",
            str(fill.pk),
            fill.recorded_at,
            {
                "fill": str(fill.pk),
                "order": str(fill.order_id),
                "portfolio": str(fill.portfolio_id),
                "instrument": fill.instrument.symbol,
                "side": fill.side,
                "quantity": canonical(fill.quantity),
                "price": canonical(fill.price),
                "happened_at": fill.happened_at.isoformat(),
            },
        )
        for fill in fills
    ]


def _order_events(users: Collection[UUID]) -> QuerySet[OrderEvent]:
    mine = OrderEvent.objects.filter(order__portfolio__owner__in=users, state__in=list(_ORDER_EVENTS))
    return mine.select_related("order__portfolio", "order__instrument")


def _order_facts(events: Iterable[OrderEvent]) -> list[Fact]:
    return [
        Fact(
            event.order.portfolio.owner_id,
            f"order.{event.state.lower()}",
            f"order-{event.pk}",
            event.recorded_at,
            {
                "order": str(event.order_id),
                "portfolio": str(event.order.portfolio_id),
                "instrument": event.order.instrument.symbol,
                "side": event.order.side,
                "state": event.state,
                "code": event.code,
                "happened_at": event.happened_at.isoformat(),
            },
        )
        for event in events
    ]


def _follow_acts(users: Collection[UUID]) -> QuerySet[AuditEntry]:
    concerned = Follow.objects.filter(Q(follower__in=users) | Q(lead__owner__in=users)).values_list("pk", flat=True)
    named = [str(pk) for pk in concerned]
    return AuditEntry.objects.filter(object_kind=FOLLOW, object_id__in=named, action__in=list(FOLLOW_EVENTS))


def _follow_facts(acts: Iterable[AuditEntry]) -> list[Fact]:
    acts = list(acts)
    follows = Follow.objects.select_related("lead").in_bulk([UUID(act.object_id) for act in acts])
    facts = []
    for act in acts:
        follow = follows[UUID(act.object_id)]
        data = {"follow": act.object_id, "lead": str(follow.lead_id), "event": act.action.partition(".")[2]}
        people = {follow.follower_id, follow.lead.owner_id}
        facts += [Fact(user, act.action, f"act-{act.pk}", act.at, data) for user in people]
    return facts


def register_sources() -> None:
    """Declare the events of trading."""
    orders = {f"order.{state.lower()}": words for state, words in _ORDER_EVENTS.items()}
    told = {"fill.recorded": "an execution in a portfolio of yours"}
    register_source(Source("fills", told, Fill.objects.all, "recorded_at", _fills, _fill_facts))
    register_source(Source("orders", orders, OrderEvent.objects.all, "recorded_at", _order_events, _order_facts))
    register_source(Source("follows", FOLLOW_EVENTS, AuditEntry.objects.all, "at", _follow_acts, _follow_facts))
