"""Accounts' work after a commit."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from accounts import services
from accounts.audit_log import services as audit_log
from accounts.teams import services as teams
from accounts.webhooks import services as webhooks


@shared_task(name="accounts.send_notification_mail")
def send_notification_mail(notification_id: str) -> None:
    services.deliver_mail(notification_id=UUID(notification_id))


@shared_task(name="accounts.send_due_mail")
def send_due_mail() -> None:
    """Sweep up mails whose task was lost; runs once a minute."""
    services.deliver_due_mail()


@shared_task(name="accounts.deliver_webhook")
def deliver_webhook(delivery_id: str) -> None:
    webhooks.deliver(delivery_id=UUID(delivery_id))


@shared_task(name="accounts.run_webhooks")
def run_webhooks() -> None:
    """Read what happened for those who have webhooks, and send what is due; runs every two seconds."""
    webhooks.run_webhooks()


@shared_task(name="accounts.send_workspace_invitation")
def send_workspace_invitation(invitation_id: str, code: str) -> None:
    """The code travels with the task and stands in no row: where the task is lost, one invites again."""
    teams.send_invitation(invitation_id=invitation_id, code=code)


@shared_task(name="accounts.seal_audit")
def seal_audit() -> None:
    """Take new entries of the audit into its chain; runs once a minute."""
    audit_log.seal_entries()
