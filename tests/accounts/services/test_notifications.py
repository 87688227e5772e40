"""Telling people: the row, the open page, what is read; what is sent is in tests/accounts/notifying."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.db import transaction

from accounts import registry
from accounts.models import Notification, User
from accounts.notifying.models import Delivery
from accounts.services import mark_read, notify
from common.bus import bus
from common.realtime import CHANNEL
from tests.accounts.conftest import NOON, Wall

Capture = Callable[..., AbstractContextManager[list[Any]]]


@pytest.fixture(autouse=True)
def _events() -> Iterator[None]:
    registry.register_event("test.stopped", title="{name} stopped", body="It had {count} orders.", url="/follows/{id}/")
    registry.register_event("test.quiet", title="Quietly", mail=False)
    yield
    del registry._events["test.stopped"], registry._events["test.quiet"]


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
    assert Notification.objects.count() == Delivery.objects.count() == 0
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
