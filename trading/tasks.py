"""Trading's doors for workers. Each carries ids, may come twice or never, and calls one service."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from celery import shared_task

from common.failpoints import failpoint
from trading.approvals import services as approvals
from trading.risk.services import watching
from trading.services import (
    commands,
    copying,
    drifting,
    execution,
    follow_guards,
    follows,
    interests,
    live_queue,
    protecting,
    reconciliation,
    sweeping,
    waiting_list,
)


@shared_task(name="trading.execute_orders")
def execute_orders(cause_kind: str, cause_id: str) -> None:
    """Send a cause's PENDING orders, batch by batch; those of exchange accounts are the signer's."""
    while execution.execute_pending(cause_kind=cause_kind, cause_id=cause_id):
        pass
    live_queue.wake_signer(cause_kind=cause_kind, cause_id=cause_id)


@shared_task(name="trading.execute_plan")
def execute_plan(plan_id: str) -> None:
    """Send a plan's PENDING orders, batch by batch, likewise."""
    while execution.execute_wishes(plan_id=UUID(plan_id)):
        pass
    live_queue.wake_signer_for_plan(plan_id=UUID(plan_id))


@shared_task(name="trading.fan_out")
def fan_out(lead_id: str) -> None:
    """Copy a lead's waiting events, in order, batch by batch."""
    while copying.fan_out_batch(lead_id=UUID(lead_id), at_once=True):
        failpoint("copied")


@shared_task(name="trading.run_follow_command")
def run_follow_command(command_id: int) -> None:
    commands.run_command(command_id=command_id)


@shared_task(name="trading.check_drift")
def check_drift(namespace: str) -> None:
    """Look at the follows of a namespace whose drift is due, batch by batch; a batch that is not full is the last."""
    while drifting.check_drift(namespace=namespace) == drifting.BATCH:
        pass


@shared_task(name="trading.finish_follows")
def finish_follows(follow_ids: Sequence[str]) -> None:
    """Mark those of these stopping follows as stopped that are done."""
    follows.finish_stopping(UUID(follow_id) for follow_id in follow_ids)


@shared_task(name="trading.protect_follows")
def protect_follows(follow_ids: Sequence[str]) -> None:
    """Bring the protective stops of these follows to what they should be."""
    protecting.protect_all(UUID(follow_id) for follow_id in follow_ids)


@shared_task(name="trading.admit_waiting")
def admit_waiting(lead_id: str) -> None:
    """Let those on a lead's waiting list follow for whom there is room."""
    waiting_list.admit_waiting(lead_id=UUID(lead_id))


@shared_task(name="trading.watch_follows")
def watch_follows() -> None:
    """Hold follows against their guards; runs every few seconds."""
    follow_guards.watch_all_follows()


@shared_task(name="trading.sweep")
def sweep() -> None:
    """Find what lost tasks left behind."""
    sweeping.sweep()


@shared_task(name="trading.reconcile")
def reconcile() -> None:
    """Ask the venues about orders whose answer is due; runs every second, and costs one query where nothing is."""
    reconciliation.resolve_abandoned()


@shared_task(name="trading.renew_interests")
def renew_interests() -> None:
    """Have watched what positions, orders and triggers depend on; runs a few times a minute."""
    interests.renew_trading_interests()


@shared_task(name="trading.watch_risk")
def watch_risk() -> None:
    """Hold portfolios against their limits, and measure once an hour how assets move together; runs every few seconds."""
    watching.watch_all()


@shared_task(name="trading.expire_approvals")
def expire_approvals() -> None:
    """End the orders that nobody approved in time; runs every ten seconds."""
    approvals.expire_approvals()
