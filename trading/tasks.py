"""Trading's doors for workers. Each carries ids, may come twice or never, and calls one service."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from celery import shared_task

from common.failpoints import failpoint
from trading.services import copying, execution, follows, interests, sweeping


@shared_task(name="trading.execute_orders")
def execute_orders(cause_kind: str, cause_id: str) -> None:
    """Send a cause's PENDING orders, batch by batch."""
    while execution.execute_pending(cause_kind=cause_kind, cause_id=cause_id):
        pass


@shared_task(name="trading.fan_out")
def fan_out(lead_id: str) -> None:
    """Copy a lead's waiting events, in order, batch by batch."""
    while copying.fan_out_batch(lead_id=UUID(lead_id)):
        failpoint("copied")


@shared_task(name="trading.run_follow_command")
def run_follow_command(command_id: int) -> None:
    follows.run_command(command_id=command_id)


@shared_task(name="trading.finish_follows")
def finish_follows(follow_ids: Sequence[str]) -> None:
    """Mark those of these stopping follows as stopped that are done."""
    follows.finish_stopping(UUID(follow_id) for follow_id in follow_ids)


@shared_task(name="trading.sweep")
def sweep() -> None:
    """Find what lost tasks left behind."""
    sweeping.sweep()


@shared_task(name="trading.renew_interests")
def renew_interests() -> None:
    """Have watched what positions, orders and triggers depend on; runs a few times a minute."""
    interests.renew_trading_interests()
