"""Telling people: the row, the open page, and the mail that goes out once."""

from __future__ import annotations

import smtplib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
from django.core.mail.backends.locmem import EmailBackend
from django.db import transaction

from accounts import registry
from accounts.models import Notification, User
from accounts.services import deliver_due_mail, deliver_mail, mark_read, notify
from common.bus import bus
from common.ids import seeded_random
from common.realtime import CHANNEL
from common.tasks import inline_tasks
from tests.accounts.conftest import NOON, Wall

Capture = Callable[..., AbstractContextManager[list[Any]]]


@pytest.fixture(autouse=True)
def _events() -> Iterator[None]:
    registry.register_event("test.stopped", title="{name} stopped", body="It had {count} orders.", url="/follows/{id}/")
    registry.register_event("test.quiet", title="Quietly", mail=False)
    yield
    del registry._events["test.stopped"], registry._events["test.quiet"]


def test_an_event_becomes_a_row_and_a_mail_after_the_commit(
    alice: User, bob: User, mailoutbox: list[Any], django_capture_on_commit_callbacks: Capture
) -> None:
    with inline_tasks(seeded_random("test")) as queue:
        with django_capture_on_commit_callbacks(execute=True):
            notification = notify(user=alice, event="test.stopped", context={"name": "Ema", "count": 3, "id": "7"})
            assert mailoutbox == []
        assert queue.drain() == 1
    (mail,) = mailoutbox
    assert (mail.to, mail.subject) == (["alice@example.org"], "Ema stopped")
    assert mail.body == "Ema stopped\n\nIt had 3 orders.\n\nhttp://127.0.0.1:8000/follows/7/\n"
    notification.refresh_from_db()
    assert (notification.user, notification.event) == (alice, "test.stopped")
    assert notification.context == {"name": "Ema", "count": 3, "id": "7"}
    assert (notification.read_at, notification.mail_due_at) == (None, None)
    assert bob.notifications.count() == 0


def test_the_open_page_hears_of_it_after_the_commit(alice: User, django_capture_on_commit_callbacks: Capture) -> None:
    with bus().listen(CHANNEL) as page:
        with django_capture_on_commit_callbacks(execute=True):
            notification = notify(user=alice, event="test.quiet", context={})
            assert page.get(0) is None
        heard = page.get(1)
    assert heard is not None
    ((topic, payload),) = heard[1]
    assert topic == f"user:{alice.pk}"
    assert payload["cells"] == {"unread": "1"}
    assert [(one["id"], one["title"]) for one in payload["notifications"]] == [(str(notification.pk), "Quietly")]
    assert payload["refresh"] == ["notifications"]


def test_an_act_undone_tells_nobody(
    alice: User, mailoutbox: list[Any], django_capture_on_commit_callbacks: Capture
) -> None:
    with (
        django_capture_on_commit_callbacks(execute=True) as callbacks,
        pytest.raises(ZeroDivisionError),
        transaction.atomic(),
    ):
        notify(user=alice, event="test.stopped", context={})
        _ = 1 / 0
    assert callbacks == []
    assert Notification.objects.count() == 0
    assert mailoutbox == []


def test_a_quiet_event_is_not_mailed(alice: User, mailoutbox: list[Any]) -> None:
    notification = notify(user=alice, event="test.quiet", context={})
    assert notification.mail_due_at is None
    assert deliver_mail(notification_id=notification.pk) is False
    assert deliver_due_mail() == 0
    assert mailoutbox == []


def test_a_task_that_comes_twice_sends_one_mail(alice: User, mailoutbox: list[Any]) -> None:
    notification = notify(user=alice, event="test.stopped", context={"name": "Ema"})
    assert deliver_mail(notification_id=notification.pk) is True
    assert deliver_mail(notification_id=notification.pk) is False
    assert len(mailoutbox) == 1


def test_the_sweeper_sends_what_a_lost_task_left(alice: User, mailoutbox: list[Any]) -> None:
    notify(user=alice, event="test.stopped", context={"name": "Ema"})
    assert deliver_due_mail() == 1
    assert deliver_due_mail() == 0
    assert [mail.subject for mail in mailoutbox] == ["Ema stopped"]


def test_a_mail_server_that_is_down_delays_a_mail_until_it_is_no_news(
    alice: User, wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts = []

    def down(self: EmailBackend, messages: Any) -> int:
        attempts.append(wall.now)
        raise smtplib.SMTPServerDisconnected

    monkeypatch.setattr(EmailBackend, "send_messages", down)
    notification = notify(user=alice, event="test.stopped", context={"name": "Ema"})
    assert deliver_due_mail() == 0
    notification.refresh_from_db()
    assert notification.mail_due_at == NOON + timedelta(minutes=5)
    wall.pass_by(minutes=4)
    assert deliver_due_mail() == 0
    wall.pass_by(minutes=1)
    assert deliver_due_mail() == 0
    assert attempts == [NOON, NOON + timedelta(minutes=5)]
    wall.pass_by(days=1)
    assert deliver_due_mail() == 0
    assert Notification.objects.get(pk=notification.pk).mail_due_at is None
    assert len(attempts) == 2


def test_who_has_left_gets_no_mail(alice: User, mailoutbox: list[Any]) -> None:
    notification = notify(user=alice, event="test.stopped", context={"name": "Ema"})
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert deliver_due_mail() == 0
    notification.refresh_from_db()
    assert notification.mail_due_at is None
    assert mailoutbox == []


def test_reading_marks_ones_own_notifications_only(alice: User, bob: User, charlie: User, wall: Wall) -> None:
    mine, also_mine = (notify(user=alice, event="test.quiet", context={}) for _ in range(2))
    his = notify(user=bob, event="test.quiet", context={})
    for stranger in (bob, charlie):
        assert mark_read(user=stranger, ids=[mine.pk]) == 0
    assert Notification.objects.filter(read_at=None).count() == 3
    assert mark_read(user=alice, ids=[mine.pk, his.pk]) == 1
    assert mark_read(user=alice, ids=[mine.pk]) == 0
    assert mark_read(user=alice) == 1
    assert dict(Notification.objects.values_list("pk", "read_at")) == {
        mine.pk: NOON,
        also_mine.pk: NOON,
        his.pk: None,
    }
