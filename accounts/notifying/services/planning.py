"""What becomes of a notification: a delivery for each channel that its person chose, at the hour that suits them."""

from __future__ import annotations

from datetime import datetime

from accounts.models import Notification, User
from accounts.notifying.hours import digest_moment, quiet_end
from accounts.notifying.models import Channel, Delivery, Digest, PushSubscription, Reach
from accounts.notifying.selectors import chosen, reach_of
from accounts.registry import Event, Severity, event
from common.tasks import enqueue


def plan_deliveries(*, notification: Notification, user: User) -> list[Delivery]:
    """Write the deliveries of a fresh notification and have those sent that are due; in the caller's transaction.

    What is critical goes at once on every chosen channel; a security event's mail does, too.
    """
    wording, wanted = event(notification.event), chosen(user, notification.event)
    reach = reach_of(user)
    rows = [
        _planned(notification, user, reach, wording, channel, target) for channel, target in _ways(user, reach, wanted)
    ]
    Delivery.objects.bulk_create(rows)
    from accounts.tasks import deliver_notification

    for row in rows:
        if row.due_at <= notification.created_at:
            enqueue(deliver_notification, str(row.pk))
    return rows


def _ways(user: User, reach: Reach, wanted: set[str]) -> list[tuple[str, str]]:
    """Return (channel, target) of everywhere that somebody is told. Webhooks read the notifications themselves."""
    ways = [(str(Channel.MAIL), "")] if Channel.MAIL in wanted else []
    if Channel.PUSH in wanted:
        browsers = PushSubscription.objects.filter(user=user).values_list("pk", flat=True)
        ways += [(Channel.PUSH, str(pk)) for pk in browsers]
    if Channel.TELEGRAM in wanted and reach.telegram_chat:
        ways.append((Channel.TELEGRAM, ""))
    if Channel.SMS in wanted and reach.phone_verified_at is not None:
        ways.append((Channel.SMS, ""))
    return ways


def _planned(
    notification: Notification, user: User, reach: Reach, wording: Event, channel: str, target: str
) -> Delivery:
    urgent = wording.severity == Severity.CRITICAL or (wording.security and channel == Channel.MAIL)
    due, in_digest = (notification.created_at, False) if urgent else _moment(notification.created_at, reach, channel)
    return Delivery(
        notification=notification,
        user=user,
        channel=channel,
        target=target,
        is_urgent=urgent,
        in_digest=in_digest,
        created_at=notification.created_at,
        planned_at=due,
        due_at=due,
    )


def _moment(now: datetime, reach: Reach, channel: str) -> tuple[datetime, bool]:
    """Return when something that can wait is sent, and whether with others in one mail."""
    digest = reach.digest if channel == Channel.MAIL else Digest.OFF
    due = digest_moment(now, reach.timezone, digest, reach.digest_at) or now
    return quiet_end(due, reach.timezone, reach.quiet_from, reach.quiet_until) or due, digest != Digest.OFF
