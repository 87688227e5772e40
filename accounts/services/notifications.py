"""Telling people: a row in their pages, the open page at once, and a delivery for each channel that they chose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.models import Notification, User
from accounts.notifying.services.planning import plan_deliveries
from accounts.selectors import user_facts
from accounts.services.auditing import audit
from common.clock import wall_now
from common.realtime import publish


@transaction.atomic
def notify(*, user: User, event: str, context: Mapping[str, Any]) -> Notification:
    """Tell the user of an event: in their pages, and on the channels that they chose for it (docs/notifications.md).

    `context` holds the facts that the event's wording names (see `registry.register_event`), JSON-ready, no secrets.
    """
    notification = Notification.objects.create(user=user, event=event, context=dict(context), created_at=wall_now())
    _show(user, [notification])
    plan_deliveries(notification=notification, user=user)
    return notification


@transaction.atomic
def mark_read(*, user: User, ids: Iterable[UUID] | None = None) -> int:
    """Mark the user's notifications as read (all of them, or those named) and return how many changed."""
    unread = Notification.objects.filter(user=user, read_at=None)
    changed = (unread if ids is None else unread.filter(pk__in=list(ids))).update(read_at=wall_now())
    if changed:
        audit(action="notifications.read", obj=user, actor=user, after={"count": changed})
        _show(user, [])
    return changed


def _show(user: User, news: list[Notification]) -> None:
    """Tell the user's open pages: the new count, what is new, and that the list is to be fetched again."""
    publish([(f"user:{user.pk}", {**user_facts(user, news), "refresh": ["notifications"]})])
