"""Reads about how people are told: their choices, the ways to them, the log, and the gates of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from accounts.models import Notification, User
from accounts.notifying.models import Channel, ChannelChoice, Delivery, PushSubscription, Reach
from accounts.notifying.vapid import is_push_ready
from accounts.registry import Event, Severity, event, event_groups
from accounts.selectors import notifications_of
from common.errors import NotFound


def reach_of(user: User) -> Reach:
    """Return how somebody wants to be told; the defaults (not stored) where they never said."""
    return Reach.objects.filter(pk=user.pk).first() or Reach(user=user)


def is_default_on(wording: Event, channel: str) -> bool:
    """Return whether an event is told on a channel to people who chose nothing (and have linked that channel)."""
    if channel == Channel.MAIL:
        return wording.mail or wording.security
    if channel == Channel.SMS:
        return wording.severity == Severity.CRITICAL  # each costs money, and wakes
    return channel == Channel.WEBHOOK or wording.mail or wording.severity != Severity.INFO


def is_locked(wording: Event, channel: str) -> bool:
    """Return whether nobody can switch this off: who has taken an account over must not be able to silence it."""
    return channel == Channel.MAIL and wording.security


def chosen(user: User, name: str) -> set[str]:
    """Return the channels on which somebody wants to hear of an event."""
    wording = event(name)
    made = dict(ChannelChoice.objects.filter(user=user, event=name).values_list("channel", "is_on"))
    return {
        channel
        for channel in Channel.values
        if is_locked(wording, channel) or made.get(channel, is_default_on(wording, channel))
    }


@dataclass(frozen=True, slots=True)
class Cell:
    """One box of the matrix."""

    event: str
    channel: str
    is_on: bool
    is_default: bool
    is_locked: bool

    @property
    def name(self) -> str:
        return f"{self.event}|{self.channel}"

    @property
    def label(self) -> str:
        return Channel(self.channel).label


@dataclass(frozen=True, slots=True)
class MatrixRow:
    event: str
    label: str
    severity: str
    is_security: bool
    cells: list[Cell]


def matrix_of(user: User) -> Mapping[str, list[MatrixRow]]:
    """Return every event with every channel, by group: what is chosen, the default, and what cannot be changed."""
    made = {
        (name, channel): is_on
        for name, channel, is_on in ChannelChoice.objects.filter(user=user).values_list("event", "channel", "is_on")
    }
    return {
        group: [
            MatrixRow(
                name,
                wording.label,
                wording.severity,
                wording.security,
                [_cell(name, wording, channel, made) for channel in Channel.values],
            )
            for name, wording in events
        ]
        for group, events in event_groups().items()
    }


def _cell(name: str, wording: Event, channel: str, made: Mapping[tuple[str, str], bool]) -> Cell:
    default = is_default_on(wording, channel)
    locked = is_locked(wording, channel)
    return Cell(name, channel, locked or made.get((name, channel), default), default, locked)


def switched_off(users: Iterable[UUID], channel: str) -> set[tuple[UUID, str]]:
    """Return (user, event) of what these people do not want on a channel."""
    off = ChannelChoice.objects.filter(user__in=list(users), channel=channel, is_on=False)
    return set(off.values_list("user_id", "event"))


def channel_states(user: User) -> dict[str, str]:
    """Return for each channel whether it reaches the person: ready, unlinked, or missing (this site has not got it)."""
    reach = reach_of(user)
    pushed = PushSubscription.objects.filter(user=user).exists()
    return {
        Channel.MAIL: "ready",
        Channel.PUSH: _state(is_push_ready(), pushed),
        Channel.TELEGRAM: _state(bool(settings.TELEGRAM_BOT_TOKEN), bool(reach.telegram_chat)),
        Channel.SMS: _state(bool(settings.SMS_URL), reach.phone_verified_at is not None),
        Channel.WEBHOOK: _state(True, user.webhooks.filter(disabled_at=None).exists()),
    }


def _state(is_here: bool, is_linked: bool) -> str:
    return "missing" if not is_here else "ready" if is_linked else "unlinked"


def subscriptions_of(user: User) -> QuerySet[PushSubscription]:
    """Return the browsers that are told, oldest first."""
    return PushSubscription.objects.filter(user=user)


def subscription_for_user(user: User, subscription_id: UUID) -> PushSubscription:
    """Gate: one's own browser."""
    found = subscriptions_of(user).filter(pk=subscription_id).first()
    if found is None:
        raise NotFound("subscription")
    return found


def deliveries_of(user: User) -> QuerySet[Delivery]:
    """Return what was, and will be, sent to somebody, newest first."""
    return Delivery.objects.filter(user=user).select_related("notification").order_by("-id")


def found_notifications(
    user: User, *, unread: bool = False, group: str = "", severity: str = ""
) -> QuerySet[Notification]:
    """Return a person's notifications, newest first, narrowed: a group or severity nobody knows has none."""
    own = notifications_of(user)
    if unread:
        own = own.filter(read_at=None)
    if group or severity:
        fitting = [
            name
            for of, events in event_groups().items()
            for name, wording in events
            if group in ("", of) and severity in ("", wording.severity)
        ]
        own = own.filter(event__in=fitting)
    return own
