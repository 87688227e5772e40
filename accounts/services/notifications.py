"""Telling people: a row in their pages, the open page at once, and a mail whose outbox is the row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from smtplib import SMTPException
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction

from accounts.models import Notification, User
from accounts.registry import describe
from accounts.registry import event as wording
from accounts.selectors import user_facts
from common.clock import wall_now
from common.realtime import publish
from common.tasks import enqueue

# How long one sender has before another may try, and how long a mail is still news.
MAIL_RETRY = timedelta(minutes=5)
MAIL_GIVEN_UP = timedelta(days=1)
MAIL_BATCH = 200


@transaction.atomic
def notify(*, user: User, event: str, context: Mapping[str, Any]) -> Notification:
    """Tell the user of an event: in their pages, and by mail unless the event was registered with mail=False.

    `context` holds the facts that the event's wording names (see `registry.register_event`), JSON-ready, no secrets.
    """
    now = wall_now()
    mailed = wording(event).mail
    notification = Notification.objects.create(
        user=user, event=event, context=dict(context), created_at=now, mail_due_at=now if mailed else None
    )
    _show(user, [notification])
    if mailed:
        from accounts.tasks import send_notification_mail

        enqueue(send_notification_mail, str(notification.pk))
    return notification


@transaction.atomic
def mark_read(*, user: User, ids: Iterable[UUID] | None = None) -> int:
    """Mark the user's notifications as read (all of them, or those named) and return how many changed."""
    unread = Notification.objects.filter(user=user, read_at=None)
    changed = (unread if ids is None else unread.filter(pk__in=list(ids))).update(read_at=wall_now())
    if changed:
        _show(user, [])
    return changed


def deliver_mail(*, notification_id: UUID) -> bool:
    """Send a notification's mail if it is due, and return whether it went out.

    The claim moves the due time ahead, so that a task that comes twice sends once and one that dies is repeated.
    """
    now = wall_now()
    due = Notification.objects.filter(pk=notification_id, mail_due_at__lte=now)
    if not due.update(mail_due_at=now + MAIL_RETRY):
        return False
    notification = Notification.objects.select_related("user").get(pk=notification_id)
    given_up = notification.created_at <= now - MAIL_GIVEN_UP
    sent = not given_up and notification.user.is_active and _send(notification)
    if sent or given_up or not notification.user.is_active:
        Notification.objects.filter(pk=notification_id).update(mail_due_at=None)
    return sent


def deliver_due_mail() -> int:
    """Send the mails whose task was lost or whose sending failed, and return how many went out."""
    due = Notification.objects.filter(mail_due_at__lte=wall_now()).order_by("mail_due_at")
    return sum(deliver_mail(notification_id=pk) for pk in due.values_list("pk", flat=True)[:MAIL_BATCH])


def _show(user: User, news: list[Notification]) -> None:
    """Tell the user's open pages: the new count, what is new, and that the list is to be fetched again."""
    publish([(f"user:{user.pk}", {**user_facts(user, news), "refresh": ["notifications"]})])


def _send(notification: Notification) -> bool:
    words = describe(notification.event, notification.context)
    lines = [words.title, words.body, settings.SITE_URL + words.url if words.url else ""]
    try:
        return bool(
            send_mail(
                subject=words.title,
                message="\n\n".join(line for line in lines if line) + "\n",
                from_email=None,
                recipient_list=[notification.user.email],
            )
        )
    except (SMTPException, OSError):
        return False
