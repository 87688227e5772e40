"""What waits in trading's outboxes, for how long, and what was not done: the operator's view of copying."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min, QuerySet

from common.clock import market_times, wall_now
from trading.models import (
    CauseKind,
    Follow,
    FollowCommand,
    FollowState,
    LeadEvent,
    LeadEventState,
    Order,
    OrderState,
)

WINDOW = timedelta(hours=1)
# Of a reason why copies were not made, so many are named.
REASONS = 12


@dataclass(frozen=True, slots=True)
class Queue:
    """An outbox: how many rows wait in it, and since when the oldest does (by the wall)."""

    name: str
    count: int
    oldest: datetime | None

    @property
    def seconds(self) -> float | None:
        """Return for how long the oldest has waited."""
        return None if self.oldest is None else max((wall_now() - self.oldest).total_seconds(), 0.0)


def queues() -> list[Queue]:
    """Return every outbox that copying goes through, in the order in which it does; a statement each."""
    orders = Order.objects.filter(follow__isnull=False)
    found = (
        ("Lead events to be copied", LeadEvent.objects.filter(state=LeadEventState.WAITING)),
        ("Copies to be sent", orders.filter(state=OrderState.PENDING)),
        ("Copies being sent", orders.filter(state=OrderState.SUBMITTING)),
        ("Copies whose fate is asked for", orders.filter(state=OrderState.UNKNOWN)),
    )
    return [_queue(name, rows) for name, rows in found] + [_commands()]


def _queue(name: str, rows: QuerySet[LeadEvent] | QuerySet[Order]) -> Queue:
    figures = rows.aggregate(count=Count("pk"), oldest=Min("recorded_at"))
    return Queue(name, figures["count"], figures["oldest"])


def _commands() -> Queue:
    """Commands are due by market time: how far each market is past the oldest of its own tells how late it is."""
    waiting = FollowCommand.objects.filter(is_done=False).order_by()
    rows = list(waiting.values_list("follow__lead__namespace").annotate(count=Count("pk"), oldest=Min("due_at")))
    now = market_times(name for name, _, _ in rows)
    late = max((now[name] - oldest for name, _, oldest in rows), default=None)
    oldest = None if late is None else wall_now() - max(late, timedelta(0))
    return Queue("Commands of follows", sum(count for _, count, _ in rows), oldest)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many copies of the last hour ended so."""

    state: str
    code: str
    count: int


def recent_outcomes() -> list[Outcome]:
    """Return what became of the copies of the last hour (by the wall), what went wrong first, the most frequent first."""
    since = Order.objects.filter(
        follow__isnull=False, cause_kind=CauseKind.LEAD_EVENT, recorded_at__gt=wall_now() - WINDOW
    )
    rows = since.order_by().values_list("state", "code").annotate(count=Count("pk"))
    found = [Outcome(*row) for row in rows]
    return sorted(found, key=lambda one: (one.state == OrderState.FILLED, -one.count, one.code))[:REASONS]


def follow_counts() -> dict[str, int]:
    """Return how many follows are in each state that is not the end."""

    rows = Follow.objects.exclude(state=FollowState.STOPPED).order_by().values_list("state").annotate(Count("pk"))
    return dict(rows)
