"""What lost tasks left behind: the rows are the outboxes, and this finds those that waited too long (by the wall)."""

from __future__ import annotations

from datetime import datetime, timedelta

from common.clock import wall_now
from common.tasks import enqueue
from trading.models import Follow, FollowCommand, FollowState, LeadEvent, LeadEventState, Order, OrderState
from trading.selectors import due_commands, due_events
from trading.services.execution import resolve_abandoned

PATIENCE_SECONDS = 5.0


def run_due(*, namespace: str, until: datetime) -> int:
    """Enqueue the delayed work of a namespace that is due by a moment of market time; return how many pieces it was.

    Whoever moves market time calls this: a delay is a row with `due_at`, never a countdown of the wall.
    """
    from trading import tasks  # the tasks' bodies call services: one of the two must look late

    leads = set(due_events(namespace, until).values_list("lead_id", flat=True))
    for lead_id in sorted(leads):
        enqueue(tasks.fan_out, str(lead_id))
    commands = list(due_commands(namespace, until).order_by("pk").values_list("pk", flat=True))
    for command_id in commands:
        enqueue(tasks.run_follow_command, command_id)
    return len(leads) + len(commands)


def sweep(*, older_than_seconds: float = PATIENCE_SECONDS, lease_seconds: float | None = None) -> int:
    """Enqueue again what still waits and ask about what was sent and never answered; return how many pieces of work were found."""
    from trading import tasks  # the tasks' bodies call services: one of the two must look late

    before = wall_now() - timedelta(seconds=older_than_seconds)
    found = resolve_abandoned(older_than_seconds=lease_seconds)
    leads = set(
        LeadEvent.objects.filter(state=LeadEventState.WAITING, recorded_at__lte=before).values_list(
            "lead_id", flat=True
        )
    )
    for lead_id in sorted(leads):
        enqueue(tasks.fan_out, str(lead_id))
    causes = set(
        Order.objects.filter(state=OrderState.PENDING, recorded_at__lte=before).values_list("cause_kind", "cause_id")
    )
    for kind, cause_id in sorted(causes):
        enqueue(tasks.execute_orders, kind, cause_id)
    commands = list(FollowCommand.objects.filter(is_done=False).order_by("pk").values_list("pk", flat=True))
    for command_id in commands:
        enqueue(tasks.run_follow_command, command_id)
    stopping = [
        str(pk) for pk in Follow.objects.filter(state=FollowState.STOPPING).order_by("pk").values_list("pk", flat=True)
    ]
    if stopping:
        enqueue(tasks.finish_follows, stopping)
    return found + len(leads) + len(causes) + len(commands)
