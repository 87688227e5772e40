"""What lost tasks left behind: the rows are the outboxes, and this finds those that waited too long (by the wall)."""

from __future__ import annotations

from datetime import datetime, timedelta

from common.clock import market_times, wall_now
from common.tasks import enqueue
from trading.copy_accounts.services.settling import settle_due
from trading.due import due_commands, due_drifts, leads_with_due_events
from trading.follow_models import WaitingFollow
from trading.models import Follow, FollowCommand, FollowState, LeadEvent, LeadEventState, Order, OrderState
from trading.services.follows import end_orphans
from trading.services.funding import run_funding
from trading.services.protecting import follows_to_protect
from trading.services.reconciliation import resolve_abandoned
from trading.services.resting import expire_orders

PATIENCE_SECONDS = 5.0


def run_due(*, namespace: str, until: datetime) -> int:
    """Start the delayed work of a namespace that is due by a moment of market time; return how many pieces it was.

    Whoever moves market time calls this: a delay is a row with `due_at`, never a countdown of the wall.
    """
    from trading import tasks  # the tasks' bodies call services: one of the two must look late

    leads = leads_with_due_events(namespace, until)
    for lead_id in leads:
        enqueue(tasks.fan_out, str(lead_id))
    commands = due_commands(namespace, until)
    for command_id in commands:
        enqueue(tasks.run_follow_command, command_id)
    drifts = int(bool(due_drifts(namespace, until)))
    if drifts:
        enqueue(tasks.check_drift, namespace)
    # Funding is paid before profit is shared: it is part of it.
    paid = run_funding(namespace=namespace, until=until)
    ended = expire_orders(namespace=namespace, until=until) + settle_due(namespace=namespace, until=until)
    return len(leads) + len(commands) + drifts + paid + ended


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
        # (Orders of exchange accounts are not the workers': the signer looks for them itself.)
        Order.objects.filter(state=OrderState.PENDING, recorded_at__lte=before, portfolio__account=None).values_list(
            "cause_kind", "cause_id"
        )
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
    if unprotected := [str(pk) for pk in follows_to_protect()]:
        enqueue(tasks.protect_follows, unprotected)
    for lead_id in sorted(set(WaitingFollow.objects.values_list("follow__lead_id", flat=True))):
        enqueue(tasks.admit_waiting, str(lead_id))
    namespaces = Follow.objects.filter(exits_until__isnull=False).values_list("lead__namespace", flat=True)
    found += end_orphans(until=market_times(set(namespaces)))
    return found + len(leads) + len(causes) + len(commands) + len(unprotected)
