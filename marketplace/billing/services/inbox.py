"""The processor's messages: stored once, answered at once, worked off from their rows in any order and number."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from itertools import groupby
from typing import Any

from django.db import transaction

from common.clock import wall_now
from common.db import bulk_insert
from common.errors import DomainError
from common.tasks import enqueue
from marketplace.billing.gateway import BadSignature, Refused, Unanswered, verified_event
from marketplace.billing.models import FindingKind, Mode, ProcessorEvent
from marketplace.billing.modes import current_mode
from marketplace.billing.services import syncing
from marketplace.billing.services.books import at
from marketplace.billing.services.findings import note_finding

logger = logging.getLogger(__name__)

BATCH = 500
# A worker that is silent for so long has died; another takes its messages.
LEASE = timedelta(minutes=2)
# What fails is asked again ever later; after so many times (about a day) an operator is told and it is left.
FIRST_WAIT, LONGEST_WAIT, LAST_ATTEMPT = timedelta(seconds=5), timedelta(hours=2), 20
MAX_ID, MAX_KIND = 255, 100

# What a message is about by how its kind begins, the particular before the general. Others tell nothing that we keep.
_ABOUT: tuple[tuple[str, Callable[..., object], str], ...] = (
    ("checkout.session.", syncing.sync_checkout, "session_id"),
    ("customer.subscription.", syncing.sync_subscription, "subscription_id"),
    ("invoice.", syncing.sync_invoice, "invoice_id"),
    ("charge.dispute.", syncing.sync_dispute, "dispute_id"),
    ("charge.refund.", syncing.sync_refund, "refund_id"),
    ("refund.", syncing.sync_refund, "refund_id"),
    ("charge.", syncing.sync_charge, "charge_id"),
    ("account.updated", syncing.sync_seller, "account_id"),
    ("payout.", syncing.sync_payout, "payout_id"),
)


def receive_event(*, body: bytes, signature: str) -> bool:
    """Store a message that the processor signed, and say whether it is new; refuse a forged, replayed or foreign one."""
    from marketplace.billing.tasks import process_events

    try:
        event = verified_event(body, signature)
    except BadSignature:
        raise DomainError("WEBHOOK_UNSIGNED", "This message is not signed by the payment processor.") from None
    mode = Mode.LIVE if event.get("livemode") else Mode.TEST
    if mode != current_mode():
        logger.warning("Refused the message %s: it is of %s mode.", event.get("id"), mode.lower())
        raise DomainError("BILLING_MODE_MISMATCH", f"This platform takes no messages of {mode.lower()} mode.")
    with transaction.atomic():
        is_new = bool(bulk_insert(ProcessorEvent, [_row(event, mode)], ignore_conflicts=True))
        if is_new:
            enqueue(process_events)
    return is_new


def _row(event: dict[str, Any], mode: Mode) -> ProcessorEvent:
    try:
        found = event["data"]["object"]
        return ProcessorEvent(
            event_id=event["id"][:MAX_ID],
            kind=event["type"][:MAX_KIND],
            object_id=(found.get("id") or "")[:MAX_ID],
            account_id=(event.get("account") or "")[:MAX_ID],
            mode=mode,
            happened_at=at(event["created"]) or wall_now(),
            received_at=wall_now(),
            due_at=wall_now(),
        )
    except (KeyError, TypeError, AttributeError):
        raise DomainError("WEBHOOK_UNREADABLE", "This message is not one of the payment processor's.") from None


def process_due(*, limit: int = BATCH) -> int:
    """Work off waiting messages; return how many. Those about one thing are answered by asking for it once."""
    events = _claimed(limit)
    about = sorted(events, key=_object)
    for key, group in groupby(about, key=_object):
        _work_off(key, list(group))
    return len(events)


def _object(event: ProcessorEvent) -> tuple[int, str, str]:
    place = next((index for index, (prefix, _, _) in enumerate(_ABOUT) if event.kind.startswith(prefix)), -1)
    return place, event.account_id, event.object_id


@transaction.atomic
def _claimed(limit: int) -> list[ProcessorEvent]:
    waiting = ProcessorEvent.objects.filter(is_done=False, due_at__lte=wall_now(), mode=current_mode() or "")
    events = list(waiting.select_for_update(skip_locked=True).order_by("due_at", "pk")[:limit])
    ProcessorEvent.objects.filter(pk__in=[one.pk for one in events]).update(due_at=wall_now() + LEASE)
    return events


def _work_off(key: tuple[int, str, str], group: list[ProcessorEvent]) -> None:
    place, account_id, object_id = key
    try:
        if place >= 0 and object_id:
            _, sync, name = _ABOUT[place]
            facts = {"account_id": account_id} if name == "payout_id" else {}
            sync(mode=group[0].mode, **{name: object_id}, **facts)
    except Refused as error:
        # It is gone at the processor's, or was never ours.
        _end(group, problem=str(error))
    except (Unanswered, syncing.NotYet) as error:
        _put_off(group, problem=f"{type(error).__name__} {error}")
    except Exception as error:
        logger.exception("The messages about %s could not be worked off.", object_id)
        _put_off(group, problem=type(error).__name__)
    else:
        _end(group)


def _end(group: list[ProcessorEvent], problem: str = "") -> None:
    ProcessorEvent.objects.filter(pk__in=[one.pk for one in group]).update(is_done=True, problem=problem[:300])


def _put_off(group: list[ProcessorEvent], problem: str) -> None:
    for one in group:
        one.attempts += 1
        if one.attempts >= LAST_ATTEMPT:
            note_finding(kind=FindingKind.UNKNOWN_OBJECT, object_id=one.object_id, event=one.event_id, problem=problem)
            one.is_done = True
        one.due_at = wall_now() + min(FIRST_WAIT * 2**one.attempts, LONGEST_WAIT)
        one.problem = problem[:300]
    ProcessorEvent.objects.bulk_update(group, ["attempts", "is_done", "due_at", "problem"])
