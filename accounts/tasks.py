"""Accounts' work after a commit."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from accounts import services
from accounts.programs import services as programs
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


@shared_task(name="accounts.forget_keyed_requests")
def forget_keyed_requests() -> None:
    """Forget what came under an Idempotency-Key more than a day ago; runs every ten minutes."""
    programs.forget_requests()


@shared_task(name="accounts.run_webhooks")
def run_webhooks() -> None:
    """Read what happened for those who have webhooks, and send what is due; runs every two seconds."""
    webhooks.run_webhooks()
