"""What may be chosen, and what cannot be switched off."""

from __future__ import annotations

from datetime import time
from typing import Any

import pytest

from accounts.models import User
from accounts.notifying.models import ChannelChoice, Delivery, Reach
from accounts.notifying.selectors import chosen, found_notifications, matrix_of
from accounts.notifying.services.choices import change_settings, choose_channels, set_hours
from accounts.notifying.webhook_source import NOTIFICATIONS
from accounts.services import notify
from common.errors import DomainError

TERMS: dict[str, Any] = {
    "timezone": "Europe/Berlin",
    "quiet_from": time(22),
    "quiet_until": time(7),
    "digest": "DAILY",
    "digest_at": time(8),
}


def test_defaults_follow_how_much_an_event_matters(alice: User) -> None:
    told = {"MAIL", "PUSH", "TELEGRAM", "WEBHOOK"}
    assert chosen(alice, "test.stopped") == told
    assert chosen(alice, "test.quiet") == {"WEBHOOK"}
    assert chosen(alice, "test.alarm") == {*told, "SMS"}
    assert chosen(alice, "nobody.declared_this") == told


def test_the_mail_of_a_security_event_stays(alice: User) -> None:
    with pytest.raises(DomainError, match="CHANNEL_LOCKED"):
        choose_channels(user=alice, choices={("test.stopped", "MAIL"): False, ("test.intruder", "MAIL"): False})
    assert ChannelChoice.objects.count() == 0
    # However a row came there.
    ChannelChoice.objects.create(user=alice, event="test.intruder", channel="MAIL", is_on=False)
    notify(user=alice, event="test.intruder", context={})
    assert [row.channel for row in Delivery.objects.all()] == ["MAIL"]


def test_departures_alone_are_kept(alice: User, bob: User) -> None:
    assert choose_channels(user=alice, choices={("test.stopped", "MAIL"): False, ("test.stopped", "SMS"): False}) == 1
    (row,) = [row for row in matrix_of(alice)["Test"] if row.event == "test.stopped"]
    assert {cell.channel: cell.is_on for cell in row.cells} == {
        "MAIL": False,
        "PUSH": True,
        "TELEGRAM": True,
        "SMS": False,
        "WEBHOOK": True,
    }
    assert "MAIL" in chosen(bob, "test.stopped")
    assert choose_channels(user=alice, choices={("test.stopped", "MAIL"): True}) == 0


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"timezone": "../../etc/passwd"}, "TIMEZONE_UNKNOWN"),
        ({"quiet_from": None}, "QUIET_HOURS_INVALID"),
        ({"quiet_until": time(22)}, "QUIET_HOURS_INVALID"),
        ({"digest": "WEEKLY"}, "DIGEST_UNKNOWN"),
    ],
)
def test_hours_that_are_none_are_refused_and_nothing_else_is_kept(
    alice: User, change: dict[str, Any], code: str
) -> None:
    with pytest.raises(DomainError, match=code):
        change_settings(user=alice, choices={("test.stopped", "MAIL"): False}, hours={**TERMS, **change})
    assert (Reach.objects.count(), ChannelChoice.objects.count()) == (0, 0)


def test_hours_are_kept(alice: User) -> None:
    set_hours(user=alice, **TERMS)
    change_settings(user=alice, choices={}, hours={"digest": "OFF"})
    reach = Reach.objects.get(pk=alice.pk)
    assert {name: getattr(reach, name) for name in TERMS} == {**TERMS, "digest": "OFF"}


def test_notifications_are_found_by_subject_and_severity(alice: User, bob: User) -> None:
    stopped = notify(user=alice, event="test.stopped", context={})
    alarm = notify(user=alice, event="test.alarm", context={})
    notify(user=bob, event="test.alarm", context={})
    assert list(found_notifications(alice, group="Test")) == [alarm, stopped]
    assert list(found_notifications(alice, severity="critical")) == [alarm]
    assert list(found_notifications(alice, group="Nothing")) == []


def test_webhooks_are_told_what_was_not_switched_off_for_them(alice: User, bob: User) -> None:
    choose_channels(user=alice, choices={("test.stopped", "WEBHOOK"): False})
    notify(user=alice, event="test.stopped", context={"name": "Ema"})
    alarm = notify(user=alice, event="test.alarm", context={})
    notify(user=bob, event="test.stopped", context={})
    (fact,) = NOTIFICATIONS.facts(NOTIFICATIONS.rows([alice.pk]))
    assert (fact.user_id, fact.event, fact.key) == (alice.pk, "notification", str(alarm.pk))
    assert (fact.data["event"], fact.data["severity"], fact.data["title"]) == ("test.alarm", "critical", "Alarm")
