"""The tasks of accounts are doors: ids in, one service each."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from accounts.models import User
from accounts.notifying.models import Delivery
from accounts.services import notify
from accounts.tasks import deliver_digest, deliver_notification, hand_out_notifications, send_workspace_invitation
from config.celery import app


def test_a_deliverys_task_sends_it_alone(alice: User, bob: User, mailoutbox: list[Any]) -> None:
    notify(user=alice, event="test.stopped", context={})
    notify(user=bob, event="test.stopped", context={})
    deliver_notification(str(Delivery.objects.get(user=alice).pk))
    deliver_digest(str(bob.pk))
    assert [mail.to for mail in mailoutbox] == [["alice@example.org"]]


def test_what_may_hang_waits_in_a_queue_of_its_own() -> None:
    for task in (deliver_notification, deliver_digest, send_workspace_invitation):
        assert settings.CELERY_TASK_ROUTES[task.name] == {"queue": "notifications"}
    assert settings.EMAIL_TIMEOUT == 30
    assert app.conf.beat_schedule[hand_out_notifications.name]["schedule"] == 15.0
