"""Notifications as an event of outgoing webhooks: whoever is told of something may have a server told, too."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from uuid import UUID

from django.db.models import QuerySet

from accounts.models import Notification
from accounts.notifying.models import Channel
from accounts.notifying.selectors import switched_off
from accounts.registry import describe, event
from accounts.webhooks.sources import Fact, Source


def _everything() -> QuerySet[Notification]:
    return Notification.objects.all()


def _rows(users: Collection[UUID]) -> QuerySet[Notification]:
    return Notification.objects.filter(user__in=users)


def _facts(rows: Iterable[Notification]) -> list[Fact]:
    """Return what is told of each; not of what its person switched off for webhooks."""
    found = list(rows)
    off = switched_off({row.user_id for row in found}, Channel.WEBHOOK)
    return [_fact(row) for row in found if (row.user_id, row.event) not in off]


def _fact(row: Notification) -> Fact:
    words = describe(row.event, row.context)
    told = {
        "notification": str(row.pk),
        "event": row.event,
        "severity": str(event(row.event).severity),
        "title": words.title,
        "body": words.body,
        "url": words.url,
    }
    return Fact(row.user_id, "notification", str(row.pk), row.created_at, told)


NOTIFICATIONS = Source(
    name="notifications",
    events={"notification": "whatever you are told of, as in the pages"},
    everything=_everything,
    recorded="created_at",
    rows=_rows,
    facts=_facts,
)
