"""The processor's messages: stored once, answered at once, worked off from their rows in any order and number."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
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

# Messages taken at a time, and with them what else waits about the same things: so many at most.
BATCH, MOST_CLAIMED = 500, 20_000
# A worker that is silent for so long has died; another takes its messages. It says that it is alive every `STEP` things.
LEASE, STEP = timedelta(minutes=2), 25
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
_OF_INVOICES = frozenset({"invoice_id", "charge_id", "refund_id"})


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
    """Work off so many messages, with all that wait about the same things; return how many. Each thing is asked for once."""
    claimed_at = wall_now()
    events = _claimed(limit)
    about = [(key, list(group)) for key, group in groupby(sorted(events, key=_object), key=_object)]
    for begin in range(0, len(about), STEP):
        if begin:
            _stay_claimed([one for _, group in about[begin:] for one in group])
        answered = [group for key, group in about[begin : begin + STEP] if _work_off(key, group, claimed_at)]
        _end([one for group in answered for one in group])
    return len(events)


def _object(event: ProcessorEvent) -> tuple[int, str, str]:
    place = next((index for index, (prefix, _, _) in enumerate(_ABOUT) if event.kind.startswith(prefix)), -1)
    return place, event.account_id, event.object_id


@transaction.atomic
def _claimed(limit: int) -> list[ProcessorEvent]:
    """Take the messages that wait longest, and with them whatever else waits about the same things."""
    waiting = ProcessorEvent.objects.filter(is_done=False, due_at__lte=wall_now(), mode=current_mode() or "")
    oldest = waiting.order_by("due_at", "pk").values_list("object_id", flat=True)[:limit]
    about = waiting.filter(object_id__among=list(dict.fromkeys(oldest)))
    events = list(about.select_for_update(skip_locked=True).order_by("due_at", "pk")[:MOST_CLAIMED])
    _stay_claimed(events)
    return events


def _stay_claimed(events: list[ProcessorEvent]) -> None:
    rows = ProcessorEvent.objects.filter(pk__among=[one.pk for one in events], is_done=False)
    rows.update(due_at=wall_now() + LEASE)


def _work_off(key: tuple[int, str, str], group: list[ProcessorEvent], claimed_at: datetime) -> bool:
    """Take over how the thing stands that some messages are about; say whether that answers them."""
    place, account_id, object_id = key
    try:
        if place >= 0 and object_id:
            _, sync, name = _ABOUT[place]
            facts: dict[str, Any] = {"account_id": account_id} if name == "payout_id" else {}
            if name in _OF_INVOICES:
                # What was fetched since these messages came holds what they tell of.
                facts["since"] = claimed_at
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
        return True
    return False


def _end(group: list[ProcessorEvent], problem: str = "") -> None:
    rows = ProcessorEvent.objects.filter(pk__among=[one.pk for one in group])
    rows.update(is_done=True, problem=problem[:300])


def _put_off(group: list[ProcessorEvent], problem: str) -> None:
    for one in group:
        one.attempts += 1
        if one.attempts >= LAST_ATTEMPT:
            note_finding(kind=FindingKind.UNKNOWN_OBJECT, object_id=one.object_id, event=one.event_id, problem=problem)
            one.is_done = True
        one.due_at = wall_now() + min(FIRST_WAIT * 2**one.attempts, LONGEST_WAIT)
        one.problem = problem[:300]
    ProcessorEvent.objects.bulk_update(group, ["attempts", "is_done", "due_at", "problem"])
