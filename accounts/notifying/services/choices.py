"""What a person says about how they want to be told: channels for each event, quiet hours, digest."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from typing import Any

from django.db import transaction

from accounts.models import Notification, User
from accounts.notifying.hours import is_zone
from accounts.notifying.models import Channel, ChannelChoice, Digest, Reach
from accounts.notifying.selectors import is_default_on, is_locked, reach_of
from accounts.notifying.services.delivering import release_digest
from accounts.registry import event, event_groups
from accounts.services.auditing import audit
from accounts.services.notifications import notify
from common.db import lock_rows
from common.errors import DomainError
from common.limiter import limiter

TEST_EVENT = "notification.test"


@transaction.atomic
def choose_channels(*, user: User, choices: Mapping[tuple[str, str], bool]) -> int:
    """Keep what somebody wants, by (event, channel), and return how many departures from the defaults they have then.

    What is not named stays. Raises DomainError EVENT_UNKNOWN, CHANNEL_UNKNOWN, or CHANNEL_LOCKED for the mail of a
    security event, with nothing changed.
    """
    known = {name for events in event_groups().values() for name, _ in events}
    for (name, channel), is_on in choices.items():
        if name not in known:
            raise DomainError("EVENT_UNKNOWN", f"There is no event {name[:60]}.", {"field": "choices"})
        if channel not in Channel.values:
            raise DomainError("CHANNEL_UNKNOWN", f"Choose among {', '.join(Channel.values)}.", {"field": "choices"})
        if is_locked(event(name), channel) and not is_on:
            message = "Mails about the safety of your account cannot be switched off."
            raise DomainError("CHANNEL_LOCKED", message, {"event": name}, status=409)
    lock_rows(User.objects.filter(pk=user.pk))
    before = _departures(user)
    for (name, channel), is_on in choices.items():
        if is_on == is_default_on(event(name), channel):
            ChannelChoice.objects.filter(user=user, event=name, channel=channel).delete()
        else:
            ChannelChoice.objects.update_or_create(user=user, event=name, channel=channel, defaults={"is_on": is_on})
    after = _departures(user)
    if after != before:
        gone, made = (
            {name: is_on for name, is_on in one.items() if other.get(name) is not is_on}
            for one, other in ((before, after), (after, before))
        )
        audit(action="notifications.channels_chosen", obj=user, actor=user, before=gone, after=made)
    return len(after)


def _departures(user: User) -> dict[str, bool]:
    """Return where somebody departs from the defaults: "event CHANNEL" → whether it is on."""
    rows = ChannelChoice.objects.filter(user=user).values_list("event", "channel", "is_on")
    return {f"{name} {channel}": is_on for name, channel, is_on in rows}


@transaction.atomic
def set_hours(
    *,
    user: User,
    timezone: str,
    quiet_from: time | None,
    quiet_until: time | None,
    digest: str,
    digest_at: time,
) -> Reach:
    """Keep somebody's time zone, quiet hours (both ends or neither) and digest; what waits for a digest they end is sent.

    Raises DomainError TIMEZONE_UNKNOWN, QUIET_HOURS_INVALID, DIGEST_UNKNOWN.
    """
    if not is_zone(timezone):
        message = "Name a time zone such as Europe/Berlin."
        raise DomainError("TIMEZONE_UNKNOWN", message, {"field": "timezone"})
    if (quiet_from is None) != (quiet_until is None) or (quiet_from is not None and quiet_from == quiet_until):
        message = "Give two different times, or none: from when until when it is quiet."
        raise DomainError("QUIET_HOURS_INVALID", message, {"field": "quiet_until"})
    if digest not in Digest.values:
        raise DomainError("DIGEST_UNKNOWN", f"Choose among {', '.join(Digest.values)}.", {"field": "digest"})
    told: dict[str, Any] = {
        "timezone": timezone,
        "quiet_from": quiet_from,
        "quiet_until": quiet_until,
        "digest": digest,
        "digest_at": digest_at,
    }
    reach, _ = Reach.objects.update_or_create(user=user, defaults=told)
    if digest == Digest.OFF:
        release_digest(user=user)
    audit(action="notifications.hours_set", obj=user, actor=user, after={key: str(one) for key, one in told.items()})
    return reach


@transaction.atomic
def change_settings(*, user: User, choices: Mapping[tuple[str, str], bool], hours: Mapping[str, Any]) -> None:
    """Change what is named of both, all of it or nothing; raises what `choose_channels` and `set_hours` raise."""
    if choices:
        choose_channels(user=user, choices=choices)
    if hours:
        held = reach_of(user)
        names = ("timezone", "quiet_from", "quiet_until", "digest", "digest_at")
        set_hours(user=user, **{**{name: getattr(held, name) for name in names}, **hours})


@transaction.atomic
def send_test(*, user: User) -> Notification:
    """Tell somebody something that did not happen, so that they see what arrives; a few times a minute.

    Raises DomainError NOTIFICATION_TESTED_TOO_OFTEN (429).
    """
    if limiter().take(f"notification-test:{user.pk}", per_second=1 / 20, burst=3):
        message = "Wait a little before the next test."
        raise DomainError("NOTIFICATION_TESTED_TOO_OFTEN", message, status=429)
    told = notify(user=user, event=TEST_EVENT, context={})
    audit(action="notification.tested", obj=told, actor=user)
    return told
