"""The tasks of accounts are doors: ids in, one service each."""

from __future__ import annotations

from typing import Any

from accounts.models import User
from accounts.services import notify
from accounts.tasks import send_due_mail, send_notification_mail
from config.celery import app


def test_a_notifications_task_sends_its_mail(alice: User, bob: User, mailoutbox: list[Any]) -> None:
    notification = notify(user=alice, event="test.stopped", context={})
    notify(user=bob, event="test.stopped", context={})
    send_notification_mail(str(notification.pk))
    assert [mail.to for mail in mailoutbox] == [["alice@example.org"]]


def test_the_sweeper_sends_the_rest_once_a_minute(alice: User, bob: User, mailoutbox: list[Any]) -> None:
    for user in (alice, bob):
        notify(user=user, event="test.stopped", context={})
    send_due_mail()
    send_due_mail()
    assert sorted(mail.to[0] for mail in mailoutbox) == ["alice@example.org", "bob@example.org"]
    assert app.conf.beat_schedule[send_due_mail.name]["schedule"] == 60.0
