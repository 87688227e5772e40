"""Accounts' work after a commit."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from accounts.audit_log import services as audit_log
from accounts.notifying.services import chats, delivering, phones
from accounts.privacy.services import archives, leaving, retention
from accounts.programs import services as programs
from accounts.teams import services as teams
from accounts.webhooks import services as webhooks


@shared_task(name="accounts.deliver_notification")
def deliver_notification(delivery_id: str) -> None:
    delivering.deliver(delivery_id=UUID(delivery_id))


@shared_task(name="accounts.deliver_digest")
def deliver_digest(user_id: str) -> None:
    delivering.deliver_digest(user_id=UUID(user_id))


@shared_task(name="accounts.send_phone_code")
def send_phone_code(user_id: str) -> None:
    phones.send_code(user_id=UUID(user_id))


@shared_task(name="accounts.send_due_codes")
def send_due_codes() -> None:
    """Sweep up codes whose task was lost; runs every fifteen seconds."""
    phones.send_due_codes()


@shared_task(name="accounts.hand_out_notifications")
def hand_out_notifications() -> None:
    """Have sent what waited for its hour, failed before, or lost its task; runs every fifteen seconds."""
    delivering.hand_out()


@shared_task(name="accounts.poll_telegram")
def poll_telegram() -> None:
    """Hear what people write to the bot, where Telegram does not tell by itself; runs every three seconds."""
    chats.poll()


@shared_task(name="accounts.make_archive")
def make_archive(archive_id: str) -> None:
    archives.make_archive(archive_id=UUID(archive_id))


@shared_task(name="accounts.sweep_archives")
def sweep_archives() -> None:
    """Have archives made whose task was lost, and delete those past their time; runs once a minute."""
    archives.sweep_archives()


@shared_task(name="accounts.close_due_accounts")
def close_due_accounts() -> None:
    """Close the accounts whose time of grace is over; runs every five minutes."""
    leaving.close_due_accounts()


@shared_task(name="accounts.forget_old")
def forget_old() -> None:
    """Forget what is older than settings allow; runs every hour."""
    retention.forget_old()


@shared_task(name="accounts.deliver_webhook")
def deliver_webhook(delivery_id: str) -> None:
    webhooks.deliver(delivery_id=UUID(delivery_id))


@shared_task(name="accounts.forget_keyed_requests")
def forget_keyed_requests() -> None:
    """Forget what came under an Idempotency-Key more than a day ago; runs every ten minutes."""
    programs.forget_requests()


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
