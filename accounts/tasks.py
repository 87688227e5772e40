"""Accounts' work after a commit."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from accounts import services


@shared_task(name="accounts.send_notification_mail")
def send_notification_mail(notification_id: str) -> None:
    services.deliver_mail(notification_id=UUID(notification_id))


@shared_task(name="accounts.send_due_mail")
def send_due_mail() -> None:
    """Sweep up mails whose task was lost; runs once a minute."""
    services.deliver_due_mail()
