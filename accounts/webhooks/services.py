"""Every write of webhooks: endpoints and their secrets, reading what happened into deliveries, and delivering them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count, F, Q, Window
from django.db.models.functions import RowNumber

from accounts.models import User
from accounts.services.auditing import audit
from accounts.services.notifications import notify
from accounts.webhooks.models import DeliveryState, WebhookCursor, WebhookDelivery, WebhookEndpoint
from accounts.webhooks.secrets import decrypted, encrypted, new_secret, signature
from accounts.webhooks.sending import Answer, check_url, post
from accounts.webhooks.sources import Fact, Source, event_names, sources
from common.clock import wall_now
from common.db import lock_rows
from common.errors import DomainError
from common.ids import new_id
from common.limiter import limiter
from common.tasks import enqueue

MOST_ENDPOINTS = 10
TEST_EVENT = "webhook.test"
OVERLAP = timedelta(hours=24)
# Pauses after failed attempts; together three days, after which an endpoint to which nothing got is switched off.
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (0.2, 1, 5, 30, 120, 300, 600, 840, 1200, 1240))
GIVEN_UP_AFTER = timedelta(days=3)
# An endpoint that fails is asked with one delivery at a time, the more seldom the longer it has failed, up to this.
LONGEST_PAUSE = timedelta(minutes=5)
# How long a worker has for an attempt before another may take it, and how long a task may wait before it counts as lost.
CLAIM = timedelta(minutes=1)
KEPT = timedelta(days=30)
AT_ONCE = 500
# Of one endpoint; whoever has a thousand fills, or answers slowly, must not keep everybody else waiting.
AT_ONCE_EACH = 20
MOST_TESTS = 5
# Of one endpoint, by hand or by a program; what is read of what happened has limits of its own.
REDELIVERIES_PER_SECOND, REDELIVERY_BURST = 0.2, 20


@transaction.atomic
def create_endpoint(*, user: User, url: str, events: Collection[str]) -> tuple[WebhookEndpoint, str]:
    """Store an endpoint; return it with its secret, which is shown this once."""
    check_url(url)
    known = event_names()
    if not events or set(events) - set(known):
        raise DomainError("WEBHOOK_EVENTS_INVALID", f"Choose at least one event of: {', '.join(known)}.")
    lock_rows(User.objects.filter(pk=user.pk))
    if WebhookEndpoint.objects.filter(user=user).count() >= MOST_ENDPOINTS:
        raise DomainError("WEBHOOK_LIMIT", f"You have {MOST_ENDPOINTS} webhooks: delete one first.")
    secret = new_secret()
    endpoint = WebhookEndpoint(user=user, url=url, events=sorted(set(events)))
    endpoint.secret = encrypted(secret, endpoint.pk)
    endpoint.save()
    audit(action="webhook.created", obj=endpoint, actor=user, after={"events": endpoint.events})
    return endpoint, secret


@transaction.atomic
def rotate_secret(*, actor: User, endpoint: WebhookEndpoint) -> str:
    """Return a new secret, shown this once; for a day requests are signed with the old one too."""
    (locked,) = lock_rows(WebhookEndpoint.objects.filter(pk=endpoint.pk))
    secret = new_secret()
    locked.old_secret, locked.old_secret_until = locked.secret, wall_now() + OVERLAP
    locked.secret = encrypted(secret, locked.pk)
    locked.save(update_fields=["secret", "old_secret", "old_secret_until"])
    audit(action="webhook.secret_rotated", obj=locked, actor=actor)
    return secret


@transaction.atomic
def enable_endpoint(*, actor: User, endpoint: WebhookEndpoint) -> None:
    """Send to an endpoint again that was switched off."""
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(disabled_at=None, failing_since=None, paused_until=None)
    audit(action="webhook.enabled", obj=endpoint, actor=actor)


@transaction.atomic
def delete_endpoint(*, actor: User, endpoint: WebhookEndpoint) -> None:
    """Forget an endpoint and its log."""
    audit(action="webhook.deleted", obj=endpoint, actor=actor)
    endpoint.delete()


@transaction.atomic
def send_test(*, endpoint: WebhookEndpoint) -> WebhookDelivery:
    """Tell an endpoint something that did not happen, so that its owner sees whether it arrives; a few times a minute."""
    (endpoint,) = lock_rows(WebhookEndpoint.objects.filter(pk=endpoint.pk))
    _check_is_on(endpoint)
    key, now = str(new_id()), wall_now()
    recent = WebhookDelivery.objects.filter(
        endpoint=endpoint, event=TEST_EVENT, created_at__gt=now - timedelta(minutes=1)
    )
    if recent.count() >= MOST_TESTS:
        raise DomainError("WEBHOOK_TESTED_TOO_OFTEN", "Wait a minute before the next test.", status=429)
    body = _body(key, TEST_EVENT, now, {"endpoint": str(endpoint.pk)})
    delivery = WebhookDelivery.objects.create(endpoint=endpoint, event_id=key, event=TEST_EVENT, body=body, due_at=now)
    audit(action="webhook.tested", obj=endpoint, actor=endpoint.user, after={"delivery": str(delivery.pk)})
    _enqueue([delivery.pk])
    return delivery


@transaction.atomic
def redeliver(*, delivery: WebhookDelivery) -> None:
    """Send a delivery again, whatever came of it before; its event keeps its id. So many a minute of an endpoint."""
    _check_is_on(delivery.endpoint)
    name = f"webhook-again:{delivery.endpoint_id}"
    if limiter().take(name, per_second=REDELIVERIES_PER_SECOND, burst=REDELIVERY_BURST):
        raise DomainError("WEBHOOK_REDELIVERED_TOO_OFTEN", "Wait a few seconds before the next one.", status=429)
    fresh = {"state": DeliveryState.PENDING, "attempts": 0, "due_at": wall_now(), "handed_at": None}
    (before,) = lock_rows(WebhookDelivery.objects.filter(pk=delivery.pk))
    WebhookDelivery.objects.filter(pk=delivery.pk).update(**fresh)
    audit(
        action="webhook.redelivered",
        obj=delivery,
        actor=delivery.endpoint.user,
        before={"state": before.state, "attempts": before.attempts},
        after={"state": DeliveryState.PENDING, "attempts": 0},
    )
    _enqueue([delivery.pk])


def _check_is_on(endpoint: WebhookEndpoint) -> None:
    if endpoint.disabled_at is not None:
        raise DomainError("WEBHOOK_DISABLED", "This webhook is switched off: switch it on first.", status=409)


def _body(key: str, event: str, at: datetime, data: Any) -> str:
    """Return an event as canonical JSON: sorted keys, no spaces."""
    return json.dumps(
        {"created": at.isoformat(), "data": data, "id": key, "type": event}, sort_keys=True, separators=(",", ":")
    )


def _enqueue(deliveries: Iterable[UUID]) -> None:
    from accounts.tasks import deliver_webhook

    for pk in deliveries:
        enqueue(deliver_webhook, str(pk))


def collect_facts() -> int:
    """Write a delivery for everything that happened to people with a webhook for it, and return how many are new."""
    live = list(WebhookEndpoint.objects.filter(disabled_at=None, user__is_active=True))
    return sum(_collect(source, live) for source in sources())


@transaction.atomic
def _collect(source: Source, live: list[WebhookEndpoint]) -> int:
    wanted = [endpoint for endpoint in live if set(endpoint.events) & set(source.events)]
    cursor, _ = WebhookCursor.objects.get_or_create(
        source=source.name,
        defaults={"position": source.settled},  # type: ignore[misc]  # called where the row is new
    )
    (cursor,) = lock_rows(WebhookCursor.objects.filter(pk=cursor.pk))
    if wanted:
        facts, position = source.read(cursor.position, {endpoint.user_id for endpoint in wanted})
    else:
        facts, position = [], source.settled()
    made = _store(wanted, facts)
    if position != cursor.position:
        WebhookCursor.objects.filter(pk=cursor.pk).update(position=position)
    return made


def _store(endpoints: list[WebhookEndpoint], facts: list[Fact]) -> int:
    """Write the deliveries that are not there yet. What happened before an endpoint was made is not told to it."""
    rows = [
        WebhookDelivery(
            endpoint=endpoint,
            event_id=fact.key,
            event=fact.event,
            body=_body(fact.key, fact.event, fact.at, fact.data),
            due_at=wall_now(),
        )
        for fact in facts
        for endpoint in endpoints
        if endpoint.user_id == fact.user_id and fact.event in endpoint.events and fact.at >= endpoint.created_at
    ]
    named = {(row.endpoint_id, row.event_id) for row in rows}
    known = set(
        WebhookDelivery.objects.filter(endpoint__in=endpoints, event_id__in={event for _, event in named}).values_list(
            "endpoint_id", "event_id"
        )
    )
    fresh = [row for row in rows if (row.endpoint_id, row.event_id) not in known]
    WebhookDelivery.objects.bulk_create(fresh, ignore_conflicts=True)
    return len(fresh)


def due_deliveries() -> list[UUID]:
    """Return what a task is to be sent for now, the longest due first: of each endpoint a few at a time, of a failing one one."""
    now = wall_now()
    waiting = WebhookDelivery.objects.filter(state=DeliveryState.PENDING, endpoint__disabled_at=None)
    handed = waiting.filter(handed_at__gt=now - CLAIM).order_by()
    under_way = dict(handed.values_list("endpoint").annotate(Count("pk")))
    due = waiting.filter(
        Q(handed_at=None) | Q(handed_at__lte=now - CLAIM),
        Q(endpoint__paused_until=None) | Q(endpoint__paused_until__lte=now),
        due_at__lte=now,
    )
    turn = Window(RowNumber(), partition_by="endpoint", order_by=["due_at", "pk"])
    rows = due.annotate(turn=turn).filter(turn__lte=AT_ONCE_EACH).order_by("due_at")
    return [
        pk
        for pk, endpoint, failing_since, place in rows.values_list("pk", "endpoint", "endpoint__failing_since", "turn")
        if under_way.get(endpoint, 0) + place <= (AT_ONCE_EACH if failing_since is None else 1)
    ][:AT_ONCE]


@transaction.atomic
def hand_out() -> int:
    """Send a task for each delivery that is due, and return for how many; for each once a minute, however long they queue."""
    due = lock_rows(WebhookDelivery.objects.filter(pk__in=due_deliveries(), state=DeliveryState.PENDING))
    handed = [one.pk for one in due]
    WebhookDelivery.objects.filter(pk__in=handed).update(handed_at=wall_now())
    _enqueue(handed)
    return len(handed)


def run_webhooks() -> None:
    """Read what happened, have it sent, and forget old deliveries."""
    collect_facts()
    hand_out()
    WebhookDelivery.objects.filter(created_at__lt=wall_now() - KEPT).delete()


def deliver(*, delivery_id: UUID) -> bool:
    """Send a delivery if it is due, and return whether it was taken.

    The claim moves the due time ahead, so that a task that comes twice sends once and one that dies is repeated.
    """
    now = wall_now()
    due = WebhookDelivery.objects.filter(
        pk=delivery_id, state=DeliveryState.PENDING, due_at__lte=now, endpoint__disabled_at=None
    )
    if not due.update(due_at=now + CLAIM, attempts=F("attempts") + 1):
        return False
    delivery = WebhookDelivery.objects.select_related("endpoint").get(pk=delivery_id)
    endpoint, body = delivery.endpoint, delivery.body.encode()
    answer = post(endpoint.url, body, _headers(endpoint, delivery, body, now))
    _record(delivery, answer)
    return answer.is_taken


def _headers(endpoint: WebhookEndpoint, delivery: WebhookDelivery, body: bytes, now: datetime) -> dict[str, str]:
    secrets = [decrypted(endpoint.secret, endpoint.pk)]
    if endpoint.old_secret_until is not None and endpoint.old_secret_until > now:
        secrets.append(decrypted(endpoint.old_secret, endpoint.pk))
    return {
        "Content-Type": "application/json",
        "Slipstream-Event": delivery.event,
        "Slipstream-Signature": signature(body, secrets, int(now.timestamp())),
        "User-Agent": "Slipstream-Webhooks/1",
    }


@transaction.atomic
def _record(delivery: WebhookDelivery, answer: Answer) -> None:
    """Keep what came of an attempt; plan the next, or give up, and switch an endpoint off that took nothing for three days."""
    found = lock_rows(WebhookEndpoint.objects.filter(pk=delivery.endpoint_id))
    if not found:
        return  # deleted meanwhile, and its log with it
    endpoint, now = found[0], wall_now()
    told = {"status": answer.status, "latency_ms": answer.latency_ms, "excerpt": answer.excerpt[:500]}
    mine = WebhookDelivery.objects.filter(pk=delivery.pk)
    if answer.is_taken:
        mine.update(state=DeliveryState.DELIVERED, **told)
        if endpoint.failing_since is not None:
            WebhookEndpoint.objects.filter(pk=endpoint.pk).update(failing_since=None, paused_until=None)
        return
    # A failure that is told late changes nothing of what came since: another attempt, or the endpoint switched off.
    mine = mine.filter(state=DeliveryState.PENDING, attempts=delivery.attempts)
    is_last = delivery.attempts > len(PAUSES)
    pause = timedelta() if is_last else PAUSES[delivery.attempts - 1]
    state = DeliveryState.FAILED if is_last else DeliveryState.PENDING
    mine.update(state=state, due_at=now + pause, handed_at=None, **told)
    since = endpoint.failing_since or now
    paused_until = now + max(PAUSES[0], min((now - since) / 10, LONGEST_PAUSE))
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(failing_since=since, paused_until=paused_until)
    if now - since >= GIVEN_UP_AFTER and endpoint.disabled_at is None:
        _disable(endpoint, now)


def _disable(endpoint: WebhookEndpoint, now: datetime) -> None:
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(disabled_at=now)
    waiting = lock_rows(WebhookDelivery.objects.filter(endpoint=endpoint, state=DeliveryState.PENDING))
    WebhookDelivery.objects.filter(pk__in=[one.pk for one in waiting]).update(state=DeliveryState.FAILED)
    audit(action="webhook.disabled", obj=endpoint)
    notify(user=endpoint.user, event="webhook.disabled", context={"url": endpoint.url, "endpoint": str(endpoint.pk)})
