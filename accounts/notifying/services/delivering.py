"""Sending what is due. A row is claimed by a conditional UPDATE, sent outside of any transaction, and told what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q

from accounts.models import User
from accounts.notifying.channels import mail, push, sms, telegram
from accounts.notifying.channels.outcome import Came, Outcome
from accounts.notifying.models import Channel, Delivery, PushSubscription, Reach
from accounts.registry import Description, describe
from accounts.webhooks.models import DeliveryState
from common.backoff import Backoff
from common.clock import wall_now
from common.db import lock_rows
from common.failpoints import failpoint
from common.ids import seeded_random
from common.tasks import enqueue

# How long one worker has before another may try, and how long something is still news.
CLAIM = timedelta(minutes=5)
GIVEN_UP = timedelta(days=1)
# Between attempts: at least this, and at most about an hour, drawn by common/backoff.py.
SHORTEST_PAUSE_SECONDS = 30.0
FIRST_PAUSE_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 3_600.0
AT_ONCE = 500
# One digest holds so many; what is more comes in the next.
MOST_IN_DIGEST = 200


def deliver(*, delivery_id: UUID) -> bool:
    """Send a delivery if it is due, and return whether it went out.

    The claim moves the due time ahead, so that a task that comes twice sends once and one that dies is repeated.
    """
    now = wall_now()
    due = Delivery.objects.filter(pk=delivery_id, state=DeliveryState.PENDING, due_at__lte=now, in_digest=False)
    if not due.update(due_at=now + CLAIM, attempts=F("attempts") + 1):
        return False
    failpoint("notification_claimed")
    delivery = Delivery.objects.select_related("notification", "user").get(pk=delivery_id)
    outcome = _refusal(delivery, now) or _sent(delivery)
    failpoint("notification_sent")
    _record([delivery], outcome)
    return outcome.came == Came.THROUGH


def deliver_digest(*, user_id: UUID) -> bool:
    """Send what is due of somebody's digest as one mail, and return whether it went out; claimed as one, too."""
    rows = _claimed_digest(user_id)
    if not rows:
        return False
    failpoint("notification_claimed")
    now, fresh = wall_now(), list[Delivery]()
    for row in rows:
        if refusal := _refusal(row, now):
            _record([row], refusal)
        else:
            fresh.append(row)
    if not fresh:
        return False
    outcome = mail.send(fresh[0].user.email, [_words(row) for row in fresh])
    _record(fresh, outcome)
    return outcome.came == Came.THROUGH


@transaction.atomic
def _claimed_digest(user_id: UUID) -> list[Delivery]:
    now = wall_now()
    due = Delivery.objects.filter(user=user_id, in_digest=True, state=DeliveryState.PENDING, due_at__lte=now)
    wanted = due.order_by("pk").values_list("pk", flat=True)[:MOST_IN_DIGEST]
    # Who waited for these rows sees them as the first left them: no longer due.
    taken = [row.pk for row in lock_rows(due.filter(pk__in=list(wanted)))]
    due.filter(pk__in=taken).update(due_at=now + CLAIM, attempts=F("attempts") + 1)
    return list(Delivery.objects.filter(pk__in=taken).select_related("notification", "user").order_by("pk"))


@transaction.atomic
def hand_out() -> int:
    """Send a task for everything that is due, and return for how many rows; for each once in five minutes.

    These are what waited for its hour, what failed before, and what a lost task left behind.
    """
    now = wall_now()
    free = Q(handed_at=None) | Q(handed_at__lte=now - CLAIM)
    due = Delivery.objects.filter(free, state=DeliveryState.PENDING, due_at__lte=now).order_by("due_at")
    rows = lock_rows(Delivery.objects.filter(pk__in=list(due.values_list("pk", flat=True)[:AT_ONCE])))
    Delivery.objects.filter(pk__in=[row.pk for row in rows]).update(handed_at=now)
    from accounts.tasks import deliver_digest as send_digest
    from accounts.tasks import deliver_notification

    for row in rows:
        if not row.in_digest:
            enqueue(deliver_notification, str(row.pk))
    for user_id in sorted({row.user_id for row in rows if row.in_digest}):
        enqueue(send_digest, str(user_id))
    return len(rows)


def _refusal(delivery: Delivery, now: datetime) -> Outcome | None:
    """Return why something is not sent at all; None where nothing is in the way."""
    if not delivery.user.is_active:
        return Outcome(Came.NEVER, "The account is closed.")
    if delivery.planned_at <= now - GIVEN_UP:
        return Outcome(Came.NEVER, f"Given up after a day. {delivery.error}".strip())
    return None


def _words(delivery: Delivery) -> Description:
    return describe(delivery.notification.event, delivery.notification.context)


def _sent(delivery: Delivery) -> Outcome:
    words = _words(delivery)
    if delivery.channel == Channel.MAIL:
        return mail.send(delivery.user.email, [words])
    if delivery.channel == Channel.PUSH:
        return _pushed(delivery, words)
    reach = Reach.objects.filter(pk=delivery.user_id).first()
    if delivery.channel == Channel.TELEGRAM:
        chat = reach.telegram_chat if reach else ""
        return telegram.send(chat, words) if chat else Outcome(Came.NEVER, "The chat was unlinked meanwhile.")
    if reach is None or reach.phone_verified_at is None:
        return Outcome(Came.NEVER, "The number was removed meanwhile.")
    return sms.send(reach.phone, words)


def _pushed(delivery: Delivery, words: Description) -> Outcome:
    # Of this person still: a browser passes to whoever subscribes there next.
    held = PushSubscription.objects.filter(pk=delivery.target, user=delivery.user_id).first()
    if held is None:
        return Outcome(Came.NEVER, "The browser was removed meanwhile.")
    browser = push.Browser(held.endpoint, held.p256dh, held.auth)
    return push.send(browser, words, tag=str(delivery.notification_id), is_urgent=delivery.is_urgent)


@transaction.atomic
def _record(rows: Sequence[Delivery], outcome: Outcome) -> None:
    """Keep what came of an attempt and plan the next; a way that is gone is forgotten."""
    now = wall_now()
    # One for all: what went as one mail is tried again as one.
    pause = timedelta(seconds=_pause(max(rows, key=lambda row: row.attempts), outcome))
    for row in rows:
        # A failure that is told late changes nothing of what came since.
        mine = Delivery.objects.filter(pk=row.pk, state=DeliveryState.PENDING, attempts=row.attempts)
        if outcome.came == Came.THROUGH:
            mine.update(state=DeliveryState.DELIVERED, done_at=now, error="")
        elif outcome.came == Came.LATER:
            mine.update(due_at=now + pause, handed_at=None, error=outcome.error[:200])
        else:
            mine.update(state=DeliveryState.FAILED, done_at=now, error=outcome.error[:200])
        if outcome.came == Came.GONE:
            _forget_way(row)


def _pause(row: Delivery, outcome: Outcome) -> float:
    """Return the seconds until the next attempt: those of a Backoff that has failed as often as this row."""
    backoff = Backoff(
        seeded_random("delivery", row.pk, row.attempts),
        first_seconds=FIRST_PAUSE_SECONDS * 2.0 ** min(row.attempts - 1, 20),
        cap_seconds=LONGEST_PAUSE_SECONDS,
    )
    return backoff.next_wait(max(outcome.retry_after, SHORTEST_PAUSE_SECONDS))


def _forget_way(row: Delivery) -> None:
    if row.channel == Channel.PUSH:
        PushSubscription.objects.filter(pk=row.target).delete()
    elif row.channel == Channel.TELEGRAM:
        Reach.objects.filter(pk=row.user_id).update(telegram_chat="", telegram_name="")


def release_digest(*, user: User) -> None:
    """Have what waits for a digest sent one by one, now: its person wants none any more; in the caller's transaction."""
    waiting = Delivery.objects.filter(user=user, in_digest=True, state=DeliveryState.PENDING)
    waiting.update(in_digest=False, due_at=wall_now())
