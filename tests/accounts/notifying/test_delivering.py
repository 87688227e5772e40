"""From a notification to what was sent: once, at the right hour, again after a failure, and never to who is gone."""

from __future__ import annotations

import smtplib
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import time, timedelta
from typing import Any

import pytest
from django.core.mail.backends.locmem import EmailBackend

from accounts.models import Notification, User
from accounts.notifying.channels import mail
from accounts.notifying.channels.outcome import Came, Outcome
from accounts.notifying.models import Channel, Delivery, Reach
from accounts.notifying.services.choices import choose_channels, set_hours
from accounts.notifying.services.delivering import CLAIM, deliver, deliver_digest, hand_out
from accounts.services import notify
from accounts.webhooks.models import DeliveryState
from common.failpoints import failpoints_into
from common.ids import seeded_random
from common.tasks import inline_tasks
from tests.accounts.conftest import NOON, Wall

Capture = Callable[..., AbstractContextManager[list[Any]]]
FACTS = {"name": "Ema", "count": 3, "id": "7"}


class Killed(BaseException):
    """What a test has a worker die of."""


def only(**facts: Any) -> Delivery:
    return Delivery.objects.get(**facts)


def sweep(capture: Capture) -> int:
    """Hand out what is due and do the tasks; return how many rows were handed out."""
    with inline_tasks(seeded_random("sweep")) as queue:
        with capture(execute=True):
            handed = hand_out()
        queue.drain()
    return handed


def test_an_event_becomes_a_row_and_a_mail_after_the_commit(
    alice: User, bob: User, mailoutbox: list[Any], django_capture_on_commit_callbacks: Capture
) -> None:
    with inline_tasks(seeded_random("test")) as queue:
        with django_capture_on_commit_callbacks(execute=True):
            notify(user=alice, event="test.stopped", context=FACTS)
            assert mailoutbox == []
        assert queue.drain() == 1
    (mail,) = mailoutbox
    assert (mail.to, mail.subject) == (["alice@example.org"], "Ema stopped")
    assert mail.body == "Ema stopped\n\nIt had 3 orders.\n\nhttp://127.0.0.1:8000/follows/7/\n"
    row = only()
    assert (row.user, row.channel, row.state, row.attempts, row.error) == (alice, "MAIL", "DELIVERED", 1, "")
    assert bob.notifications.count() == 0


def test_a_name_with_a_line_end_makes_no_header(alice: User, mailoutbox: list[Any]) -> None:
    notify(user=alice, event="test.stopped", context={**FACTS, "name": "Ema\nBcc: eve@example.org"})
    assert deliver(delivery_id=only().pk) is True
    assert mailoutbox[0].subject == "Ema Bcc: eve@example.org stopped"
    assert mailoutbox[0].recipients() == ["alice@example.org"]


def test_a_quiet_event_is_not_mailed(alice: User) -> None:
    notify(user=alice, event="test.quiet", context={})
    assert Delivery.objects.count() == 0


def test_a_task_that_comes_twice_sends_once(alice: User, mailoutbox: list[Any]) -> None:
    notify(user=alice, event="test.stopped", context=FACTS)
    assert deliver(delivery_id=only().pk) is True
    assert deliver(delivery_id=only().pk) is False
    assert len(mailoutbox) == 1


@pytest.mark.parametrize("in_digest", [False, True])
def test_who_dies_between_claim_and_sending_is_replaced_after_the_claim(
    alice: User, wall: Wall, mailoutbox: list[Any], django_capture_on_commit_callbacks: Capture, in_digest: bool
) -> None:
    if in_digest:
        Reach.objects.create(user=alice, digest="HOURLY")
    notify(user=alice, event="test.stopped", context=FACTS)
    wall.pass_by(hours=1 if in_digest else 0)
    claimed_at = wall.now

    def die(name: str) -> None:
        if name == "notification_claimed":
            raise Killed

    with failpoints_into(die), pytest.raises(Killed):
        if in_digest:
            deliver_digest(user_id=alice.pk)
        else:
            deliver(delivery_id=only().pk)
    assert (only().state, only().attempts, only().due_at) == ("PENDING", 1, claimed_at + CLAIM)
    assert sweep(django_capture_on_commit_callbacks) == 0
    assert mailoutbox == []
    wall.pass_by(minutes=5)
    assert sweep(django_capture_on_commit_callbacks) == 1
    assert sweep(django_capture_on_commit_callbacks) == 0
    assert [mail.subject for mail in mailoutbox] == ["Ema stopped"]
    assert (only().state, only().attempts) == ("DELIVERED", 2)


def test_a_mail_server_that_is_down_delays_a_mail_until_it_is_no_news(
    alice: User, wall: Wall, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Capture
) -> None:
    attempts = []

    def down(self: EmailBackend, messages: Any) -> int:
        attempts.append(wall.now)
        raise smtplib.SMTPServerDisconnected("user alice, password hush")

    monkeypatch.setattr(EmailBackend, "send_messages", down)
    notify(user=alice, event="test.stopped", context=FACTS)
    assert sweep(django_capture_on_commit_callbacks) == 1
    first = only()
    assert (first.state, first.attempts) == ("PENDING", 1)
    assert first.error == "The mail server did not take it (SMTPServerDisconnected)."
    assert timedelta(seconds=30) <= first.due_at - NOON <= timedelta(seconds=90)
    assert sweep(django_capture_on_commit_callbacks) == 0
    for _ in range(8):
        wall.now = only().due_at
        assert sweep(django_capture_on_commit_callbacks) == 1
    assert len(attempts) == 9
    assert timedelta(seconds=30) <= only().due_at - wall.now <= timedelta(minutes=61)
    wall.now = NOON + timedelta(days=1, hours=2)
    assert sweep(django_capture_on_commit_callbacks) == 1
    assert len(attempts) == 9
    assert (only().state, only().error.partition(".")[0]) == ("FAILED", "Given up after a day")


def test_who_has_left_gets_nothing(alice: User, mailoutbox: list[Any]) -> None:
    notify(user=alice, event="test.stopped", context=FACTS)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert deliver(delivery_id=only().pk) is False
    assert (only().state, only().error, mailoutbox) == ("FAILED", "The account is closed.", [])


def test_quiet_hours_hold_back_all_but_what_is_critical(
    alice: User, wall: Wall, mailoutbox: list[Any], django_capture_on_commit_callbacks: Capture
) -> None:
    # Noon in UTC is two in the night of Kiritimati, which is fourteen hours ahead.
    Reach.objects.create(
        user=alice, timezone="Pacific/Kiritimati", quiet_from=time(23), quiet_until=time(7, 30), digest="HOURLY"
    )
    for event in ("test.stopped", "test.alarm", "test.intruder"):
        notify(user=alice, event=event, context=FACTS)
    ends = NOON + timedelta(hours=5, minutes=30)
    planned = {row.notification.event: (row.due_at, row.in_digest) for row in Delivery.objects.all()}
    assert planned == {
        "test.stopped": (ends, True),
        "test.alarm": (NOON, False),
        "test.intruder": (NOON, False),
    }
    assert sweep(django_capture_on_commit_callbacks) == 2
    assert sorted(mail.subject for mail in mailoutbox) == ["Alarm", "Somebody logged in"]
    wall.now = ends - timedelta(seconds=1)
    assert sweep(django_capture_on_commit_callbacks) == 0
    wall.now = ends
    assert sweep(django_capture_on_commit_callbacks) == 1
    assert mailoutbox[-1].subject == "Ema stopped"


def test_a_digest_is_one_mail(
    alice: User, bob: User, wall: Wall, mailoutbox: list[Any], django_capture_on_commit_callbacks: Capture
) -> None:
    Reach.objects.create(user=alice, digest="DAILY", digest_at=time(18))
    for name in ("Ema", "Rsi"):
        notify(user=alice, event="test.stopped", context={**FACTS, "name": name})
    assert sweep(django_capture_on_commit_callbacks) == 0
    wall.pass_by(hours=6)
    assert sweep(django_capture_on_commit_callbacks) == 2
    assert deliver_digest(user_id=alice.pk) is False
    (mail,) = mailoutbox
    assert (mail.to, mail.subject) == (["alice@example.org"], "2 notifications from Slipstream")
    assert mail.body.index("Ema stopped") < mail.body.index("Rsi stopped")
    assert set(Delivery.objects.values_list("state", "attempts")) == {(DeliveryState.DELIVERED, 1)}


def test_who_ends_a_digest_gets_what_waited_in_it(
    alice: User, wall: Wall, mailoutbox: list[Any], django_capture_on_commit_callbacks: Capture
) -> None:
    Reach.objects.create(user=alice, digest="DAILY", digest_at=time(18))
    notify(user=alice, event="test.stopped", context=FACTS)
    terms: dict[str, Any] = {"timezone": "UTC", "quiet_from": None, "quiet_until": None, "digest_at": time(18)}
    set_hours(user=alice, digest="OFF", **terms)
    assert sweep(django_capture_on_commit_callbacks) == 1
    assert [mail.subject for mail in mailoutbox] == ["Ema stopped"]


def test_what_is_chosen_is_what_is_sent(alice: User, bob: User) -> None:
    Reach.objects.create(user=alice, telegram_chat="5", phone="+4917000000", phone_verified_at=NOON)
    choose_channels(user=alice, choices={("test.stopped", Channel.MAIL): False, ("test.stopped", Channel.SMS): True})
    notify(user=alice, event="test.stopped", context=FACTS)
    assert sorted(Delivery.objects.values_list("channel", flat=True)) == ["SMS", "TELEGRAM"]
    # bob chose nothing and linked nothing.
    notify(user=bob, event="test.alarm", context={})
    assert [row.channel for row in Delivery.objects.filter(user=bob)] == ["MAIL"]
    assert Notification.objects.count() == 2


def test_a_digest_that_failed_is_tried_again_as_one(alice: User, wall: Wall, monkeypatch: pytest.MonkeyPatch) -> None:
    Reach.objects.create(user=alice, digest="DAILY", digest_at=time(18))
    for name in ("Ema", "Rsi", "Macd"):
        notify(user=alice, event="test.stopped", context={**FACTS, "name": name})
    wall.pass_by(hours=6)
    monkeypatch.setattr(mail, "send", lambda *_: Outcome(Came.LATER, "No answer."))
    assert deliver_digest(user_id=alice.pk) is False
    (due_at,) = set(Delivery.objects.values_list("due_at", flat=True))
    assert due_at > wall.now
